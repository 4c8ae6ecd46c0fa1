"""One day of one professional against its own past days, and one day of the whole fleet (docs/detection.md section 2).

Every test is a tail probability compared with one level, which the yearly budget of false alarms for the whole
fleet gives (``budget``). A share is judged by a beta-binomial whose parameters are the
past, so that a short past is believed less.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from paravent.watch.budget import DAYS_A_YEAR, Budget
from paravent.watch.distributions import at_least, beta_binomial, beta_binomial_at_least, poisson
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


def judge(day: Day, past: Sequence[Day], budget: Budget) -> list[Outlier]:
    """Lists what stands out of a professional's day; a past of no day judges by an even prior, and alarms rarely."""
    found = [
        _share(sign, _of(day, whole, part), [_of(one, whole, part) for one in past])
        for sign, whole, part in _SHARES
    ]  # fmt: skip
    found.append(_devices(day, past))
    return [outlier for outlier in found if outlier.probability < budget.level()]


def _devices(day: Day, past: Sequence[Day]) -> Outlier:
    usual = (1 + sum(one.new_devices for one in past)) / (DAYS_A_YEAR + len(past))
    return Outlier(
        sign=Sign.NEW_DEVICES, observed=day.new_devices, whole=day.new_devices, usual=usual,
        probability=at_least(poisson(usual), day.new_devices),
    )  # fmt: skip


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


def usual_share(past: Sequence[tuple[int, int]]) -> Share:
    """Fits the share of past days, each (whole, part): Jeffreys' prior, and as much spread as the days have.

    A share that varies from day to day more than chance makes it, claims that follow an opening by days say, has a
    smaller concentration than the number of things counted: 1 / rho - 1, rho by moments.
    """
    whole, part = sum(of for of, _ in past), sum(count for _, count in past)
    mean, concentration = (part + 0.5) / (whole + 1), whole + 1.0
    pairs = sum(of * (of - 1) for of, _ in past)
    if pairs:
        squares = sum((count - mean * of) ** 2 for of, count in past)
        rho = (squares / (mean * (1 - mean)) - whole) / pairs
        concentration = min(concentration, 1 / rho - 1) if rho > 0 else concentration
    concentration = max(concentration, 1.0)
    return Share(successes=mean * concentration, failures=(1 - mean) * concentration)


def _share(sign: Sign, day: tuple[int, int], past: Sequence[tuple[int, int]]) -> Outlier:
    usual, (whole, part) = usual_share(past), day
    return Outlier(
        sign=sign, observed=part, whole=whole, usual=whole * usual.mean, probability=usual.at_least(whole, part)
    )
