"""Rows at their limits: one size, two strings, one place (section 5)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.crypto.examples import AMC, FEW, seeded
from tests.unit.crypto.two_keys import row_of_two_keys

from paravent.crypto import sealing
from paravent.crypto.entitlement import DESK_PART_BYTES_MAX, ENTITLEMENT_BYTES_MAX
from paravent.crypto.oprf import OprfOutput
from paravent.crypto.sealing import PLAINTEXT_BYTES, STORED_BYTES, Handle, Row
from paravent.errors import MalformedMessage

OUTPUT = OprfOutput(seeded(1)(64))


def seal(entitlement: bytes, desk_part: bytes, rho: bytes = bytes(32)) -> Row:
    """Seals a row under one output and one opening."""
    return sealing.seal_row(
        insurer=AMC, epoch=1, batch=1, handle=Handle(bytes(32)), output=OUTPUT, opening=b"F", entitlement=entitlement,
        desk_part=desk_part, rho=rho,
    )  # fmt: skip


def test_the_longest_entitlement_has_room() -> None:
    assert PLAINTEXT_BYTES >= 4 + ENTITLEMENT_BYTES_MAX + 86
    assert STORED_BYTES == 32 + 32 + PLAINTEXT_BYTES + 16


@FEW
@given(st.integers(0, PLAINTEXT_BYTES - 4), st.integers(0, 400))
def test_what_is_too_long_is_refused_and_the_rest_padded(first: int, second: int) -> None:
    parts = (b"\xee" * first, b"\xdd" * second)
    if first + second > PLAINTEXT_BYTES - 4:
        with pytest.raises(MalformedMessage):
            seal(*parts)
    else:
        row = seal(*parts)
        assert len(row.stored) == STORED_BYTES
        assert sealing.open_row(row, OUTPUT, b"F") == parts


def test_the_longest_parts_fit_one_row() -> None:
    seal(bytes(ENTITLEMENT_BYTES_MAX), bytes(DESK_PART_BYTES_MAX))


@pytest.mark.parametrize("size", [0xFFFF, 0x10000])
def test_a_length_beyond_its_field_is_refused(size: int) -> None:
    with pytest.raises(MalformedMessage):
        seal(bytes(size), b"")


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_randomness_has_its_length(size: int) -> None:
    with pytest.raises(MalformedMessage):
        seal(b"E", b"D", bytes(size))


@pytest.mark.parametrize(("handle", "stored"), [(31, STORED_BYTES), (32, STORED_BYTES - 1), (32, STORED_BYTES + 1)])
def test_a_row_of_another_size_is_refused(handle: int, stored: int) -> None:
    with pytest.raises(MalformedMessage):
        Row(insurer=AMC, epoch=1, batch=1, handle=Handle(bytes(handle)), stored=bytes(stored))


@pytest.mark.parametrize(
    "plaintext",
    [b"\xff\xff", b"\x01\x27" + bytes(294), b"\0\x01E\xff\xff", b"\0\x01E\0\x01D\x01", bytes(295) + b"\x01"],
    ids=["E too long", "no room for D", "D too long", "a byte after D", "the last byte"],
)
def test_what_opens_is_still_checked(plaintext: bytes) -> None:
    # Only the insurer could seal such a row: its form is refused, not its key.
    with pytest.raises(MalformedMessage):
        sealing._unpad(plaintext.ljust(PLAINTEXT_BYTES, b"\0"))


def test_another_rho_gives_another_row() -> None:
    first, second = (seal(b"E", b"D", seeded(seed)(32)) for seed in (1, 2))
    assert first.stored != second.stored
    parts = [{row.stored[at : at + 16] for at in range(0, STORED_BYTES - 16, 8)} for row in (first, second)]
    assert not parts[0] & parts[1]


def test_handle_and_label_depend_on_insurer_and_epoch() -> None:
    places = [(AMC, 1), (AMC, 2), ("99000002", 1)]
    keys = [sealing.handle_key(OUTPUT, *place).public for place in places]
    assert len(set(keys)) == 3
    assert len({sealing.handle_of(*place, keys[0]) for place in places}) == 3
    handle = Handle(bytes(32))
    labels = {
        sealing.open_label(insurer, epoch, batch, handle) for insurer, epoch in places for batch in (1, 2)
    }  # fmt: skip
    assert len(labels) == 6


def test_the_attack_on_two_keys_is_real(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of ``a_row_never_opens_under_two_keys``: without the commitment two contracts come out of one row."""
    row, first, second = row_of_two_keys(OUTPUT, 1)
    monkeypatch.setattr("paravent.crypto.sealing.hmac.compare_digest", lambda *_: True)
    one, other = (sealing.open_row(row, OUTPUT, opening) for opening in (first, second))
    assert one != other
