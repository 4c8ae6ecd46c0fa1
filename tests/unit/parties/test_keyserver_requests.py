"""What a key server answers, to whom, and what it costs: look-ups and openings (sections 7, 9 and 10)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace as changed
from tests.unit.parties.world import AMC, DAY, World

from paravent.access.devices import Device
from paravent.access.quotas import QuotaKind, QuotaLimits
from paravent.access.requests import Authenticated, HttpRequest, new_nonce
from paravent.crypto import sealing
from paravent.crypto.hpke import BoxKey
from paravent.crypto.labels import Label, enc
from paravent.crypto.signing import SigningKey
from paravent.desk.number_lane import Opening
from paravent.errors import (
    EpochNotLive,
    MalformedMessage,
    QuotaExceeded,
    RequestNotAuthentic,
    UnknownDevice,
)
from paravent.keyserver import evaluation, opening
from paravent.keyserver.state import LeafPosition
from paravent.keyserver.store import DATABASE
from paravent.wire.number_lane import OpeningRequest, auth_fields

FEW = QuotaLimits(lookups_per_day_max=2, openings_per_day_max=2, repeats_per_day_max=3)
HOUR = 3_600


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A platform whose professionals have very small quotas."""
    built = World.build(tmp_path, limits=FEW)
    yield built
    built.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A signed opening request to the first server."""

    request: HttpRequest
    caller: Authenticated
    message: OpeningRequest


def started(world: World, position: int = 0) -> Opening:
    """Starts an opening without spending any quota: the row is taken from the insurer."""
    record = world.known_to_insurer(world.covered(position))
    row = next(row for row in world.insurers[AMC].rows if row.handle == record.handle)
    return Opening(record=record, row=row, answer_key=BoxKey.generate(world.rng))


def ask(world: World, begun: Opening, *, nonce: str | None = None, **changes: object) -> Asked:
    """Signs an opening request to the first server, with some fields changed after the proof was made."""
    nonce = nonce or new_nonce(world.rng)
    message = begun.message(begun.record.epoch.servers[1], nonce, world.device.keyid)
    message = changed(message, **changes)
    base_url = world.servers[1].identity.base_url
    request, caller = world.signed(base_url, "/v1/openings", message, nonce=nonce)
    return Asked(request=request, caller=caller, message=message)


def admit(world: World, asked: Asked) -> opening.AdmittedOpening:
    server = world.servers[1]
    return opening.admit(asked.request, server.identity, server.store, world.now)


KEY_ENTRIES = 2
"""The hourly keys of insurer and custodians, logged before the first opening that uses them."""


def openings(world: World) -> int:
    """Counts the openings that the first server's log holds."""
    log = world.servers[1].store.log
    return sum(entry.startswith(enc(Label.LOG_ENTRY)) for _, entry in log.entries(0, 1_000))


def witness(world: World, asked: Asked) -> LeafPosition:
    """Admits and witnesses, as one request in its own commit."""
    server = world.servers[1]
    admitted = admit(world, asked)
    with server.store.commit():
        return opening.witness(admitted, server.scribe, server.store, world.now)


def spend_lookup(world: World, request: HttpRequest) -> None:
    server = world.servers[1]
    admitted = evaluation.admit(request, server.identity, server.store, world.now)
    with server.store.commit():
        evaluation.spend(admitted, server.store, world.now)


def lookup(world: World, *, nonce: str | None = None, position: int = 0) -> HttpRequest:
    """Signs an evaluation request to the first server."""
    message = world.blind(world.covered(position)).message()
    base_url = world.servers[1].identity.base_url
    return world.signed(base_url, "/v1/evaluations", message, nonce=nonce)[0]


def left(world: World, kind: QuotaKind) -> int:
    """How much the professional has left at the first server."""
    return world.servers[1].store.remaining(kind, world.device, world.now)


# --- proof of knowledge ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a handle key may sign; a right proof is about the very request it travels in."""

    key: SigningKey
    server: str
    nonce: str
    device: str
    answer_key: bytes
    batch: int = 1
    label: Label = Label.AUTH

    def sign(self, begun: Opening) -> bytes:
        """Signs."""
        opened = sealing.open_label(AMC, 1, self.batch, begun.row.handle)
        return self.key.sign(self.label, *auth_fields(self.server, self.nonce, opened, self.device, self.answer_key))


def right_proof(world: World, begun: Opening, nonce: str) -> Proof:
    """The proof that an honest desk makes."""
    return Proof(
        key=begun.record.handle_key, server=world.names()[1], nonce=nonce, device=world.device.keyid,
        answer_key=begun.answer_key.public,
    )  # fmt: skip


WRONG_PROOFS: dict[str, Callable[[World, Proof], Proof]] = {
    "made with another key": lambda world, right: replace(right, key=SigningKey.generate(world.rng)),
    "made with the device key": lambda world, right: replace(right, key=world.device_key),
    "for another server": lambda world, right: replace(right, server=world.names()[2]),
    "for another nonce": lambda world, right: replace(right, nonce=new_nonce(world.rng)),
    "for another device": lambda world, right: replace(right, device=world.rng(16).hex()),
    "for another answer key": lambda world, right: replace(right, answer_key=world.rng(1_216)),
    "for another batch": lambda _, right: replace(right, batch=2),
    "for the hub": lambda _, right: replace(right, label=Label.FETCH),
}


@pytest.mark.parametrize("kind", WRONG_PROOFS)
def test_a_proof_for_something_else_is_refused_and_costs_nothing(kind: str, world: World) -> None:
    begun, nonce = started(world), new_nonce(world.rng)
    wrong = WRONG_PROOFS[kind](world, right_proof(world, begun, nonce)).sign(begun)
    with pytest.raises(RequestNotAuthentic):
        admit(world, ask(world, begun, nonce=nonce, proof=wrong))
    assert left(world, QuotaKind.OPENING) == FEW.openings_per_day_max


def test_the_right_proof_is_admitted(world: World) -> None:
    begun, nonce = started(world), new_nonce(world.rng)
    asked = ask(world, begun, nonce=nonce, proof=right_proof(world, begun, nonce).sign(begun))
    assert admit(world, asked).handle == begun.row.handle


def test_knowing_a_public_key_is_not_knowing_a_record(world: World) -> None:
    """A thief of the handle keys that a hub has seen gets nothing."""
    begun = started(world)
    other = replace(begun.record, handle_key=SigningKey.generate(world.rng))
    thief = Opening(record=other, row=begun.row, answer_key=begun.answer_key)
    with pytest.raises(RequestNotAuthentic):
        admit(world, ask(world, thief, handle_key=begun.record.handle_key.public))


def test_the_handle_is_recomputed_from_the_key(world: World) -> None:
    """Whoever proves a key of their own is answered for their own handle, never for the row they name."""
    begun = started(world)
    key = SigningKey.generate(world.rng)
    handle = sealing.handle_of(AMC, 1, key.public)
    own = Opening(
        record=replace(begun.record, handle_key=key), row=replace(begun.row, handle=handle),
        answer_key=begun.answer_key,
    )  # fmt: skip
    admitted = admit(world, ask(world, own))
    assert admitted.handle == handle
    assert admitted.label == sealing.open_label(AMC, 1, 1, handle)


# --- device and request ----------------------------------------------------------------------


def stranger(world: World) -> HttpRequest:
    """A request signed by a device that nobody enrolled."""
    message = world.blind(world.covered()).message()
    base_url = world.servers[1].identity.base_url
    return world.signed(base_url, "/v1/evaluations", message, key=SigningKey.generate(world.rng))[0]


def test_an_unknown_device_is_refused(world: World) -> None:
    with pytest.raises(UnknownDevice):
        spend_lookup(world, stranger(world))


def test_a_withdrawn_device_is_refused(world: World) -> None:
    world.servers[1].store.withdraw(world.device.keyid, world.now)
    with pytest.raises(UnknownDevice):
        spend_lookup(world, lookup(world))
    with pytest.raises(UnknownDevice):
        admit(world, ask(world, started(world)))


BROKEN: dict[str, Callable[[HttpRequest], HttpRequest]] = {
    "another body": lambda request: replace(request, body=request.body.replace(b'"epoch":1', b'"epoch":2')),
    "another path": lambda request: replace(request, target_uri=request.target_uri + "x"),
    "another method": lambda request: replace(request, method="PUT"),
    "another addressee": lambda request: replace(request, authority="keyserver-2.example:8000"),
    "no signature": lambda request: replace(request, headers={}),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_an_altered_request_is_refused(kind: str, world: World) -> None:
    request = lookup(world)
    broken = BROKEN[kind](request)
    assert broken != request
    with pytest.raises(RequestNotAuthentic):
        spend_lookup(world, broken)


def test_a_request_to_another_server_is_refused(world: World) -> None:
    request, other = lookup(world), world.servers[2]
    with pytest.raises(RequestNotAuthentic):
        evaluation.admit(request, other.identity, other.store, world.now)


@pytest.mark.parametrize("late", [-60, 70])
def test_a_request_of_another_time_is_refused(late: int, world: World) -> None:
    request = lookup(world)
    world.now += late
    with pytest.raises(RequestNotAuthentic):
        spend_lookup(world, request)


@pytest.mark.parametrize("blinded", [bytes(32), b"\xff" * 32])
def test_an_element_that_is_none_is_refused_and_costs_nothing(blinded: bytes, world: World) -> None:
    message = changed(world.blind(world.covered()).message(), blinded=blinded)
    request, _ = world.signed(world.servers[1].identity.base_url, "/v1/evaluations", message)
    with pytest.raises(MalformedMessage):
        spend_lookup(world, request)
    assert left(world, QuotaKind.LOOKUP) == FEW.lookups_per_day_max


# --- epochs ----------------------------------------------------------------------------------


def test_an_epoch_that_was_not_dealt_is_not_live(world: World) -> None:
    message = changed(world.blind(world.covered()).message(), epoch=2)
    request, _ = world.signed(world.servers[1].identity.base_url, "/v1/evaluations", message)
    with pytest.raises(EpochNotLive):
        spend_lookup(world, request)


@pytest.mark.parametrize(("now", "openable"), [(-2 * DAY, False), (366 * DAY, True), (368 * DAY, False)])
def test_an_epoch_outside_its_dates_is_not_live(now: int, *, openable: bool, world: World) -> None:
    """What had begun before the end may be opened for 48 hours."""
    begun, message = started(world), world.blind(world.covered()).message()
    world.now += now
    request, _ = world.signed(world.servers[1].identity.base_url, "/v1/evaluations", message)
    with pytest.raises(EpochNotLive):
        spend_lookup(world, request)
    if openable:
        admit(world, ask(world, begun))
        return
    with pytest.raises(EpochNotLive):
        admit(world, ask(world, begun))


def test_a_batch_that_was_not_dealt_is_not_live(world: World) -> None:
    with pytest.raises(EpochNotLive):
        admit(world, ask(world, started(world), batch=2))


# --- quotas ----------------------------------------------------------------------------------


def test_look_ups_are_spent_before_the_answer(world: World) -> None:
    for spent in range(1, FEW.lookups_per_day_max + 1):
        spend_lookup(world, lookup(world))
        assert left(world, QuotaKind.LOOKUP) == FEW.lookups_per_day_max - spent
    with pytest.raises(QuotaExceeded):
        spend_lookup(world, lookup(world))


def test_wrong_tries_count_as_look_ups(world: World) -> None:
    blinding = world.blind(world.stranger())
    world.evaluate(blinding, 1)
    assert left(world, QuotaKind.LOOKUP) == FEW.lookups_per_day_max - 1


def test_openings_of_distinct_persons_are_counted(world: World) -> None:
    for position in range(FEW.openings_per_day_max):
        witness(world, ask(world, started(world, position)))
    with pytest.raises(QuotaExceeded):
        witness(world, ask(world, started(world, 3)))
    assert openings(world) == FEW.openings_per_day_max


def test_one_person_again_is_free_but_listed_and_only_so_often(world: World) -> None:
    begun = started(world)
    for opened in range(1 + FEW.repeats_per_day_max):
        assert witness(world, ask(world, begun)).index == opened + KEY_ENTRIES
        assert left(world, QuotaKind.OPENING) == FEW.openings_per_day_max - 1
    with pytest.raises(QuotaExceeded):
        witness(world, ask(world, begun))


def test_a_republication_is_not_a_second_person(world: World) -> None:
    witness(world, ask(world, started(world)))
    world.publish(AMC, 2)
    witness(world, ask(world, started(world)))
    assert left(world, QuotaKind.OPENING) == FEW.openings_per_day_max - 1


@pytest.mark.parametrize(("later", "free"), [(DAY - 1, False), (DAY, True)])
def test_the_quota_frees_itself_over_24_hours(later: int, *, free: bool, world: World) -> None:
    for position in range(FEW.openings_per_day_max):
        witness(world, ask(world, started(world, position)))
    world.now += later
    assert left(world, QuotaKind.OPENING) == (FEW.openings_per_day_max if free else 0)
    if free:
        witness(world, ask(world, started(world, 3)))
    else:
        with pytest.raises(QuotaExceeded):
            witness(world, ask(world, started(world, 3)))


def test_the_quota_is_of_the_professional_not_of_the_device(world: World) -> None:
    for _ in range(FEW.lookups_per_day_max):
        spend_lookup(world, lookup(world))
    key = SigningKey.generate(world.rng)
    world.enrol(Device(public=key.public, professional=world.device.professional, shop="580000009"))
    message = world.blind(world.covered()).message()
    request, _ = world.signed(world.servers[1].identity.base_url, "/v1/evaluations", message, key=key)
    with pytest.raises(QuotaExceeded):
        spend_lookup(world, request)


def test_quotas_survive_a_restart(world: World) -> None:
    for _ in range(FEW.lookups_per_day_max):
        spend_lookup(world, lookup(world))
    request, server = lookup(world), world.servers[1]
    server.store.close()
    server.store = type(server.store)(world.home / "keyserver-1", FEW, world.rng)
    with pytest.raises(QuotaExceeded):
        spend_lookup(world, request)


# --- the same request again ------------------------------------------------------------------


def test_an_identical_look_up_is_free(world: World) -> None:
    request = lookup(world)
    for _ in range(5):
        spend_lookup(world, request)
    assert left(world, QuotaKind.LOOKUP) == FEW.lookups_per_day_max - 1


def test_an_identical_opening_keeps_its_leaf(world: World) -> None:
    asked = ask(world, started(world))
    first = witness(world, asked)
    witness(world, ask(world, started(world, 1)))
    assert {(p.index, p.leaf_hash) for p in (witness(world, asked) for _ in range(5))} == {
        (first.index, first.leaf_hash)
    }
    assert openings(world) == 2
    assert left(world, QuotaKind.OPENING) == FEW.openings_per_day_max - 2


def test_the_same_nonce_with_another_body_is_refused(world: World) -> None:
    nonce = new_nonce(world.rng)
    spend_lookup(world, lookup(world, nonce=nonce))
    with pytest.raises(RequestNotAuthentic):
        spend_lookup(world, lookup(world, nonce=nonce, position=1))
    assert left(world, QuotaKind.LOOKUP) == FEW.lookups_per_day_max - 1


def test_the_same_nonce_for_another_opening_is_refused(world: World) -> None:
    nonce = new_nonce(world.rng)
    witness(world, ask(world, started(world), nonce=nonce))
    with pytest.raises(RequestNotAuthentic):
        witness(world, ask(world, started(world, 1), nonce=nonce))
    assert openings(world) == 1


# --- the witness -----------------------------------------------------------------------------


def on_disk(world: World, query: str) -> list[tuple[Any, ...]]:
    """Reads the first server's database through another connection: what a crash would leave."""
    connection = sqlite3.connect(f"file:{world.home / 'keyserver-1' / DATABASE}?mode=ro", uri=True)
    found = connection.execute(query).fetchall()
    connection.close()
    return found


def leaves_on_disk(world: World) -> list[tuple[Any, ...]]:
    """Reads the witness log on disk."""
    return on_disk(world, "SELECT position, leaf_hash FROM leaf WHERE request IS NOT NULL ORDER BY position")


def test_the_leaf_is_on_disk_when_the_answer_is_made(world: World) -> None:
    server, asked = world.servers[1], ask(world, started(world))
    admitted = admit(world, asked)
    assert leaves_on_disk(world) == []
    with server.store.commit():
        position = opening.witness(admitted, server.scribe, server.store, world.now)
        assert leaves_on_disk(world) == []  # not durable yet: no answer may leave
    assert leaves_on_disk(world) == [(position.index, position.leaf_hash)]
    opening.answer(admitted, position, server.identity)


def test_a_refused_opening_leaves_no_leaf_and_no_spending(world: World) -> None:
    for position in range(FEW.openings_per_day_max):
        witness(world, ask(world, started(world, position)))
    before = leaves_on_disk(world)
    with pytest.raises(QuotaExceeded):
        witness(world, ask(world, started(world, 3)))
    assert leaves_on_disk(world) == before


def test_the_log_names_neither_record_nor_professional(world: World) -> None:
    begun = started(world)
    witness(world, ask(world, begun))
    ((entry,),) = on_disk(world, "SELECT entry FROM leaf WHERE request IS NOT NULL")
    label = sealing.open_label(AMC, 1, 1, begun.row.handle)
    professional = world.device.professional.encode()
    for secret in (begun.row.handle, label, begun.record.handle_key.public, professional):
        assert secret not in entry


def test_two_openings_of_one_record_have_different_leaves(world: World) -> None:
    begun = started(world)
    first, second = (witness(world, ask(world, begun)).leaf_hash for _ in range(2))
    assert first != second


def test_old_hashes_are_forgotten_after_24_hours(world: World) -> None:
    asked = ask(world, started(world))
    witness(world, asked)
    world.now += DAY + HOUR
    world.servers[1].store.forget(world.now)
    assert on_disk(world, "SELECT name FROM nonce") == on_disk(world, "SELECT subject FROM spending") == []
    assert openings(world) == 1
