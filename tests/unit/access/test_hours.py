"""Hours at which shops are usually closed: night, Sundays, holidays, in the legal time of France."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from paravent.access.hours import FRANCE, easter, is_closed_hour


@pytest.mark.parametrize(
    ("moment", "closed"),
    [
        ("2026-11-27 10:00", False),
        ("2026-11-27 06:59", True),
        ("2026-11-27 20:59", False),
        ("2026-11-27 21:00", True),
        ("2026-07-15 07:00", False),  # summer time
        ("2026-11-29 10:00", True),  # a Sunday
        ("2026-07-14 10:00", True),
        ("2026-04-06 10:00", True),  # Easter Monday
        ("2026-05-14 10:00", True),  # Ascension
        ("2026-05-25 10:00", True),  # Whit Monday
    ],
)
def test_closed_hours(moment: str, *, closed: bool) -> None:
    at = datetime.strptime(moment, "%Y-%m-%d %H:%M").replace(tzinfo=FRANCE)
    assert is_closed_hour(int(at.timestamp())) is closed


def test_easter() -> None:
    assert [easter(year) for year in (2019, 2024, 2026, 2038)] == [
        date(2019, 4, 21), date(2024, 3, 31), date(2026, 4, 5), date(2038, 4, 25),
    ]  # fmt: skip
