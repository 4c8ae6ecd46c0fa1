"""Which entries of a case still hold (docs/protocol.md section 16): pure."""

from __future__ import annotations

from collections.abc import Sequence

from paravent.breach.entries import Opened, Placed


def standing(placed: Sequence[Placed]) -> list[Placed]:
    """Leaves out what a later entry supersedes."""
    gone = {each.entry.supersedes for each in placed}
    return [each for each in placed if each.entry.number not in gone]


def opened(placed: Sequence[Placed]) -> Placed:
    """Returns the entry that says what the case is; a later one may have superseded the first."""
    return next(each for each in reversed(placed) if isinstance(each.entry.said, Opened))
