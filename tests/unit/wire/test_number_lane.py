"""Rows on the wire: whole records, and answers that are of one length whatever they say (sections 6 and 7)."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.crypto.examples import AMC, seeded
from tests.unit.crypto.trees import Tree
from tests.unit.wire.messages import messages

from paravent.crypto.labels import Label
from paravent.crypto.manifest import Inclusion
from paravent.crypto.merkle import path_length_max
from paravent.crypto.sealing import STORED_BYTES, Handle, Row
from paravent.crypto.signing import SigningKey
from paravent.errors import MalformedMessage
from paravent.hub.rows import _LEAF_ROOM_BYTES
from paravent.wire.codec import BODY_BYTES_MAX, encode
from paravent.wire.number_lane import Leaf, RowAnswer, StoredRow, answer_padding, auth_fields
from paravent.wire.publication import CHUNK_BYTES_MAX, RECORD_BYTES, from_records, to_record
from paravent.wire.statements import ManifestHead, Signed, sign_statement

KEY = SigningKey.generate(seeded(1))

ROWS = st.builds(
    Row, insurer=st.just(AMC), epoch=st.just(3), batch=st.integers(0, 2**64 - 1),
    handle=st.binary(min_size=32, max_size=32).map(Handle),
    stored=st.binary(min_size=STORED_BYTES, max_size=STORED_BYTES),
)  # fmt: skip


@given(st.lists(ROWS, max_size=3))
def test_records_come_back_in_their_order(rows: list[Row]) -> None:
    chunk = b"".join(to_record(row) for row in rows)
    assert len(chunk) == RECORD_BYTES * len(rows)
    assert list(from_records(chunk, AMC, 3)) == rows


@given(ROWS, st.integers(1, RECORD_BYTES - 1))
def test_part_of_a_record_is_refused(row: Row, size: int) -> None:
    record = to_record(row)
    for chunk in (record[:size], record + record[:size]):
        with pytest.raises(MalformedMessage):
            list(from_records(chunk, AMC, 3))


def test_a_chunk_is_whole_records() -> None:
    assert CHUNK_BYTES_MAX % RECORD_BYTES == 0


# --- one length --------------------------------------------------------------------------------


def answered(tree: Tree, leaves: list[Inclusion], row: StoredRow | None) -> int:
    """The length of the hub's answer with these leaves."""
    head = sign_statement(
        ManifestHead(
            insurer=AMC, epoch=1, counter=2**53 - 1, count=tree.count, root=tree.root, issued_at=1, live_batches=(1, 2)
        ),
        Label.MANIFEST_HEAD, AMC, KEY,
    )  # fmt: skip
    wire = tuple(
        Leaf(index=leaf.index, handle=leaf.handle, row_digest=leaf.row_digest, path=leaf.path) for leaf in leaves
    )
    unpadded = RowAnswer(head=head, row=row, leaves=wire, padding="")
    room = len(encode(head)) + _LEAF_ROOM_BYTES
    padding = answer_padding(len(encode(unpadded)), path_length_max(tree.count), room)
    return len(encode(msgspec.structs.replace(unpadded, padding=padding)))


@pytest.mark.parametrize("count", range(71))
def test_presence_and_absence_are_of_one_length(count: int) -> None:
    tree = Tree(count)
    largest = StoredRow(batch=2**53 - 1, stored=b"\xff" * STORED_BYTES)
    smallest = StoredRow(batch=0, stored=bytes(STORED_BYTES))
    lengths = {answered(tree, [tree.leaf(index)], row) for index in range(count) for row in (largest, smallest)}
    lengths |= {answered(tree, tree.gap(index)[1], None) for index in range(count + 1)}
    assert len(lengths) == 1


@pytest.mark.parametrize("count", [33_000_000, 2**40])
def test_the_largest_manifest_has_room_in_one_answer(count: int) -> None:
    path = (b"\xff" * 32,) * path_length_max(count)
    leaf = Leaf(index=count - 1, handle=bytes(32), row_digest=bytes(32), path=path)
    two = RowAnswer(head=_head(count), row=None, leaves=(leaf, leaf), padding="")
    one = RowAnswer(
        head=_head(count), row=StoredRow(batch=2**53 - 1, stored=bytes(STORED_BYTES)), leaves=(leaf,), padding=""
    )
    target = len(encode(_head(count))) + _LEAF_ROOM_BYTES + 2 * len(path) * 47
    assert max(len(encode(two)), len(encode(one))) <= target <= BODY_BYTES_MAX


def _head(count: int) -> Signed:
    statement = ManifestHead(
        insurer=AMC, epoch=1, counter=1, count=count, root=bytes(32), issued_at=1, live_batches=(1,)
    )  # fmt: skip
    return sign_statement(statement, Label.MANIFEST_HEAD, AMC, KEY)


@given(messages(Leaf))
def test_a_leaf_is_verified_as_it_was_received(leaf: Leaf) -> None:
    inclusion = leaf.inclusion()
    assert (inclusion.index, inclusion.handle, inclusion.row_digest, inclusion.path) == (
        leaf.index, leaf.handle, leaf.row_digest, leaf.path,
    )  # fmt: skip


def test_what_a_handle_key_signs_is_bound_to_all_it_authorises() -> None:
    usual = ("server-1", "nonce", b"label", "device", b"answer key")
    for place, other in enumerate(("server-2", "other", b"other", "other", b"other")):
        changed = (*usual[:place], other, *usual[place + 1 :])
        assert auth_fields(*changed) != auth_fields(*usual)  # type: ignore[arg-type]


def test_without_padding_a_length_would_say_who_is_covered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above: it would notice answers that are not padded."""
    monkeypatch.setitem(answered.__globals__, "answer_padding", lambda *_: "")
    with pytest.raises(AssertionError):
        test_presence_and_absence_are_of_one_length(7)
