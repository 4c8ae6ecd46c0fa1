"""Machines taken over: memory read for a while, an administrator's disk, what is logged, an optician's own desk."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from paravent.breach.entries import LootKind, Stolen
from paravent.crypto.group import Scalar, decode_scalar
from paravent.crypto.signing import VerifyKey, key_id
from paravent.desk import config as desk_config
from paravent.drill.counter import card_of
from paravent.drill.ground import KEYSERVERS, Ground
from paravent.drill.implant import LISTENS, implanted
from paravent.drill.inquiry import inquire
from paravent.drill.memory import Seen, look
from paravent.drill.platform import Platform
from paravent.drill.population import LeakedLine, SyntheticPerson
from paravent.drill.row import PlatformName, Ran, Row
from paravent.drill.stores import hub_copy, live_epochs
from paravent.drill.theft import read_directory
from paravent.errors import MalformedMessage
from paravent.person.identity import Holder

SALES = 6
KEYS_MAX = 20_000
"""More 32-byte objects than any process here holds."""

MALWARE_DESK = "desk-malware"
BY_NUMBER, BY_CARD = 12, 2


@dataclass(slots=True, kw_only=True)
class Spy:
    """Whoever reads the memory of one party again and again, while it works."""

    platform: Platform
    party: str
    issuers: dict[str, VerifyKey]
    names: Sequence[str]
    seen: Seen
    looks: int = 0

    def look(self, *, keys: bool = False) -> None:
        """Reads it once."""
        look(self.platform.processes[self.party].pid, self.seen, self.issuers, self.names, keys=keys)
        self.looks += 1


def spy(platform: Platform, party: str, persons: Sequence[SyntheticPerson]) -> Spy:
    """Puts a spy into a party; he looks for the persons who are served meanwhile."""
    return Spy(
        platform=platform, party=party, issuers=dict(read_directory(platform).issuers()),
        names=[person.name for person in persons], seen=Seen(),
    )  # fmt: skip


def memory(ground: Ground) -> Iterator[Row]:
    """Reads the hub's memory, and a key server's, while an optician sells: root for as long as the sales take."""
    platform, counter = ground.paravent(), ground.counter()
    for party in ("hub", KEYSERVERS[0]):
        persons, began, started = ground.next_customers(SALES), int(time.time()), time.perf_counter()
        watching = spy(platform, party, persons)
        for person in persons:
            check = counter.by_number(person)
            watching.look()
            counter.sell(check)
            watching.look()
        watching.look(keys=True)
        took = time.perf_counter() - started
        numbers = len(watching.seen.numbers & {line.nir for line in ground.population.leaked_list()})
        opened, told = _identified(ground, watching.seen, persons)
        loots = [Stolen(kind=LootKind.HUB, from_at=began, to_at=int(time.time()))]
        if party != "hub":
            loots = [Stolen(kind=LootKind.KEY_SERVER, server=party), Stolen(kind=LootKind.DATABASE)]
        found = inquire(platform, ground.folder("case"), loots, began)
        theft = hub_copy(ground, platform)
        served = {cover.nir for person in persons for cover in person.coverages}
        few = [line for line in theft.leaked if line.nir in served]
        keys = {epoch: _scalars(watching.seen) for epoch in live_epochs(theft.database)}
        # Whatever lies in memory is tried as a look-up key, on those who were just served; what opens one opens all.
        tried = replace(theft, leaked=few).attack(platform.key_files(*({party} - {"hub"})), keys)
        yield Row(
            scenario="memory", platform=PlatformName.PARAVENT, case=party, ran=Ran.PROCESSES, persons=ground.persons,
            opened=ground.population.persons_of(opened | tried.opened),
            membership=ground.population.persons_of(opened | told | tried.members), bound=0,
            formula="0 identities; claims that pass meanwhile", computed=found.estimate, seconds=round(took, 2),
            remains="entitlements that pass, without a name" if party == "hub" else "",
            figures={
                "entitlements_seen": len(watching.seen.entitlements), "sales": SALES, "looks": watching.looks,
                "names_seen": len(watching.seen.names), "numbers_seen": numbers,
                "objects_of_32_bytes": len(watching.seen.keys), "claims_upper": found.claims_upper,
            },
        )  # fmt: skip


def _identified(
    ground: Ground, seen: Seen, served: Sequence[SyntheticPerson]
) -> tuple[set[LeakedLine], set[LeakedLine]]:
    """Says whose entitlements were seen with what tells whose; and who was seen by number or, just served, by name."""
    opened = {line for part in seen.desk_parts.values() for line in ground.lines_of(part)}
    named = {(person.name, person.birth_date) for person in served if person.name in seen.names}
    told = {
        line for line in ground.population.leaked_list()
        if line.nir in seen.numbers or (line.name, line.birth_date) in named
    }  # fmt: skip
    return opened, told


def _scalars(seen: Seen) -> list[Scalar]:
    found = []
    for key in sorted(seen.keys)[:KEYS_MAX]:
        try:
            found.append(decode_scalar(key))
        except MalformedMessage:
            continue
    return found


def desk_malware(ground: Ground) -> Iterator[Row]:
    """Listens on one desk for a day: everybody whom it serves, by number, and by card, which nobody witnesses."""
    platform, folder = ground.paravent(), ground.folder("malware")
    counter = ground.counter(MALWARE_DESK)
    keyid = key_id(desk_config.device_key(platform.home / MALWARE_DESK).public)
    began, started = int(time.time()), time.perf_counter()
    by_number, by_card = ground.next_customers(BY_NUMBER), ground.next_customers(BY_CARD)
    with implanted(platform, folder, LISTENS, MALWARE_DESK):
        for person in by_number:
            counter.by_number(person)
        yield _heard(ground, "by-number", folder / "drop", by_number, keyid, (began, started))
        for person in by_card:
            counter.by_card(card_of(platform, person), person)
        yield _heard(ground, "and-by-card", folder / "drop", [*by_number, *by_card], keyid, (began, started))


def _heard(
    ground: Ground, case: str, drop: Path, served: Sequence[SyntheticPerson], keyid: str, since: tuple[int, float]
) -> Row:
    heard = {(name, birth) for name, birth, _ in map(json.loads, drop.read_text().splitlines())}
    opened = {
        line for line in ground.population.leaked_list()
        if (str((holder := Holder.from_card(name=line.name, birth_date=line.birth_date)).name),
            str(holder.birth_date)) in heard
    }  # fmt: skip
    loot = Stolen(kind=LootKind.DESK, keyid=keyid, from_at=since[0], to_at=int(time.time()) + 1)
    found = inquire(ground.paravent(), ground.folder("case"), [loot], since[0])
    persons = ground.population.persons_of(opened)
    return Row(
        scenario="desk-malware", platform=PlatformName.PARAVENT, case=case, ran=Ran.PROCESSES,
        persons=ground.persons, opened=persons, membership=persons, bound=len(served),
        formula="what it served inside its retention window, and while the malware listens", computed=found.proved,
        seconds=round(time.perf_counter() - since[1], 2), remains="names, numbers and prescriptions typed there",
    )  # fmt: skip
