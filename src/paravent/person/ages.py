"""Ages in complete years and months between two days, on the desk only: a birth date goes no further."""

from __future__ import annotations

from calendar import monthrange
from datetime import date


def age_months(born: date, day: date) -> int:
    """Counts the complete months from a birth to a day, 0 before it; a last day of month ends the month."""
    months = (day.year - born.year) * 12 + day.month - born.month
    reached = day.day >= min(born.day, monthrange(day.year, day.month)[1])
    return max(0, months if reached else months - 1)


def years_later(day: date, years: int) -> date:
    """Moves a day by whole years; 29 February becomes 28 February."""
    year = day.year + years
    return date(year, day.month, min(day.day, monthrange(year, day.month)[1]))
