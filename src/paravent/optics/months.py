"""Calendar months as YYYYMM: the only dates a right is counted in (docs/protocol.md section 11).

Renewal is counted in whole months, so that no day of purchase is kept. A month is that of the legal time of
metropolitan France: what a contract, a shop and its customer call a month. It reads no clock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from paravent.errors import MalformedMessage

FRANCE = ZoneInfo("Europe/Paris")
_TEXT = re.compile(r"([0-9]{4})-?([0-9]{2})")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Month:
    """A month of the years 1900 to 2999; ``number`` is YYYYMM, as messages carry it."""

    number: int

    def __post_init__(self) -> None:
        """Checks the year and the month; raises MalformedMessage."""
        year, month = divmod(self.number, 100)
        if not (1900 <= year <= 2999 and 1 <= month <= 12):
            raise MalformedMessage("a month is YYYYMM, from 190001 to 299912")

    @classmethod
    def parse(cls, text: str) -> Month:
        """Reads "202601" or "2026-01"; raises MalformedMessage."""
        match = _TEXT.fullmatch(text)
        if match is None:
            raise MalformedMessage("a month is written YYYYMM or YYYY-MM")
        return cls(number=int(match[1] + match[2]))

    def plus(self, months: int) -> Month:
        """Moves by a number of months, backward when it is negative; raises MalformedMessage out of range."""
        year, month = divmod(self.number, 100)
        year, month = divmod(year * 12 + month - 1 + months, 12)
        return Month(number=year * 100 + month + 1)

    def __str__(self) -> str:
        return f"{self.number // 100:04d}-{self.number % 100:02d}"


def month_of(now: int) -> int:
    """Returns the month of an instant as YYYYMM, in the legal time of metropolitan France."""
    day = datetime.fromtimestamp(now, FRANCE)
    return day.year * 100 + day.month


def end_of_day(now: int) -> int:
    """Returns the first midnight (Unix seconds), in the same time, that is not before an instant."""
    day = datetime.fromtimestamp(now, FRANCE)
    midnight = datetime.combine(day.date(), time(), FRANCE)
    return int((midnight if midnight == day else midnight + timedelta(days=1)).timestamp())
