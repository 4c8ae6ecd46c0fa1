"""One day of one professional against its own past days, and one day of the whole fleet (docs/watch.md section 7).

Every test is a tail probability compared with one level, which the yearly budget of false alarms for the whole
fleet gives: budget / (professionals * days * tests). A share is judged by a beta-binomial whose parameters are the
past, so that a short past is believed less.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum

import msgspec

from paravent.watch.cusum import DAYS_A_YEAR
from paravent.watch.distributions import at_least, beta_binomial, poisson


class Sign(Enum):
    """What an alarm saw."""

    VOLUME = "volume"
    UNKNOWN_PERSONS = "unknown-persons"
    EVALUATIONS_WITHOUT_OPENINGS = "evaluations-without-openings"
    OPENINGS_WITHOUT_CLAIMS = "openings-without-claims"
    NEW_DEVICES = "new-devices"
    CLOSED_HOURS = "closed-hours"
    CLAIMS_MIX = "claims-mix"
    FLEET = "fleet"


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of a professional's day; no person, no label."""

    evaluations: int = 0
    openings: int = 0
    claims: int = 0
    closed_hours: int = 0
    new_devices: int = 0
    early_renewals: int = 0


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """A sign, and the probability of something as extreme under the professional's own past."""

    sign: Sign
    probability: float


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """How many false alarms a year the whole fleet may give."""

    false_alarms_a_year: float = 12.0
    professionals: int = 13_000

    def level(self) -> float:
        """Gives the level of each test of a professional's day."""
        return self.false_alarms_a_year / (self.professionals * DAYS_A_YEAR * (len(_SHARES) + 1))

    def of_one_professional(self) -> float:
        """Gives one professional's part of the yearly budget, for a test that runs on (``cusum``)."""
        return self.false_alarms_a_year / self.professionals


# Each sign of a share: the counts of which it is the share, and of which it counts the others or the ones named.
_SHARES: tuple[tuple[Sign, str, Callable[[Day], int]], ...] = (
    (Sign.EVALUATIONS_WITHOUT_OPENINGS, "evaluations", lambda day: day.evaluations - day.openings),
    (Sign.OPENINGS_WITHOUT_CLAIMS, "openings", lambda day: day.openings - day.claims),
    (Sign.CLOSED_HOURS, "evaluations", lambda day: day.closed_hours),
    (Sign.CLAIMS_MIX, "claims", lambda day: day.early_renewals),
)


def judge(day: Day, past: Sequence[Day], budget: Budget) -> list[Alarm]:
    """Lists the alarms of a professional's day; a past of no day judges by an even prior, and alarms rarely."""
    found = [
        Alarm(sign=sign, probability=_share(
            getattr(day, whole), max(0, part(day)),
            sum(getattr(one, whole) for one in past), sum(max(0, part(one)) for one in past),
        ))
        for sign, whole, part in _SHARES
    ]  # fmt: skip
    devices = (1 + sum(one.new_devices for one in past)) / (DAYS_A_YEAR + len(past))
    found.append(Alarm(sign=Sign.NEW_DEVICES, probability=at_least(poisson(devices), day.new_devices)))
    return [alarm for alarm in found if alarm.probability < budget.level()]


def judge_fleet(above: int, professionals: int, past_above: Sequence[int], false_alarms_a_year: float) -> Alarm | None:
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
    limit = false_alarms_a_year / DAYS_A_YEAR
    return Alarm(sign=Sign.FLEET, probability=probability) if probability < limit else None


def _share(whole: int, part: int, past_whole: int, past_part: int) -> float:
    """Gives P[at least ``part`` of ``whole``] when the past had its own share (Jeffreys' prior)."""
    part, past_part = min(part, whole), min(past_part, past_whole)
    return at_least(beta_binomial(whole, past_part + 0.5, past_whole - past_part + 0.5), part)
