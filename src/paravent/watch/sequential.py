"""Unknown persons: Wald's sequential test of a professional's look-ups, begun again each time it clears them.

Under honest use few look-ups find nobody (p0); who guesses numbers finds nobody half the time or more (p1). The
test knows neither who was looked for nor who was found.
"""

from __future__ import annotations

import math

import msgspec


class SequentialTest(msgspec.Struct, frozen=True, kw_only=True):
    """Rates of unknown persons, and the chances of a false alarm and of a miss in one cycle."""

    honest: float = 0.08
    guessing: float = 0.5
    false_alarm: float = 1e-7
    miss: float = 0.01

    def after(self, level: float, *, unknown: bool) -> float:
        """Gives the log-likelihood ratio after a look-up; 0 when the test has cleared and begins again."""
        if unknown:
            level += math.log(self.guessing / self.honest)
        else:
            level += math.log((1 - self.guessing) / (1 - self.honest))
        return 0.0 if level <= math.log(self.miss / (1 - self.false_alarm)) else level

    def alarms(self, level: float) -> bool:
        """Says whether a level is an alarm."""
        return level >= math.log((1 - self.miss) / self.false_alarm)
