"""What the hub takes from an insurer before it serves it, and to whom it then serves a row."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from copy import copy
from dataclasses import replace

import pytest
from msgspec.structs import replace as changed
from tests import engines
from tests.unit.parties.world import AMC, OTHER_AMC, World, open_hub

from paravent.access.parties import authenticate_insurer
from paravent.access.quotas import QuotaLimits
from paravent.access.requests import new_nonce
from paravent.crypto.labels import Label
from paravent.crypto.sealing import Handle, Row
from paravent.crypto.signing import SigningKey
from paravent.errors import (
    EpochNotLive,
    MalformedMessage,
    ProofFailure,
    QuotaExceeded,
    RequestNotAuthentic,
    StaleData,
    TooFewServers,
    UnknownDevice,
    UnknownInsurer,
)
from paravent.hub import publication, rows
from paravent.hub.statements import GUARANTEES, STATUS_LIST, verify_statement
from paravent.wire.publication import Publication, from_records, to_record
from paravent.wire.statements import Announced, EpochBundle, ManifestHead, StatusList, open_statement

pytestmark = engines.WITH_SHARDS

# --- what is announced -----------------------------------------------------------------------


def announce(world: World) -> Publication:
    """Announces the rows already published once more, with a higher counter."""
    return world.announce(world.insurers[AMC])


def with_head(world: World, announced: Publication, **changes: object) -> Publication:
    """Signs another head over a publication."""
    insurer = world.insurers[AMC]
    key = insurer.keys.issuer.public
    head = open_statement(announced.head, ManifestHead, Label.MANIFEST_HEAD, AMC, key)
    return changed(announced, head=world.cosigned(insurer.sign(changed(head, **changes), Label.MANIFEST_HEAD)))


def verify(world: World, announced: Publication) -> ManifestHead:
    current = world.hub_store.newest(AMC)
    assert current is not None
    return publication.verify_publication(announced, world.insurers[AMC].entry, world.directory, current.head)[1]


def few(announced: Announced) -> Announced:
    """Keeps one receipt."""
    return changed(announced, receipts=announced.receipts[:1])


BAD: dict[str, tuple[type[Exception], Callable[[World, Publication], Publication]]] = {
    "for another insurer": (ProofFailure, lambda _, said: changed(said, insurer=OTHER_AMC)),
    "the epoch of another insurer": (
        ProofFailure, lambda world, said: changed(said, epoch=world.insurers[OTHER_AMC].announced[0]),
    ),
    "the batch of another insurer": (
        ProofFailure, lambda world, said: changed(said, batches=(world.insurers[OTHER_AMC].announced[1],)),
    ),
    "one receipt of the epoch": (
        TooFewServers, lambda _, said: changed(said, epoch=few(said.epoch)),
    ),
    "one receipt of the batch": (
        TooFewServers, lambda _, said: changed(said, batches=(few(said.batches[0]),)),
    ),
    "receipts of the epoch for the batch": (
        ProofFailure,
        lambda _, said: changed(said, batches=(changed(said.batches[0], receipts=said.epoch.receipts),)),
    ),
    "one cosignature of the head": (
        TooFewServers, lambda world, said: changed(said, head=world.cosigned(said.head.alone(), 1)),
    ),
    "the same cosignature twice": (
        TooFewServers, lambda world, said: changed(said, head=world.cosigned(said.head.alone(), 1, 1)),
    ),
    "cosignatures of another head": (
        ProofFailure,
        lambda world, said: changed(said, head=changed(said.head, cosignatures=world.bundle().head.cosignatures)),
    ),
    "a batch that is not announced": (
        ProofFailure, lambda world, said: with_head(world, said, live_batches=(1, 2)),
    ),
    "no batch": (ProofFailure, lambda _, said: changed(said, batches=())),
    "a head of another epoch": (ProofFailure, lambda world, said: with_head(world, said, epoch=2)),
    "a head of another insurer": (
        ProofFailure, lambda world, said: with_head(world, said, insurer=OTHER_AMC),
    ),
    "a head signed by another insurer": (
        ProofFailure, lambda world, said: changed(said, head=world.bundle(OTHER_AMC).head),
    ),
    "the same counter": (StaleData, lambda world, said: with_head(world, said, counter=1)),
    "a lower counter": (StaleData, lambda world, said: with_head(world, said, counter=0)),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_a_wrong_publication_is_refused(kind: str, still: World) -> None:
    error, change = BAD[kind]
    announced = announce(still)
    assert verify(still, announced).insurer == AMC
    with pytest.raises(error):
        verify(still, change(still, announced))


@pytest.mark.parametrize("who", ["hub", "device", "nobody"])
def test_only_an_insurers_key_publishes(who: str, still: World) -> None:
    keys = {"hub": still.hub.signing_key, "device": still.device_key}
    key = keys.get(who, SigningKey.generate(still.rng))
    request, _ = still.signed(still.hub.base_url, "/v1/publications", announce(still), key=key)
    with pytest.raises(UnknownInsurer):
        authenticate_insurer(request, still.directory, base_url=still.hub.base_url, now=still.now)


def test_an_insurer_is_known_by_its_key(still: World) -> None:
    insurer = still.insurers[OTHER_AMC]
    request, _ = still.signed(still.hub.base_url, "/v1/publications", announce(still), key=insurer.keys.issuer)
    entry, _ = authenticate_insurer(request, still.directory, base_url=still.hub.base_url, now=still.now)
    assert entry == insurer.entry


# --- rows ------------------------------------------------------------------------------------


def stage(world: World, sent: list[Row], announced: Publication) -> tuple[int, ManifestHead]:
    """Uploads rows as they come, without going live."""
    head = verify(world, announced)
    bundle = EpochBundle(epoch=announced.epoch, batches=announced.batches, head=announced.head)
    number = world.hub_store.open_publication(bundle, head)
    world.hub_store.add_rows(number, 0, sent)
    return number, head


def go_live(world: World, number: int, head: ManifestHead) -> None:
    levels = publication.build_tree(world.hub_store.staged_digests(number, head), head)
    world.hub_store.go_live(number, head, levels)


def altered(row: Row) -> Row:
    """Changes one byte of a row."""
    return replace(row, stored=row.stored[:-1] + bytes([row.stored[-1] ^ 1]))


ROWS: dict[str, Callable[[list[Row]], list[Row]]] = {
    "a byte of one": lambda sent: [*sent[:-1], altered(sent[-1])],
    "one too few": lambda sent: sent[:-1],
    "one too many": lambda sent: [*sent, replace(sent[0], handle=Handle(b"\xff" * 32))],
    "two exchanged": lambda sent: [
        replace(sent[0], stored=sent[1].stored), replace(sent[1], stored=sent[0].stored), *sent[2:],
    ],
    "none": lambda _: [],
}  # fmt: skip


@pytest.mark.parametrize("kind", ROWS)
def test_rows_other_than_those_signed_never_go_live(kind: str, world: World) -> None:
    number, head = stage(world, ROWS[kind](world.insurers[AMC].rows), announce(world))
    with pytest.raises(ProofFailure) as caught:
        go_live(world, number, head)
    assert caught.value.culprit == AMC
    former = world.hub_store.newest(AMC)
    assert former is not None
    assert former.head.counter == 1


def test_the_rows_signed_go_live_and_the_former_ones_leave(world: World) -> None:
    number, head = stage(world, world.insurers[AMC].rows, announce(world))
    go_live(world, number, head)
    assert world.hub_store.sizes() == (2, sum(len(insurer.rows) for insurer in world.insurers.values()))
    assert world.check(world.covered()).part.insurer == AMC


def test_rows_that_are_not_sorted_are_refused(world: World) -> None:
    announced = announce(world)
    with pytest.raises(MalformedMessage):
        stage(world, world.insurers[AMC].rows[::-1], announced)


@pytest.mark.parametrize(("rows_per_turn", "turns"), [(1, True), (1_000, False)])
def test_other_requests_have_their_turn_while_a_tree_is_rebuilt(
    rows_per_turn: int, turns: bool, still: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the same tree comes of it; with all rows in one turn, nobody else has one before its levels."""
    monkeypatch.setattr(publication, "ROWS_PER_TURN", rows_per_turn)
    insurer = still.insurers[AMC]
    rows = [(row.handle, row.digest()) for row in insurer.rows]
    head = open_statement(still.bundle().head, ManifestHead, Label.MANIFEST_HEAD, AMC, insurer.keys.issuer.public)
    answered: list[int] = []

    async def meanwhile() -> None:
        read = iter(rows)
        rebuilding = asyncio.create_task(publication.rebuild_tree(read, head))
        await asyncio.sleep(0)
        while left := len(list(copy(read))):
            answered.append(left)
            await asyncio.sleep(0)
        assert await rebuilding == publication.build_tree(rows, head)

    asyncio.run(meanwhile())
    assert (answered != []) is turns


def test_build_tree_itself_refuses_another_order_and_a_double(still: World) -> None:
    sent = still.insurers[AMC].rows
    head = verify(still, announce(still))
    for wrong in (sent[::-1], [sent[0], *sent]):
        with pytest.raises(MalformedMessage):
            publication.build_tree(((row.handle, row.digest()) for row in wrong), head)


def test_rows_follow_on(world: World) -> None:
    sent = world.insurers[AMC].rows
    number, _ = stage(world, sent[:3], announce(world))
    for first in (0, 2, 4):
        with pytest.raises(MalformedMessage):
            world.hub_store.add_rows(number, first, sent[3:])
    world.hub_store.add_rows(number, 3, sent[3:])
    assert world.hub_store.staged(number, AMC).rows == len(sent)


def test_insurers_load_side_by_side(world: World) -> None:
    """Their chunks come in turn, one insurer goes live in the middle of the other, and neither disturbs the other."""
    numbers, heads = {}, {}
    for amc in (AMC, OTHER_AMC):
        announced = world.announce(world.insurers[amc])
        heads[amc] = open_statement(
            announced.head, ManifestHead, Label.MANIFEST_HEAD, amc, world.insurers[amc].keys.issuer.public
        )
        bundle = EpochBundle(epoch=announced.epoch, batches=announced.batches, head=announced.head)
        numbers[amc] = world.hub_store.open_publication(bundle, heads[amc])
    rows = {amc: world.insurers[amc].rows for amc in numbers}
    for place in range(max(map(len, rows.values()))):
        for amc, number in numbers.items():
            if place < len(rows[amc]):
                world.hub_store.add_rows(number, place, rows[amc][place : place + 1])
            if place + 1 == len(rows[amc]):
                leaves = world.hub_store.staged_digests(number, heads[amc])
                world.hub_store.go_live(number, heads[amc], publication.build_tree(leaves, heads[amc]))
    for amc, own in rows.items():
        live = world.hub_store.newest(amc)
        assert live is not None
        assert live.head == heads[amc]
        assert [place and place.row for place in (world.hub_store.row(live, row.handle) for row in own)] == own
    assert len(rows[AMC]) != len(rows[OTHER_AMC])


def test_a_publication_is_continued_by_its_own_insurer_only(world: World) -> None:
    number, _ = stage(world, [], announce(world))
    with pytest.raises(EpochNotLive):
        world.hub_store.staged(number, OTHER_AMC)


def test_a_row_of_a_batch_that_is_not_live_is_refused(still: World) -> None:
    head = verify(still, announce(still))
    publication.check_batches(still.insurers[AMC].rows, head)
    with pytest.raises(MalformedMessage):
        publication.check_batches([replace(still.insurers[AMC].rows[0], batch=2)], head)


@pytest.mark.parametrize("size", [1, -1])
def test_a_chunk_is_whole_records(size: int, still: World) -> None:
    chunk = b"".join(map(to_record, still.insurers[AMC].rows))
    assert list(from_records(chunk, AMC, 1)) == still.insurers[AMC].rows
    with pytest.raises(MalformedMessage):
        list(from_records(chunk[:size] if size < 0 else chunk + b"\0", AMC, 1))


def test_a_manifest_comes_back_from_disk(world: World) -> None:
    world.hub_store.close()
    world.hub_store = open_hub(world.home / "hub", QuotaLimits(), world.rng)
    assert world.check(world.covered()).part.insurer == AMC


# --- statements ------------------------------------------------------------------------------


def test_a_statement_of_another_insurer_or_kind_is_refused(still: World) -> None:
    mine, other = still.insurers[AMC], still.insurers[OTHER_AMC]
    statuses = StatusList(insurer=OTHER_AMC, counter=5, issued_at=still.now, bits=bytes(128))
    with pytest.raises(ProofFailure):
        verify_statement(mine.sign(statuses, Label.STATUS_LIST), STATUS_LIST, mine.entry)
    with pytest.raises(ProofFailure):
        verify_statement(other.sign(statuses, Label.STATUS_LIST), STATUS_LIST, mine.entry)
    with pytest.raises(ProofFailure):
        verify_statement(mine.sign(mine.tables, Label.GUARANTEES), STATUS_LIST, mine.entry)
    with pytest.raises(MalformedMessage):
        verify_statement(mine.sign(mine.tables, Label.GUARANTEES), "epoch", mine.entry)
    assert verify_statement(mine.sign(mine.tables, Label.GUARANTEES), GUARANTEES, mine.entry) == 1


def test_a_statement_never_goes_back(world: World) -> None:
    first = world.hub_store.statement(AMC, STATUS_LIST)
    assert first is not None
    world.hand_over(AMC)
    newer = world.hub_store.statement(AMC, STATUS_LIST)
    assert not world.hub_store.keep_statement(AMC, STATUS_LIST, 1, first)
    assert world.hub_store.statement(AMC, STATUS_LIST) == newer != first


# --- serving a row ---------------------------------------------------------------------------


def fetch(world: World, *, hub: str | None = None, device: str | None = None, other_nonce: bool = False) -> None:
    """Asks for a row with a proof that may be for something else."""
    record, nonce = world.known_to_insurer(world.covered()), new_nonce(world.rng)
    signed_nonce = new_nonce(world.rng) if other_nonce else nonce
    message = record.row_message(hub or world.hub.name, signed_nonce, device or world.device.keyid)
    request, _ = world.signed(world.hub.base_url, "/v1/rows", message, nonce=nonce)
    rows.admit(request, world.hub, world.hub_store, world.now)


def test_a_right_request_is_admitted(still: World) -> None:
    fetch(still)


@pytest.mark.parametrize("changes", [{"hub": "keyserver-1"}, {"device": "0" * 32}, {"other_nonce": True}], ids=str)
def test_a_proof_for_something_else_gets_no_row(changes: dict[str, object], still: World) -> None:
    with pytest.raises(RequestNotAuthentic):
        fetch(still, **changes)  # type: ignore[arg-type]


def test_a_handle_key_without_its_secret_gets_no_row(still: World) -> None:
    record, nonce = still.known_to_insurer(still.covered()), new_nonce(still.rng)
    thief = replace(record, handle_key=SigningKey.generate(still.rng))
    message = changed(thief.row_message(still.hub.name, nonce, still.device.keyid), handle_key=record.handle_key.public)
    request, _ = still.signed(still.hub.base_url, "/v1/rows", message, nonce=nonce)
    with pytest.raises(RequestNotAuthentic):
        rows.admit(request, still.hub, still.hub_store, still.now)


def test_an_epoch_that_nobody_published_is_not_live(still: World) -> None:
    record, nonce = still.known_to_insurer(still.covered()), new_nonce(still.rng)
    message = changed(record.row_message(still.hub.name, nonce, still.device.keyid), epoch=9)
    request, _ = still.signed(still.hub.base_url, "/v1/rows", message, nonce=nonce)
    with pytest.raises(EpochNotLive):
        rows.admit(request, still.hub, still.hub_store, still.now)


def test_an_unknown_device_gets_no_row(world: World) -> None:
    world.hub_store.withdraw(world.device.keyid, world.now)
    with pytest.raises(UnknownDevice):
        fetch(world)


def test_look_ups_are_counted_at_the_hub_too(world: World) -> None:
    for _ in range(QuotaLimits().lookups_per_day_max):
        world.fetch(world.known_to_insurer(world.stranger()))
    with pytest.raises(QuotaExceeded):
        world.fetch(world.known_to_insurer(world.covered()))
