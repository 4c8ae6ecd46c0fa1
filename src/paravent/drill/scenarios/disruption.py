"""Who wants to stop the platform: ransom after a copy, floods and clients that never finish."""

from __future__ import annotations

import json
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
from paravent.drill.platform import Platform
from paravent.drill.pressure import figures, flooding, timed
from paravent.drill.row import PlatformName, Ran, Row
from paravent.drill.stores import REMAINS, hub_copy
from paravent.errors import TechnicalFailure
from paravent.wire.alarm import Sign

CHECKS = 8
SPARED_BYTES = 512
"""Left as they are at the beginning of each file, so that it looks like what it was."""

WATCH_SECONDS, ALARM_SECONDS_MAX = 25.0, 60.0
"""A service looks at its files every twenty seconds."""

FILE_SIGNS = frozenset({Sign.CANARY_FILE.value, Sign.MASS_REWRITE.value})


def ransomware(ground: Ground) -> Iterator[Row]:
    """Copies the hub, then encrypts its files while it serves: what the copy is worth, what alarms, when it is back."""
    platform, counter, persons = ground.paravent(), ground.counter(), ground.next_customers(3)
    card, began = card_of(platform, persons[0]), int(time.time())
    counter.sell(counter.by_number(persons[1]))
    theft = hub_copy(ground, platform)
    loot = theft.attack([])
    found = inquire(platform, ground.folder("case"), [Stolen(kind=LootKind.DATABASE)], began)
    backup = ground.folder("backup") / "hub"
    shutil.copytree(platform.home / "hub", backup, ignore=shutil.ignore_patterns("*-shm"))
    platform.command("hub", "canary-file", "--home", platform.home / "hub")
    watched = _watched(platform)
    struck = time.perf_counter()
    files = _encrypt(platform)
    alarms, alarmed_after = _alarms(platform, watched, struck)
    platform.processes["hub"].kill()
    platform.processes.pop("hub").wait()
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
        # Nobody was read meanwhile but whom the copy opened.
        detected_after=ground.population.persons_of(loot.opened) if alarms else None,
        figures={
            "alarmed_by": ", ".join(alarms), "seconds_until_alarm": alarmed_after, "files_encrypted": files,
            "runs_on_an_encrypted_disk": started_on_garbage, "card_lane_meanwhile": by_card,
            "number_lane_after_restore": served, "seconds_until_restored": round(time.perf_counter() - struck, 1),
        },
    )  # fmt: skip


def _watched(platform: Platform) -> int:
    """Waits until the hub has looked at its files once, the planted one among them; returns where its log ends."""
    time.sleep(WATCH_SECONDS)
    return (platform.home / "hub.log").stat().st_size


def _encrypt(platform: Platform) -> int:
    """Encrypts every file of the hub in place, as ransomware does: names, lengths and first bytes stay."""
    files = [path for path in sorted((platform.home / "hub").rglob("*")) if path.is_file()]
    for path in files:
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.seek(min(SPARED_BYTES, size // 2))
            file.write(os.urandom(size - min(SPARED_BYTES, size // 2)))
    return len(files)


def _alarms(platform: Platform, since: int, struck: float) -> tuple[list[str], float | None]:
    """Waits for the alarms of the hub: their signs, and how long the first took."""
    first: float | None = None
    signs: list[str] = []
    while time.perf_counter() - struck < ALARM_SECONDS_MAX and len(signs) < 2:
        with (platform.home / "hub.log").open("rb") as log:
            log.seek(since)
            said = [json.loads(line) for line in log.read().splitlines() if line.startswith(b"{")]
        signs = sorted({one["code"] for one in said if one["event"] == "alarm-raised"} & FILE_SIGNS)
        first = round(time.perf_counter() - struck, 1) if signs and first is None else first
        time.sleep(0.2)
    return signs, first


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
