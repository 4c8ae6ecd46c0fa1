"""Detection in simulation: 13,000 professionals over a year, beside what is computed (docs/detection.md section 4).

Every row has the prediction and the measure; ``agreement`` is their ratio. Attacks are simulated one credential at
a time, in the steady state of a test that starts at 0, and a day is judged when it is over: a running service judges
it as it fills, and reads fewer.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from paravent.bench.fleet_year import interval, yearly
from paravent.watch.budget import DAYS_A_YEAR, Budget
from paravent.watch.cusum import Cusum, alarmed_by, for_budget, mean_days_to_alarm
from paravent.watch.daily import Share, usual_share
from paravent.watch.distributions import binomial, negative_binomial, poisson, total
from paravent.watch.sequential import SequentialTest, Tried, sequential_test
from paravent.watch.volumes import JUDGED_DAYS_MAX, baseline_test, judge_counts

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
# An assumption, not a fact: an honest look-up ends in a claim of that day so often.
_CLAIMED = 0.7
_PAST_DAYS = 90
_YEARS = 4
_YEARS_TOGETHER = 1
# Rates at which an alarm comes before the baseline has taken the thief in; it never comes to some at lower ones.
_ADDED_AT_WORK = (24, 48)
_DAYS_AT_WORK_MAX = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionRow:
    """A scenario; ``predicted`` and ``measured`` in ``unit``; ``foretold`` is the figure of the design, if any.

    ``days`` is the measured delay to the alarm, 0 where look-ups are counted and not days. ``low`` and ``high`` are the
    95 % interval of a number of false alarms; for those of every detector together, ``predicted`` is what is budgeted.
    """

    scenario: str
    baseline: str
    unit: str
    foretold: float | None
    predicted: float
    measured: float
    agreement: float
    days: float
    low: float | None = None
    high: float | None = None


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
        for added in (_ADDED[0], _ADDED[1]):
            yield _true_hits(test, (name, added), daily, budget, thieves, rng)
        yield _slow(test, name, daily, max(20, thieves // 10), rng)
    sequential = sequential_test(budget)
    for scenario, unknown, tries in _GUESSERS:
        yield _guesser(sequential, scenario, unknown, tries, thieves, rng)
    for name, daily, _ in _BASELINES:
        for added in _ADDED_AT_WORK:
            yield _at_work(name, daily, added, budget, max(50, thieves // 10), rng)


def measure_together(professionals: int, seed: int) -> Iterator[DetectionRow]:
    """Simulates every detector in honest years, as the services run them: false alarms, in sum and by sign."""
    budget = Budget(professionals=professionals)
    found = yearly(budget.professionals, _YEARS_TOGETHER, seed)
    for name, measured, budgeted in [
        ("all detectors", sum(found.values()), budget.false_alarms_a_year),
        *((sign.value, alarms, budget.of(sign)) for sign, alarms in found.items()),
    ]:
        low, high = interval(measured, _YEARS_TOGETHER)
        row = _row("honest year, as it runs", name, "false alarms a year, whole fleet", None, budgeted, measured)
        yield replace(row, low=round(low, 2), high=round(high, 2))


def _at_work(
    name: str, daily: Sequence[float], added: int, budget: Budget, thieves: int, rng: random.Random
) -> DetectionRow:
    """A thief at a professional whose baseline is only known from its own past, as a service judges it day by day."""
    own, thief = list(accumulate(daily)), list(accumulate(poisson(added)))
    both, predicted, days = total(daily, poisson(added)), 0.0, 0
    delays: dict[Cusum, float] = {}
    for _ in range(thieves):
        counts = rng.choices(range(len(own)), cum_weights=own, k=_PAST_DAYS)
        test = baseline_test(counts[: _PAST_DAYS + 1 - JUDGED_DAYS_MAX], budget)
        if test not in delays:
            delays[test] = mean_days_to_alarm(test, both)
        predicted += delays[test] * added / thieves
        for _day in range(_DAYS_AT_WORK_MAX):
            days += 1
            (honest,), (stolen,) = (rng.choices(range(len(one)), cum_weights=one) for one in (own, thief))
            counts = [*counts[-_PAST_DAYS:], honest + stolen]
            found = judge_counts(counts, 0, budget)
            if found is not None and found.day == 0:
                break
    mean = days / thieves
    return _row(f"+{added} a day, as it runs", name, "persons read", None, predicted, mean * added, mean)


def _row(
    scenario: str, baseline: str, unit: str, foretold: float | None, predicted: float, measured: float,
    days: float = 0.0,
) -> DetectionRow:  # fmt: skip
    return DetectionRow(
        scenario=scenario, baseline=baseline, unit=unit, foretold=foretold, predicted=round(predicted, 2),
        measured=round(measured, 2), agreement=round(measured / predicted, 3), days=round(days, 2),
    )  # fmt: skip


def _false_alarms(test: Cusum, daily: Sequence[float], professionals: int, rng: random.Random) -> float:
    """Simulates some years of the fleet, since one year's number of false alarms is itself random; gives the mean."""
    alarms = 0
    weights, counts = list(accumulate(daily)), range(len(daily))
    for _ in range(professionals * _YEARS):
        level = 0
        for count in rng.choices(counts, cum_weights=weights, k=DAYS_A_YEAR):
            level = test.after(level, count)
            if test.alarms(level):
                alarms, level = alarms + 1, 0
    return alarms / _YEARS


def _thief(
    test: Cusum, case: tuple[str, int], daily: Sequence[float], foretold: Mapping[tuple[str, int], int], thieves: int,
    rng: random.Random,
) -> DetectionRow:  # fmt: skip
    """One phished credential: the professional goes on working, the thief adds look-ups every day."""
    name, added = case
    both = total(daily, poisson(added))
    days = sum(_days(test, both, rng) for _ in range(thieves)) / thieves
    predicted = mean_days_to_alarm(test, both) * added
    return _row(f"+{added} a day", name, "persons read", foretold.get(case), predicted, days * added, days)


def _true_hits(
    test: Cusum, case: tuple[str, int], daily: Sequence[float], budget: Budget, thieves: int, rng: random.Random
) -> DetectionRow:
    """A thief who holds true numbers alone, from an earlier leak, and claims nothing: volume, or openings unclaimed."""
    name, added = case
    thief = poisson(added)
    limits = _unclaimed_limits(len(daily) + len(thief), budget)
    predicted = mean_days_to_alarm(test, _unseen(daily, thief, limits)) * added
    days = sum(_true_hit_days(test, daily, thief, limits, rng) for _ in range(thieves)) / thieves
    return _row(f"true hits only, +{added} a day", name, "persons read", None, predicted, days * added, days)


def _unclaimed_limits(longest: int, budget: Budget) -> list[int]:
    """Gives, for each number of openings, how many unclaimed ones are an alarm (more than all: never)."""
    unclaimed = round(_MEAN * (1 - _CLAIMED), 6)
    whole = round(_MEAN * _PAST_DAYS)
    past = usual_share([(whole, round(unclaimed * _PAST_DAYS))])
    return [_limit(past, openings, budget.level()) for openings in range(longest)]


def _limit(past: Share, openings: int, level: float) -> int:
    return next((part for part in range(1, openings + 1) if past.at_least(openings, part) < level), openings + 1)


def _unseen(daily: Sequence[float], thief: Sequence[float], limits: Sequence[int]) -> list[float]:
    """Gives the probability of each day's volume together with no alarm of the openings without claims."""
    found = [0.0] * (len(daily) + len(thief) - 1)
    for own, probability in enumerate(daily):
        unclaimed = list(accumulate(binomial(own, 1 - _CLAIMED)))
        for added, likelihood in enumerate(thief):
            most = limits[own + added] - added - 1
            if most >= 0:
                found[own + added] += probability * likelihood * unclaimed[min(most, own)]
    return found


def _true_hit_days(
    test: Cusum, daily: Sequence[float], thief: Sequence[float], limits: Sequence[int], rng: random.Random
) -> int:
    own_weights, thief_weights = list(accumulate(daily)), list(accumulate(thief))
    level = days = 0
    while True:
        days += 1
        (own,) = rng.choices(range(len(daily)), cum_weights=own_weights)
        (added,) = rng.choices(range(len(thief)), cum_weights=thief_weights)
        unclaimed = added + sum(rng.random() >= _CLAIMED for _ in range(own))
        level = test.after(level, own + added)
        if test.alarms(level) or unclaimed >= limits[own + added]:
            return days


def _slow(test: Cusum, name: str, daily: Sequence[float], times: int, rng: random.Random) -> DetectionRow:
    """A patient thief with many shops: the first alarm of any of them."""
    both = total(daily, poisson(_SLOW_ADDED))
    alone = alarmed_by(test, both, 4 * DAYS_A_YEAR)
    left = [(1 - probability) ** _SLOW_SHOPS for probability in alone]
    # After years the chain ends at one rate a day: the rest of the sum is that of a geometric delay.
    rate = left[-1] / left[-2] if left[-2] > 0 else 0.0
    predicted = 1 + sum(left) + left[-1] * rate / (1 - rate)
    days = sum(min(_days(test, both, rng) for _ in range(_SLOW_SHOPS)) for _ in range(times)) / times
    read = _SLOW_ADDED * _SLOW_SHOPS
    return _row(f"+{_SLOW_ADDED} a day over {_SLOW_SHOPS} shops", name, "persons read before the first alarm", None,
                predicted * read, days * read, days)  # fmt: skip


def _days(test: Cusum, daily: Sequence[float], rng: random.Random) -> int:
    weights, counts = list(accumulate(daily)), range(len(daily))
    level = days = 0
    while not test.alarms(level):
        days += 1
        level = test.after(level, rng.choices(counts, cum_weights=weights)[0])
    return days


def _guesser(
    test: SequentialTest, scenario: str, unknown: float, foretold: int, thieves: int, rng: random.Random
) -> DetectionRow:
    """Numbers that a thief tries, some of them true, until the sequential test alarms."""
    tries = 0
    for _ in range(thieves):
        tried = Tried()
        while not test.alarms(tried):
            tries += 1
            tried = test.after(tried, unknown=rng.random() < unknown)
    return _row(scenario, "8 % honest unknown", "look-ups", foretold, test.mean_tries(unknown), tries / thieves)
