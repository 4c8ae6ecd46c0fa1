"""Duties and documents of a case: due instants, figures with their entries, plain words; each check with a control."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace
from openpyxl import load_workbook
from tests.unit.breach.conftest import Case

from paravent.breach import notifying
from paravent.breach.calendar_file import LINE_OCTETS_MAX, calendar_of
from paravent.breach.case import measure
from paravent.breach.config import BreachConfig
from paravent.breach.documents import common
from paravent.breach.documents.model import View, number
from paravent.breach.documents.whole import documents
from paravent.breach.duties import duties, identifier, next_working_day_ends
from paravent.breach.duties_rules import read_rules
from paravent.breach.entries import Computed, Filed, Measured, Stage, Switched
from paravent.breach.rules_store import shipped_duties, shipped_references
from paravent.errors import InvalidConfiguration

RULES = Path(notifying.__file__).parent / "data" / "duties-2026-01-01.toml"
CONFIG = BreachConfig(name="breach.test", operator="Opérateur", contact="dpo@operateur.example")
# Words of the protocol that a layman does not know.
JARGON = re.compile(r"(?i)\b(label|handle|oprf|merkle|epoch|token|hash|nullifi\w*|aead|leaf|quota|pseudonym\w*|api)\b")


def view_of(case: Case) -> View:
    platform = case.scene.platform
    measured = measure(case.store, case.played.case, platform.directory, platform.now)
    return notifying.view_of(
        case.store, case.played.case, CONFIG, platform.directory, measured, shipped_duties(), platform.now
    )


@pytest.fixture(scope="module")
def written(credential: Case) -> dict[str, bytes]:
    return notifying.write(credential.store, view_of(credential), shipped_references(), record=False)


def due_hours(content: bytes, case: Case) -> float | None:
    found = duties(read_rules(content), case.store.entries(case.played.case), ["99000001"])
    duty = next(one for one in found if one.rule.code == "rgpd-33-1")
    return None if duty.due_at is None or duty.trigger_at is None else (duty.due_at - duty.trigger_at) / 3_600


def test_the_proposal_of_96_hours_is_one_line(credential: Case) -> None:
    shipped = RULES.read_bytes()
    proposed = shipped.replace(b"would write 96 here.\nhours = 72", b"would write 96 here.\nhours = 96")
    assert sum(old != new for old, new in zip(shipped.splitlines(), proposed.splitlines(), strict=True)) == 1
    assert (due_hours(shipped, credential), due_hours(proposed, credential)) == (72, 96)


def test_a_controller_is_aware_when_it_was_told(credential: Case) -> None:
    entries = credential.store.entries(credential.played.case)
    told = entries[-1].entry.at + 3_600
    filed = Filed(duty=identifier("rgpd-33-2", "99000001"), stage=Stage.INITIAL, filed_at=told, reference="r")
    last = entries[-1]
    more = [*entries, type(last)(position=last.position + 1, entry=type(last.entry)(
        case=last.entry.case, number=last.entry.number + 1, at=told, role="dpo", said=filed))]  # fmt: skip
    found = {one.identifier: one for one in duties(shipped_duties(), more, ["99000001", "99000002"])}
    assert found["rgpd-33-1:99000001"].trigger_at == told
    assert found["rgpd-33-1:99000002"].trigger_at != told
    assert found["rgpd-33-1:99000001"].since == last.position + 1
    assert found["rgpd-33-4:99000001"].trigger_at is None


def test_a_month_ends_no_later_than_the_month_and_a_weekend_is_for_counsel() -> None:
    from paravent.breach.duties import _after

    january = int(datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp())
    assert _after(january, None, 1) == int(datetime(2026, 2, 28, 12, tzinfo=UTC).timestamp())
    saturday = int(datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp())
    assert datetime.fromtimestamp(next_working_day_ends(saturday), UTC).weekday() == 0


def test_a_rule_with_a_trigger_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InvalidConfiguration):
        read_rules(RULES.read_bytes().replace(b'trigger = "filed:nis2-notification"', b'trigger = "filed:nis3"'))


def test_the_calendar_is_an_icalendar(credential: Case) -> None:
    content = calendar_of(credential.played.case, view_of(credential).duties, (), credential.scene.platform.now)
    lines = content.split(b"\r\n")
    assert lines[0] == b"BEGIN:VCALENDAR" and lines[-2:] == [b"END:VCALENDAR", b""]  # noqa: PT018
    assert max(map(len, lines)) <= LINE_OCTETS_MAX
    unfolded = content.replace(b"\r\n ", b"")
    assert unfolded.count(b"BEGIN:VEVENT") == unfolded.count(b"END:VEVENT") == unfolded.count(b"UID:") > 4
    assert b"\n" not in unfolded.replace(b"\r\n", b"")
    due = datetime.fromtimestamp(view_of(credential).opened.aware_at + 72 * 3_600, UTC).strftime("%Y%m%dT%H%M%SZ")
    assert f"DTSTART:{due}".encode() in unfolded


def test_twelve_kinds_of_documents_in_three_forms(written: dict[str, bytes]) -> None:
    kinds = {name.split("-")[0] for name in written}
    assert kinds == {f"{place:02d}" for place in range(1, 13)}
    names = {name.rsplit(".", 1)[0] for name in written if name.endswith(".pdf")}
    assert len(names) == 5 * 2 + 7
    for name in names:
        assert written[f"{name}.pdf"].startswith(b"%PDF-")
        assert json.loads(written[f"{name}.json"])["sections"]
        assert written[f"{name}.txt"].decode()


def unsourced(view: View) -> list[str]:
    """Lists figures of an exposure that a document writes without an entry that says them."""
    said = {each.position: _figures(each.entry.said) for each in view.entries}
    values = {value for figures in said.values() for value in figures}
    faults = []
    for document in documents(view, shipped_references()):
        texts = [
            text for section in document.sections
            for text in (*section.paragraphs, *(cell for row in section.rows for cell in row))
        ]  # fmt: skip
        for text in texts:
            marked = {value for mark in re.findall(r"\[e(\d+)\]", text) for value in said[int(mark)]}
            shown = set(re.findall(r"(?<![\w\u202f])\d[\d\u202f]*(?![\w\u202f])", text))
            faults += [f"{document.name}: {value}" for value in shown & values if value not in marked]
    return faults


def _figures(said: object) -> set[str]:
    match said:
        case Computed(proved=proved, estimate=estimate, upper=upper):
            return {number(value) for value in (proved, estimate, upper)} - {"0"}
        case Measured(summary=summary):
            return set(re.findall(r"\d\d+", summary))
        case _:
            return set()


def test_what_the_desk_switched_off_is_a_measure_taken_since(credential: Case) -> None:
    view = view_of(credential)
    last = view.entries[-1]
    said = [
        Switched(target="suspend device 8ac1", effect="e", sha256=bytes(32)),
        Switched(target="suspend lane number", effect="e", sha256=bytes(32), complete=False),
        Switched(target="revoke 99000001", effect="e", sha256=bytes(32)),
    ]
    placed = [
        replace(last, position=last.position + place + 1, entry=replace(last.entry, said=each))
        for place, each in enumerate(said)
    ]
    seen = dataclasses.replace(view, entries=[*view.entries, *placed])
    first, second, third = common.taken(seen)
    assert first.startswith("Un ordinateur a été mis hors service, le ")
    assert first.endswith(f"[e{last.position + 1}].")
    assert "fermée pour tous, mais pas encore partout" in second
    assert third.startswith("Une demande écrite a été faite à Mutuelle Horizon de révoquer")
    assert common.taken(seen, "99000001") == [first, second, third]
    assert common.taken(seen, "99000002") == [first, second]
    letter = str([one.sections for one in documents(seen, shipped_references()) if one.public])
    assert "8ac1" not in letter
    assert "Un ordinateur a été mis hors service" in letter


def test_every_figure_says_which_entry_it_came_from(credential: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    view = view_of(credential)
    assert unsourced(view) == []
    assert all(
        document.sources()
        for document in documents(view, shipped_references())
        if document.name[:2] not in {"07", "09"}
    )
    monkeypatch.setattr(View, "cited", lambda _, value, __: number(value))
    assert unsourced(view) != []


def test_a_layman_meets_no_word_of_the_protocol_and_no_mark(written: dict[str, bytes]) -> None:
    public = {
        name: body.decode()
        for name, body in written.items()
        if name[:2] in {"05", "06", "07", "08", "10"} and name.endswith(".txt")
    }
    assert len(public) == 6
    assert [(name, found) for name, text in public.items() if (found := JARGON.findall(text))] == []
    assert [name for name, text in public.items() if "[e" in text] == []
    assert JARGON.findall("Le handle de votre epoch")


def test_the_register_is_the_same_in_csv_and_xlsx(credential: Case, written: dict[str, bytes]) -> None:
    text = written["12-registre-des-violations.csv"].decode("utf-8-sig")
    rows = [tuple(row) for row in csv.reader(io.StringIO(text), delimiter=";")]
    book = load_workbook(io.BytesIO(written["12-registre-des-violations.xlsx"]))
    sheet = [tuple("" if cell is None else str(cell) for cell in row) for row in book["Violations"].values]
    assert rows == sheet
    assert [row[6] for row in rows[1:]] == [str(one.proved) for one in credential.exposures]


def test_the_same_case_gives_the_same_bytes(credential: Case, written: dict[str, bytes]) -> None:
    again = notifying.write(credential.store, view_of(credential), shipped_references(), record=False)
    assert [name for name in written if written[name] != again[name]] == []


def test_the_same_incident_is_scored_sealed_and_in_clear(credential: Case, hub: Case) -> None:
    sealed, clear = view_of(hub).severity
    assert (sealed.score, sealed.level, sealed.unintelligible) == (1.5, "faible", True)
    assert (clear.score, clear.level) == (4.0, "très élevée")
    opened, _ = view_of(credential).severity
    assert (opened.score, opened.unintelligible, opened.persons_above_100) == (4.0, False, True)
