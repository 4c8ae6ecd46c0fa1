"""Without a list: numbers guessed from what a neighbour knows of somebody; and whether somebody is insured at all."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from paravent.breach.entries import LootKind, Stolen
from paravent.drill.credentials.attacker import Attacker, Hit
from paravent.drill.credentials.real import read_files, thief
from paravent.drill.credentials.scene import bound, true_hits
from paravent.drill.ground import KEYSERVERS, Ground
from paravent.drill.inquiry import inquire
from paravent.drill.population import births_of, possible_numbers
from paravent.drill.row import PlatformName, Ran, Row
from paravent.drill.simulation.platform import Shape
from paravent.drill.staff import hire, watchmen
from paravent.drill.stores import hub_copy
from paravent.errors import QuotaExceeded
from paravent.person.nir import Nir
from paravent.watch.budget import Budget
from paravent.watch.sequential import Tried, sequential_test

LOOKUP_FORMULA = "⌊P·(n-c)·q·⌈D⌉/(t-c)⌋ look-ups, wrong ones included"
_GUESSER, _TESTER, _TESTER_WITH_FILES = 4, 5, 6


def nir_guessing(ground: Ground) -> Iterator[Row]:
    """Knows everybody's name, dates, place, family and insurer, but no number; guesses where it costs least."""
    platform, number = ground.paravent(), _GUESSER
    optician = hire(platform, number, int(time.time()), number)
    began, started = int(time.time()), time.perf_counter()
    attacker = thief(platform, ground.population, [optician], {})
    guessing = Guessing(attacker=attacker)
    for household in _households(ground):
        if not guessing.after(household):
            break
    seconds = time.perf_counter() - started
    loot = Stolen(kind=LootKind.DEVICE_KEY, keyid=optician.keyid, from_at=began, to_at=int(time.time()) + 1)
    found = inquire(platform, ground.folder("case"), [loot], began)
    yield Row(
        scenario="nir-guessing", platform=PlatformName.PARAVENT, ran=Ran.PROCESSES, persons=ground.persons,
        opened=len(attacker.opened), membership=guessing.members, bound=bound(Shape(), 1, 0, 1),
        formula=LOOKUP_FORMULA, detected_after=guessing.detected_after, computed=found.proved,
        seconds=round(seconds, 2),
        figures={
            "numbers_tried": guessing.tried, "numbers_found": len(guessing.found),
            "detected_after_numbers": guessing.detected_after_numbers,
        },
    )  # fmt: skip


def _households(ground: Ground) -> list[list[Hit]]:
    """Lists who is insured under one number, those first whose number costs fewest guesses a person."""
    households: defaultdict[str, list[Hit]] = defaultdict(list)
    for hit in true_hits(ground.population.persons):
        households[hit.identity.nir.thirteen].append(hit)
    return sorted(households.values(), key=lambda hits: births_of(hits[0].identity.nir.thirteen[5:7]) / len(hits))


@dataclass(slots=True, kw_only=True)
class Guessing:
    """Numbers tried until the quota is spent; the hub's counts of unknown persons are judged as they come."""

    attacker: Attacker
    tried: int = 0
    found: set[str] = field(default_factory=set)
    level: Tried = field(default_factory=Tried)
    detected_after: int | None = None
    detected_after_numbers: int | None = None
    members: int = 0

    def after(self, household: Sequence[Hit]) -> bool:
        """Tries every number that a household may have on one of it, then the one found on all; is quota left?"""
        first, *others = household
        nir = first.identity.nir.thirteen
        for number in possible_numbers(nir):
            # Nobody else has a number that was found, whatever the sex: a register gives an order number once.
            if number[1:] in self.found:
                continue
            try:
                known = self._try(first, number)
                if known:
                    self.found.add(number[1:])
                    for hit in others:
                        self._try(hit, number)
                    return True
            except QuotaExceeded:
                return False
        return True

    def _try(self, hit: Hit, number: str) -> bool:
        """Looks one person up under a number, and opens whom it finds; raises QuotaExceeded."""
        guess = replace(hit, person=f"{hit.person}/{number}", identity=replace(hit.identity, nir=Nir(number)))
        known = self.attacker.look_up(guess).handle in self.attacker.rows
        self.tried += 1
        self._judge(unknown=not known)
        if known:
            self.members += 1
            self.attacker.drain([guess])
        return known

    def _judge(self, *, unknown: bool) -> None:
        test = sequential_test(Budget())
        self.level = test.after(self.level, unknown=unknown)
        if self.detected_after_numbers is None and test.alarms(self.level):
            self.detected_after, self.detected_after_numbers = len(self.attacker.opened), self.tried


def membership_test(ground: Ground) -> Iterator[Row]:
    """Asks of everybody whether they are insured here, opening nobody: with a copy, and with look-ups."""
    platform, theft = ground.paravent(), hub_copy(ground, ground.paravent())
    for servers in ((), KEYSERVERS[:1]):
        loot = theft.attack(platform.key_files(*servers))
        yield Row(
            scenario="membership-test", platform=PlatformName.PARAVENT, ran=Ran.PROCESSES, persons=ground.persons,
            case=f"copy+{len(servers)}-key-servers", opened=len(loot.opened),
            membership=ground.population.persons_of(loot.members), bound=0, formula="0 with fewer than t key servers",
            seconds=round(loot.seconds, 2),
        )  # fmt: skip
    for number, stolen in ((_TESTER, ()), (_TESTER_WITH_FILES, (len(KEYSERVERS),))):
        yield _looked_up(ground, number, stolen)


def _looked_up(ground: Ground, number: int, stolen: tuple[int, ...]) -> Row:
    platform = ground.paravent()
    optician = hire(platform, number, int(time.time()), number)
    files = {index: read_files(platform, index) for index in stolen}
    attacker = thief(platform, ground.population, [optician], files)
    honest = [name for index, name in enumerate(KEYSERVERS, start=1) if index not in stolen]
    watching = watchmen(platform, honest, [optician])
    members, started = 0, time.perf_counter()
    with suppress(QuotaExceeded):
        for hit in true_hits(ground.population.persons):
            members += attacker.look_up(hit).handle in attacker.rows
            watching.look(members)
    return Row(
        scenario="membership-test", platform=PlatformName.PARAVENT, ran=Ran.PROCESSES, persons=ground.persons,
        case=f"device-key+{len(stolen)}-key-servers", opened=len(attacker.opened), membership=members,
        bound=0, formula="0 opened; membership: " + LOOKUP_FORMULA, detected_after=watching.detected_after,
        seconds=round(time.perf_counter() - started, 2),
        figures={"membership_bound": bound(Shape(), 1, len(stolen), 1)},
    )  # fmt: skip
