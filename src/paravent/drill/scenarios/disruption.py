"""Who wants to stop the platform: ransom after a copy, floods and clients that never finish."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from paravent.breach.entries import LootKind, Stolen
from paravent.drill.counter import card_of
from paravent.drill.ground import KEYSERVERS, Ground
from paravent.drill.inquiry import inquire
from paravent.drill.pressure import figures, flooding, timed
from paravent.drill.row import PlatformName, Ran, Row
from paravent.drill.stores import REMAINS, hub_copy
from paravent.errors import TechnicalFailure

CHECKS = 8


def ransomware(ground: Ground) -> Iterator[Row]:
    """Copies the hub, then encrypts its disk: what the copy is worth, and when it works again."""
    platform, counter, persons = ground.paravent(), ground.counter(), ground.next_customers(3)
    card, began = card_of(platform, persons[0]), int(time.time())
    counter.sell(counter.by_number(persons[1]))
    theft = hub_copy(ground, platform)
    loot = theft.attack([])
    found = inquire(platform, ground.folder("case"), [Stolen(kind=LootKind.DATABASE)], began)
    backup = ground.folder("backup") / "hub"
    shutil.copytree(platform.home / "hub", backup, ignore=shutil.ignore_patterns("*-shm"))
    struck = time.perf_counter()
    platform.processes["hub"].kill()
    platform.processes.pop("hub").wait()
    for path in (platform.home / "hub").rglob("*"):
        if path.is_file():
            path.write_bytes(os.urandom(path.stat().st_size))
    started_on_garbage = _starts(ground)
    by_card = bool(counter.by_card(card, persons[0]))
    shutil.rmtree(platform.home / "hub")
    shutil.copytree(backup, platform.home / "hub")
    platform.start("hub")
    served = bool(counter.by_number(persons[2]))
    yield Row(
        scenario="ransomware", platform=PlatformName.PARAVENT, ran=Ran.PROCESSES, persons=ground.persons,
        opened=ground.population.persons_of(loot.opened), membership=ground.population.persons_of(loot.members),
        bound=0, formula="0", computed=found.estimate, seconds=round(loot.seconds, 2), remains=REMAINS,
        figures={
            "runs_on_an_encrypted_disk": started_on_garbage, "card_lane_meanwhile": by_card,
            "number_lane_after_restore": served, "seconds_until_restored": round(time.perf_counter() - struck, 1),
        },
    )  # fmt: skip


def _starts(ground: Ground) -> bool:
    platform = ground.paravent()
    with suppress(TechnicalFailure):
        platform.start("hub")
        return True
    platform.processes.pop("hub").wait()
    return False


def flood(ground: Ground) -> Iterator[Row]:
    """Holds hundreds of connections that never finish and floods the hub and a key server; a shop works on."""
    platform, counter, started = ground.paravent(), ground.counter(), time.perf_counter()
    ports = [platform.ports[name] for name in ("hub", KEYSERVERS[0])]
    persons = ground.next_customers(2 * CHECKS)
    quiet = [timed(partial(counter.by_number, person)) for person in persons[:CHECKS]]
    with flooding(ports) as sent:
        under = [timed(partial(counter.by_number, person)) for person in persons[CHECKS:]]
    yield Row(
        scenario="flood", platform=PlatformName.PARAVENT, ran=Ran.PROCESSES, persons=ground.persons, opened=0,
        membership=0, bound=0, formula="0", seconds=round(time.perf_counter() - started, 2),
        figures=figures(quiet, under, sent),
    )  # fmt: skip
