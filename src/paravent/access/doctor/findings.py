"""What one check found (docs/governance.md section 1): pure."""

from __future__ import annotations

from dataclasses import dataclass

from paravent.wire.doctor import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An outcome, what was seen, and what to do."""

    outcome: Outcome
    seen: str
    advice: str


def ok(seen: str) -> Finding:
    """Says that it is right."""
    return Finding(outcome=Outcome.OK, seen=seen, advice="")


def wrong(seen: str, advice: str) -> Finding:
    """Says that it is wrong, and what to do."""
    return Finding(outcome=Outcome.WRONG, seen=seen, advice=advice)


def not_known(seen: str, advice: str) -> Finding:
    """Says that it could not be seen, and what to do."""
    return Finding(outcome=Outcome.NOT_KNOWN, seen=seen, advice=advice)
