"""Detection in simulation: 13,000 professionals over a year, beside what the Markov chain predicts (docs/watch.md 7).

Every row has the prediction and the measure; ``agreement`` is their ratio. Attacks are simulated one credential at
a time, in the steady state of a test that starts at 0.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from paravent.watch.cusum import DAYS_A_YEAR, Cusum, alarmed_by, for_budget, mean_days_to_alarm
from paravent.watch.daily import Budget
from paravent.watch.distributions import negative_binomial, poisson, total
from paravent.watch.sequential import SequentialTest

PROFESSIONALS = 13_000
_MEAN, _VARIANCE = 12.0, 48.0
_BASELINES = (("poisson", poisson(_MEAN), 15), ("over-dispersed", negative_binomial(_MEAN, _VARIANCE), 18))
_ADDED = (6, 12, 24, 48)
# What the design foretold, in persons read before the alarm.
_FORETOLD = {
    ("poisson", 6): 58, ("poisson", 12): 43, ("poisson", 24): 44, ("poisson", 48): 48,
    ("over-dispersed", 6): 720, ("over-dispersed", 12): 154, ("over-dispersed", 24): 110, ("over-dispersed", 48): 105,
}  # fmt: skip
_GUESSERS = (("guessing numbers", 1.0, 9), ("half true", 0.5, 28), ("7 of 10 true", 0.3, 118))
_SLOW_SHOPS, _SLOW_ADDED = 50, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionRow:
    """A scenario; ``predicted`` and ``measured`` in ``unit``; ``foretold`` is the figure of the design, if any."""

    scenario: str
    baseline: str
    unit: str
    foretold: float | None
    predicted: float
    measured: float
    agreement: float


def measure(professionals: int, thieves: int, seed: int) -> Iterator[DetectionRow]:
    """Simulates each scenario."""
    rng = random.Random(seed)
    budget = Budget(professionals=professionals)
    # What was foretold was foretold of the whole fleet: a smaller one has a looser threshold.
    foretold = _FORETOLD if professionals == PROFESSIONALS else {}
    for name, daily, reference in _BASELINES:
        test = for_budget(daily, reference, budget.of_one_professional())
        alone = professionals * DAYS_A_YEAR / mean_days_to_alarm(test, daily)
        alarms = _false_alarms(test, daily, professionals, rng)
        yield _row("honest year", name, "false alarms a year, whole fleet", None, alone, alarms)
        for added in _ADDED:
            yield _thief(test, (name, added), daily, foretold, thieves, rng)
        yield _slow(test, name, daily, max(20, thieves // 50), rng)
    for scenario, unknown, tries in _GUESSERS:
        yield _guesser(scenario, unknown, tries, thieves, rng)


def _row(
    scenario: str, baseline: str, unit: str, foretold: float | None, predicted: float, measured: float
) -> DetectionRow:
    return DetectionRow(
        scenario=scenario, baseline=baseline, unit=unit, foretold=foretold, predicted=round(predicted, 2),
        measured=round(measured, 2), agreement=round(measured / predicted, 3),
    )  # fmt: skip


def _false_alarms(test: Cusum, daily: Sequence[float], professionals: int, rng: random.Random) -> int:
    alarms = 0
    weights, counts = list(accumulate(daily)), range(len(daily))
    for _ in range(professionals):
        level = 0
        for count in rng.choices(counts, cum_weights=weights, k=DAYS_A_YEAR):
            level = test.after(level, count)
            if test.alarms(level):
                alarms, level = alarms + 1, 0
    return alarms


def _thief(
    test: Cusum, case: tuple[str, int], daily: Sequence[float], foretold: Mapping[tuple[str, int], int], thieves: int,
    rng: random.Random,
) -> DetectionRow:  # fmt: skip
    """One phished credential: the professional goes on working, the thief adds look-ups every day."""
    name, added = case
    both = total(daily, poisson(added))
    days = [_days(test, both, rng) for _ in range(thieves)]
    predicted = mean_days_to_alarm(test, both) * added
    return _row(f"+{added} a day", name, "persons read", foretold.get(case), predicted,
                sum(days) / thieves * added)  # fmt: skip


def _slow(test: Cusum, name: str, daily: Sequence[float], times: int, rng: random.Random) -> DetectionRow:
    """A patient thief with many shops: the first alarm of any of them."""
    both = total(daily, poisson(_SLOW_ADDED))
    alone = alarmed_by(test, both, 4 * DAYS_A_YEAR)
    predicted = 1 + sum((1 - probability) ** _SLOW_SHOPS for probability in alone)
    days = [min(_days(test, both, rng) for _ in range(_SLOW_SHOPS)) for _ in range(times)]
    return _row(f"+{_SLOW_ADDED} a day over {_SLOW_SHOPS} shops", name, "days to the first alarm", None, predicted,
                sum(days) / times)  # fmt: skip


def _days(test: Cusum, daily: Sequence[float], rng: random.Random) -> int:
    weights, counts = list(accumulate(daily)), range(len(daily))
    level = days = 0
    while not test.alarms(level):
        days += 1
        level = test.after(level, rng.choices(counts, cum_weights=weights)[0])
    return days


def _guesser(scenario: str, unknown: float, foretold: int, thieves: int, rng: random.Random) -> DetectionRow:
    """Numbers that a thief tries, some of them true, until the sequential test alarms."""
    test, tries = SequentialTest(), 0
    for _ in range(thieves):
        level = 0.0
        while not test.alarms(level):
            tries += 1
            level = test.after(level, unknown=rng.random() < unknown)
    return _row(scenario, "8 % honest unknown", "look-ups", foretold, foretold, tries / thieves)
