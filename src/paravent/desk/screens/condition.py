"""What works at this moment, said before somebody needs it: lanes, quota, age of the lists (docs/screens.md): pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from paravent.desk.entitled import STATUS_AGE_SECONDS_NORMAL
from paravent.wire.statements import Directory


class Freshness(StrEnum):
    """Whether cards of an insurer can be checked: normally, with an older list up to a limit in euros, or not."""

    FRESH = "fresh"
    DEGRADED = "degraded"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptList:
    """The list of revoked entitlements kept of one insurer; ``age_seconds`` is None when there is none."""

    insurer: str
    age_seconds: int | None
    freshness: Freshness


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Who answered when it was last asked, and for how many persons the number lane is left."""

    seen_at: int
    persons: int
    hub: bool
    servers: int
    servers_total: int
    threshold: int
    lists: tuple[KeptList, ...]

    @property
    def number_lane(self) -> bool:
        """Whether the number lane can work."""
        return self.hub and self.servers >= self.threshold

    @property
    def degraded(self) -> bool:
        """Whether anything is not as usual."""
        return not self.hub or self.servers < self.threshold or any(
            kept.freshness is not Freshness.FRESH for kept in self.lists
        )  # fmt: skip


def kept_list(insurer: str, age_seconds: int | None, degraded_days_max: int) -> KeptList:
    """Judges the age of a list as a check does (``entitled.judge_card``)."""
    if age_seconds is None or age_seconds > degraded_days_max * 86_400:
        freshness = Freshness.MISSING
    else:
        freshness = Freshness.DEGRADED if age_seconds > STATUS_AGE_SECONDS_NORMAL else Freshness.FRESH
    return KeptList(insurer=insurer, age_seconds=age_seconds, freshness=freshness)


def condition(
    *, persons: int, answered: Sequence[str], directory: Directory, threshold: int, lists: Sequence[KeptList], now: int
) -> Condition:
    """Describes what answered; the names are those of the directory."""
    servers = {entry.name for entry in directory.keyservers}
    return Condition(
        seen_at=now, persons=persons, hub=directory.hub.name in answered, servers=len(servers & set(answered)),
        servers_total=len(servers), threshold=threshold, lists=tuple(lists),
    )  # fmt: skip
