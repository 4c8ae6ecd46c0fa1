"""An optician's own desk taken over: its memory, what it is told from then on, and its key."""

from __future__ import annotations

import json
import time
from collections import Counter as Counts
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from paravent.access.quotas import QuotaKind, QuotaLimits
from paravent.breach.entries import LootKind, Stolen
from paravent.desk import config as desk_config
from paravent.drill.counter import Counter, card_of
from paravent.drill.credentials.real import attack
from paravent.drill.credentials.scene import bound, true_hits
from paravent.drill.ground import Ground
from paravent.drill.implant import LISTENS, implanted
from paravent.drill.inquiry import inquire
from paravent.drill.platform import professional
from paravent.drill.population import LeakedLine, SyntheticPerson
from paravent.drill.row import PlatformName, Ran, Row
from paravent.drill.scenarios.machines import identified, spy
from paravent.drill.simulation.platform import Shape
from paravent.drill.staff import Optician
from paravent.person.identity import Holder

# Each served nobody before: the logs tell an hour, and a desk that sold in it already would be computed with that too.
DESK, OTHER_DESK = "desk-malware", "desk-before-malware"
BEFORE, BY_NUMBER, BY_CARD = 4, 12, 2
FORMULA = "what it serves while the malware listens, and what it keeps of the hours before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The desk, its optician's key, and since when: Unix seconds, and on the clock of this process."""

    ground: Ground
    optician: Optician
    began: int
    started: float

    def computed(self) -> int:
        """How many the breach desk proves of a desk taken since then."""
        loot = Stolen(kind=LootKind.DESK, keyid=self.optician.keyid, from_at=self.began, to_at=int(time.time()) + 1)
        return inquire(self.ground.paravent(), self.ground.folder("case"), [loot], self.began).proved

    def row(self, case: str, lines: set[LeakedLine], most: int, told: Collection[LeakedLine] = ()) -> Row:
        """Says whom the thief has opened so far, and of whom else he was ``told``."""
        seconds, persons = time.perf_counter() - self.started, self.ground.population.persons_of(lines)
        return Row(
            scenario="desk-malware", platform=PlatformName.PARAVENT, case=case, ran=Ran.PROCESSES,
            persons=self.ground.persons, opened=persons, bound=most,
            membership=self.ground.population.persons_of(lines | {*told}), formula=FORMULA,
            computed=self.computed(), seconds=round(seconds, 2),
            remains="names, numbers and prescriptions typed there",
        )  # fmt: skip


def desk_malware(ground: Ground) -> Iterator[Row]:
    """Reads what a desk remembers; listens to one for a day, by number and by card; spends what its key has left."""
    yield _remembered(ground)
    counter, folder, platform = ground.counter(DESK), ground.folder("malware"), ground.paravent()
    by_number, by_card = ground.next_customers(BY_NUMBER), ground.next_customers(BY_CARD)
    taken = _taken(ground, DESK)
    with implanted(platform, folder, LISTENS, DESK):
        for person in by_number:
            counter.by_number(person)
        yield taken.row("by-number", _heard(ground, folder / "drop"), BY_NUMBER)
        for person in by_card:
            counter.by_card(card_of(platform, person), person)
        heard = _heard(ground, folder / "drop")
        yield taken.row("and-by-card", heard, BY_NUMBER + BY_CARD)
    yield _with_its_key(taken, counter, [*by_number, *by_card], ground.population.persons_of(heard))


def _taken(ground: Ground, desk: str) -> Taken:
    platform = ground.paravent()
    optician = Optician(
        key=desk_config.device_key(platform.home / desk), professional=professional(platform.ports[desk])
    )
    return Taken(ground=ground, optician=optician, began=int(time.time()), started=time.perf_counter())


def _remembered(ground: Ground) -> Row:
    """Serves a few at another desk, and reads its memory afterwards."""
    counter, served = ground.counter(OTHER_DESK), ground.next_customers(BEFORE)
    taken, watching = _taken(ground, OTHER_DESK), spy(counter.platform, OTHER_DESK, served)
    for person in served:
        counter.by_number(person)
    watching.look()
    opened, told = identified(ground, watching.seen, served)
    return taken.row("memory-of-hours-before", opened, BEFORE, told)


def _heard(ground: Ground, drop: Path) -> set[LeakedLine]:
    heard = {(name, birth) for name, birth, _ in map(json.loads, drop.read_text().splitlines())}
    return {
        line for line in ground.population.leaked_list()
        if (str((holder := Holder.from_card(name=line.name, birth_date=line.birth_date)).name),
            str(holder.birth_date)) in heard
    }  # fmt: skip


def _with_its_key(taken: Taken, counter: Counter, served: Sequence[SyntheticPerson], known: int) -> Row:
    """Has the desk say what its key has left, and spends it on others; who came by number is within the same quota."""
    whole = QuotaLimits()
    spent: Counts[tuple[QuotaKind, int, str]] = Counts()
    for server, left in counter.ask("/v1/quota", {})["servers"].items():
        spent[QuotaKind.LOOKUP, 0, server] = whole.lookups_per_day_max - left["lookups"]
        spent[QuotaKind.OPENING, 0, server] = whole.openings_per_day_max - left["openings"]
    ground, seen = taken.ground, {person.member_id for person in served}
    hits = [hit for hit in true_hits(ground.population.persons) if hit.person not in seen]
    row = attack(
        ground, ground.paravent(), [taken.optician], (), case="and-its-key", scenario="desk-malware", hits=hits,
        spent=spent, formula="what a device key opens, and whom it serves by card",
    )  # fmt: skip
    return msgspec.structs.replace(
        row, opened=(row.opened or 0) + known, membership=(row.membership or 0) + known,
        bound=bound(Shape(), 1, 0, 1) + BY_CARD, computed=taken.computed(),
        figures=row.figures | {"served_by_card": BY_CARD},
    )  # fmt: skip
