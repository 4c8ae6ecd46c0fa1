"""Persons told by their number: two numbers never give one identity, and one in forty has two lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from paravent.bench.population import Journal
from paravent.drill import numbered
from paravent.drill.numbered import PERSONS_MAX, members_at, person_at
from paravent.drill.population import GUARANTEES
from paravent.errors import InvalidConfiguration
from paravent.person.identity import PersonIdentity

AMC = "99000001"
# Neighbours, and numbers that differ in one part of a number alone.
STEPS = (1, 2, 24, 1_920, 17_280, 138_240)
NUMBERS = sorted({step * times for step in STEPS for times in range(400)} | {PERSONS_MAX - 1})


def identities() -> list[PersonIdentity]:
    return [member.identities[0] for number in NUMBERS for member in members_at(number, AMC, 2026, (1, 2))]


def repeated() -> int:
    found = identities()
    return len(found) - len({(one.nir.thirteen, str(one.birth_date), one.rank) for one in found})


def test_two_numbers_never_give_one_identity() -> None:
    assert repeated() == 0


def test_the_comparison_sees_a_number_that_two_persons_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbered, "_DEPARTEMENTS", ("13",) * 8)
    assert repeated() > 0


def test_every_number_can_be_of_nobody_and_second_lines_are_few() -> None:
    persons = [person_at(number, AMC, 2026) for number in range(4_000)]
    assert sum(len(person.coverages) for person in persons) == 4_100
    assert all(991 <= int(cover.nir[7:10]) <= 999 for person in persons for cover in person.coverages)
    assert {person.guarantee for person in persons} == set(GUARANTEES)


def test_a_line_that_a_kill_cut_short_is_not_read_and_other_sizes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path, {"persons": 5}).add("sealed", rows=3)
    with path.open("a") as file:
        file.write('{"kind": "sealed", "ro')
    again = Journal(path, {"persons": 5})
    again.add("sealed", rows=4)
    assert again.of("sealed") == Journal(path, {"persons": 5}).of("sealed") == [{"rows": 3}, {"rows": 4}]
    assert [json.loads(line)["kind"] for line in path.read_text().splitlines()] == ["sizes", "sealed", "sealed"]
    with pytest.raises(InvalidConfiguration):
        Journal(path, {"persons": 6})
