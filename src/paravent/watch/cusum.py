"""Volume: CUSUM of a professional's daily count against its own baseline (docs/detection.md section 2; Page 1954).

S grows by what a day exceeds the reference k, never below 0; S >= h is an alarm. How often that happens by chance is
computed, not guessed: S is a Markov chain on 0..h-1 (Brook and Evans 1972).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from paravent.watch.budget import DAYS_A_YEAR

THRESHOLD_MAX = 400


class Cusum(msgspec.Struct, frozen=True, kw_only=True):
    """A volume test: reference k and threshold h, in requests a day."""

    reference: int
    threshold: int

    def after(self, level: int, count: int) -> int:
        """Gives the level S after a day's count."""
        return max(0, level + count - self.reference)

    def alarms(self, level: int) -> bool:
        """Says whether a level is an alarm."""
        return level >= self.threshold


def mean_days_to_alarm(test: Cusum, daily: Sequence[float]) -> float:
    """Gives the mean number of days from S = 0 to an alarm, under a distribution of daily counts."""
    rows = [[(1.0 if row == column else 0.0) - step for column, step in enumerate(_steps(test, daily, row))] + [1.0]
            for row in range(test.threshold)]  # fmt: skip
    return _solve(rows)[0]


def alarmed_by(test: Cusum, daily: Sequence[float], days: int) -> list[float]:
    """Gives the probability of an alarm by the end of day 1, 2... ``days``, from S = 0."""
    steps = [_steps(test, daily, level) for level in range(test.threshold)]
    state = [1.0] + [0.0] * (test.threshold - 1)
    found = []
    for _ in range(days):
        state = [
            sum(state[level] * steps[level][column] for level in range(test.threshold))
            for column in range(test.threshold)
        ]
        found.append(1.0 - sum(state))
    return found


def for_budget(daily: Sequence[float], reference: int, false_alarms_a_year: float) -> Cusum:
    """Gives the smallest threshold that keeps one professional's false alarms within a yearly budget.

    Raises ValueError when even the largest threshold does not: the reference is too near the mean.
    """
    low = high = 1
    while not _within(daily, Cusum(reference=reference, threshold=high), false_alarms_a_year):
        if high == THRESHOLD_MAX:
            raise ValueError("the reference is too near the mean for this budget")
        low, high = high + 1, min(2 * high, THRESHOLD_MAX)
    while low < high:
        middle = (low + high) // 2
        if _within(daily, Cusum(reference=reference, threshold=middle), false_alarms_a_year):
            high = middle
        else:
            low = middle + 1
    return Cusum(reference=reference, threshold=low)


def _within(daily: Sequence[float], test: Cusum, false_alarms_a_year: float) -> bool:
    # In floating point, a chain that almost never ends may come out as negative: it is then beyond any budget.
    days = mean_days_to_alarm(test, daily)
    return days < 0 or days / DAYS_A_YEAR >= 1 / false_alarms_a_year


def _steps(test: Cusum, daily: Sequence[float], level: int) -> list[float]:
    """Gives the probabilities of going from a level to each one below the threshold."""
    found = [0.0] * test.threshold
    for count, probability in enumerate(daily):
        after = test.after(level, count)
        if after >= test.threshold:
            break
        found[after] += probability
    return found


def _solve(rows: list[list[float]]) -> list[float]:
    """Solves a linear system whose matrix is diagonally dominant: Gauss, in place, no pivot needed."""
    size = len(rows)
    for pivot, top in enumerate(rows):
        for row in rows[pivot + 1 :]:
            factor = row[pivot] / top[pivot]
            if factor:
                for column in range(pivot, size + 1):
                    row[column] -= factor * top[column]
    found = [0.0] * size
    for place in reversed(range(size)):
        known = sum(rows[place][column] * found[column] for column in range(place + 1, size))
        found[place] = (rows[place][size] - known) / rows[place][place]
    return found
