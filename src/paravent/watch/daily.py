"""One day of one professional against its own past days, and one day of the whole fleet (docs/detection.md section 2).

Every test is a tail probability compared with one level, which the yearly budget of false alarms for the whole
fleet gives (``budget``). A share is judged by a beta-binomial whose parameters are the
past, so that a short past is believed less.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from paravent.watch.budget import DAYS_A_YEAR, Budget
from paravent.watch.distributions import at_least, beta_binomial, beta_binomial_at, beta_binomial_at_least, poisson
from paravent.wire.alarm import Sign


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of a professional's day; no person, no label."""

    evaluations: int = 0
    openings: int = 0
    claims: int = 0
    closed_hours: int = 0
    new_devices: int = 0
    early_renewals: int = 0


class Outlier(msgspec.Struct, frozen=True, kw_only=True):
    """A sign: so many of so many, and the probability of something as extreme under the professional's own past."""

    sign: Sign
    observed: int
    whole: int
    usual: float
    probability: float


# Each sign of a share: the counts of which it is the share, and of which it counts the others or the ones named.
_SHARES: tuple[tuple[Sign, str, Callable[[Day], int]], ...] = (
    (Sign.EVALUATIONS_WITHOUT_OPENINGS, "evaluations", lambda day: day.evaluations - day.openings),
    (Sign.OPENINGS_WITHOUT_CLAIMS, "openings", lambda day: day.openings - day.claims),
    (Sign.CLOSED_HOURS, "evaluations", lambda day: day.closed_hours),
    (Sign.CLAIMS_MIX, "claims", lambda day: day.early_renewals),
)


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """A beta distribution of the share that a professional's days have."""

    successes: float
    failures: float

    @property
    def mean(self) -> float:
        """The usual share."""
        return self.successes / (self.successes + self.failures)

    def at_least(self, whole: int, part: int) -> float:
        """Gives P[at least ``part`` of ``whole``]; what is not above the usual is no outlier, and costs no sum: 1."""
        if part <= whole * self.mean:
            return 1.0
        return beta_binomial_at_least(whole, self.successes, self.failures, part)

    def below(self, whole: int, part: int, level: float) -> float | None:
        """Gives P[at least ``part`` of ``whole``] when it is below a level: one term of the sum says most often no."""
        if part <= whole * self.mean or beta_binomial_at(whole, self.successes, self.failures, part) >= level:
            return None
        probability = self.at_least(whole, part)
        return probability if probability < level else None


class Sums:
    """What a share is fitted from, of days that are added and dropped: each a whole and a part of it."""

    __slots__ = ("pairs", "part", "parts_squared", "products", "whole", "wholes_squared")

    def __init__(self) -> None:
        """Starts without a day."""
        self.whole = self.part = self.pairs = self.products = self.wholes_squared = self.parts_squared = 0

    def add(self, whole: int, part: int, times: int = 1) -> None:
        """Adds a day, or drops one with -1."""
        self.whole += times * whole
        self.part += times * part
        self.pairs += times * whole * (whole - 1)
        self.products += times * whole * part
        self.wholes_squared += times * whole * whole
        self.parts_squared += times * part * part

    def share(self) -> Share:
        """Fits the share: Jeffreys' prior, and as much spread as the days have.

        A share that varies from day to day more than chance makes it, claims that follow an opening by days say, has a
        smaller concentration than the number of things counted: 1 / rho - 1, rho by moments.
        """
        mean, concentration = (self.part + 0.5) / (self.whole + 1), self.whole + 1.0
        if self.pairs:
            squares = self.parts_squared - 2 * mean * self.products + mean * mean * self.wholes_squared
            rho = (squares / (mean * (1 - mean)) - self.whole) / self.pairs
            concentration = min(concentration, 1 / rho - 1) if rho > 0 else concentration
        concentration = max(concentration, 1.0)
        return Share(successes=mean * concentration, failures=(1 - mean) * concentration)


class Past:
    """The past days of one professional, added and dropped one by one."""

    def __init__(self, days: Iterable[Day] = ()) -> None:
        """Starts with some days."""
        self.days = self.new_devices = 0
        self._sums = {sign: Sums() for sign, _, _ in _SHARES}
        for day in days:
            self.add(day)

    def add(self, day: Day, times: int = 1) -> None:
        """Adds a day, or drops one with -1."""
        self.days += times
        self.new_devices += times * day.new_devices
        for sign, whole, part in _SHARES:
            self._sums[sign].add(*_of(day, whole, part), times)

    def judge(self, day: Day, budget: Budget) -> list[Outlier]:
        """Lists what stands out of a day; a past of no day judges by an even prior, and alarms rarely."""
        level = budget.level()
        found = []
        for sign, counted, part in _SHARES:
            whole, count = _of(day, counted, part)
            share = self._sums[sign].share()
            probability = share.below(whole, count, level)
            if probability is not None:
                found.append(Outlier(
                    sign=sign, observed=count, whole=whole, usual=whole * share.mean, probability=probability
                ))  # fmt: skip
        return found + [one for one in [self._devices(day)] if one.probability < level]

    def _devices(self, day: Day) -> Outlier:
        usual = (1 + self.new_devices) / (DAYS_A_YEAR + self.days)
        probability = at_least(poisson(usual), day.new_devices) if day.new_devices else 1.0
        return Outlier(
            sign=Sign.NEW_DEVICES, observed=day.new_devices, whole=day.new_devices, usual=usual, probability=probability
        )


def judge(day: Day, past: Iterable[Day], budget: Budget) -> list[Outlier]:
    """Lists what stands out of a professional's day against past ones."""
    return Past(past).judge(day, budget)


def judge_fleet(
    above: int, professionals: int, past_above: Sequence[int], false_alarms_a_year: float
) -> Outlier | None:  # fmt: skip
    """Judges how many professionals were above their own usual on one day, against the fleet's past days.

    Days of the fleet vary together (a Saturday, a holiday): the rate is beta-distributed, fitted by its moments.
    """
    rates = [count / professionals for count in past_above]
    mean = min(max(sum(rates) / len(rates), 1 / professionals), 1 - 1 / professionals)
    spread = sum((rate - mean) ** 2 for rate in rates) / max(1, len(rates) - 1)
    own = mean * (1 - mean) / professionals
    concentration = mean * (1 - mean) / max(spread - own, own / 10) - 1
    distribution = beta_binomial(professionals, mean * concentration, (1 - mean) * concentration)
    probability = at_least(distribution, above)
    if probability >= false_alarms_a_year / DAYS_A_YEAR:
        return None
    return Outlier(
        sign=Sign.FLEET, observed=above, whole=professionals, usual=mean * professionals, probability=probability
    )


def _of(day: Day, whole: str, part: Callable[[Day], int]) -> tuple[int, int]:
    counted = getattr(day, whole)
    return counted, min(max(0, part(day)), counted)


def usual_share(past: Iterable[tuple[int, int]]) -> Share:
    """Fits the share of past days, each (whole, part)."""
    sums = Sums()
    for whole, part in past:
        sums.add(whole, part)
    return sums.share()
