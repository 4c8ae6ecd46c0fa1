"""A hub that lies, or shows what is old: the right error, and never "not covered"."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from msgspec.structs import replace as changed
from tests.unit.parties.world import AMC, DAY, OTHER_AMC, World

from paravent.crypto.labels import Label
from paravent.crypto.merkle import EMPTY_ROOT, path_positions
from paravent.desk.number_lane import KnownRecord
from paravent.errors import EpochNotLive, NotCovered, ParaventError, ProofFailure, StaleData, TechnicalFailure
from paravent.hub import rows
from paravent.wire.number_lane import Leaf, RowAnswer, StoredRow
from paravent.wire.statements import ManifestHead, open_statement

CULPRITS = {"hub", f"insurer {AMC}"}


def head_of(world: World) -> ManifestHead:
    """The head that the insurer signed."""
    insurer = world.insurers[AMC]
    key = insurer.keys.issuer.public
    return open_statement(world.bundle().head, ManifestHead, Label.MANIFEST_HEAD, AMC, key)


def with_head(world: World, answer: RowAnswer, **changes: object) -> RowAnswer:
    """Puts a head that the insurer really signed, but for something else, over an answer."""
    head = changed(head_of(world), **changes)
    return changed(answer, head=world.insurers[AMC].sign(head, Label.MANIFEST_HEAD))


def refused(world: World, record: KnownRecord, answer: RowAnswer, counter_min: int = 0) -> ParaventError:
    """Takes an answer that must be refused and returns the error."""
    with pytest.raises(ParaventError) as caught:
        record.take_row(answer, world.hub.name, now=world.now, counter_min=counter_min)
    assert not isinstance(caught.value, NotCovered), "a lie is never a statement about cover"
    return caught.value


def flipped(data: bytes, place: int = 0) -> bytes:
    """Changes one bit."""
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


# --- a row that is there ---------------------------------------------------------------------


def stored(answer: RowAnswer, content: bytes) -> RowAnswer:
    """Puts other bytes in the place of a row's."""
    assert answer.row is not None
    return changed(answer, row=changed(answer.row, stored=content))


def in_batch(answer: RowAnswer, batch: int) -> StoredRow:
    """Says another batch of a row."""
    assert answer.row is not None
    return changed(answer.row, batch=batch)


def on_row(change: Callable[[bytes], bytes]) -> Callable[[RowAnswer, RowAnswer], RowAnswer]:
    """Alters the bytes of the row of an answer."""

    def alter(answer: RowAnswer, _: RowAnswer) -> RowAnswer:
        assert answer.row is not None
        return stored(answer, change(answer.row.stored))

    return alter


def on_leaf(change: Callable[[Leaf], dict[str, object]]) -> Callable[[RowAnswer, RowAnswer], RowAnswer]:
    """Alters the leaf of an answer."""
    return lambda answer, _: changed(answer, leaves=(changed(answer.leaves[0], **change(answer.leaves[0])),))


# What a hub may do to the answer about one person, holding the answer about another.
LIES: dict[str, Callable[[RowAnswer, RowAnswer], RowAnswer]] = {
    "first byte of the row": on_row(flipped),
    "last byte of the row": on_row(lambda row: flipped(row, len(row) - 1)),
    "digest of the leaf": on_leaf(lambda leaf: {"row_digest": flipped(leaf.row_digest)}),
    "handle of the leaf": on_leaf(lambda leaf: {"handle": flipped(leaf.handle)}),
    "path": on_leaf(lambda leaf: {"path": (flipped(leaf.path[0]), *leaf.path[1:])}),
    "longer path": on_leaf(lambda leaf: {"path": (*leaf.path, bytes(32))}),
    "shorter path": on_leaf(lambda leaf: {"path": leaf.path[:-1]}),
    "no path": on_leaf(lambda _: {"path": ()}),
    "index": on_leaf(lambda leaf: {"index": leaf.index ^ 1}),
    "index outside the tree": on_leaf(lambda _: {"index": 10_000}),
    "batch of the row": lambda mine, _: changed(mine, row=in_batch(mine, 7)),
    "row of somebody else": lambda mine, other: changed(mine, row=other.row),
    "row and leaf of somebody else": lambda _, other: other,
    "no leaf": lambda mine, _: changed(mine, leaves=()),
    "two leaves": lambda mine, other: changed(mine, leaves=mine.leaves + other.leaves),
    "no row": lambda mine, _: changed(mine, row=None),
    "no row and no leaf": lambda mine, _: changed(mine, row=None, leaves=()),
    "leaf of somebody else, no row": lambda _, other: changed(other, row=None),
}


@pytest.mark.parametrize("kind", LIES)
def test_a_row_that_is_there_cannot_be_altered_or_hidden(kind: str, still: World) -> None:
    record = still.known(still.covered())
    other = still.fetch(still.known(still.covered(2)))
    error = refused(still, record, LIES[kind](still.fetch(record), other))
    assert isinstance(error, ProofFailure)
    assert error.culprit == still.hub.name


def test_an_honest_answer_is_taken(still: World) -> None:
    record = still.known(still.covered())
    head, row = record.take_row(still.fetch(record), still.hub.name, now=still.now, counter_min=0)
    assert (head.insurer, row.handle) == (AMC, record.handle)


@pytest.mark.parametrize("length", [0, 100, 1_000])
def test_a_row_of_a_wrong_length_is_a_technical_failure(length: int, still: World) -> None:
    record = still.known(still.covered())
    error = refused(still, record, stored(still.fetch(record), bytes(length)))
    assert isinstance(error, TechnicalFailure)


# --- a row that is not there -----------------------------------------------------------------


def leaf_at(world: World, index: int) -> Leaf:
    """A true leaf of the manifest, with its path."""
    manifest = world.hub_store.manifest(AMC, 1)
    assert manifest is not None
    row = world.insurers[AMC].rows[index]
    path = world.hub_store.nodes(manifest, path_positions(index, manifest.head.count))
    return Leaf(index=index, handle=row.handle, row_digest=row.digest(), path=path)


def hiding(world: World, record: KnownRecord) -> tuple[int, RowAnswer]:
    """Starts to hide a true row: returns its index and an answer with no row and no leaf."""
    answer = world.fetch(record)
    return answer.leaves[0].index, changed(answer, row=None, leaves=())


# Which true leaves a hub may show in the place of leaf ``at`` of a tree whose last leaf is ``last``.
GAPS: dict[str, Callable[[int, int], list[int]]] = {
    "those on either side": lambda at, last: [place for place in (at - 1, at + 1) if 0 <= place <= last],
    "those on either side, swapped": lambda at, last: [place for place in (at + 1, at - 1) if 0 <= place <= last],
    "the one below": lambda at, _: [at - 1 if at else 1],
    "the one above": lambda at, last: [at + 1 if at < last else 0],
    "the first and the last": lambda _, last: [0, last],
    "three": lambda *_: [0, 1, 2],
    "itself": lambda at, _: [at],
}


@pytest.mark.parametrize("kind", GAPS)
@pytest.mark.parametrize("position", range(6))
def test_a_row_cannot_be_hidden_behind_true_leaves(kind: str, position: int, still: World) -> None:
    record = still.known(still.covered(position))
    index, answer = hiding(still, record)
    last = len(still.insurers[AMC].rows) - 1
    leaves = tuple(leaf_at(still, place) for place in GAPS[kind](index, last))
    error = refused(still, record, changed(answer, leaves=leaves))
    assert isinstance(error, ProofFailure)
    assert error.culprit == still.hub.name


def test_a_forged_neighbour_is_refused(still: World) -> None:
    record = still.known(still.covered())
    index, answer = hiding(still, record)
    below = leaf_at(still, index - 1) if index else None
    above = changed(leaf_at(still, index), handle=b"\xff" * 32)
    leaves = tuple(leaf for leaf in (below, above) if leaf is not None)
    assert isinstance(refused(still, record, changed(answer, leaves=leaves)), ProofFailure)


# --- heads -----------------------------------------------------------------------------------


def believing(record: KnownRecord, answer: RowAnswer) -> KnownRecord:
    """Makes a desk believe that t servers cosigned the head of an answer."""
    return replace(record, epoch=replace(record.epoch, head=answer.head.digest()))


def head_error(world: World, *, counter_min: int = 0, absent: bool = False, **changes: object) -> ParaventError:
    """Shows an otherwise honest answer under another head, as if t servers had cosigned it."""
    record = world.known(world.stranger() if absent else world.covered())
    answer = with_head(world, world.fetch(record), **changes)
    return refused(world, believing(record, answer), answer, counter_min)


@pytest.mark.parametrize("absent", [False, True])
class TestHead:
    """Heads that the insurer signed, shown at the wrong time or for something else."""

    def test_a_counter_lower_than_seen(self, still: World, *, absent: bool) -> None:
        assert isinstance(head_error(still, counter_min=2, absent=absent), StaleData)

    def test_older_than_48_hours(self, still: World, *, absent: bool) -> None:
        issued_at = still.now - 2 * DAY - 1
        assert isinstance(head_error(still, issued_at=issued_at, absent=absent), StaleData)

    def test_another_epoch(self, still: World, *, absent: bool) -> None:
        assert isinstance(head_error(still, epoch=2, absent=absent), ProofFailure)

    def test_another_insurer(self, still: World, *, absent: bool) -> None:
        assert isinstance(head_error(still, insurer=OTHER_AMC, absent=absent), ProofFailure)

    def test_another_root(self, still: World, *, absent: bool) -> None:
        assert isinstance(head_error(still, root=bytes(32), absent=absent), ProofFailure)

    def test_another_count(self, still: World, *, absent: bool) -> None:
        assert isinstance(head_error(still, count=200, absent=absent), ProofFailure)

    def test_an_empty_tree(self, still: World, *, absent: bool) -> None:
        assert isinstance(head_error(still, count=0, root=EMPTY_ROOT, absent=absent), ProofFailure)

    def test_not_the_one_that_servers_cosigned(self, still: World, *, absent: bool) -> None:
        record = still.known(still.stranger() if absent else still.covered())
        answer = with_head(still, still.fetch(record), counter=9)
        assert isinstance(refused(still, record, answer), EpochNotLive)

    def test_signed_by_somebody_else(self, still: World, *, absent: bool) -> None:
        record = still.known(still.stranger() if absent else still.covered())
        head = still.insurers[OTHER_AMC].sign(head_of(still), Label.MANIFEST_HEAD)
        error = refused(still, record, changed(still.fetch(record), head=head))
        assert isinstance(error, ProofFailure)

    def test_signed_for_another_purpose(self, still: World, *, absent: bool) -> None:
        record = still.known(still.stranger() if absent else still.covered())
        head = still.insurers[AMC].sign(head_of(still), Label.EPOCH)
        error = refused(still, record, changed(still.fetch(record), head=head))
        assert isinstance(error, ProofFailure)

    def test_altered(self, still: World, *, absent: bool) -> None:
        record = still.known(still.stranger() if absent else still.covered())
        answer = still.fetch(record)
        payload = answer.head.payload.replace(b'"counter":1', b'"counter":9')
        assert payload != answer.head.payload
        head = changed(answer.head, payload=payload)
        assert isinstance(refused(still, record, changed(answer, head=head)), ProofFailure)


def test_exactly_48_hours_old_and_the_same_counter_are_taken(still: World) -> None:
    record = still.known(still.covered())
    answer = with_head(still, still.fetch(record), issued_at=still.now - 2 * DAY)
    record = believing(record, answer)
    assert record.take_row(answer, still.hub.name, now=still.now, counter_min=1)[1].handle == record.handle


def test_a_row_of_a_batch_that_the_head_does_not_list_is_refused(still: World) -> None:
    error = head_error(still, live_batches=(2,))
    assert isinstance(error, ProofFailure)
    assert "not live" in str(error)


def test_a_row_of_a_batch_that_the_desk_has_not_read_waits_for_its_receipts(still: World) -> None:
    known = still.known(still.covered())
    record = replace(known, epoch=replace(known.epoch, batches={}))
    assert isinstance(refused(still, record, still.fetch(known)), EpochNotLive)


# --- what a row holds ------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 40, 70, 300], ids=["rho", "commitment", "ciphertext", "padding"])
def test_a_row_altered_by_its_own_insurer_does_not_open(place: int, still: World) -> None:
    started = still.opening(still.known(still.covered()))
    started.row = replace(started.row, stored=flipped(started.row.stored, place))
    for index in (1, 2, 3):
        started.take(*still.open_at(started, index))
    assert started.finish() is None


# --- a manifest replaced meanwhile -----------------------------------------------------------


def test_a_publication_between_request_and_answer_is_never_not_covered(world: World) -> None:
    record = world.known(world.covered())
    manifest = world.hub_store.manifest(AMC, 1)
    assert manifest is not None
    caller = world.signed(world.hub.base_url, "/v1/rows", world.device)[1]
    admitted = rows.AdmittedFetch(device=world.device, caller=caller, handle=record.handle, manifest=manifest)
    world.publish(AMC, 2)
    answer = rows.answer(admitted, world.hub_store)
    assert isinstance(refused(world, record, answer), TechnicalFailure)
