"""One row for each peer and work, and how its times are summed up."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

ELIGIBILITY = "eligibility by number, birth date and rank"
MEMBERSHIP = "private membership"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerFigures:
    """A peer on a work; times in milliseconds, null with the reason when it was not run.

    ``bytes_a_person`` is what it keeps, or hands out, for each person; ``copy_opens`` says what a copy of what it keeps
    opens, without its keys and with them.
    """

    work: str
    peer: str
    persons: int
    p50_ms: float | None = None
    p99_ms: float | None = None
    requests: int = 0
    bytes_a_person: float | None = None
    copy_opens: str = ""
    not_run: str | None = None


def p50_and_p99(milliseconds: Sequence[float]) -> tuple[float, float]:
    """Returns the median and the 99th percentile."""
    return round(statistics.median(milliseconds), 3), round(statistics.quantiles(milliseconds, n=100)[98], 3)
