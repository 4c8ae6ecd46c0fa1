"""Trap persons looked for by a classifier, and avoided by a thief who trusts it (docs/drill.md)."""

from __future__ import annotations

import csv
import random
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from paravent.breach.entries import LootKind, Stolen
from paravent.drill.credentials.attacker import Hit
from paravent.drill.credentials.real import thief
from paravent.drill.credentials.scene import FORMULA, bound
from paravent.drill.discovery.features import Seen
from paravent.drill.discovery.learning import Measured, learn
from paravent.drill.discovery.uniform import uniform
from paravent.drill.ground import KEYSERVERS, THRESHOLD, Ground
from paravent.drill.inquiry import inquire
from paravent.drill.platform import Platform
from paravent.drill.population import LeakedLine
from paravent.drill.row import Figure, PlatformName, Ran, Row
from paravent.drill.simulation.platform import Shape
from paravent.drill.staff import Optician, hire
from paravent.drill.stores import hub_copy
from paravent.drill.theft import Theft
from paravent.insurer.traps.store import TrapStore
from paravent.person.identity import PersonIdentity
from paravent.person.nir import Nir

SCENARIO = "canary-discovery"
SEED = 7
# Far more than an insurer would draw: few would say little of the classifier.
TRAPS_PER_HUNDRED, TRAPS_MAX = 10, 200
MEMBERS_MAX = 2_500
_CHANGED_IN = 12
_OPTICIANS = (11, 12)
_ALARM_SECONDS_MAX = 120.0


def canary_discovery(ground: Ground) -> Iterator[Row]:
    """Opens everybody with t key servers' files, learns from half, whose kinds are given away, and judges the rest.

    Then spends a stolen device key on the other half, those first who look least like traps; and on whom comes first.
    """
    amc = ground.population.insurers[0]
    with ground.apart("trapped") as platform:
        started = time.perf_counter()
        trapped = _trapped(ground, platform, amc)
        found = learn(trapped.seen, trapped.traps, SEED)
        yield _learnt(ground, "t-key-servers", trapped, found, time.perf_counter() - started)
        persons = _each_once(found.scores)
        careful = sorted(persons, key=lambda line: found.scores[line])
        blind = random.Random(SEED).sample(sorted(persons, key=repr), len(persons))
        for number, case, order in zip(_OPTICIANS, ("avoiding", "blind"), (careful, blind), strict=True):
            yield _spent(ground, platform, trapped, number, case, order)
    started = time.perf_counter()
    yield _learnt(ground, "drawn-uniformly", control := _uniform(trapped),
                  learn(control.seen, control.traps, SEED), time.perf_counter() - started)  # fmt: skip


def _each_once(lines: Iterable[LeakedLine]) -> list[LeakedLine]:
    """Takes one line of each person: a child under two parents is one person."""
    return list({(line.name, line.birth_date, line.rank): line for line in lines}.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Trapped:
    """What was opened of an insurer, and which of it are traps."""

    amc: str
    seen: list[Seen]
    traps: frozenset[LeakedLine]


def _trapped(ground: Ground, platform: Platform, amc: str) -> Trapped:
    """Draws traps, publishes them in a new epoch, changes some terms, and opens both copies of the hub."""
    home, members = platform.home / f"insurer-{amc}", len(ground.population.of_insurer(amc))
    count = max(1, min(TRAPS_MAX, members * TRAPS_PER_HUNDRED // 100))
    platform.command("insurer", "draw-traps", "--home", home, "--persons", str(count))
    epoch = int(platform.rotate(amc)["epoch"])
    before = hub_copy(ground, platform)
    _change_terms(platform.home / f"members-{amc}.csv")
    platform.publish(amc)
    traps = _traps(home)
    after = hub_copy(ground, platform)
    lines = sorted({*ground.population.leaked_list(), *traps}, key=repr)
    files = platform.key_files(*KEYSERVERS[:THRESHOLD])
    old, new = (
        Theft(database=theft.database, leaked=lines, directory=theft.directory).contents(files, (amc, epoch))
        for theft in (before, after)
    )
    seen = [
        Seen(line=line, row=row, part=part, changed=line not in old or old[line][0].stored != row.stored)
        for line, (row, part) in new.items()
    ]
    return Trapped(amc=amc, seen=_some(seen, traps), traps=frozenset(traps))


def _some(seen: list[Seen], traps: set[LeakedLine]) -> list[Seen]:
    """Keeps every trap, and members up to what pure Python learns from in seconds."""
    members = [one for one in seen if one.line not in traps]
    chosen = {id(one) for one in random.Random(SEED).sample(members, min(len(members), MEMBERS_MAX))}
    return [one for one in seen if one.line in traps or id(one) in chosen]


def _traps(home: Path) -> set[LeakedLine]:
    """Reads the secret list, which the thief of this scenario is given for half of the households."""
    with closing(TrapStore(home)) as store:
        live = store.live().live
    return {
        LeakedLine(nir=one.nir.thirteen, birth_date=str(one.birth_date), rank=one.rank, name=trap.member.printed_name)
        for trap in live for one in trap.member.identities
    }  # fmt: skip


def _change_terms(path: Path) -> None:
    """Has one member in twelve buy glasses: the month from which the next are payable moves."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if int("".join(filter(str.isdigit, row["member_id"]))) % _CHANGED_IN == 0:
            row["free_from"] = str(int(row["free_from"]) + 100)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _uniform(trapped: Trapped) -> Trapped:
    members = [one for one in trapped.seen if one.line not in trapped.traps]
    drawn = uniform(members, len(trapped.traps), random.Random(SEED))
    return Trapped(amc=trapped.amc, seen=[*members, *drawn], traps=frozenset(one.line for one in drawn))


def _learnt(ground: Ground, case: str, trapped: Trapped, found: Measured, seconds: float) -> Row:
    figures: dict[str, Figure] = {
        "records": len(trapped.seen), "traps": len(trapped.traps), "features": found.features,
        **{f"auc_{name.replace('-', '_')}": round(area, 3) for name, area in found.areas.items()},
        "guesser_from": round(found.guesser[0], 3), "guesser_to": round(found.guesser[1], 3),
        "at_chance": found.at_chance,
    }  # fmt: skip
    return Row(
        scenario=SCENARIO, platform=PlatformName.PARAVENT, case=case, ran=Ran.PROCESSES, persons=ground.persons,
        formula="area under the curve of a guesser: 0.5", seconds=round(seconds, 2), figures=figures,
    )  # fmt: skip


def _spent(
    ground: Ground, platform: Platform, trapped: Trapped, number: int, case: str, order: list[LeakedLine]
) -> Row:  # fmt: skip
    """Spends a device key's quota of a day in an order; the insurer pulls, and says whether a trap was among them."""
    optician = hire(platform, number, int(time.time()), number)
    began, started = int(time.time()), time.perf_counter()
    attacker = thief(platform, ground.population, [optician], {})
    attacker.drain([_hit(line, trapped.amc) for line in order])
    seconds = time.perf_counter() - started
    lines = {repr(line): line for line in order}
    opened = [lines[name] in trapped.traps for name in attacker.opened]
    fired = _alarmed(platform, trapped.amc, optician, expected=any(opened))
    loot = Stolen(kind=LootKind.DEVICE_KEY, keyid=optician.keyid, from_at=began, to_at=int(time.time()) + 1)
    found = inquire(platform, ground.folder("case"), [loot], began)
    return Row(
        scenario=SCENARIO, platform=PlatformName.PARAVENT, case=case, ran=Ran.PROCESSES, persons=ground.persons,
        opened=opened.count(False), membership=opened.count(False), bound=bound(Shape(), 1, 0, 1), formula=FORMULA,
        detected_after=opened.index(True) if fired else None, computed=found.proved, seconds=round(seconds, 2),
        figures={
            "traps_opened": opened.count(True),
            "traps_in_a_hundred": round(100 * len(trapped.traps) / len(trapped.seen), 1),
        },
    )  # fmt: skip


def _hit(line: LeakedLine, amc: str) -> Hit:
    identity = PersonIdentity.from_card(
        name=line.name, birth_date=line.birth_date, nir=Nir.from_thirteen(line.nir), rank=line.rank
    )
    return Hit(person=repr(line), amc=amc, identity=identity)


def _alarmed(platform: Platform, amc: str, optician: Optician, *, expected: bool) -> bool:
    """Has the insurer read the logs until it alarms; a server shows what it has written a moment before."""
    home, shop = platform.home / f"insurer-{amc}", f"{590000000 + int(optician.professional[1:]) - 20000000000}"
    deadline = time.monotonic() + _ALARM_SECONDS_MAX
    while True:
        platform.command("insurer", "journal", "--home", home)
        with closing(TrapStore(home)) as store:
            found = store.opened_on(shop, int(time.time()) // 86_400, drill=False)
        if found or not expected or time.monotonic() > deadline:
            return bool(found)
        time.sleep(0.5)
