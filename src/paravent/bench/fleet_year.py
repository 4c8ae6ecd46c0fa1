"""False alarms of every detector together, in years of an honest fleet (docs/detection.md section 4).

What is simulated are the services' own tests on a professional's own past, with nothing known beforehand: volume on a
baseline of past weeks, the daily tests on the last 90 days, the sequential test on every look-up, the fleet's days, the
minutes of a verifier and the looks at its files. Half of the professionals have Poisson days, half over-dispersed ones.
"""

from __future__ import annotations

import math
import random
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import accumulate

from paravent.watch.budget import DAILY_SIGNS, DAYS_A_YEAR, Budget
from paravent.watch.daily import Day, Past, judge_fleet
from paravent.watch.distributions import at_least, binomial, negative_binomial, poisson
from paravent.watch.flood import REQUESTS_MIN, judge_minute
from paravent.watch.rewriting import rewritten_together
from paravent.watch.sequential import Tried, sequential_test
from paravent.watch.volumes import is_above, judge_counts
from paravent.wire.alarm import Sign

PAST_DAYS = 90
MEAN, VARIANCE = 12.0, 48.0
# Assumptions, not facts: the share of look-ups that find nobody, of who is found that is opened, of openings claimed
# the same day, of look-ups at closed hours, of claims that renew early.
_UNKNOWN, _OPENED, _CLAIMED, _CLOSED, _EARLY = 0.08, 0.95, 0.7, 0.02, 0.05
_COUNTS_MAX = 120
_MINUTES_A_DAY, _LOOKS_A_DAY = 1_440, 4_320
_LOOKS_A_VERB = 2_000
SIGNS = (Sign.VOLUME, Sign.UNKNOWN_PERSONS, *DAILY_SIGNS, Sign.FLEET, Sign.REQUEST_FLOOD, Sign.MASS_REWRITE)


def yearly(professionals: int, years: int, seed: int, processes: int = 2) -> dict[Sign, float]:
    """Simulates some years of a fleet; gives the false alarms a year of each sign, in the mean."""
    budget = Budget(professionals=professionals)
    parts = [professionals // processes + (number < professionals % processes) for number in range(processes)]
    found: Counter[Sign] = Counter()
    with ProcessPoolExecutor(processes) as pool:
        for year in range(years):
            seeds = [seed + 1_000 * year + number for number in range(processes)]
            above = [0] * (DAYS_A_YEAR + PAST_DAYS)
            for alarms, moved in pool.map(partial(_shops, budget), parts, seeds):
                found += alarms
                above = [one + other for one, other in zip(above, moved, strict=True)]
            found[Sign.FLEET] += _fleet(above, professionals, budget)
            found[Sign.REQUEST_FLOOD] += _minutes(budget, random.Random(seeds[0]))
            found[Sign.MASS_REWRITE] += _looks(budget, random.Random(seeds[0]))
    return {sign: found[sign] / years for sign in SIGNS}


def interval(alarms: float, years: int) -> tuple[float, float]:
    """Gives the 95 % interval of a yearly mean, from so many alarms a year over some years (Poisson, exact)."""
    count = round(alarms * years)
    low = _root(lambda mean: at_least(poisson(mean), count) - 0.025, count) if count else 0.0
    return low / years, _root(lambda mean: at_least(poisson(mean), count + 1) - 0.975, count) / years


def _root(rising: Callable[[float], float], count: int) -> float:
    low, high = 1e-9, 4.0 * count + 20
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
    return low


def _shops(budget: Budget, shops: int, seed: int) -> tuple[Counter[Sign], list[int]]:
    """Simulates a year of some professionals after a past of 90 days: alarms, and who was above its usual by day."""
    rng, alarms, above = random.Random(seed), Counter[Sign](), [0] * (DAYS_A_YEAR + PAST_DAYS)
    draws = _Draws(rng)
    for shop in range(shops):
        lookups = draws.year(over_dispersed=shop % 2 == 1)
        alarms[Sign.VOLUME] += _volume(lookups, budget)
        alarms.update(_daily([draws.day(count) for count in lookups], budget))
        _count_above(lookups, above)
    # The sequential test knows no days: the look-ups of all, in a row.
    alarms[Sign.UNKNOWN_PERSONS] += _sequential(round(shops * DAYS_A_YEAR * MEAN), budget, rng)
    return alarms, above


class _Draws:
    """Draws from tables that are computed once."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._days = [list(accumulate(one)) for one in (poisson(MEAN), negative_binomial(MEAN, VARIANCE))]
        self._parts = {
            share: [list(accumulate(binomial(whole, share))) for whole in range(_COUNTS_MAX)]
            for share in (1 - _UNKNOWN, _OPENED, _CLAIMED, _CLOSED, _EARLY)
        }

    def year(self, *, over_dispersed: bool) -> list[int]:
        """Draws the look-ups of the days."""
        weights = self._days[over_dispersed]
        counts = self._rng.choices(range(len(weights)), cum_weights=weights, k=DAYS_A_YEAR + PAST_DAYS)
        return [min(count, _COUNTS_MAX - 1) for count in counts]

    def day(self, lookups: int) -> Day:
        """Draws what became of a day's look-ups."""
        openings = self._part(self._part(lookups, 1 - _UNKNOWN), _OPENED)
        claims = self._part(openings, _CLAIMED)
        return Day(
            evaluations=lookups, openings=openings, claims=claims, closed_hours=self._part(lookups, _CLOSED),
            early_renewals=self._part(claims, _EARLY), new_devices=int(self._rng.random() < 1 / DAYS_A_YEAR),
        )  # fmt: skip

    def _part(self, whole: int, share: float) -> int:
        return self._rng.choices(range(whole + 1), cum_weights=self._parts[share][whole])[0]


def _volume(lookups: Sequence[int], budget: Budget) -> int:
    """Judges each day as a service does, with the counts of 90 days; an alarm is raised once for its day."""
    alarms, told = 0, -1
    for today in range(PAST_DAYS, len(lookups)):
        found = judge_counts(lookups[today - PAST_DAYS : today + 1], today, budget)
        if found is not None and found.day >= today - 1 and found.day > told:
            alarms, told = alarms + 1, found.day
    return alarms


def _daily(days: Sequence[Day], budget: Budget) -> Iterator[Sign]:
    past = Past(days[:PAST_DAYS])
    for today in range(PAST_DAYS, len(days)):
        yield from (outlier.sign for outlier in past.judge(days[today], budget))
        past.add(days[today])
        past.add(days[today - PAST_DAYS], -1)


def _count_above(lookups: Sequence[int], above: list[int]) -> None:
    total = squares = 0
    for day, count in enumerate(lookups):
        if day >= PAST_DAYS:
            above[day] += is_above(total, squares, PAST_DAYS, count)
            gone = lookups[day - PAST_DAYS]
            total, squares = total - gone, squares - gone * gone
        total, squares = total + count, squares + count * count


def _sequential(lookups: int, budget: Budget, rng: random.Random) -> int:
    """Runs the sequential test over honest look-ups; of those that find somebody, only as many as matter one by one."""
    test, tried, alarms = sequential_test(budget), Tried(), 0
    found = math.log((1 - test.guessing) / (1 - test.honest))
    clears = math.ceil(math.log(test.miss / (1 - test.false_alarm)) / found)
    while lookups > 0:
        known = int(math.log(1 - rng.random()) / math.log(1 - _UNKNOWN))
        lookups -= known + 1
        while known and tried.unknown:
            tried, known = test.after(tried, unknown=False), known - 1
        # From nothing, so many who are known clear the test again and again.
        tried = tried if tried.unknown else Tried(0, (tried.known + known) % clears)
        tried = test.after(tried, unknown=True)
        if test.alarms(tried):
            alarms, tried = alarms + 1, Tried()
    return alarms


def _fleet(above: Sequence[int], professionals: int, budget: Budget) -> int:
    return sum(
        judge_fleet(above[day], professionals, above[max(PAST_DAYS, day - PAST_DAYS) : day], budget.of(Sign.FLEET))
        is not None
        for day in range(PAST_DAYS + 14, len(above))
    )


def _minutes(budget: Budget, rng: random.Random) -> int:
    """Judges a verifier's minutes: nobody at night, most before noon and in the evening."""
    past: deque[int] = deque(maxlen=_MINUTES_A_DAY)
    total = squares = alarms = 0
    for minute in range(DAYS_A_YEAR * _MINUTES_A_DAY):
        hour = minute % _MINUTES_A_DAY / 60
        mean = 700 * math.exp(-(((hour - 11) / 2.2) ** 2)) + 900 * math.exp(-(((hour - 17) / 2.0) ** 2)) + 5
        count = max(0, round(rng.gauss(mean, 2 * math.sqrt(mean))))
        usual = total / len(past) if past else 0.0
        spread = math.sqrt(max(1.0, squares / len(past) - usual * usual)) if past else 0.0
        # Below three and a half deviations nothing is near the level: the test itself is asked about the others.
        if count >= REQUESTS_MIN and count > usual + 3.5 * spread:
            alarms += judge_minute(count, list(past), budget) is not None
        if len(past) == _MINUTES_A_DAY:
            total, squares = total - past[0], squares - past[0] * past[0]
        past.append(count)
        total, squares = total + count, squares + count * count
    return alarms


def _looks(budget: Budget, rng: random.Random) -> int:
    """Judges a verifier's looks at its files: a verb of the operator rewrites one to three of them now and then."""
    past: deque[int] = deque([0] * _MINUTES_A_DAY, maxlen=_MINUTES_A_DAY)
    alarms = 0
    for _ in range(DAYS_A_YEAR * _LOOKS_A_DAY):
        rewritten = 1 + rng.randrange(3) if rng.random() < 1 / _LOOKS_A_VERB else 0
        if rewritten:
            alarms += rewritten_together(rewritten, past, _LOOKS_A_DAY, budget) is not None
        past.append(rewritten)
    return alarms
