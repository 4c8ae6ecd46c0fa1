"""Old backups: copies of the hub and of t-1 key servers from before the end of an epoch, and what all keep today.

The copies are of files, taken while the parties run. One server is down when the epoch ends, so it deletes
nothing: with it, t sets survive and everything opens. Once it has been told, nothing does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from paravent.drill.platform import SERVERS, Platform
from paravent.drill.population import Population
from paravent.drill.row import PlatformName, Ran, Row
from paravent.drill.theft import Theft, read_directory
from paravent.errors import TechnicalFailure

EPOCH = 1
SERVERS_ALL = tuple(f"keyserver-{number}" for number in range(1, SERVERS + 1))
BACKED_UP, *_, AWAY = SERVERS_ALL
_NOTICE_SECONDS_MAX = 180.0


def old_backups(platform: Platform, population: Population) -> Iterator[Row]:
    """Attacks with the old backups and today's stores: one deletion skipped, then none."""
    theft = Theft(
        database=platform.backup("hub") / "hub.db", leaked=population.leaked_list(), directory=read_directory(platform)
    )
    old_files = sorted((platform.backup(BACKED_UP) / "secrets").glob("*.json"))
    platform.stop(AWAY)
    for amc in population.insurers:
        platform.rotate(amc)
        platform.end_epoch(amc, EPOCH)
    yield _row("1-deletion-skipped", len(population.persons), theft, old_files, platform, population)
    platform.start(AWAY)
    for amc in population.insurers:
        _end_everywhere(platform, amc)
    yield _row("all-deleted", 0, theft, old_files, platform, population)


def _end_everywhere(platform: Platform, amc: str) -> None:
    """Sends the notice until every server has taken it: the one that was away has just started."""
    deadline = time.monotonic() + _NOTICE_SECONDS_MAX
    while platform.end_epoch(amc, EPOCH)["waiting"]:
        if time.monotonic() > deadline:
            raise TechnicalFailure(f"epoch {EPOCH} of {amc} did not end everywhere")


def _row(
    case: str, bound: int, theft: Theft, old_files: list[Path], platform: Platform, population: Population
) -> Row:  # fmt: skip
    loot = theft.attack([*old_files, *platform.key_files(*SERVERS_ALL)])
    return Row(
        scenario="old-backups", platform=PlatformName.PARAVENT, case=case, ran=Ran.PROCESSES,
        persons=len(population.persons), opened=population.persons_of(loot.opened),
        membership=population.persons_of(loot.members), bound=bound,
        formula="0 once every server has deleted; everybody while t sets of keys are left",
        seconds=round(loot.seconds, 2),
    )  # fmt: skip
