"""Floods: requests of a minute, of anybody, against the minutes before (docs/detection.md section 2).

One count for the whole verifier, never by address: who has many addresses changes nothing, and an attacker's volume
costs one addition a request.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from paravent.watch.budget import Budget
from paravent.watch.daily import Outlier
from paravent.watch.distributions import at_least, of_history
from paravent.wire.alarm import Sign

PAST_MINUTES_MIN = 30
REQUESTS_MIN = 300
"""Fewer in a minute are no flood to any verifier, however quiet its minutes are."""

_LARGE = 400


def judge_minute(requests: int, past: Sequence[int], budget: Budget) -> Outlier | None:
    """Judges one minute; nothing is said before half an hour is known."""
    if len(past) < PAST_MINUTES_MIN or requests < REQUESTS_MIN:
        return None
    mean = sum(past) / len(past)
    # Counted in units, so that a sum stays short; a Poisson count is less dispersed in them, never more.
    unit = max(1, math.ceil(mean / _LARGE))
    probability = at_least(of_history([math.ceil(count / unit) for count in past]), requests // unit)
    if probability >= budget.level_of_a_minute():
        return None
    return Outlier(sign=Sign.REQUEST_FLOOD, observed=requests, whole=requests, usual=mean, probability=probability)
