"""A synthetic population, demographically dense: numbers that can belong to nobody, families, two coverages.

Births crowd into a few départements, real months and dense order numbers, so that guessing is as easy as
it would be on a real population; communes are 991 to 999, which INSEE gives to nobody.
"""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from paravent.insurer.members import COLUMNS
from paravent.person.nir import Nir

YEAR = 2026
GUARANTEES = ("OPT-CONFORT", "OPT-ESSENTIEL")
_DEPARTEMENTS = ("13", "31", "33", "35", "44", "59", "69", "75", "2A", "2B")
_WEIGHTS = (12, 8, 8, 7, 8, 18, 14, 21, 2, 2)
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

    insurers: tuple[str, ...]
    persons: tuple[SyntheticPerson, ...]

    def leaked_list(self) -> list[LeakedLine]:
        """Returns the true list of all (NIR, birth date, rank, name), each line once."""
        lines = {
            (coverage.nir, person.birth_date, coverage.rank, person.name)
            for person in self.persons for coverage in person.coverages
        }  # fmt: skip
        return [LeakedLine(nir=n, birth_date=b, rank=r, name=name) for n, b, r, name in sorted(lines)]

    def of_insurer(self, insurer: str) -> list[SyntheticPerson]:
        """Returns the persons whom an insurer covers."""
        return [person for person in self.persons if any(c.insurer == insurer for c in person.coverages)]


class _Registry:
    """Gives NIRs with order numbers that follow on, as a register of births does."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._next: defaultdict[str, int] = defaultdict(lambda: 1)

    def born(self, sex: int, year: int, month: int) -> str:
        departement = self._rng.choices(_DEPARTEMENTS, _WEIGHTS)[0]
        stem = f"{sex}{year % 100:02d}{month:02d}{departement}{self._rng.randint(991, 999)}"
        order = self._next[stem]
        self._next[stem] = order + 1
        return f"{stem}{order:03d}"


def synthesise(persons: int, insurers: Sequence[str], seed: int) -> Population:
    """Makes exactly that many persons, family by family; the same seed gives the same population."""
    rng = random.Random(seed)  # noqa: S311 - a population, not a secret
    registry = _Registry(rng)
    made: list[SyntheticPerson] = []
    while len(made) < persons:
        made += _family(rng, registry, insurers, first=len(made))
    return Population(insurers=tuple(insurers), persons=tuple(made[:persons]))


def _family(
    rng: random.Random, registry: _Registry, insurers: Sequence[str], first: int
) -> list[SyntheticPerson]:
    name = rng.choice(_FAMILY_NAMES)
    adults = [_adult(rng, registry, name, sex, rng.choice(insurers)) for sex in rng.choice([(1, 2), (1,), (2,), (2, 1)])]
    children = _children(rng, name, adults) if rng.random() < 0.45 else []
    return [
        SyntheticPerson(
            member_id=f"M{first + offset:08d}", name=printed, birth_date=birth, guarantee=rng.choice(GUARANTEES),
            free_from=_free_from(rng, birth), renewal_months=_renewal(birth), coverages=coverages,
        )
        for offset, (printed, birth, coverages) in enumerate([*adults, *children])
    ]  # fmt: skip


_Draft = tuple[str, str, tuple[Coverage, ...]]


def _adult(rng: random.Random, registry: _Registry, family: str, sex: int, insurer: str) -> _Draft:
    year, month = rng.randint(1936, 2006), rng.randint(1, 12)
    nir = registry.born(sex, year, month)
    # One birth in two hundred is known by its year alone: the date on the card is fictitious.
    birth = f"{year}0000" if rng.random() < 0.005 else f"{year}{month:02d}{rng.randint(1, 28):02d}"
    return f"{family} {rng.choice(_GIVEN[sex])}", birth, (Coverage(insurer=insurer, nir=nir, rank=1),)


def _children(rng: random.Random, family: str, adults: Sequence[_Draft]) -> list[_Draft]:
    children: list[_Draft] = []
    for _ in range(rng.randint(1, 3)):
        birth = f"{rng.randint(2010, 2024)}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}"
        parents = adults if rng.random() < 0.3 else adults[:1]
        for rank in (1, 2) if rng.random() < 0.04 else (1,):
            coverages = tuple(
                Coverage(insurer=parent[2][0].insurer, nir=parent[2][0].nir, rank=rank) for parent in parents
            )
            children.append((f"{family} {rng.choice(_GIVEN[rng.randint(1, 2)])}", birth, coverages))
    return children


def _free_from(rng: random.Random, birth: str) -> int:
    """Three in four are payable already; the others bought glasses less than one renewal period ago."""
    if rng.random() < 0.75:
        return YEAR * 100 + 1
    ahead = rng.randint(1, _renewal(birth))
    return (YEAR + ahead // 12) * 100 + ahead % 12 + 1


def _renewal(birth: str) -> int:
    age = YEAR - int(birth[:4])
    return 24 if age >= 16 else 12 if age > 6 else 6


def write_member_file(path: Path, population: Population, insurer: str) -> int:
    """Writes the CSV an insurer would hand over; returns the number of persons in it."""
    persons = population.of_insurer(insurer)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for person in persons:
            for coverage in person.coverages:
                if coverage.insurer == insurer:
                    writer.writerow(_line(person, coverage))
    return len(persons)


def _line(person: SyntheticPerson, coverage: Coverage) -> tuple[str | int, ...]:
    nir = Nir(coverage.nir)
    return (
        person.member_id, person.name, person.birth_date, nir.thirteen + nir.key, coverage.rank, person.guarantee,
        f"{YEAR}-01-01", f"{YEAR + 1}-12-31", person.free_from, person.renewal_months,
    )  # fmt: skip
