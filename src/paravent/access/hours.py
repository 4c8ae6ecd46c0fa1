"""Hours at which shops of metropolitan France are usually closed (docs/detection.md section 2).

Night, Sundays and the holidays of Code du travail L3133-1. A professional is judged against its own past use of them,
so that a shop with other hours, or of another region or time zone, is no outlier.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

FRANCE = ZoneInfo("Europe/Paris")
OPENS_HOUR, CLOSES_HOUR = 7, 21
_SUNDAY = 6
_FIXED = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))
# Easter Monday, Ascension Day, Whit Monday.
_AFTER_EASTER = (1, 39, 50)


def is_closed_hour(now: int) -> bool:
    """Says whether shops are usually closed at an instant (Unix seconds)."""
    at = datetime.fromtimestamp(now, FRANCE)
    day = at.date()
    return not OPENS_HOUR <= at.hour < CLOSES_HOUR or day.weekday() == _SUNDAY or day in _holidays(day.year)


@cache
def _holidays(year: int) -> frozenset[date]:
    moving = (easter(year) + timedelta(days) for days in _AFTER_EASTER)
    return frozenset({date(year, month, day) for month, day in _FIXED} | set(moving))


def easter(year: int) -> date:
    """Gives Easter Sunday of the Gregorian calendar (Oudin, 1940)."""
    century, golden = year // 100, year % 19
    epact = (century - century // 4 - (8 * century + 13) // 25 + 19 * golden + 15) % 30
    epact -= epact // 28 * (1 - 29 // (epact + 1) * ((21 - golden) // 11))
    weekday = (year + year // 4 + epact + 2 - century + century // 4) % 7
    offset = epact - weekday
    month = 3 + (offset + 40) // 44
    return date(year, month, offset + 28 - 31 * (month // 4))
