"""The committee's page: each figure from its register; what is published tells no small number, compared or not."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from pypdf import PdfReader

from paravent.breach.committee import figures
from paravent.breach.committee.figures import (
    Band,
    Committee,
    Count,
    Coverage,
    Detection,
    Incidents,
    Registers,
    exposure,
)
from paravent.breach.committee.printed import printed
from paravent.breach.committee.published import GRANULE, band, published
from paravent.breach.committee.shown import charts, counted
from paravent.breach.committee.shown import figures as shown_figures
from paravent.breach.committee.store import sizes
from paravent.breach.entries import Opened, Origin
from paravent.breach.observatory.cli import group
from paravent.breach.registers.contracts import Fault, FaultKind
from paravent.breach.registers.measures import State
from paravent.errors import MalformedMessage
from paravent.pages.drill_rows import read_rows
from paravent.pages.screens.catalogue import Language
from paravent.pages.screens.store import scenario_names

DAY = 86_400
ROWS = [
    {"scenario": "device-key", "platform": "paravent", "opened": 60, "bound": 60, "detected_after": 44, "seconds": 1.5},
    {"scenario": "device-key", "platform": "paravent", "opened": 180, "bound": 180},
    {"scenario": "database", "platform": "paravent", "opened": 0, "bound": 0},
    {"scenario": "database", "platform": "conventional", "opened": 2_000, "bound": None},
    {"scenario": "logs", "platform": "paravent", "not_applicable": "not built"},
]


def page(**counts: int) -> Committee:
    """A page with every count given, or 3."""
    given = dict.fromkeys(("cases", "last_year", "running", "late", "shops", "insurers", "acknowledged"), 3) | counts
    return Committee(
        at=1_795_000_000, public=False, unplayed=1, exposure=exposure(read_rows(b"\n".join(
            json.dumps(row).encode() for row in ROWS))),
        detection=Detection(cases=given["cases"], median_seconds=3 * DAY, longest_seconds=9 * DAY),
        registers=Registers(
            measures={state.value: 9 for state in State}, proved=18, to_do=36, contracts=4, overdue=1, faults=2
        ),
        incidents=Incidents(
            cases=given["cases"], last_year=given["last_year"], running=given["running"], late=given["late"], next_at=5,
        ),
        coverage=Coverage(
            insurers=given["insurers"], insurers_of_sector=388, shops=given["shops"], shops_of_sector=13_144,
            bulletins=2, acknowledged=given["acknowledged"],
        ),
    )  # fmt: skip


def test_each_attack_counts_by_its_worst_case_beside_the_other_platform() -> None:
    rows = read_rows(b"\n".join(json.dumps(row).encode() for row in ROWS) + b"\n\n")
    found = {one.attack: (one.opened, one.bound, one.conventional, one.detected_after) for one in exposure(rows)}
    assert found == {"device-key": (180, 180, None, 44), "database": (0, 0, 2_000, None)}
    assert figures.unplayed(rows) == 1
    with pytest.raises(MalformedMessage, match="line 2"):
        read_rows(b'{"scenario": "a", "platform": "b"}\n{"scenario": 3}\n')


def test_delays_clocks_and_contracts_are_counted_from_what_is_kept() -> None:
    def case(began: int | None, aware: int) -> Opened:
        return Opened(
            title="t", facts="f", origin=next(iter(Origin)), aware_at=aware, aware_role="r", began_at=began,
        )  # fmt: skip

    now = 1_000 * DAY
    cases = [case(10, 10 + DAY), case(10, 10 + 3 * DAY), case(None, now - DAY)]
    found = figures.detection(cases)
    assert (found.cases, found.median_seconds, found.longest_seconds) == (2, 2 * DAY, 3 * DAY)
    assert figures.incidents(cases, [], now).last_year == 1
    wrong = [Fault(contract=name, kind=kind, what="", source="") for name, kind in (
        ("a", FaultKind.OVERDUE), ("a", FaultKind.MISSING), ("b", FaultKind.MISSING))]  # fmt: skip
    kept = figures.registers([], 5, wrong)
    assert (kept.contracts, kept.overdue, kept.faults) == (5, 1, 2)
    assert figures.coverage(None, None, [], {}).shops is None


# --- what is published ---------------------------------------------------------------------------------

Rule = Callable[[int], object]
LIMIT = 3 * GRANULE


def least_candidates(rule: Rule) -> int:
    """Counts what a reader of two published counts, x at most y, is left with for either: the least over all pairs.

    That is the order of two pages of a count that only grows, and of a part and its whole.
    """
    seen: dict[object, set[tuple[int, int]]] = {}
    for x, y in itertools.combinations_with_replacement(range(LIMIT), 2):
        seen.setdefault((rule(x), rule(y)), set()).add((x, y))
    return min(min(len({pair[place] for pair in pairs}) for place in (0, 1)) for pairs in seen.values())


def differences_told(rule: Rule) -> bool:
    """Says whether two pages tell a small difference exactly: who came in between."""
    seen: dict[object, set[int]] = {}
    for x, y in itertools.combinations_with_replacement(range(LIMIT), 2):
        seen.setdefault((rule(x), rule(y)), set()).add(y - x)
    return any(len(found) == 1 and 0 < min(found) < GRANULE for found in seen.values())


def test_no_count_is_recovered_from_two_published_pages() -> None:
    assert least_candidates(band) == GRANULE
    assert not differences_told(band)


@pytest.mark.parametrize("rule", [
    lambda n: n if n >= GRANULE else None, lambda n: n, lambda n: band(n) if n else 0,
], ids=["threshold", "exact", "zero told"])  # fmt: skip
def test_a_weaker_rule_tells_a_small_number(rule: Rule) -> None:
    assert least_candidates(rule) < GRANULE


def test_an_exact_number_above_a_threshold_tells_who_came_in_between() -> None:
    assert differences_told(lambda n: n if n >= GRANULE else None)


def test_a_sum_beside_its_parts_would_tell_them_and_none_is_published() -> None:
    # Negative control: bands beside the exact sum of both leave a single value of some part.
    seen: dict[object, set[int]] = {}
    for first, second in itertools.product(range(LIMIT), repeat=2):
        seen.setdefault((band(first), band(second), first + second), set()).add(first)
    assert min(map(len, seen.values())) == 1
    kept = published(page()).registers
    assert kept.measures == {}
    assert kept.to_do is None


def _counts(found: object) -> list[object]:
    return [getattr(found, name) for name in found.__struct_fields__]  # type: ignore[attr-defined]


@pytest.mark.parametrize("small", range(GRANULE))
def test_every_small_number_is_published_alike(small: int) -> None:
    names = ("cases", "last_year", "running", "late", "shops", "insurers", "acknowledged")
    seen = published(page(**dict.fromkeys(names, small)))
    assert seen == published(page(**dict.fromkeys(names, 0)))
    for part in (seen.incidents, seen.coverage, seen.detection):
        assert small not in [one for one in _counts(part) if isinstance(one, int) and one not in {388, 13_144, 2}]
    text = " ".join(value for _, value in shown_figures(seen, "fr"))
    assert "< 10" in text


def test_a_delay_is_a_word_and_over_enough_cases_only() -> None:
    assert published(page(cases=9)).detection.within is None
    assert published(page(cases=10)).detection.within == "days-7"
    assert published(page(cases=10)).detection.median_seconds is None


@pytest.mark.parametrize(("count", "text"), [(None, "non connu"), (Band(low=0, high=9), "< 10"), (1_234, "1\u202f234"),
                                            (Band(low=20, high=29), "20-29")])  # fmt: skip
def test_counts_are_written_as_they_are_known(count: Count, text: str) -> None:
    assert counted(count, "fr") == text


# --- one sheet -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("public", [False, True])
def test_the_page_is_one_sheet_with_its_charts_and_their_tables(language: str, public: bool) -> None:
    many = [
        {"scenario": f"attack-{n}", "platform": side, "opened": 1_000 + n, "bound": 2_000}
        for n in range(26) for side in ("paravent", "conventional")
    ]  # fmt: skip
    whole = replace(page(), exposure=exposure(read_rows(b"\n".join(json.dumps(row).encode() for row in many))))
    whole = published(whole) if public else whole
    pdf = printed(whole, language, "Opérateur", scenario_names()[Language(language)])
    reader = PdfReader(io.BytesIO(pdf))
    text = "".join(one.extract_text() for one in reader.pages)
    assert len(reader.pages) == 1
    assert "pdfuaid" in pdf.decode("latin-1")
    assert [one.identifier for one in charts(whole, language, str)] == ["exposure", "measures"][: 1 if public else 2]
    assert "1,025" in text or "1\u202f025" in text
    assert "388" in text
    assert ("< 10" in text) is public


def test_the_verb_reads_a_home_and_writes_the_page(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, ROWS)))

    def run(*options: object) -> dict[str, Any]:
        arguments = ["committee", "--home", tmp_path, "--drill", tmp_path / "rows.jsonl", *options, "--json"]
        found = CliRunner().invoke(group, [*map(str, arguments)])
        assert found.exit_code == 0, found.output
        values: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
        return values

    CliRunner().invoke(group, ["answer", "anssi-12", "--kind", "no", "--owner", "RSSI", "--home", str(tmp_path)])
    found = run("--pdf", tmp_path / "page.pdf")
    assert found["registers"]["measures"]["no"] == 1
    assert sum(found["registers"]["measures"].values()) == 67
    assert found["coverage"]["shops"] is None
    assert found["coverage"]["shops_of_sector"] == sizes()["shops"]
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF-")
    assert run("--public")["registers"] == {
        "measures": {}, "proved": {"low": 0, "high": 9}, "to_do": None, "contracts": {"low": 0, "high": 9},
        "overdue": {"low": 0, "high": 9}, "faults": {"low": 0, "high": 9},
    }  # fmt: skip
