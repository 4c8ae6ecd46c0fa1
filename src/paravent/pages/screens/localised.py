"""Money, numbers, dates and months as a language writes them: pure.

Instants are Unix seconds, shown in the legal time of metropolitan France; amounts are integer cents of euro.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.numbers import format_currency, format_decimal, format_percent

from paravent.pages.screens.catalogue import Language

FRANCE = ZoneInfo("Europe/Paris")
# English screens are read in Europe: day before month.
_LOCALES = {Language.FRENCH: "fr_FR", Language.ENGLISH: "en_GB"}


def money(cents: int, language: Language) -> str:
    """Writes cents: "1 234,50 €" or "€1,234.50"."""
    return format_currency(Decimal(cents) / 100, "EUR", locale=_LOCALES[language])


def number(value: float, language: Language) -> str:
    """Writes a number with the separators of the language."""
    return format_decimal(value, locale=_LOCALES[language])


def percent(share: float, language: Language) -> str:
    """Writes a share from 0 to 1: "25 %" or "25%"."""
    return format_percent(share, locale=_LOCALES[language])


def day(value: date | int, language: Language) -> str:
    """Writes a day: "27 novembre 2026"."""
    found = value if isinstance(value, date) else datetime.fromtimestamp(value, FRANCE)
    written = format_date(found, "long", locale=_LOCALES[language])
    # The first of a month is an ordinal in French, alone of all days.
    return f"1er{written[1:]}" if language is Language.FRENCH and found.day == 1 else written


def instant(value: int, language: Language) -> str:
    """Writes a day and the hour: "27 nov. 2026, 14:05"."""
    return format_datetime(
        datetime.fromtimestamp(value, FRANCE), "medium", tzinfo=FRANCE, locale=_LOCALES[language]
    )  # fmt: skip


def clock(value: int, language: Language) -> str:
    """Writes the hour of an instant: "14:05"."""
    return format_time(datetime.fromtimestamp(value, FRANCE), "short", tzinfo=FRANCE, locale=_LOCALES[language])


def short_day(value: int, language: Language) -> str:
    """Writes a day without its year: "27/11"; days are those of UTC, as quotas count them."""
    return format_date(datetime.fromtimestamp(value, UTC), "dd/MM", locale=_LOCALES[language])


def month(value: int, language: Language) -> str:
    """Writes a month given as YYYYMM: "novembre 2026"."""
    return format_date(date(value // 100, value % 100, 1), "LLLL y", locale=_LOCALES[language])


def duration(seconds: int, language: Language) -> str:
    """Writes a duration by its largest unit: "3 heures"."""
    return format_timedelta(seconds, locale=_LOCALES[language])


def writers(language: Language) -> Mapping[str, Callable[..., str]]:
    """Gives the filters of a template in a language."""
    kinds: dict[str, Callable[..., str]] = {
        "money": money, "number": number, "percent": percent, "day": day, "instant": instant, "clock": clock,
        "month": month, "duration": duration, "short_day": short_day,
    }  # fmt: skip
    return {name: (lambda value, write=write: write(value, language)) for name, write in kinds.items()}
