"""Answers of hub and key servers have one length on the wire, headers included, whoever is asked about.

Somebody covered, somebody whose right has ended, somebody revoked, somebody not due yet, a trap and somebody unknown:
whoever sees lengths alone learns no more than that a desk asked (docs/threat-model.md).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from tests.unit.parties.test_number_lane import answer_for
from tests.unit.parties.world import AMC, DAY, NOT_DUE, NOW, YEAR, World

import paravent
from paravent.access.app import json_response
from paravent.drill.population import synthesise, write_member_file
from paravent.errors import OutsideValidity
from paravent.insurer.member_file_store import MemberFile
from paravent.insurer.members import Line
from paravent.insurer.traps.draw import draw
from paravent.insurer.traps.false_alarms import read_typing
from paravent.person.identity import PersonIdentity
from paravent.wire.codec import Message

ENDED, REVOKED = 2, 3
TYPING = Path(paravent.__file__).parent / "insurer" / "data" / "typing.toml"


def wire_bytes(message: Message) -> int:
    """How long an answer is on the wire; the server's own lines, which are the same on every answer, left out."""
    response = json_response(message)
    return sum(len(name) + len(value) + 4 for name, value in response.raw_headers) + len(bytes(response.body))


@pytest.fixture
def asked(world: World) -> dict[str, PersonIdentity]:
    """One person of each kind, on a manifest in which one right ended yesterday, one is revoked and one is a trap's."""
    insurer = world.insurers[AMC]
    path = world.home / "portfolio.csv"
    write_member_file(path, synthesise(400, [AMC], 11, YEAR), AMC)
    found = MemberFile(path=path, amc=AMC, synthetic=True).lines()
    lines = [line.member for line in found if isinstance(line, Line)]
    trap = draw(lambda: iter(lines), 1, read_typing(TYPING.read_bytes()), world.rng).traps[0].member
    insurer.members.append(trap)
    member = insurer.members[ENDED]
    insurer.members[ENDED] = replace(member, valid_from=NOW - 400 * DAY, valid_until=NOW - DAY)
    world.publish(AMC, 2)
    world.hand_over(AMC, revoked=[insurer.members[REVOKED].member_id])
    with pytest.raises(OutsideValidity):
        world.check(world.covered(ENDED))
    return {
        "covered": world.covered(), "ended": world.covered(ENDED), "revoked": world.covered(REVOKED),
        "not due": world.covered(NOT_DUE), "trap": trap.identities[0], "unknown": world.stranger(),
    }  # fmt: skip


def test_rows_have_one_length_whoever_is_asked_about(world: World, asked: dict[str, PersonIdentity]) -> None:
    answers = {kind: world.fetch(world.known_to_insurer(person)) for kind, person in asked.items()}
    assert {kind for kind, answer in answers.items() if answer.row is None} == {"unknown"}
    assert len({wire_bytes(answer) for answer in answers.values()}) == 1


def test_evaluations_have_one_length_whoever_is_asked_about(world: World, asked: dict[str, PersonIdentity]) -> None:
    answers = [world.evaluate(world.blind(person), 1)[1] for person in asked.values()]
    assert len({wire_bytes(answer) for answer in answers}) == 1


def test_openings_have_one_length_whoever_is_opened(world: World, asked: dict[str, PersonIdentity]) -> None:
    """What is not in the manifest is not opened: that a row was found shows by the openings that follow."""
    found = [person for kind, person in asked.items() if kind != "unknown"]
    started = [world.opening(world.known_to_insurer(person)) for person in found]
    # The position of a leaf is a number: the tests below stay within one count of digits.
    for one in started * 3:
        world.open_at(one, 1)
    answers = [world.open_at(world.opening(world.known_to_insurer(person)), 1)[1] for person in found]
    assert len({wire_bytes(answer) for answer in answers}) == 1


def test_an_answer_that_is_not_padded_is_found_out(world: World, asked: dict[str, PersonIdentity]) -> None:
    """The control: the hub's answer without its padding tells a member from a stranger."""
    handles = [world.known_to_insurer(asked[kind]).handle for kind in ("covered", "unknown")]
    bare = [msgspec.structs.replace(answer_for(world, handle), padding="") for handle in handles]
    assert len({wire_bytes(answer) for answer in bare}) == 2
