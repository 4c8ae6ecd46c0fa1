"""Machines of operators taken over: memory read for a while, as whoever is root reads it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from paravent.breach.entries import LootKind, Stolen
from paravent.crypto.group import Scalar, decode_scalar
from paravent.crypto.signing import VerifyKey
from paravent.drill.ground import KEYSERVERS, Ground
from paravent.drill.inquiry import inquire
from paravent.drill.memory import Seen, look
from paravent.drill.platform import Platform
from paravent.drill.population import LeakedLine, SyntheticPerson
from paravent.drill.row import PlatformName, Ran, Row
from paravent.drill.stores import hub_copy, live_epochs
from paravent.drill.theft import read_directory
from paravent.errors import MalformedMessage

SALES = 6
KEYS_MAX = 20_000
"""More 32-byte objects than any process here holds."""


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
        opened, told = identified(ground, watching.seen, persons)
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


def identified(
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
