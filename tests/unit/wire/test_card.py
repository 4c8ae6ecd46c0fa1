"""Cards: base45 as RFC 9285 has it, and a text that is whole or nothing (section 8)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.crypto.examples import FEW
from tests.unit.wire import cards

from paravent.crypto.entitlement import DESK_PART_BYTES_MAX, ENTITLEMENT_BYTES_MAX
from paravent.errors import UnreadableCard
from paravent.wire.card import CHARACTERS_MAX, PREFIX, base45_decode, base45_encode, card_text, read_card

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


@pytest.mark.parametrize(
    ("data", "text"), [(b"AB", "BB8"), (b"Hello!!", "%69 VD92EX0"), (b"base-45", "UJCLQE7W581"), (b"ietf!", "QED8WEX0")]
)
def test_the_examples_of_the_rfc(data: bytes, text: str) -> None:
    assert base45_encode(data) == text
    assert base45_decode(text) == data


@given(st.binary(max_size=300))
def test_bytes_come_back(data: bytes) -> None:
    text = base45_encode(data)
    assert base45_decode(text) == data
    assert set(text) <= set(ALPHABET)
    assert len(text) == len(data) // 2 * 3 + len(data) % 2 * 2


@given(st.text(ALPHABET, max_size=30))
def test_a_text_that_is_read_has_one_spelling(text: str) -> None:
    try:
        data = base45_decode(text)
    except UnreadableCard:
        return
    assert base45_encode(data) == text


@pytest.mark.parametrize(
    "text", ["0", "0000", "GGW", ":::", "::", "V5", "BB8a", "bb8", "BB\u00a08", "\uff22\uff228", "BB8\n"]
)
def test_what_is_no_base45_is_unreadable(text: str) -> None:
    with pytest.raises(UnreadableCard):
        base45_decode(text)


@FEW
@given(cards.CARDS)
def test_a_card_comes_back_and_fits_its_code(drawn: cards.Card) -> None:
    assert drawn.accept(drawn.text) == (drawn.hub, drawn.desk)
    assert drawn.accept(drawn.text + "\r\n") == (drawn.hub, drawn.desk)
    assert len(drawn.text) <= 441
    assert set(drawn.text) <= set(ALPHABET)


@given(st.binary(min_size=1, max_size=ENTITLEMENT_BYTES_MAX), st.binary(min_size=1, max_size=DESK_PART_BYTES_MAX))
def test_two_parts_are_read_apart(entitlement: bytes, desk_part: bytes) -> None:
    assert read_card(card_text(entitlement, desk_part)) == (entitlement, desk_part)


@pytest.mark.parametrize(
    "text",
    [
        "", PREFIX, "PV2:BB8", "pv1:BB8", " " + PREFIX, PREFIX + base45_encode(b"\0"),
        PREFIX + base45_encode(b"\x05abc"), PREFIX + base45_encode(b"\x03abc"), PREFIX + base45_encode(b"\0abc"),
        PREFIX + base45_encode(b"\xff" + bytes(255)),
        PREFIX + base45_encode(b"\x01a" + bytes(DESK_PART_BYTES_MAX + 1)),
        PREFIX + base45_encode(bytes([ENTITLEMENT_BYTES_MAX + 1]) + bytes(ENTITLEMENT_BYTES_MAX + 20)),
        PREFIX + "0" * CHARACTERS_MAX, "HC1:6BF+70790T9WJWG.FKY*4GO0", "https://example.org",
    ],
    ids=range(15),
)  # fmt: skip
def test_another_text_is_unreadable(text: str) -> None:
    with pytest.raises(UnreadableCard):
        read_card(text)


@given(st.text(max_size=40))
def test_any_text_is_a_card_or_unreadable(text: str) -> None:
    for given_text in (text, PREFIX + text):
        try:
            entitlement, desk_part = read_card(given_text)
        except UnreadableCard:
            continue
        assert card_text(entitlement, desk_part) == given_text.strip("\r\n")
