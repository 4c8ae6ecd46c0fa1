"""Unknown persons: Wald's sequential test of a professional's look-ups, begun again each time it clears them.

Under honest use few look-ups find nobody (p0); who guesses numbers finds nobody half the time or more (p1). The test
knows neither who was looked for nor who was found (docs/detection.md section 2).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec

from paravent.watch.budget import Budget


class Tried(NamedTuple):
    """Look-ups since the test last cleared: who found nobody, who found somebody."""

    unknown: int = 0
    known: int = 0


class SequentialTest(msgspec.Struct, frozen=True, kw_only=True):
    """Rates of unknown persons, and the chances of a false alarm and of a miss in one cycle."""

    honest: float = 0.08
    guessing: float = 0.5
    false_alarm: float = 1e-7
    miss: float = 0.01

    def level(self, tried: Tried) -> float:
        """Gives the log-likelihood ratio."""
        missed = math.log(self.guessing / self.honest)
        found = math.log((1 - self.guessing) / (1 - self.honest))
        return tried.unknown * missed + tried.known * found

    def after(self, tried: Tried, *, unknown: bool) -> Tried:
        """Counts a look-up; none when the test has cleared and begins again. An alarm stays until it is taken."""
        if self.alarms(tried):
            return tried
        tried = Tried(tried.unknown + unknown, tried.known + (not unknown))
        return Tried() if self.level(tried) <= math.log(self.miss / (1 - self.false_alarm)) else tried

    def alarms(self, tried: Tried) -> bool:
        """Says whether a level is an alarm."""
        return self.level(tried) >= self.threshold

    @property
    def threshold(self) -> float:
        """The level of an alarm."""
        return math.log((1 - self.miss) / self.false_alarm)

    def lookups_a_cycle(self) -> float:
        """Gives the look-ups that an honest cycle lasts, by Wald's equation: a little fewer than in truth."""
        drift = self.honest * math.log(self.guessing / self.honest)
        drift += (1 - self.honest) * math.log((1 - self.guessing) / (1 - self.honest))
        return math.log(self.miss) / drift

    def mean_tries(self, unknown: float) -> float:
        """Gives the look-ups to an alarm in the mean, when this share of them finds nobody: every path followed."""
        paths, mean, left = {Tried(): 1.0}, 0.0, 1.0
        while left > 1e-9:
            mean += left
            following: dict[Tried, float] = {}
            for tried, probability in paths.items():
                for missed, share in ((True, unknown), (False, 1 - unknown)):
                    after = self.after(tried, unknown=missed)
                    if share > 0 and not self.alarms(after):
                        following[after] = following.get(after, 0.0) + probability * share
            paths, left = following, sum(following.values())
        return mean


def sequential_test(budget: Budget) -> SequentialTest:
    """Gives the test whose cycles give a fleet this budget's false alarms a year."""
    test = SequentialTest()
    return msgspec.structs.replace(test, false_alarm=budget.level_of_a_cycle(test.lookups_a_cycle()))
