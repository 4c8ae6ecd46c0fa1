"""ANSSI's measures as an audit of CISO Assistant: out and back without a change, and only what was changed there taken.

Columns, results and identifiers are those of its published source (import wizard, audit exports, library).
"""

from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from openpyxl import load_workbook

from paravent.access.doctor.rules_store import shipped_rules
from paravent.breach.observatory.cli import group
from paravent.breach.registers.ciso_audit import URN, read_rows, rows, taken
from paravent.breach.registers.measures import Answer, Kind, State, standings
from paravent.breach.registers.store import Store, shipped
from paravent.errors import InvalidConfiguration
from paravent.wire.doctor import Outcome

NOW = 1_795_000_000
AGE = shipped_rules().limits.answer_age_days_max
RESULTS = {"not_assessed", "partially_compliant", "non_compliant", "compliant", "not_applicable"}
PROGRESS = {"to_do", "in_progress", "in_review", "done"}
# As an audit of CISO Assistant is exported.
CSV_COLUMNS = (
    "urn;ref_id;name;description;typical_evidence;annotation;compliance_result;extended_result;requirement_progress;"
    "score;observations"
)


def by_hand(number: int, kind: Kind) -> Answer:
    proof = bytes([number]) * 32 if kind is Kind.DOCUMENT else None
    return Answer(reference=f"anssi-{number}", kind=kind, owner="RSSI; accès", at=NOW, kept_at=NOW, proof=proof)


def by_machine(number: int, outcome: Outcome) -> Answer:
    return Answer(
        reference=f"anssi-{number}", kind=Kind.MACHINE, owner="RSSI", at=NOW, kept_at=NOW, proof=bytes(32), party="hub",
        checks=("quotas",), outcome=outcome,
    )  # fmt: skip


HISTORY = [
    by_hand(1, Kind.DOCUMENT), by_hand(2, Kind.DECLARED), by_hand(3, Kind.NO), by_machine(4, Outcome.OK),
    by_machine(5, Outcome.WRONG), by_machine(6, Outcome.NOT_KNOWN), by_hand(4, Kind.DECLARED),
]  # fmt: skip
FOUND = standings(shipped(), HISTORY, NOW, AGE)


def texts(found: list[dict[str, str | bool]]) -> list[dict[str, str]]:
    return [{name: str(value) for name, value in row.items()} for row in found]


def test_every_row_has_the_words_of_the_other_side() -> None:
    found = rows(FOUND)
    assert [row["urn"] for row in found] == [f"{URN}{number}" for number in range(1, 43)]
    assert {row["compliance_result"] for row in found} <= RESULTS
    assert {row["requirement_progress"] for row in found} <= PROGRESS
    results = [row["compliance_result"] for row in found[:7]]
    assert results[:5] == ["compliant", "compliant", "non_compliant", "partially_compliant", "non_compliant"]
    assert results[5:] == ["not_assessed", "not_assessed"]


def test_out_and_back_changes_nothing_here() -> None:
    assessed = read_rows(texts(rows(FOUND)), shipped())
    assert len(assessed) == 42
    assert [one.state for one in assessed] == [one.state for one in FOUND if one.measure.reference.startswith("anssi-")]
    assert taken(assessed, FOUND, "auditeur", NOW) == []


def test_out_and_into_an_empty_register_gives_the_answers_by_hand_and_no_other() -> None:
    empty = standings(shipped(), [], NOW, AGE)
    answers = taken(read_rows(texts(rows(FOUND)), shipped()), empty, "auditeur", NOW)
    assert answers == [by_hand(1, Kind.DOCUMENT), by_hand(2, Kind.DECLARED), by_hand(3, Kind.NO)]


@pytest.mark.parametrize(
    ("number", "result", "kind"),
    [
        (1, "non_compliant", Kind.NO),
        (1, "partially_compliant", Kind.NO),
        (3, "compliant", Kind.DECLARED),
        (5, "compliant", Kind.DECLARED),
        (7, "compliant", Kind.DECLARED),
    ],
)
def test_what_was_changed_there_is_an_answer_by_hand_of_its_owner(number: int, result: str, kind: Kind) -> None:
    found = texts(rows(FOUND))
    found[number - 1]["compliance_result"] = result
    (answer,) = taken(read_rows(found, shipped()), FOUND, "auditeur", NOW)
    assert (answer.reference, answer.kind, answer.owner, answer.proof) == (f"anssi-{number}", kind, "auditeur", None)
    # A machine that found something wrong is not overruled by a word from elsewhere.
    after = standings(shipped(), [*HISTORY, answer], NOW, AGE)
    assert (after[number - 1].state is State.WRONG) is (number == 5)


@pytest.mark.parametrize("result", ["", "not_assessed", "not_applicable"])
def test_what_nobody_assessed_there_answers_nothing(result: str) -> None:
    found = [row | {"compliance_result": result} for row in texts(rows(FOUND))]
    assert taken(read_rows(found, shipped()), FOUND, "auditeur", NOW) == []


@pytest.mark.parametrize(
    "change",
    [
        {"compliance_result": "wonderful"}, {"urn": "urn:intuitem:risk:req_node:other:1"}, {"urn": f"{URN}43"},
        {"urn": f"{URN}2"},
    ],
)  # fmt: skip
def test_an_unknown_result_or_requirement_or_one_twice_is_refused(change: dict[str, str]) -> None:
    found = texts(rows(FOUND))
    found[0] |= change
    with pytest.raises(InvalidConfiguration):
        read_rows(found, shipped())


def test_a_mark_that_was_edited_gives_no_document_without_its_hash() -> None:
    found = texts(rows(FOUND))
    found[0]["observations"] = "paravent: document; 2026-01-01; 00; RSSI"
    empty = standings(shipped(), [], NOW, AGE)
    answers = taken(read_rows(found[:1], shipped()), empty, "auditeur", NOW)
    assert [one.kind for one in answers] == [Kind.DECLARED]


# --- files ---------------------------------------------------------------------------------------


def run(*arguments: object, code: int = 0) -> dict[str, Any]:
    found = CliRunner().invoke(group, [*map(str, arguments), "--json"])
    assert found.exit_code == code, found.output
    values: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
    return values


@pytest.mark.parametrize("suffix", ["xlsx", "csv"])
def test_both_files_go_out_and_come_back(tmp_path: Path, suffix: str) -> None:
    home, file = tmp_path / "register", tmp_path / f"audit.{suffix}"
    with Store(home) as store:
        today = int(time.time())
        store.add([msgspec.structs.replace(one, at=today, kept_at=today) for one in HISTORY])
    assert run("export-measures", file, "--home", home)["rows"] == 42
    assert run("import-measures", file, "--owner", "auditeur", "--home", home)["answers"] == []
    other = tmp_path / "other"
    said = run("import-measures", file, "--owner", "auditeur", "--home", other, "--dry-run")
    assert {one["reference"]: one["kind"] for one in said["answers"]} == {
        "anssi-1": "document", "anssi-2": "declared", "anssi-3": "no"
    }  # fmt: skip
    assert run("measures", "--home", other)["unanswered"] == 67
    run("import-measures", file, "--owner", "auditeur", "--home", other)
    assert run("measures", "--home", other)["document"] == 1


def test_the_workbook_is_what_the_import_wizard_reads(tmp_path: Path) -> None:
    run("export-measures", tmp_path / "audit.xlsx", "--home", tmp_path / "register")
    sheet = load_workbook(tmp_path / "audit.xlsx").worksheets[0]
    header, first = (list(line) for line in sheet.iter_rows(max_row=2, values_only=True))
    record = dict(zip(header, first, strict=True))
    # What its wizard looks at, row by row: a heading is skipped, a requirement is found by either identifier.
    assert record["assessable"] is True
    assert (record["ref_id"], record["urn"]) == ("1", f"{URN}1")
    assert {"compliance_result", "requirement_progress", "observations", "score"} <= record.keys()


def test_an_audit_as_the_other_side_exports_it_is_read(tmp_path: Path) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";")
    writer.writerow(CSV_COLUMNS.split(";"))
    writer.writerow([f"{URN}i", "I", "Sensibiliser et former", "", "", "", "", "", "", "", ""])
    writer.writerow([f"{URN}1", "1", "Former", "texte", "", "", "compliant", "", "done", "", "vu; sur place"])
    writer.writerow([f"{URN}2", "2", "Sensibiliser", "texte", "", "", "not_assessed", "", "to_do", "", ""])
    (tmp_path / "audit.csv").write_bytes(text.getvalue().encode("utf-8-sig"))
    said = run("import-measures", tmp_path / "audit.csv", "--owner", "auditeur", "--home", tmp_path / "r")
    assert said["answers"] == [{"reference": "anssi-1", "kind": "declared", "owner": "auditeur"}]


@pytest.mark.parametrize("name", ["audit.xlsx", "audit.txt"])
def test_a_file_that_is_no_audit_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04 nothing")
    run("import-measures", tmp_path / name, "--owner", "x", "--home", tmp_path / "r", code=1)
