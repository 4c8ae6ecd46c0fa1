"""Members who chose to have a card alone: today's copy of the hub, every key server's files, and the list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from paravent.drill.ground import KEYSERVERS, Ground
from paravent.drill.platform import Platform
from paravent.drill.population import Coverage, LeakedLine, SyntheticPerson
from paravent.drill.row import PlatformName, Ran, Row
from paravent.drill.theft import Theft, copy_database, read_directory
from paravent.hub.store import DATABASE

CHOOSING, OTHERS = 5, 50


def card_only(ground: Ground, platform: Platform) -> Iterator[Row]:
    """Switches the number lane of some members of an insurer off; everything is stolen, and their lines are tried."""
    amc = ground.population.insurers[-1]
    persons = [one for one in ground.population.persons if {cover.insurer for cover in one.coverages} == {amc}]
    choosing, others = persons[:CHOOSING], persons[CHOOSING : CHOOSING + OTHERS]
    for person in choosing:
        platform.command("insurer", "number-lane", person.member_id, "off", "--home", platform.home / f"insurer-{amc}")
    # The rows that they had are gone with their epoch; a copy of before is worth what an old copy is.
    platform.end_epoch(amc, int(platform.rotate(amc)["epoch"]) - 1)
    copy = copy_database(platform.home / "hub" / DATABASE, ground.folder("stolen") / DATABASE)
    theft = Theft(database=copy, leaked=_lines([*choosing, *others]), directory=read_directory(platform))
    loot = theft.attack(platform.key_files(*KEYSERVERS))
    theirs = set(_lines(choosing))
    yield Row(
        scenario="old-backups", platform=PlatformName.PARAVENT, case="card-only+3-of-3", ran=Ran.PROCESSES,
        persons=ground.persons, opened=ground.population.persons_of(loot.opened & theirs),
        membership=ground.population.persons_of(loot.members & theirs), bound=0,
        formula="0 of those who have only a card", seconds=round(loot.seconds, 2),
        figures={
            "card_only": len(choosing), "others_tried": len(others),
            "others_opened": ground.population.persons_of(loot.opened - theirs),
        },
    )  # fmt: skip


def _lines(persons: Sequence[SyntheticPerson]) -> list[LeakedLine]:
    return [_line(person, cover) for person in persons for cover in person.coverages]


def _line(person: SyntheticPerson, cover: Coverage) -> LeakedLine:
    return LeakedLine(nir=cover.nir, birth_date=person.birth_date, rank=cover.rank, name=person.name)
