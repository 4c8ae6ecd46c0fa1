"""Volume alarms from the counts by day that a verifier keeps 90 days (docs/watch.md section 7).

The first four weeks of a professional are its baseline; later whole days are judged. The day that is not over is
judged too: what it holds already can only grow. Nothing is said of whoever has no baseline yet: the quota of a new
device bounds them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cache

import msgspec

from paravent.watch.cusum import Cusum, for_budget
from paravent.watch.daily import Budget
from paravent.watch.distributions import negative_binomial, poisson

BASELINE_DAYS = 28
# The reference stands this many standard deviations above the mean: half of a shift of 1.7 deviations.
_REFERENCE_DEVIATIONS = 0.87
_DISPERSIONS = (1, 2, 4, 8, 16)


class VolumeAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """A professional whose volume left its baseline: on which day, and by the test of which threshold."""

    professional: str
    day: int
    level: int
    threshold: int
    baseline: float


def volume_alarms(counts: Iterable[tuple[str, int, int]], today: int, budget: Budget) -> list[VolumeAlarm]:
    """Lists the alarms of the days since each baseline, from (professional, day, count); days without are zeros."""
    by_professional: dict[str, dict[int, int]] = {}
    for professional, day, count in counts:
        by_professional.setdefault(professional, {})[day] = count
    found = (_judged(professional, days, today, budget) for professional, days in sorted(by_professional.items()))
    return [alarm for alarm in found if alarm is not None]


def judge_volumes(
    counts: Iterable[tuple[str, int, int]], today: int, professionals: int, false_alarms_a_year: float
) -> list[VolumeAlarm]:
    """Does the same for a fleet of this size, on this yearly budget."""
    budget = Budget(false_alarms_a_year=false_alarms_a_year, professionals=professionals)
    return volume_alarms(counts, today, budget)


def _judged(professional: str, days: Mapping[int, int], today: int, budget: Budget) -> VolumeAlarm | None:
    """Runs the test over the days of one professional; returns its first alarm."""
    first = min(days)
    past = [days.get(day, 0) for day in range(first, first + BASELINE_DAYS)]
    mean = sum(past) / BASELINE_DAYS
    variance = sum((count - mean) ** 2 for count in past) / (BASELINE_DAYS - 1)
    test = _test(math.ceil(mean) or 1, _dispersion(mean, variance), budget)
    level = 0
    for day in range(first + BASELINE_DAYS, today + 1):
        level = test.after(level, days.get(day, 0))
        if test.alarms(level):
            return VolumeAlarm(
                professional=professional, day=day, level=level, threshold=test.threshold, baseline=round(mean, 2)
            )
    return None


def _dispersion(mean: float, variance: float) -> int:
    """Rounds the dispersion up, so that few tests are computed and none is too strict."""
    return next((one for one in _DISPERSIONS if variance <= one * max(mean, 1.0) * 1.05), _DISPERSIONS[-1])


@cache
def _test(mean: int, dispersion: int, budget: Budget) -> Cusum:
    daily = poisson(mean) if dispersion == 1 else negative_binomial(mean, mean * dispersion)
    reference = math.ceil(mean + _REFERENCE_DEVIATIONS * math.sqrt(mean * dispersion))
    return for_budget(daily, reference, budget.of_one_professional())
