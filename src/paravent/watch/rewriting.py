"""Ransomware: files that lose their shape, or are rewritten together (docs/detection.md section 2.1): pure.

Bytes that look random are no sign here, where rows, keys and backups are sealed: what had a structure and has none
is. Who looks reports counts (``access.files``); the thresholds are here.
"""

from __future__ import annotations

from collections.abc import Sequence

from paravent.watch.budget import Budget
from paravent.watch.distributions import at_least, of_history

LOST_MIN = 2
"""One file may be half written, or a page half checkpointed, at the instant of the look; two at once are not."""

PAST_LOOKS_MIN = 30


def lost_their_shape(lost: int, broken: int) -> bool:
    """Says whether files and pages of databases that have no structure any more are an alarm; no chance is in it."""
    return lost + broken >= LOST_MIN


def rewritten_together(rewritten: int, past: Sequence[int], looks_a_day: float, budget: Budget) -> float | None:
    """Gives the probability of so many files rewritten between two looks, when it is below the budget's level.

    Nothing is said before ``PAST_LOOKS_MIN`` looks are known.
    """
    if len(past) < PAST_LOOKS_MIN or not rewritten:
        return None
    probability = at_least(of_history(past), rewritten)
    return probability if probability < budget.level_of_a_look(looks_a_day) else None
