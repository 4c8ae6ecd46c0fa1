"""The synthetic population: the same seed, nobody real, families as the trade sees them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from paravent.drill.members import members_of
from paravent.drill.population import Population, synthesise, write_member_file
from paravent.insurer.members import COLUMNS
from paravent.person.nir import Nir

if TYPE_CHECKING:
    from pathlib import Path

INSURERS = ("99000001", "99000002")
SEED = 20_260_101
YEAR = 2026


@pytest.fixture(scope="module")
def population() -> Population:
    return synthesise(2_000, INSURERS, SEED, YEAR)


def test_the_same_seed_gives_the_same_population() -> None:
    assert synthesise(200, INSURERS, 1, YEAR) == synthesise(200, INSURERS, 1, YEAR)
    assert synthesise(200, INSURERS, 1, YEAR) != synthesise(200, INSURERS, 2, YEAR)


@pytest.mark.parametrize("persons", [1, 2, 7, 300])
def test_the_number_of_persons_is_exact(persons: int) -> None:
    made = synthesise(persons, INSURERS, SEED, YEAR).persons
    assert len({person.member_id for person in made}) == len(made) == persons


def test_no_number_can_belong_to_somebody(population: Population) -> None:
    for person in population.persons:
        for coverage in person.coverages:
            Nir(coverage.nir).require_usable(synthetic=True)


def test_twins_have_ranks_one_and_two(population: Population) -> None:
    ranks: dict[tuple[str, str, str], set[int]] = {}
    for person in population.persons:
        for coverage in person.coverages:
            ranks.setdefault((coverage.insurer, coverage.nir, person.birth_date), set()).add(coverage.rank)
    assert {1, 2} in ranks.values()
    assert all(found in ({1}, {1, 2}) for found in ranks.values())


def test_some_children_have_two_handles(population: Population) -> None:
    doubled = [person for person in population.persons if len(person.coverages) == 2]
    insurers = Counter(len({coverage.insurer for coverage in person.coverages}) for person in doubled)
    assert set(insurers) == {1, 2}
    assert all(person.coverages[0].nir != person.coverages[1].nir for person in doubled)


def test_some_birth_dates_are_fictitious(population: Population) -> None:
    assert any(person.birth_date[4:6] == "00" for person in population.persons)


def test_renewal_follows_age(population: Population) -> None:
    assert {person.renewal_months for person in population.persons} == {6, 12, 24}


def test_every_guarantee_is_shared_by_twenty(population: Population) -> None:
    for made in (population, synthesise(300, INSURERS, SEED, YEAR)):
        for insurer in INSURERS:
            shared = Counter(person.guarantee for person in made.of_insurer(insurer))
            assert len(shared) > 1
            assert min(shared.values()) >= 20


def test_the_member_file_is_one_that_an_insurer_reads(tmp_path: Path, population: Population) -> None:
    path = tmp_path / "members.csv"
    written = write_member_file(path, population, INSURERS[0])
    lines = path.read_text(encoding="utf-8").splitlines()
    members = members_of(path, INSURERS[0])
    assert lines[0] == ",".join(COLUMNS)
    assert len(members) == written
    assert any(len(member.identities) == 2 for member in members)


def test_the_leaked_list_holds_every_handle_of_everybody(population: Population) -> None:
    leaked = population.leaked_list()
    handles = {(line.nir, line.birth_date, line.rank) for line in leaked}
    covered = {(c.nir, person.birth_date, c.rank) for person in population.persons for c in person.coverages}
    assert handles == covered
    assert {line.name for line in leaked} == {person.name for person in population.persons}
