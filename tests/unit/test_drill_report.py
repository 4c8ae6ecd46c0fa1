"""The drill's documents say what its rows say, and its registry has every scenario that was asked for."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from paravent.drill.cli import drill
from paravent.drill.registry import NIGHTLY, SCENARIOS, Scenario
from paravent.drill.report import (
    BEGIN,
    CHART,
    DOCUMENT,
    END,
    README,
    ROWS,
    drawn,
    headline_table,
    placed,
    read,
    whole_table,
    write,
)
from paravent.drill.row import PlatformName, Row
from paravent.errors import InvalidConfiguration

ROOT = Path(__file__).parents[2]
NIGHTLY_ROWS = ROOT / "docs" / "reports" / "drill-nightly.jsonl"
# What was asked for, in its words, and the scenario that plays it.
ASKED = {
    "stolen password by phishing then scraping": "stolen-password",
    "stolen device key with a leaked list": "device-key",
    "phished identity-provider session enrolling its own device": "provider-session",
    "database copy": "database",
    "backups of several dates": "old-backups",
    "logs, traces, metrics": "logs",
    "application server taken over for T minutes (memory scanned)": "memory",
    "one and t-1 and t key servers, combined with the copy": "key-servers",
    "insurer's bulk key": "insurer-bulk-key",
    "insurer's credential": "insurer-credential",
    "insider administrator": "insider",
    "malicious release on one and on t servers": "malicious-release",
    "desk malware": "desk-malware",
    "network observer (sizes and timing)": "network",
    "lying server": "lying-server",
    "quota roll-back": "quota-roll-back",
    "NIR guessing": "nir-guessing",
    "photographed QR": "photographed-card",
    "burned entitlement": "burned-entitlement",
    "membership test": "membership-test",
    "linkage of a person's claims from k known purchases": "linkage",
    "canary discovery by a classifier": "canary-discovery",
    "ransomware": "ransomware",
    "flood and slow clients": "flood",
    "grinding the audit draw": "audit-grinding",
    "abuse of the leak matcher": "leak-matcher",
}
# Whoever guesses may be out of luck, and whoever opens a trap has opened nobody: the bound is of what he can try.
OF_TRIES = {"nir-guessing", "canary-discovery"}


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return read(ROOT)


def table_of(file: Path) -> str:
    """Returns what stands between the markers of a document."""
    return (ROOT / file).read_text(encoding="utf-8").partition(f"{BEGIN}\n")[2].partition(END)[0]


def test_every_scenario_that_was_asked_for_is_in_the_registry() -> None:
    assert list(SCENARIOS) == list(ASKED.values())


def test_every_scenario_was_run_on_both_platforms_or_says_why_not(rows: list[Row]) -> None:
    found = {(row.scenario, row.platform) for row in rows}
    assert found == {(scenario, platform) for scenario in SCENARIOS for platform in PlatformName}
    for row in rows:
        assert (row.not_applicable is None) is (row.ran is not None)


def test_no_row_is_over_its_bound(rows: list[Row]) -> None:
    nightly = [msgspec.json.decode(line, type=Row) for line in NIGHTLY_ROWS.read_bytes().splitlines()]
    assert {row.scenario for row in nightly} == {*NIGHTLY}
    assert [row for row in (*rows, *nightly) if not row.holds()] == []
    broken = Row(scenario="a", platform=PlatformName.PARAVENT, opened=2, bound=1)
    assert not broken.holds()


@pytest.mark.parametrize(("opened", "exit_code"), [(1, 0), (2, 1)])
def test_a_row_over_its_bound_ends_the_verb_with_an_error(
    opened: int, exit_code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Row(scenario="network", platform=PlatformName.PARAVENT, case="seeded", opened=opened, bound=1)
    played = Scenario(name="network", paravent=lambda _: iter([row]), conventional="it is not played")
    monkeypatch.setitem(SCENARIOS, "network", played)
    ended = CliRunner().invoke(drill, ["--scenario", "network", "--persons", "200", "--json"])
    assert ended.exit_code == exit_code, ended.output
    assert len(ended.stdout.splitlines()) == 2
    said = "over its bound: network paravent seeded: 2 opened, 1 published\n"
    assert ended.stderr == (said if exit_code else "")


def test_the_breach_desk_computes_what_a_stolen_credential_opened(rows: list[Row]) -> None:
    credentials = [row for row in rows if "false_listings" in row.figures and row.computed is not None]
    assert {"device-key", "provider-session", "malicious-release"} <= {row.scenario for row in credentials}
    for row in credentials:
        # Where answers are lost, the list is longer than the loot, and the surplus is printed; no server sees a card.
        unseen = int(row.figures.get("served_by_card") or 0)
        assert row.computed == (row.opened or 0) - unseen + int(row.figures["false_listings"] or 0)
        assert unseen == 0 or row.scenario == "desk-malware"
        assert row.figures["missing_listings"] == 0
        assert row.figures["false_listings"] == 0 or "lost-answers" in row.case


def test_each_bound_that_is_not_zero_is_reached(rows: list[Row]) -> None:
    reached = {row.scenario for row in rows if row.platform is PlatformName.PARAVENT and row.reached()}
    bounded = {row.scenario for row in rows if row.platform is PlatformName.PARAVENT and row.bound}
    assert {"device-key", "provider-session", "key-servers", "desk-malware", "photographed-card"} <= bounded
    assert reached == bounded - OF_TRIES


def test_the_documents_have_the_tables_of_the_rows(rows: list[Row]) -> None:
    assert table_of(README) == headline_table(rows)
    assert table_of(DOCUMENT) == whole_table(rows)
    assert (ROOT / CHART).read_text(encoding="utf-8") == drawn(rows)
    altered = [msgspec.structs.replace(row, opened=None if row.opened is None else row.opened + 1) for row in rows]
    assert table_of(README) != headline_table(altered)
    assert table_of(DOCUMENT) != whole_table(altered)
    assert (ROOT / CHART).read_text(encoding="utf-8") != drawn(altered)


def test_what_cannot_be_played_says_why(rows: list[Row]) -> None:
    told = {(row.scenario, row.platform): row.not_applicable for row in rows if row.not_applicable is not None}
    missing = {
        (name, platform): side
        for name, one in SCENARIOS.items()
        for platform, side in ((PlatformName.PARAVENT, one.paravent), (PlatformName.CONVENTIONAL, one.conventional))
        if isinstance(side, str)
    }
    assert told == missing
    assert {platform for _, platform in told} == {PlatformName.CONVENTIONAL}


def test_a_document_is_written_between_its_markers_only(rows: list[Row], tmp_path: Path) -> None:
    for file in (README, DOCUMENT):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write(tmp_path, rows)
    for file, text in ((README, headline_table(rows)), (DOCUMENT, whole_table(rows))):
        assert (tmp_path / file).read_text() == f"before\n{BEGIN}\n{text}{END}\nafter\n"
    assert read(tmp_path) == rows
    assert (tmp_path / ROWS).read_bytes() == (ROOT / ROWS).read_bytes()
    with pytest.raises(InvalidConfiguration):
        placed("no marker", "text")
