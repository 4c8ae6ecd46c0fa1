"""A synthetic population, demographically dense: numbers that can belong to nobody, families, two coverages.

Births crowd into a few départements and months, and order numbers go as far as a register of such a place would, so
that guessing is as hard as on a real population; communes are 991 to 999, which INSEE gives to nobody.
"""

from __future__ import annotations

import csv
import itertools
import random
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from paravent.drill.particulars import printed_nir
from paravent.insurer.members import COLUMNS

ADULT_AGE = 16
GUARANTEES = ("OPT-CONFORT", "OPT-ESSENTIEL")
_DEPARTEMENTS = ("13", "31", "33", "35", "44", "59", "69", "75", "2A", "2B")
_WEIGHTS = (12, 8, 8, 7, 8, 18, 14, 21, 2, 2)
BIRTHS_PER_WEIGHT = 25
"""Births a month in a commune, for each part of a département's weight: 50 in the smallest, 525 in the largest."""

_FAMILY_NAMES = (
    "MARTIN", "BERNARD", "THOMAS", "PETIT", "ROBERT", "RICHARD", "DURAND", "DUBOIS", "MOREAU", "LAURENT",
    "LEFÈVRE", "GARCIA", "D'ALMEIDA", "DE LA TOUR", "NGUYEN", "BENALI", "LE GOFF", "SAINT-LÉGER", "MÜLLER", "ŒUVRARD",
)  # fmt: skip
_GIVEN = {
    1: ("Jean", "Pierre", "Louis", "Noé", "Gaël", "Karim", "Jean-Luc", "Théo", "Émile", "Hugo", "Malo", "Adrien"),
    2: ("Marie", "Anne", "Zoé", "Léa", "Chloé", "Inès", "Marie-Ève", "Aïcha", "Louise", "Jeanne", "Manon", "Cécile"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Under which insurer and which NIR a person can be looked up; ``rank`` orders twins."""

    insurer: str
    nir: str
    rank: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticPerson:
    """One person of the population: of nobody."""

    member_id: str
    name: str
    birth_date: str
    guarantee: str
    free_from: int
    renewal_months: int
    coverages: tuple[Coverage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakedLine:
    """What an earlier leak gives a thief of one person."""

    nir: str
    birth_date: str
    rank: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Everybody, and the insurers that cover them."""

    year: int
    insurers: tuple[str, ...]
    persons: tuple[SyntheticPerson, ...]

    def leaked_list(self) -> list[LeakedLine]:
        """Returns the true list of all (NIR, birth date, rank, name), each line once."""
        lines = {
            (coverage.nir, person.birth_date, coverage.rank, person.name)
            for person in self.persons for coverage in person.coverages
        }  # fmt: skip
        return [LeakedLine(nir=n, birth_date=b, rank=r, name=name) for n, b, r, name in sorted(lines)]

    def persons_of(self, lines: Collection[LeakedLine]) -> int:
        """Counts the persons whom these lines are about."""
        keys = {(line.nir, line.birth_date, line.rank) for line in lines}
        return sum(
            any((cover.nir, person.birth_date, cover.rank) in keys for cover in person.coverages)
            for person in self.persons
        )

    def of_insurer(self, insurer: str) -> list[SyntheticPerson]:
        """Returns the persons whom an insurer covers."""
        return [person for person in self.persons if any(c.insurer == insurer for c in person.coverages)]


def births_of(departement: str) -> int:
    """Returns how many births a commune of a département registers in a month: how far its order numbers go."""
    return BIRTHS_PER_WEIGHT * _WEIGHTS[_DEPARTEMENTS.index(departement)]


def possible_numbers(nir: str) -> list[str]:
    """Lists the numbers that somebody may have whose sex, month and place of birth are known: all but the order."""
    stem = nir[:10]
    return [f"{stem}{order:03d}" for order in range(1, births_of(stem[5:7]) + 1)]


class _Registry:
    """Gives NIRs with the order numbers of a dense register: whoever is insured is a few of those born there."""

    def __init__(self, rng: random.Random, seed: int) -> None:
        self._rng = rng
        # Apart, so that names, dates and families do not depend on how dense the register is.
        self._dice = random.Random(seed)
        self._taken: defaultdict[str, set[int]] = defaultdict(set)

    def born(self, sex: int, year: int, month: int) -> str:
        departement = self._rng.choices(_DEPARTEMENTS, _WEIGHTS)[0]
        place = f"{year % 100:02d}{month:02d}{departement}{self._rng.randint(991, 999)}"
        taken, births = self._taken[place], births_of(departement)
        # Both sexes share the order numbers of a month; a population that is too large goes on after them.
        order = self._dice.randint(1, births)
        while order in taken:
            order = order + 1 if len(taken) >= births else self._dice.randint(1, births)
        taken.add(order)
        return f"{sex}{place}{order:03d}"


def synthesise(persons: int, insurers: Sequence[str], seed: int, year: int) -> Population:
    """Makes exactly that many persons as of a year, family by family; the same seed gives the same population."""
    made = tuple(itertools.islice(stream(insurers, seed, year), persons))
    return Population(year=year, insurers=tuple(insurers), persons=made)


def stream(insurers: Sequence[str], seed: int, year: int) -> Iterator[SyntheticPerson]:
    """Makes persons without end, family by family, for files that are larger than memory should be."""
    families = _Families(random.Random(seed), insurers, year, seed)
    made = 0
    while True:
        family = families.next_family(first=made)
        made += len(family)
        yield from family


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    name: str
    birth_date: str
    coverages: tuple[Coverage, ...]


class _Families:
    """Makes families one after another; the first has twins under two parents, so that every population has them."""

    def __init__(self, rng: random.Random, insurers: Sequence[str], year: int, seed: int) -> None:
        self._rng = rng
        self._insurers = insurers
        self._year = year
        self._registry = _Registry(rng, seed)
        self._codes = itertools.cycle(GUARANTEES)

    def next_family(self, first: int) -> list[SyntheticPerson]:
        rng = self._rng
        family = rng.choice(_FAMILY_NAMES)
        eldest = self._year - (35 if first == 0 else rng.randint(20, 90))
        both = first == 0 or rng.random() < 0.5
        sexes = (1, 2) if both else (rng.randint(1, 2),)
        adults = [self._adult(family, sex, eldest) for sex in sexes]
        # Children still covered under a parent were born when that parent was 20 to 45.
        young = self._year - eldest < 60
        children = self._children(family, adults, eldest, twins=first == 0) if first == 0 or young else []
        return [self._person(first + offset, draft) for offset, draft in enumerate([*adults, *children])]

    def _person(self, number: int, draft: _Draft) -> SyntheticPerson:
        renewal = self._renewal(draft.birth_date)
        # Guarantees alternate, so that each is shared by half of a portfolio whatever its size.
        return SyntheticPerson(
            member_id=f"M{number:08d}", name=draft.name, birth_date=draft.birth_date, guarantee=next(self._codes),
            free_from=self._free_from(renewal), renewal_months=renewal, coverages=draft.coverages,
        )  # fmt: skip

    def _adult(self, family: str, sex: int, eldest: int) -> _Draft:
        rng = self._rng
        year, month = min(eldest + rng.randint(0, 4), self._year - ADULT_AGE), rng.randint(1, 12)
        nir = self._registry.born(sex, year, month)
        # One birth in two hundred is known by its year alone: the date on the card is fictitious.
        birth = f"{year}0000" if rng.random() < 0.005 else f"{year}{month:02d}{rng.randint(1, 28):02d}"
        cover = Coverage(insurer=rng.choice(self._insurers), nir=nir, rank=1)
        return _Draft(name=f"{family} {rng.choice(_GIVEN[sex])}", birth_date=birth, coverages=(cover,))

    def _children(self, family: str, adults: Sequence[_Draft], eldest: int, *, twins: bool) -> list[_Draft]:
        rng = self._rng
        children: list[_Draft] = []
        born: set[str] = set()
        for _ in range(1 if twins else rng.choice((0, 1, 1, 2, 3))):
            year = max(self._year - 17, min(self._year - 1, eldest + rng.randint(20, 40)))
            birth = f"{year}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}"
            if birth in born:
                continue  # the rank of twins is what tells children of one day apart: only twins share a day
            born.add(birth)
            parents = adults if twins or rng.random() < 0.3 else adults[:1]
            for rank in (1, 2) if twins or rng.random() < 0.03 else (1,):
                coverages = tuple(
                    Coverage(insurer=parent.coverages[0].insurer, nir=parent.coverages[0].nir, rank=rank)
                    for parent in parents
                )
                name = f"{family} {rng.choice(_GIVEN[rng.randint(1, 2)])}"
                children.append(_Draft(name=name, birth_date=birth, coverages=coverages))
        return children

    def _free_from(self, renewal: int) -> int:
        """Three in four are payable already; the others bought glasses less than one renewal period ago."""
        rng = self._rng
        if rng.random() < 0.75:
            return self._year * 100 + 1
        ahead = 12 + rng.randint(1, renewal)
        return (self._year + ahead // 12) * 100 + ahead % 12 + 1

    def _renewal(self, birth: str) -> int:
        age = self._year - int(birth[:4])
        return 24 if age >= ADULT_AGE else 12 if age > 6 else 6


def write_member_file(path: Path, population: Population, insurer: str) -> int:
    """Writes the CSV an insurer would hand over; returns the number of persons in it."""
    return write_members(path, population.of_insurer(insurer), insurer, population.year)


def write_members(path: Path, persons: Iterable[SyntheticPerson], insurer: str, year: int) -> int:
    """Writes persons as they come; returns how many there were."""
    count = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for count, person in enumerate(persons, start=1):  # noqa: B007 - the last count is the number of persons
            for coverage in person.coverages:
                if coverage.insurer == insurer:
                    writer.writerow(_line(person, coverage, year))
    return count


def _line(person: SyntheticPerson, coverage: Coverage, year: int) -> tuple[str | int, ...]:
    return (
        person.member_id, person.name, person.birth_date, printed_nir(coverage.nir), coverage.rank, person.guarantee,
        f"{year}-01-01", f"{year + 1}-12-31", person.free_from, person.renewal_months,
    )  # fmt: skip
