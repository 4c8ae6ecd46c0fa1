"""Stolen stores: the database of the hub, files of key servers, old backups (docs/threat-model.md section 4)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from paravent.breach.entries import LootKind, Stolen
from paravent.drill.card_only import card_only
from paravent.drill.credentials.loot import CopiedRows
from paravent.drill.departed import departed
from paravent.drill.ground import KEYSERVERS, THRESHOLD, Ground
from paravent.drill.inquiry import inquire
from paravent.drill.old_backups import old_backups as attack_with_old_backups
from paravent.drill.platform import Platform
from paravent.drill.row import PlatformName, Ran, Row
from paravent.drill.theft import Epoch, Theft, copy_database, read_directory
from paravent.hub.store import DATABASE

REMAINS = "number of rows and of acts, by insurer and month"


def hub_copy(ground: Ground, platform: Platform) -> Theft:
    """Copies the hub's database while it runs, and holds the true list of everybody."""
    copy = copy_database(platform.home / "hub" / DATABASE, ground.folder("stolen") / "stolen.db")
    return Theft(database=copy, leaked=ground.population.leaked_list(), directory=read_directory(platform))


def live_epochs(database: Path) -> list[Epoch]:
    """Lists the insurers and epochs of which a copy holds rows."""
    return CopiedRows(database).epochs()


def database(ground: Ground) -> Iterator[Row]:
    """Steals the hub's database alone."""
    yield from _with_servers(ground, "database", [()])


def key_servers(ground: Ground) -> Iterator[Row]:
    """Steals it with the files of 1 to n key servers: t-1 open nothing, t open everybody."""
    names = [KEYSERVERS[:count] for count in range(1, len(KEYSERVERS) + 1)]
    yield from _with_servers(ground, "key-servers", names)


def _with_servers(ground: Ground, scenario: str, thefts: Sequence[Sequence[str]]) -> Iterator[Row]:
    platform = ground.paravent()
    theft = hub_copy(ground, platform)
    for servers in thefts:
        loot = theft.attack(platform.key_files(*servers))
        loots = [Stolen(kind=LootKind.DATABASE)]
        loots += [Stolen(kind=LootKind.KEY_SERVER, server=server) for server in servers]
        found = inquire(platform, ground.folder("case"), loots, int(time.time()))
        yield Row(
            scenario=scenario, platform=PlatformName.PARAVENT, case=f"{len(servers)}-of-{len(KEYSERVERS)}",
            ran=Ran.PROCESSES, persons=ground.persons, opened=ground.population.persons_of(loot.opened),
            membership=ground.population.persons_of(loot.members),
            bound=0 if len(servers) < THRESHOLD else ground.persons,
            formula="0 with fewer than t key servers; else every number-lane row of live epochs",
            computed=found.estimate, seconds=round(loot.seconds, 2), remains=REMAINS,
            figures={"upper": found.upper},
        )  # fmt: skip


def old_backups(ground: Ground) -> Iterator[Row]:
    """Steals copies from before an epoch ended and from before members left, on a platform of its own."""
    with ground.apart("old-backups") as platform:
        yield from attack_with_old_backups(platform, ground.population)
        yield from departed(ground, platform)
        yield from card_only(ground, platform)
