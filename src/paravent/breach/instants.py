"""Instants as people write them for the breach desk, in the time of UTC or of metropolitan France: pure."""

from __future__ import annotations

from datetime import UTC, datetime

from paravent.errors import InvalidConfiguration
from paravent.optics.months import FRANCE

_FORMS = (("%Y-%m-%dT%H:%MZ", UTC), ("%Y-%m-%d %H:%M", FRANCE), ("%Y-%m-%dT%H:%M", FRANCE))
"""UTC, then the legal time of France as a hand and as a field of a page write it."""


def read_instant(text: str, now: int) -> int:
    """Reads an instant: UTC (2026-01-31T08:15Z), legal time of France ("2026-01-31 09:15"), or ``now``.

    Raises InvalidConfiguration.
    """
    if text == "now":
        return now
    for form, zone in _FORMS:
        try:
            return int(datetime.strptime(text, form).replace(tzinfo=zone).timestamp())
        except ValueError:
            continue
    raise InvalidConfiguration('an instant is written 2026-01-31T08:15Z (UTC), "2026-01-31 09:15" (Paris), or now')


def local(at: int) -> str:
    """Writes an instant as a field of a page holds it, in the legal time of France."""
    return datetime.fromtimestamp(at, FRANCE).strftime("%Y-%m-%dT%H:%M")
