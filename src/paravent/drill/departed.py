"""Who has left: a copy of the hub from before, and a stolen device key (docs/threat-model.md section 4).

Their rows are gone from the hub, and their opening keys are those of a whole batch, which stays while others of it
are insured: an old copy is worth the quota of a device key. When the epoch has ended everywhere it is worth nothing.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from pathlib import Path

from paravent.drill.credentials.real import attack, live_epochs
from paravent.drill.credentials.scene import FORMULA, true_hits
from paravent.drill.ground import Ground
from paravent.drill.platform import Platform
from paravent.drill.row import Row
from paravent.drill.staff import hire
from paravent.drill.theft import copy_database, read_directory
from paravent.hub.store import DATABASE

LEAVING = 70
"""More than a device key opens in a day."""

SCENARIO = "old-backups"
_OPTICIANS = (13, 14)


def departed(ground: Ground, platform: Platform) -> Iterator[Row]:
    """Copies the hub, has some members of an insurer leave, and asks for these; then once more when the epoch ended."""
    amc = ground.population.insurers[0]
    # The epoch before was dealt while a server was away.
    platform.rotate(amc)
    older = copy_database(platform.home / "hub" / DATABASE, ground.folder("older") / DATABASE)
    epochs = live_epochs(ground.population.insurers, read_directory(platform))
    gone = _leave(platform.home / f"members-{amc}.csv")
    platform.publish(amc)
    hits = [hit for hit in true_hits(ground.population.persons) if hit.amc == amc and hit.person in gone]
    for number, case in zip(_OPTICIANS, ("left+device-key", "left+device-key-after-the-epoch"), strict=True):
        optician = hire(platform, number, int(time.time()), number)
        yield attack(
            ground, platform, [optician], (), case=case, scenario=SCENARIO, hits=hits, older=older, epochs=epochs,
            most=None if number == _OPTICIANS[0] else 0, formula=f"{FORMULA}; 0 once the epoch has ended",
        )  # fmt: skip
        if number == _OPTICIANS[0]:
            ended = epochs[amc].epoch
            platform.rotate(amc)
            platform.end_epoch(amc, ended)


def _leave(path: Path) -> set[str]:
    """Takes the first members, with all of their lines, out of an insurer's file; returns who they are."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    gone = set(list(dict.fromkeys(row["member_id"] for row in rows))[:LEAVING])
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(row for row in rows if row["member_id"] not in gone)
    return gone
