"""The number lane between honest parties: every pair of servers opens a record, absence is proved."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest
from tests.unit.parties.world import AMC, DECOYS, NOT_DUE, NOT_DUE_MONTH, OTHER_AMC, SERVERS, World

from paravent.crypto.sealing import Handle
from paravent.desk.entitled import Lane
from paravent.errors import MalformedMessage, NotCovered, TooFewServers, UnknownInsurer
from paravent.hub import rows
from paravent.wire.codec import encode
from paravent.wire.number_lane import RowAnswer

BELOW, ABOVE = Handle(bytes(32)), Handle(b"\xff" * 32)


def answer_for(world: World, handle: Handle, amc: str = AMC) -> RowAnswer:
    """Builds the hub's answer for a handle, whoever could ask for it."""
    manifest = world.hub_store.manifest(amc, 1)
    assert manifest is not None
    caller = world.signed(world.hub.base_url, "/v1/rows", world.device)[1]
    admitted = rows.AdmittedFetch(device=world.device, caller=caller, handle=handle, manifest=manifest)
    return rows.answer(admitted, world.hub_store)


def between(world: World) -> Handle:
    """A handle that falls between two leaves."""
    first = world.insurers[AMC].rows[0].handle
    return Handle((int.from_bytes(first, "big") + 1).to_bytes(32, "big"))


@pytest.mark.parametrize("pair", list(permutations(range(1, SERVERS + 1), 2)), ids=str)
def test_each_pair_of_servers_opens_a_record(pair: tuple[int, int], still: World) -> None:
    member = still.insurers[AMC].members[0]
    entitled = still.check(still.covered(), indices=pair)
    assert entitled.lane is Lane.NUMBER
    assert (entitled.part.insurer, entitled.part.guarantee) == (AMC, member.guarantee)
    assert still.insurers[AMC].store.register.member_of(entitled.part.nullifier) == member.member_id


def test_every_handle_of_every_member_opens_that_members_right(still: World) -> None:
    for amc, insurer in still.insurers.items():
        for member in insurer.members:
            for identity in member.identities:
                part = still.check(identity, amc).part
                assert insurer.store.register.member_of(part.nullifier) == member.member_id
    assert any(len(member.identities) == 2 for member in still.insurers[AMC].members)


def test_a_right_that_is_not_due_says_from_when(still: World) -> None:
    assert still.check(still.covered(NOT_DUE)).part.free_from == NOT_DUE_MONTH


def test_one_server_is_not_enough_to_look_up(still: World) -> None:
    blinding = still.blind(still.covered())
    blinding.take(*still.evaluate(blinding, 1))
    with pytest.raises(MalformedMessage):
        blinding.finish()


def test_one_server_is_not_enough_to_open(still: World) -> None:
    started = still.opening(still.known(still.covered()))
    started.take(*still.open_at(started, 3))
    with pytest.raises(TooFewServers):
        started.finish()


def test_every_set_of_servers_gives_the_same_handle(still: World) -> None:
    sets = ((1, 2), (2, 3), (3, 1), (1, 2, 3))
    handles = {still.known(still.covered(), indices=indices).handle for indices in sets}
    assert len(handles) == 1


def test_two_look_ups_of_one_person_look_different_to_a_server(still: World) -> None:
    assert still.blind(still.covered()).blinded != still.blind(still.covered()).blinded


# --- absence ---------------------------------------------------------------------------------


def test_a_stranger_is_proved_absent(still: World) -> None:
    record = still.known(still.stranger())
    with pytest.raises(NotCovered):
        still.row(record)


def test_a_member_of_one_insurer_is_absent_from_the_other(still: World) -> None:
    with pytest.raises(NotCovered):
        still.check(still.covered(amc=AMC), OTHER_AMC)


@pytest.mark.parametrize(("place", "leaves"), [("below", 1), ("above", 1), ("between", 2)])
def test_absence_is_proved_wherever_the_handle_falls(place: str, leaves: int, still: World) -> None:
    handle = {"below": BELOW, "above": ABOVE, "between": between(still)}[place]
    answer = answer_for(still, handle)
    assert (answer.row, len(answer.leaves)) == (None, leaves)
    record = replace(still.known(still.stranger()), handle=handle)
    with pytest.raises(NotCovered):
        record.take_row(answer, still.hub.name, now=still.now, counter_min=0)


def test_absence_is_proved_in_an_empty_manifest(world: World) -> None:
    world.publish(AMC, 2, rows_max=0)
    record = world.known(world.covered())
    answer = world.fetch(record)
    assert (answer.row, answer.leaves) == (None, ())
    with pytest.raises(NotCovered):
        record.take_row(answer, world.hub.name, now=world.now, counter_min=0)


# --- one length ------------------------------------------------------------------------------


def test_presence_and_absence_have_one_length(still: World) -> None:
    present = [row.handle for row in still.insurers[AMC].rows]
    absent = [BELOW, ABOVE, between(still), *(Handle(still.rng(32)) for _ in range(50))]
    lengths = {len(encode(answer_for(still, handle))) for handle in present + absent}
    assert len(lengths) == 1
    assert all(answer_for(still, handle).row is not None for handle in present)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 9])
def test_the_length_is_one_in_manifests_of_every_size(count: int, world: World) -> None:
    world.publish(AMC, 2, rows_max=count)
    present = [row.handle for row in world.insurers[AMC].rows]
    handles = [*present, BELOW, ABOVE, *(Handle(world.rng(32)) for _ in range(20))]
    assert len(present) == count
    assert len({len(encode(answer_for(world, handle))) for handle in handles}) == 1


def test_decoys_are_rows_like_the_others(still: World) -> None:
    insurer = still.insurers[AMC]
    handles = sum(len(member.identities) for member in insurer.members)
    assert len(insurer.rows) == handles + DECOYS
    assert len({len(row.stored) for row in insurer.rows}) == 1


def test_an_insurer_outside_the_directory_has_no_epoch(still: World) -> None:
    with pytest.raises(UnknownInsurer):
        still.verify(still.bundle(), "99009999")
