"""The answers to ANSSI's measures as an audit of CISO Assistant, out and back (docs/governance.md section 5): pure.

Rows are those of its import wizard and of its own exports; identifiers those of its library ``anssi-guide-hygiene``.
The CNIL's guide is not exchanged: CISO Assistant assesses it at finer points than its sheets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from paravent.breach.registers.measures import Answer, Kind, Measure, Standing, State
from paravent.errors import InvalidConfiguration

URN = "urn:intuitem:risk:req_node:anssi-guide-hygiene:"
COLUMNS = (
    "urn", "assessable", "ref_id", "name", "description", "compliance_result", "requirement_progress", "score",
    "observations",
)  # fmt: skip
ROWS_MAX = 1_000
_ANSSI = "anssi-"
# A machine proves a part of a measure, never the whole.
_WRITTEN = {
    State.DOCUMENT: ("compliant", "done"),
    State.DECLARED: ("compliant", "in_review"),
    State.MACHINE: ("partially_compliant", "in_progress"),
    State.WRONG: ("non_compliant", "in_progress"),
    State.NO: ("non_compliant", "to_do"),
    State.NOT_KNOWN: ("not_assessed", "to_do"),
    State.UNANSWERED: ("not_assessed", "to_do"),
}
# What somebody changed over there is somebody's word here; what is partly so is not so.
_READ = {"compliant": Kind.DECLARED, "partially_compliant": Kind.NO, "non_compliant": Kind.NO}
_NOTHING = frozenset({"", "not_assessed", "not_applicable"})
_MARK = re.compile(
    r"paravent: (?P<state>[a-z ]+); (?P<day>[0-9-]*); (?P<proof>[0-9a-f]{0,64}); "
    r"(?P<owner>[^\x00-\x1f\x7f-\x9f]{0,120})(?:\r?\n|\Z)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessed:
    """One row read back: the measure, the result over there, and what this register had said, when it had."""

    reference: str
    result: str
    state: State | None
    owner: str
    proof: bytes | None


def rows(found: Iterable[Standing]) -> list[dict[str, str | bool]]:
    """Writes a row for each of ANSSI's measures."""
    return [_row(one) for one in found if one.measure.reference.startswith(_ANSSI)]


def _row(one: Standing) -> dict[str, str | bool]:
    number = one.measure.reference.removeprefix(_ANSSI)
    result, progress = _WRITTEN[one.state]
    return {
        "urn": f"{URN}{number}", "assessable": True, "ref_id": number, "name": one.measure.title, "description": "",
        "compliance_result": result, "requirement_progress": progress, "score": "", "observations": _observation(one),
    }  # fmt: skip


def _observation(one: Standing) -> str:
    """Writes what the register says in one line that is read back, then where machines looked."""
    answer = one.decisive
    day, owner = ("", "") if answer is None else (answer.day, answer.owner)
    proof = "" if answer is None or answer.proof is None else answer.proof.hex()
    lines = [f"paravent: {one.state.value}; {day}; {proof}; {owner}"]
    lines += [
        f"{given.party}: {given.outcome.value} ({', '.join(given.checks)})"
        for given in one.answers if given.outcome is not None
    ]  # fmt: skip
    return "\n".join(lines)


def read_rows(found: Sequence[Mapping[str, str]], known: Sequence[Measure]) -> list[Assessed]:
    """Reads the rows of an audit; rows that are not assessed over there are left out.

    Raises InvalidConfiguration on a requirement or a result that is not known, and on one that stands twice.
    """
    if len(found) > ROWS_MAX:
        raise InvalidConfiguration(f"an audit of ANSSI's measures has at most {ROWS_MAX} rows")
    references = {one.reference for one in known}
    assessed = [_read(row, place, references) for place, row in enumerate(found, start=2) if not _is_section(row)]
    names = [one.reference for one in assessed]
    if len(set(names)) != len(names):
        raise InvalidConfiguration("a requirement stands twice in the audit")
    return assessed


def _is_section(row: Mapping[str, str]) -> bool:
    """Says whether a row is a heading: said so, or one of the chapters I to X of a CSV export."""
    return row.get("assessable", "").lower() in {"false", "0"} or not row.get("urn", "").rpartition(":")[2].isdigit()


def _read(row: Mapping[str, str], place: int, references: set[str]) -> Assessed:
    urn, result = row.get("urn", ""), row.get("compliance_result", "")
    reference = f"{_ANSSI}{urn.removeprefix(URN)}"
    if not urn.startswith(URN) or reference not in references:
        raise InvalidConfiguration(f"line {place} is no requirement of the library anssi-guide-hygiene")
    if result not in _NOTHING and result not in _READ:
        raise InvalidConfiguration(f"line {place} has a result that is not known")
    mark = _MARK.match(row.get("observations", ""))
    state = None if mark is None else next((one for one in State if one.value == mark["state"]), None)
    return Assessed(
        reference=reference, result=result, state=state, owner="" if mark is None else mark["owner"],
        proof=bytes.fromhex(mark["proof"]) if mark is not None and len(mark["proof"]) == 64 else None,
    )  # fmt: skip


def taken(assessed: Iterable[Assessed], found: Iterable[Standing], owner: str, now: int) -> list[Answer]:
    """Answers by hand what an audit says otherwise than the register: ``owner`` answers for what was changed there.

    What the register wrote itself, and what nobody assessed, answers nothing: an answer by machine needs its report.
    """
    states = {one.measure.reference: one.state for one in found}
    given = [_taken(one, states[one.reference], owner, now) for one in assessed]
    return [one for one in given if one is not None]


def _taken(one: Assessed, here: State, owner: str, now: int) -> Answer | None:
    if one.result in _NOTHING:
        return None
    unchanged = one.state is not None and one.result == _WRITTEN[one.state][0]
    if unchanged and one.state in {here, State.MACHINE, State.WRONG}:
        return None
    if unchanged and one.state in {State.DOCUMENT, State.DECLARED, State.NO}:
        kind, who = Kind(one.state.value), one.owner or owner
    elif one.result == _WRITTEN[here][0]:
        return None
    else:
        kind, who = _READ[one.result], owner
    if kind is Kind.DOCUMENT and one.proof is None:
        kind = Kind.DECLARED
    return Answer(
        reference=one.reference, kind=kind, owner=who, at=now, kept_at=now,
        proof=one.proof if kind is Kind.DOCUMENT else None,
    )  # fmt: skip
