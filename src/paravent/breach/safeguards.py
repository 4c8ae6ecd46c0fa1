"""The measures before an incident and since, from the register of measures (docs/protocol.md section 16): pure.

The register answers ANSSI's and the CNIL's measures by day; an answer of the day on which the incident began is not
taken for one given before it. What nobody answered stays unanswered: it is neither yes nor no.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from paravent.breach.entries import Opened
from paravent.breach.registers.measures import Answer, Measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Safeguard:
    """One measure: its answer before the incident, and its answer now; None when nobody had answered."""

    reference: str
    title: str
    before: Mapping[str, str] | None
    now: Mapping[str, str] | None

    @property
    def changed(self) -> bool:
        """Says whether the measure rests on something else than before."""
        return _kind(self.before) != _kind(self.now)

    def kinds(self) -> tuple[str, str]:
        """Returns what the measure rested on before, and rests on now; ``unanswered`` when on nothing."""
        return _kind(self.before), _kind(self.now)


def began_on(opened: Opened) -> str:
    """Returns the day (ISO, UTC) on which an incident began, as far as the case knows."""
    return day_of(opened.aware_at if opened.began_at is None else opened.began_at)


def day_of(at: int) -> str:
    """Writes the day (ISO, UTC) of an instant."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def statement(known: Sequence[Measure], answers: Iterable[Answer], *, before: str, day: str) -> bytes:
    """States every measure with its last answer before a day, and its last answer up to another."""
    earlier: dict[str, Answer] = {}
    latest: dict[str, Answer] = {}
    for answer in answers:
        if answer.day < before:
            earlier[answer.reference] = answer
        if answer.day <= day:
            latest[answer.reference] = answer
    rows = [
        {"reference": one.reference, "title": one.title, "before": _said(earlier.get(one.reference)),
         "now": _said(latest.get(one.reference))}
        for one in known
    ]  # fmt: skip
    values = {"before": before, "day": day, "measures": rows}
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def read_statement(content: bytes) -> list[Safeguard]:
    """Reads what ``statement`` wrote."""
    return [Safeguard(**row) for row in json.loads(content)["measures"]]


def _said(answer: Answer | None) -> dict[str, str] | None:
    if answer is None:
        return None
    proof = "" if answer.proof is None else bytes(answer.proof).hex()
    return {"kind": answer.kind.value, "owner": answer.owner, "day": answer.day, "proof": proof}


def _kind(answer: Mapping[str, str] | None) -> str:
    return "unanswered" if answer is None else answer["kind"]
