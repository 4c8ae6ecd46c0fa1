"""The measures before an incident and since, from the register of measures (docs/protocol.md section 16): pure.

The register answers ANSSI's and the CNIL's measures by day; an answer of the day on which the incident began is not
taken for one given before it. What nobody answered stays unanswered: it is neither yes nor no.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from paravent.breach.entries import Opened
from paravent.breach.registers.measures import DAY_SECONDS, Answer, Measure, Standing, standings


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


def statement(
    known: Sequence[Measure], answers: Sequence[Answer], *, before: str, day: str, age_days_max: int
) -> bytes:  # fmt: skip
    """States every measure as it stood before a day, and as it stands up to another (``registers.measures``)."""
    earlier = standings(known, answers, _begins(before) - 1, age_days_max)
    latest = standings(known, answers, _begins(day) + DAY_SECONDS - 1, age_days_max)
    rows = [
        {"reference": then.measure.reference, "title": then.measure.title, "before": _said(then), "now": _said(since)}
        for then, since in zip(earlier, latest, strict=True)
    ]
    values = {"before": before, "day": day, "measures": rows}
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def read_statement(content: bytes) -> list[Safeguard]:
    """Reads what ``statement`` wrote."""
    return [Safeguard(**row) for row in json.loads(content)["measures"]]


def _begins(day: str) -> int:
    return int(datetime.combine(date.fromisoformat(day), time(), UTC).timestamp())


def _said(standing: Standing) -> dict[str, str] | None:
    answer = standing.decisive
    if answer is None:
        return None
    proof = "" if answer.proof is None else bytes(answer.proof).hex()
    return {"kind": standing.state.value, "owner": answer.owner, "day": answer.day, "proof": proof}


def _kind(answer: Mapping[str, str] | None) -> str:
    return "unanswered" if answer is None else answer["kind"]
