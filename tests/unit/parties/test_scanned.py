"""What a USB scanner types on a French keyboard becomes the card again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paravent.desk.scanned import _TYPED, as_printed
from paravent.wire.card import _ALPHABET, PREFIX


@given(st.text(alphabet=_ALPHABET, max_size=60))
def test_a_card_typed_on_a_french_keyboard_comes_back_whole(text: str) -> None:
    card = PREFIX + text
    typed = "".join(_TYPED[character] for character in card)
    assert as_printed(typed) == card
    assert as_printed(card) == card


def test_no_two_characters_are_typed_alike() -> None:
    assert len(set(_TYPED.values())) == len(_ALPHABET)


@pytest.mark.parametrize("text", ["", "PV&", "DUPONT Anne", "PV&M\u20ac", "https://e.example/"])
def test_any_other_text_stays(text: str) -> None:
    assert as_printed(text) == text


def test_the_end_of_a_line_is_no_part_of_it() -> None:
    assert as_printed("PV1:AB\r\n") == "PV1:AB"
    assert as_printed("PV&MQB\n") == "PV1:AB"
