"""Operators who attack from inside: an administrator, what is logged, a malicious release, a server that lies."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import msgspec

from paravent.access.store import read_secret
from paravent.breach.entries import LootKind, Stolen
from paravent.crypto.group import Scalar, decode_scalar
from paravent.drill.credentials.real import attack
from paravent.drill.ground import KEYSERVERS, THRESHOLD, Ground
from paravent.drill.implant import HANDS_OVER, LIES, implanted
from paravent.drill.inquiry import inquire
from paravent.drill.memory import entitlements
from paravent.drill.platform import Platform
from paravent.drill.row import PlatformName, Ran, Row
from paravent.drill.sought import names_in, numbers_in, with_decoded
from paravent.drill.staff import hire
from paravent.drill.stores import REMAINS, hub_copy, live_epochs
from paravent.drill.theft import Loot, Theft, read_directory
from paravent.errors import MalformedMessage, StorageDown
from paravent.hub.vault import DatabaseKey

KEY_BYTES = 32
SALES = 3
LIE_CHECKS = 6
_VICTIM = 7


def insider(ground: Ground) -> Iterator[Row]:
    """Is the hub's administrator, or a key server's, or both: the whole disk, every key on it, and the list."""
    platform, counter = ground.paravent(), ground.counter()
    for person in ground.next_customers(SALES):
        counter.sell(counter.by_number(person))
    theft = hub_copy(ground, platform)
    for parties in (("hub",), (KEYSERVERS[0],), ("hub", KEYSERVERS[0])):
        loot = _with_every_key(platform, theft, parties)
        loots = [Stolen(kind=LootKind.DATABASE)]
        loots += [Stolen(kind=LootKind.KEY_SERVER, server=party) for party in parties if party != "hub"]
        found = inquire(platform, ground.folder("case"), loots, int(time.time()))
        yield Row(
            scenario="insider", platform=PlatformName.PARAVENT, case="+".join(parties), ran=Ran.PROCESSES,
            persons=ground.persons, opened=ground.population.persons_of(loot.opened),
            membership=ground.population.persons_of(loot.members), bound=0, formula="0 below t key servers",
            computed=found.estimate, seconds=round(loot.seconds, 2),
            remains="every decision, right and claim under its pseudonym" if "hub" in parties else REMAINS,
            figures={"records_read_without_a_name": _records(platform, theft.database) if "hub" in parties else 0},
        )  # fmt: skip


def _with_every_key(platform: Platform, theft: Theft, parties: Sequence[str]) -> Loot:
    """Tries the files of key servers as what they are, and every 32 bytes of every secret file as a look-up key."""
    files = [path for party in parties for path in (platform.home / party / "secrets").iterdir() if path.is_file()]
    keys = [key for path in files for key in _scalars(path.read_bytes())]
    # A look-up key that fits one member fits all: a few are enough to try hundreds of keys on.
    tried = dict.fromkeys(live_epochs(theft.database), keys)
    few = replace(theft, leaked=theft.leaked[:: max(1, len(theft.leaked) // 4)]).attack([], tried)
    whole = theft.attack(platform.key_files(*(party for party in parties if party != "hub")))
    return replace(
        whole, opened=whole.opened | few.opened, members=whole.members | few.members,
        seconds=whole.seconds + few.seconds,
    )  # fmt: skip


def _scalars(content: bytes) -> list[Scalar]:
    found = []
    for start in range(0, max(1, len(content) - KEY_BYTES + 1), KEY_BYTES):
        with suppress(MalformedMessage):
            found.append(decode_scalar(content[start : start + KEY_BYTES]))
    return found


def _records(platform: Platform, database: Path) -> int:
    """Opens the kept records of a copy with the key outside the database; says how many open."""
    key = DatabaseKey(read_secret(platform.home / "hub" / "secrets" / "database.key", KEY_BYTES))
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        records = connection.execute("SELECT name, sealed FROM record").fetchall()
    opened = 0
    for name, sealed in records:
        with suppress(StorageDown):
            opened += bool(key.open(name, sealed))
    return opened


def logs(ground: Ground) -> Iterator[Row]:
    """Reads every log of every party after a day's work, and the events and counts that verbs write of each."""
    platform, counter = ground.paravent(), ground.counter()
    for person in ground.next_customers(SALES):
        counter.sell(counter.by_number(person))
    exported = [_exported(platform, ground.folder("events"), party) for party in ("hub", *KEYSERVERS)]
    started = time.perf_counter()
    written = b"\n".join([*(path.read_bytes() for path in platform.home.glob("*.log")), *exported])
    content = with_decoded(written)
    issuers = read_directory(platform).issuers()
    named = names_in(content, {person.name for person in ground.population.persons})
    numbers = numbers_in(content) & {line.nir for line in ground.population.leaked_list()}
    signed = len({entitlement for entitlement, _ in entitlements(content, issuers)})
    yield Row(
        scenario="logs", platform=PlatformName.PARAVENT, ran=Ran.PROCESSES, persons=ground.persons,
        # Whose each entitlement is would still have to be told; a log that has any counts as one that tells it.
        opened=signed, membership=len(named) + len(numbers), bound=0, formula="0", computed=0,
        seconds=round(time.perf_counter() - started, 2),
        remains="event names, parties, codes, counts by hour; there are no traces",
        figures={
            "log_bytes": len(written), "exported_bytes": sum(map(len, exported)), "names_seen": len(named),
            "numbers_seen": len(numbers), "entitlements_seen": signed,
        },
    )  # fmt: skip


def _exported(platform: Platform, folder: Path, party: str) -> bytes:
    """Has a party write its security events and counts, as whoever watches it collects them."""
    out = folder / party
    verb, home = party.split("-", maxsplit=1)[0], platform.home / party
    platform.command(verb, "events", "--home", home, "--ocsf", "--out", out)
    return out.read_bytes()


def malicious_release(ground: Ground) -> Iterator[Row]:
    """Ships a release that hands a server's secret files over, to one server and then to t of them."""
    platform = ground.paravent()
    for servers in (KEYSERVERS[-1:], KEYSERVERS[-THRESHOLD:]):
        folder, theft = ground.folder("release"), hub_copy(ground, platform)
        began = int(time.time())
        files: list[Path] = []
        for server in servers:
            place = folder / server
            place.mkdir()
            with implanted(platform, place, HANDS_OVER, server):
                files += sorted((place / "drop").glob("*.json"))
        loot = theft.attack(files)
        loots = [Stolen(kind=LootKind.DATABASE)]
        loots += [Stolen(kind=LootKind.KEY_SERVER, server=server) for server in servers]
        found = inquire(platform, ground.folder("case"), loots, began)
        yield Row(
            scenario="malicious-release", platform=PlatformName.PARAVENT, case=f"{len(servers)}-of-{len(KEYSERVERS)}",
            ran=Ran.PROCESSES, persons=ground.persons, opened=ground.population.persons_of(loot.opened),
            membership=ground.population.persons_of(loot.members),
            bound=0 if len(servers) < THRESHOLD else ground.persons, formula="as many stolen key servers",
            computed=found.estimate, seconds=round(loot.seconds, 2), remains=REMAINS,
        )  # fmt: skip
    optician = hire(platform, _VICTIM, int(time.time()), _VICTIM)
    row = attack(
        ground, platform, [optician], (len(KEYSERVERS),), case="1-of-3+device-key", scenario="malicious-release"
    )
    yield msgspec.structs.replace(row, formula="as one stolen key server and a device key")


def lying_server(ground: Ground) -> Iterator[Row]:
    """Runs one server that answers every look-up wrongly: who is believed, and whom the desk accuses."""
    platform, counter, liar, started = ground.paravent(), ground.counter(), KEYSERVERS[0], time.perf_counter()
    served = 0
    with implanted(platform, ground.folder("liar"), LIES, liar):
        for person in ground.next_customers(LIE_CHECKS):
            served += bool(counter.by_number(person))
    with closing(sqlite3.connect(platform.home / counter.desk / "desk.db")) as connection:
        accused = {server for (server,) in connection.execute("SELECT server FROM lie")}
    yield Row(
        scenario="lying-server", platform=PlatformName.PARAVENT, ran=Ran.PROCESSES, persons=ground.persons, opened=0,
        membership=0, bound=0, formula="0; every lie names its server", seconds=round(time.perf_counter() - started, 2),
        figures={
            "checks": LIE_CHECKS, "served_all_the_same": served, "told_something_wrong": LIE_CHECKS - served,
            "liar_accused": liar in accused, "others_accused": len(accused - {liar}),
        },
    )  # fmt: skip
