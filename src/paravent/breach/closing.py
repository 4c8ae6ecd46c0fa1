"""Closing a case that an alarm opened and that proved nothing (docs/protocol.md section 16, step 16.1): pure.

A case of a breach is never closed: it stays in the register of violations, with nothing due. What is learnt after a
closing opens the case again by itself, so that a mistake stops no clock.
"""

from __future__ import annotations

from collections.abc import Sequence

from paravent.breach.entries import Category, Closed, Computed, Noted, Opened, Origin, Placed, Stolen
from paravent.breach.standing import opened, standing
from paravent.errors import InvalidConfiguration

DETECTOR = "detector"
"""Role under which an alarm is entered."""
_DEMANDS = {Category.RANSOM_DEMAND, Category.PUBLICATION_THREAT}


def closing(placed: Sequence[Placed]) -> Placed | None:
    """Returns the entry that closed a case; None while the case is open, or has become one of a breach since."""
    entries = standing(placed)
    found = next((each for each in reversed(entries) if isinstance(each.entry.said, Closed)), None)
    return None if found is None or any(map(_speaks_of_a_breach, entries)) else found


def require_closable(placed: Sequence[Placed]) -> None:
    """Raises InvalidConfiguration saying why a case is not one of a false alarm."""
    entries = standing(placed)
    start = opened(entries).entry.said
    assert isinstance(start, Opened)  # noqa: S101 - ``opened`` returns the entry that opened the case
    if start.origin is Origin.HAND:
        raise InvalidConfiguration("a case that a person opened is not of a false alarm: its clocks go on")
    if closing(placed) is not None:
        raise InvalidConfiguration("this case is closed already")
    against = next(filter(_speaks_of_a_breach, entries), None)
    if against is not None:
        raise InvalidConfiguration(
            f"entry {against.entry.number} speaks of a breach: correct it first (--supersedes), if it is wrong"
        )


def _speaks_of_a_breach(each: Placed) -> bool:
    """Says whether persons were proved exposed, or whether somebody other than a detector said what was stolen."""
    match each.entry.said:
        case Computed(proved=proved):
            return proved > 0
        case Stolen():
            return each.entry.role != DETECTOR
        case Noted(category=category):
            return category in _DEMANDS
        case _:
            return False
