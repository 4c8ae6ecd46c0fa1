"""What one theft gave: the one shape of every line that the drill prints (docs/drill.md)."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class PlatformName(StrEnum):
    """Which platform was attacked."""

    PARAVENT = "paravent"
    CONVENTIONAL = "conventional"


class Ran(StrEnum):
    """On what a theft was carried out."""

    PROCESSES = "processes"
    SIMULATION = "simulation"


Figure = int | float | str | bool | None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One theft and its figures, in persons; null where a figure has no meaning.

    ``case`` tells the thefts of one scenario apart. ``opened``: the thief reads their contracts and knows whose they
    are. ``membership``: he learns that they are insured here, and nothing of the contract. ``bound``: what ``formula``
    gives. ``detected_after``: how many were read before a detector alarmed. ``computed``: how many the breach desk
    proves from the evidence alone. ``remains``: what else he reads. A scenario that was not run says why in
    ``not_applicable``, and has no figure.
    """

    scenario: str
    platform: PlatformName
    case: str = ""
    ran: Ran | None = None
    persons: int | None = None
    opened: int | None = None
    membership: int | None = None
    bound: int | None = None
    formula: str = ""
    detected_after: int | None = None
    computed: int | None = None
    seconds: float | None = None
    remains: str = ""
    not_applicable: str | None = None
    figures: dict[str, Figure] = {}

    def holds(self) -> bool:
        """Says whether the theft opened no more than the bound that was published."""
        return self.opened is None or self.bound is None or self.opened <= self.bound

    def reached(self) -> bool:
        """Says whether the theft opened as many as the bound lets through, where it lets any through."""
        return self.bound is not None and self.bound > 0 and self.opened == self.bound


def not_applicable(scenario: str, platform: PlatformName, reason: str) -> Row:
    """Says why a scenario was not run on a platform."""
    return Row(scenario=scenario, platform=platform, not_applicable=reason)
