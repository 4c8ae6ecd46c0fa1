"""Volume: a professional's counts by day against its own first weeks (docs/detection.md section 2).

Of the 90 days that a verifier keeps, the last four weeks are judged against those before them, and the day that is not
over is judged too: what it holds already can only grow. The baseline is known from so many days only: its mean counts
with one standard error more, or thousands of baselines that came out low alarm in turn. Nothing is said of whoever has
less than four weeks of past yet: the quota of a new device bounds them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache

import msgspec

from paravent.watch.budget import Budget
from paravent.watch.cusum import Cusum, for_budget
from paravent.watch.distributions import negative_binomial, poisson

BASELINE_DAYS_MIN = 28
JUDGED_DAYS_MAX = 28
# The reference stands this many standard deviations above the mean: half of a shift of 1.7 deviations.
_REFERENCE_DEVIATIONS = 0.87
_DISPERSIONS = (1, 2, 4, 8, 16)


class VolumeOutlier(msgspec.Struct, frozen=True, kw_only=True):
    """A day on which a volume left its baseline: its count, the level that the test reached, and its threshold."""

    day: int
    count: int
    level: int
    threshold: int
    baseline: float


def judge_volume(days: Mapping[int, int], today: int, budget: Budget) -> VolumeOutlier | None:
    """Runs the test over the days of one professional (a day without is a zero); returns its latest alarm.

    After an alarm the level starts again at 0: who goes on alarms again.
    """
    if not days:
        return None
    return judge_counts([days.get(day, 0) for day in range(min(days), today + 1)], today, budget)


def judge_counts(counts: Sequence[int], today: int, budget: Budget) -> VolumeOutlier | None:
    """Does the same on counts day after day, the last of them today's."""
    judged = min(JUDGED_DAYS_MAX, len(counts) - BASELINE_DAYS_MIN)
    if judged < 1:
        return None
    past = counts[:-judged]
    test, level, found = baseline_test(past, budget), 0, None
    for day, count in enumerate(counts[-judged:], start=today + 1 - judged):
        level = test.after(level, count)
        if test.alarms(level):
            found = VolumeOutlier(
                day=day, count=count, level=level, threshold=test.threshold, baseline=round(sum(past) / len(past), 2)
            )
            level = 0
    return found


def baseline_test(past: Sequence[int], budget: Budget) -> Cusum:
    """Gives the test of a professional whose days were these."""
    mean = sum(past) / len(past)
    variance = sum((count - mean) ** 2 for count in past) / (len(past) - 1)
    upper = mean + math.sqrt(max(variance, mean) / len(past))
    return volume_test(math.ceil(upper) or 1, _dispersion(mean, variance), budget)


def is_above(total: int, squares: int, days: int, count: int) -> bool:
    """Says whether a day's count is more than two deviations above the past, by its sum and its sum of squares."""
    mean = total / days
    return count > mean + 2 * math.sqrt(max(squares / days - mean * mean, mean))


def _dispersion(mean: float, variance: float) -> int:
    """Rounds the dispersion up, so that few tests are computed and none is too strict."""
    return next((one for one in _DISPERSIONS if variance <= one * max(mean, 1.0) * 1.05), _DISPERSIONS[-1])


@cache
def volume_test(mean: int, dispersion: int, budget: Budget) -> Cusum:
    """Computes the test of a baseline; kept, since it takes up to seconds."""
    daily = poisson(mean) if dispersion == 1 else negative_binomial(mean, mean * dispersion)
    reference = math.ceil(mean + _REFERENCE_DEVIATIONS * math.sqrt(mean * dispersion))
    return for_budget(daily, reference, budget.of_one_professional())
