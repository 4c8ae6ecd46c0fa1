"""Trap persons: households of nobody, far from every member, whose terms follow those of members."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paravent.drill.platform import INSURERS
from paravent.drill.population import synthesise, write_member_file
from paravent.errors import InvalidMemberFile
from paravent.insurer.member_file_store import MemberFile
from paravent.insurer.members import Change, Line, Member, Reject
from paravent.insurer.traps.draw import Drawn, draw
from paravent.insurer.traps.false_alarms import SLIPS_MIN, Distances, Typing, read_typing
from paravent.insurer.traps.following import Traps
from paravent.insurer.traps.keystrokes import Neighbourhood, slips
from paravent.person.identity import PersonIdentity
from paravent.person.nir import Nir

AMC = next(iter(INSURERS))
TYPING = Path(__file__).parents[3] / "src" / "paravent" / "insurer" / "data" / "typing.toml"
Reading = Callable[[], Iterator[Member]]


@pytest.fixture(scope="module")
def typing() -> Typing:
    return read_typing(TYPING.read_bytes())


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Reading:
    path = tmp_path_factory.mktemp("members") / "members.csv"
    write_member_file(path, synthesise(400, list(INSURERS), 11, datetime.now(UTC).year), AMC)
    file = MemberFile(path=path, amc=AMC, synthetic=True)
    return lambda: (line.member for line in file.lines() if isinstance(line, Line))


@pytest.fixture(scope="module")
def drawn(reading: Reading, typing: Typing) -> Drawn:
    return draw(reading, 30, typing, os.urandom)


def test_a_trap_is_of_nobody_and_two_slips_from_everybody(drawn: Drawn, reading: Reading) -> None:
    members = list(reading())
    assert 30 <= len(drawn.traps) < 40
    assert not {trap.member.member_id for trap in drawn.traps} & {member.member_id for member in members}
    for trap in drawn.traps:
        for identity in trap.member.identities:
            assert identity.nir.is_synthetic
            for member in members:
                assert slips(identity.nir.thirteen, member.identities[0].nir.thirteen) >= SLIPS_MIN
    assert drawn.real_probability == 0
    assert 0 < drawn.false_alarms_a_year < 0.1


def test_a_trap_stands_in_a_household_like_that_of_its_model(drawn: Drawn, reading: Reading) -> None:
    lines = list(reading())
    members = {member.member_id: member for member in lines}
    covers = Counter(member.member_id for member in lines)
    for trap in drawn.traps:
        model = members[trap.model]
        assert len(trap.member.identities) == covers[trap.model]
        terms = ("guarantee", "valid_from", "valid_until", "free_from", "renewal_months")
        assert [getattr(trap.member, name) for name in terms] == [getattr(model, name) for name in terms]
        assert {one.birth_date[:4] for one in trap.member.identities} == {model.identities[0].birth_date[:4]}
        own = model.identities[0].nir.thirteen[1:5] == model.identities[0].birth_date[2:6]
        assert (trap.member.identities[0].nir.thirteen[1:5] == trap.member.identities[0].birth_date[2:6]) is own
        # Whoever shares a number in the model's household shares one here.
        for other in drawn.traps:
            shares = {one.nir for one in trap.member.identities} & {one.nir for one in other.member.identities}
            theirs = {m.identities[0].nir for m in lines if m.member_id == trap.model} & {
                m.identities[0].nir for m in lines if m.member_id == other.model
            }
            assert bool(shares) is bool(theirs)


def test_a_household_that_stands_too_near_is_set_aside_and_a_draw_that_cannot_be_is_refused(
    drawn: Drawn, typing: Typing
) -> None:
    trap = drawn.traps[0]
    number = trap.member.identities[0].nir.thirteen
    beside = Nir(number[:12] + str((int(number[12]) + 1) % 10 or 5))
    identity = replace(trap.member.identities[0], nir=beside)
    near = Distances(traps=[trap])
    near.read([replace(trap.member, member_id="other", identities=(identity,))])
    assert near.too_near == {trap.member.member_id}
    far = Distances(traps=[trap])
    moved = Nir(f"{3 - int(number[0])}{number[1:3]}{number[3:12]}{(int(number[12]) + 1) % 10 or 5}")
    far.read([replace(trap.member, member_id="other", identities=(replace(identity, nir=moved),))])
    assert far.too_near == set()
    assert far.expected_a_year([trap], typing) > Distances(traps=[trap]).expected_a_year([trap], typing) > 0
    with pytest.raises(InvalidMemberFile):
        draw(lambda: iter(()), 1, typing, os.urandom)


@given(st.text("0123456789", min_size=13, max_size=13), st.data())
def test_slips_are_counted_and_found_by_the_index(number: str, data: st.DataObject) -> None:
    other = number
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, 11))
        if data.draw(st.booleans()):
            other = other[:at] + data.draw(st.sampled_from("0123456789")) + other[at + 1 :]
        else:
            other = other[:at] + other[at + 1] + other[at] + other[at + 2 :]
    counted = slips(number, other)
    assert (counted == 0) is (number == other)
    assert Neighbourhood([number]).near(other) == ({number: counted} if counted <= 2 else {})


def test_the_key_catches_every_single_slip(drawn: Drawn) -> None:
    number = drawn.traps[0].member.identities[0].nir
    for at in range(13):
        for digit in "123456789":
            try:
                other = Nir(number.thirteen[:at] + digit + number.thirteen[at + 1 :])
            except Exception:  # noqa: BLE001, S112 - a number of another form is caught by its form
                continue
            assert other == number or other.key != number.key


# --- following their models --------------------------------------------------------------------------


def lines(*members: Member, change: Change = Change.ADDED) -> list[Line | Reject]:
    return [
        Line(number=number, change=change, member=replace(member, identities=(identity,)))
        for number, (member, identity) in enumerate(
            ((member, identity) for member in members for identity in member.identities), start=1
        )
    ]


def test_a_trap_changes_comes_and_goes_with_its_model(drawn: Drawn, reading: Reading) -> None:
    trap = drawn.traps[0]
    model = next(member for member in reading() if member.member_id == trap.model)
    traps = Traps(live=(trap,))
    later = replace(model, free_from=205001)
    changed = [line for line in traps.after(lines(later), delta=False) if isinstance(line, Line) and line.trap]
    assert [line.member.free_from for line in changed] == [205001] * len(trap.member.identities)
    # In a file without its model it ends; in a delta that does not name its model it stays as it was.
    assert list(traps.after(lines(), delta=False)) == []
    same = [line for line in traps.after(lines(), delta=True) if isinstance(line, Line)]
    assert {line.member.free_from for line in same} == {trap.member.free_from}
    gone = [line for line in traps.after(lines(model, change=Change.ENDED), delta=True) if isinstance(line, Line)]
    assert [line.change for line in gone if line.trap] == [Change.ENDED] * len(trap.member.identities)


def test_no_repr_says_who_is_a_trap(drawn: Drawn) -> None:
    assert repr(drawn) == "Drawn(REDACTED)"
    assert "REDACTED" in repr(drawn.traps[0])
    assert repr(Traps(live=drawn.traps)) == "Traps(REDACTED)"
    numbers: list[PersonIdentity] = [one for trap in drawn.traps for one in trap.member.identities]
    assert len({(one.nir, one.birth_date, one.rank) for one in numbers}) == len(numbers)
    for one, other in combinations(drawn.traps, 2):
        assert one.member.member_id != other.member.member_id
