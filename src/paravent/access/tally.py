"""How many requests a server answered and refused, by hour, handler and code (docs/protocol.md section 13): pure.

A count is of nobody: no address, no device, no path. What was refused has the code of its error; what was answered
has none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

ANSWERED = ""
"""The code of what was not refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Requests of one hour (counted since 1970), one handler and one code, and how long they took together."""

    hour: int
    action: str
    code: str
    requests: int
    milliseconds: int


class Tally:
    """The counts since they were last taken, in memory; ``total`` is all that ever came."""

    def __init__(self) -> None:
        """Starts at nothing."""
        self.total = 0
        self._counts: dict[tuple[int, str, str], tuple[int, float]] = {}

    def count(self, *, hour: int, action: str, code: str, seconds: float, requests: int = 1) -> None:
        """Counts a request once it is answered, or several."""
        self.total += requests
        known, spent = self._counts.get((hour, action, code), (0, 0.0))
        self._counts[hour, action, code] = (known + requests, spent + seconds)

    def take(self) -> list[Counted]:
        """Returns the counts and starts again at nothing."""
        taken, self._counts = self._counts, {}
        return [
            Counted(hour=hour, action=action, code=code, requests=requests, milliseconds=round(seconds * 1_000))
            for (hour, action, code), (requests, seconds) in sorted(taken.items())
        ]

    def put_back(self, counted: Iterable[Counted]) -> None:
        """Counts again what could not be written."""
        for one in counted:
            self.total -= one.requests
            self.count(
                hour=one.hour, action=one.action, code=one.code, seconds=one.milliseconds / 1_000,
                requests=one.requests,
            )  # fmt: skip
