"""The register of measures: both lists whole, answers superseded and never erased, no proof without a document.

An answer by machine is believed when a party of the directory signed it, not for long, and never made good by hand.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from paravent.access.doctor.rules_store import shipped_rules
from paravent.breach.observatory.cli import group
from paravent.breach.registers.measures import Answer, Kind, State, standings
from paravent.breach.registers.reports import open_report
from paravent.breach.registers.store import Store, shipped
from paravent.crypto.labels import Label
from paravent.crypto.signing import Seed, SigningKey, key_id
from paravent.errors import InvalidConfiguration, ParaventError, ProofFailure, UnknownParty
from paravent.wire.codec import encode
from paravent.wire.doctor import CheckResult, DoctorReport, Outcome
from paravent.wire.statements import sign_statement


def run(*arguments: object, code: int = 0) -> dict[str, Any]:
    found = CliRunner().invoke(group, [*map(str, arguments), "--json"])
    assert found.exit_code == code, found.output
    values: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
    return values


def test_both_lists_are_whole() -> None:
    references = [one.reference for one in shipped()]
    assert references == [f"anssi-{n}" for n in range(1, 43)] + [f"cnil-{n}" for n in range(1, 26)]


def test_the_latest_answer_counts(tmp_path: Path) -> None:
    proof = tmp_path / "charter.txt"
    proof.write_text("a charter")
    run("answer", "anssi-2", "--kind", "no", "--owner", "RSSI", "--home", tmp_path)
    run("answer", "anssi-2", "--kind", "document", "--owner", "RSSI", "--proof", proof, "--home", tmp_path)
    run("answer", "cnil-3", "--kind", "declared", "--owner", "DPO", "--home", tmp_path, "--dry-run")
    found = run("measures", "--home", tmp_path)
    assert (found["measures"], found["document"], found["no"], found["unanswered"]) == (67, 1, 0, 66)


def test_a_document_without_its_file_and_an_unknown_measure_are_refused(tmp_path: Path) -> None:
    run("answer", "anssi-2", "--kind", "document", "--owner", "RSSI", "--home", tmp_path, code=1)
    run("answer", "anssi-99", "--kind", "no", "--owner", "RSSI", "--home", tmp_path, code=1)
    assert run("measures", "--home", tmp_path)["unanswered"] == 67


# --- answers by machine --------------------------------------------------------------------------

KEY = SigningKey(Seed(bytes(range(32))))
NAME = key_id(KEY.public)
NOW = 1_795_000_000
DAY = 86_400
AGE = shipped_rules().limits.answer_age_days_max


def report(at: int, outcome: Outcome, *, signer: str = NAME, checks: tuple[str, ...] = ("backup",)) -> bytes:
    results = tuple(CheckResult(check=check, outcome=outcome, seen="", advice="") for check in checks)
    said = DoctorReport(party=NAME, kind="desk", at=at, rules="2026-01-01", results=results, settings=())
    return encode(sign_statement(said, Label.DOCTOR_REPORT, signer, KEY)) + b"\n"


def by_hand(kind: Kind, at: int) -> Answer:
    return Answer(
        reference="anssi-37", kind=kind, owner="RSSI", at=at, kept_at=at,
        proof=bytes(32) if kind is Kind.DOCUMENT else None,
    )  # fmt: skip


def by_machine(outcome: Outcome, at: int, party: str = "hub") -> Answer:
    return Answer(
        reference="anssi-37", kind=Kind.MACHINE, owner="RSSI", at=at, kept_at=at, proof=bytes(32), party=party,
        checks=("backup",), outcome=outcome,
    )  # fmt: skip


def state(*history: Answer, at: int = NOW) -> State:
    return next(one.state for one in standings(shipped(), history, at, AGE) if one.measure.reference == "anssi-37")


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "register"


def test_a_signed_report_answers_its_measures_once(tmp_path: Path, kept: Path) -> None:
    file = tmp_path / "report.json"
    file.write_bytes(report(NOW, Outcome.OK, checks=("backup", "restore")))
    arguments = ("answer", "--from-doctor", file, "--owner", "RSSI", "--key", KEY.public.hex(), "--home", kept)
    assert not run(*arguments, "--dry-run")["kept"]
    said = run(*arguments)
    assert (said["kept"], {one["reference"] for one in said["answers"]}) == (True, {"anssi-37", "cnil-17", "cnil-18"})
    assert not run(*arguments)["kept"]
    with Store(kept) as store:
        answers = store.history()
        assert {store.report(one.proof or b"") for one in answers} == {file.read_bytes()}
    assert len(answers) == 3
    assert run("answer", "--from-doctor", file, "--owner", "RSSI", "--home", kept, code=1)["error"] == "unknown-party"


def test_a_report_altered_of_another_party_or_of_tomorrow_is_refused() -> None:
    content = report(NOW, Outcome.OK)
    assert open_report(content, None, {NAME: KEY.public}, NOW).party == NAME
    for place in range(0, len(content) - 1, 7):
        altered = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        with pytest.raises(ParaventError):
            open_report(altered, None, {NAME: KEY.public}, NOW)
    with pytest.raises(UnknownParty):
        open_report(content, None, {}, NOW)
    with pytest.raises(ProofFailure):
        open_report(report(NOW + DAY, Outcome.OK), None, {NAME: KEY.public}, NOW)
    with pytest.raises(ParaventError):
        open_report(report(NOW, Outcome.OK, signer="hub"), None, {NAME: KEY.public}, NOW)
    with pytest.raises(ParaventError):
        open_report(report(NOW, Outcome.OK, checks=("backup", "backup")), None, {NAME: KEY.public}, NOW)


def test_a_check_that_no_row_knows_is_refused(tmp_path: Path, kept: Path) -> None:
    file = tmp_path / "report.json"
    file.write_bytes(report(NOW, Outcome.OK, checks=("moon-phase",)))
    arguments = ("answer", "--from-doctor", file, "--owner", "RSSI", "--key", KEY.public.hex(), "--home", kept)
    assert run(*arguments, code=1)["error"] == InvalidConfiguration.code


def test_one_machine_found_wrong_outweighs_every_other_answer() -> None:
    wrong = by_machine(Outcome.WRONG, NOW - DAY)
    assert state(by_machine(Outcome.OK, NOW, "ks1"), wrong, by_hand(Kind.DOCUMENT, NOW)) is State.WRONG
    assert state(wrong, by_machine(Outcome.OK, NOW)) is State.MACHINE
    # A report of before, brought later, changes nothing.
    assert state(by_machine(Outcome.OK, NOW), wrong) is State.MACHINE


def test_what_a_machine_did_not_know_or_said_long_ago_is_not_green() -> None:
    fresh, late = by_machine(Outcome.OK, NOW - AGE * DAY), by_machine(Outcome.OK, NOW - AGE * DAY - 1)
    assert (state(fresh), state(late)) == (State.MACHINE, State.NOT_KNOWN)
    assert state(by_machine(Outcome.NOT_KNOWN, NOW)) is State.NOT_KNOWN
    assert state(fresh, by_machine(Outcome.NOT_KNOWN, NOW, "ks1")) is State.NOT_KNOWN
    assert state(late, by_hand(Kind.DECLARED, NOW)) is State.DECLARED
    assert state(fresh, by_hand(Kind.NO, NOW)) is State.NO
    # What was wrong stays so until the same party says otherwise.
    assert state(by_machine(Outcome.WRONG, NOW - 100 * DAY)) is State.WRONG


def test_the_register_can_be_read_as_it_stood_before() -> None:
    history = [by_hand(Kind.DECLARED, NOW - 10), by_machine(Outcome.WRONG, NOW)]
    assert state(*history, at=NOW - 11) is State.UNANSWERED
    assert state(*history, at=NOW - 1) is State.DECLARED
    assert state(*history, at=NOW) is State.WRONG
