"""Labels: each is one text, for one purpose, in one encoding (section 1)."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.crypto.modules import PLAYERS

from paravent.crypto.labels import FIELD_BYTES_MAX, INTEGER_MAX, Label, dec, enc
from paravent.errors import MalformedMessage

SOURCE = Path(__file__).parents[3] / "src" / "paravent"

# The functions by which a label becomes what it is for: a signature, a sealed box, or an encoding.
PURPOSES = {
    "sign": "signature", "verify": "signature", "sign_statement": "signature", "open_statement": "signature",
    "verify_statement": "signature", "cosign": "signature", "verify_cosignature": "signature",
    "verify_cosignatures": "signature", "seal": "box", "open": "box", "enc": "encoding", "dec": "encoding",
}  # fmt: skip


def test_two_labels_are_never_one() -> None:
    # An Enum makes a second name of a same value an alias, silently.
    assert len(Label.__members__) == len({label.value for label in Label})


@pytest.mark.parametrize("label", Label, ids=lambda label: label.name)
def test_a_label_says_the_protocol_and_what_it_is_for(label: Label) -> None:
    assert re.fullmatch(rb"paravent/1/[a-z]+(-[a-z]+)*", label.value)


def purposes(text: str) -> Iterator[tuple[str, str]]:
    """Yields each label in use with the function it is an argument of."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "?")
            for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                if isinstance(argument, ast.Attribute) and getattr(argument.value, "id", "") == "Label":
                    yield argument.attr, called


@cache
def uses() -> dict[str, list[tuple[str, str, str]]]:
    """Lists where the parties use each label: purpose, function, file."""
    used: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for path in sorted(SOURCE.rglob("*.py")):
        # What plays the parties from outside may wrap their functions in its own.
        if path.relative_to(SOURCE).parts[0] not in PLAYERS:
            for label, called in purposes(path.read_text("utf-8")):
                used[label].append((PURPOSES.get(called, called), called, path.name))
    return used


@pytest.mark.parametrize("label", list(Label.__members__))
def test_one_label_has_one_purpose(label: str) -> None:
    found = uses()[label]
    assert found, "a label that nothing uses has no meaning"
    assert len({purpose for purpose, _, _ in found}) == 1, found


def test_every_label_in_use_is_of_the_table() -> None:
    assert set(uses()) <= set(Label.__members__)


def test_a_second_purpose_is_noticed() -> None:
    text = "sign(key, Label.CLAIM, x)\nsha256(enc(Label.CLAIM, x))"
    assert {PURPOSES[called] for _, called in purposes(text)} == {"signature", "encoding"}


@given(st.sampled_from(Label), st.lists(st.binary(max_size=300)))
def test_an_encoding_is_read_back_field_by_field(label: Label, fields: list[bytes]) -> None:
    encoded, read = enc(label, *fields), []
    while encoded:
        size = int.from_bytes(encoded[:2], "big")
        read.append(encoded[2 : 2 + size])
        encoded = encoded[2 + size :]
    assert read == [label.value, *fields]


@given(st.sampled_from(Label), st.lists(st.binary(max_size=40), max_size=5))
def test_what_was_encoded_is_decoded(label: Label, fields: list[bytes]) -> None:
    encoded = enc(label, *fields)
    assert dec(label, encoded, len(fields)) == fields
    wrong = [encoded[:-1], encoded + b"\0", encoded + b"\0\0", encoded[1:], b"", b"\0"]
    for altered in wrong:
        with pytest.raises(MalformedMessage):
            dec(label, altered, len(fields))
    for count in (len(fields) - 1, len(fields) + 1, -1, 0 if fields else 1):
        with pytest.raises(MalformedMessage):
            dec(label, encoded, count)
    for other in Label:
        if other is not label:
            with pytest.raises(MalformedMessage):
                dec(other, encoded, len(fields))


@given(st.binary(max_size=60), st.integers(0, 4))
def test_any_bytes_are_an_encoding_or_refused(data: bytes, count: int) -> None:
    try:
        fields = dec(Label.INPUT, data, count)
    except MalformedMessage:
        return
    assert enc(Label.INPUT, *fields) == data


@pytest.mark.parametrize(
    ("field", "encoded"),
    [
        (0, bytes(8)),
        (258, b"\0\0\0\0\0\0\x01\x02"),
        (INTEGER_MAX, b"\xff" * 8),
        ("MARTIN", b"MARTIN"),
        ("\u00e9", b"\xc3\xa9"),
        ("e\u0301", b"\xc3\xa9"),
        ("\u212b", b"\xc3\x85"),
        (b"e\xcc\x81", b"e\xcc\x81"),
    ],
)
def test_a_field_has_one_form(field: bytes | int | str, encoded: bytes) -> None:
    assert enc(Label.INPUT, field) == enc(Label.INPUT) + len(encoded).to_bytes(2, "big") + encoded


@pytest.mark.parametrize("field", [-1, INTEGER_MAX + 1, True, False, bytes(FIELD_BYTES_MAX + 1), "\u00e9" * 40_000])
def test_what_has_no_form_is_refused(field: bytes | int | str) -> None:
    with pytest.raises(ValueError, match="field"):
        enc(Label.INPUT, field)


def test_the_longest_field_is_encoded() -> None:
    assert len(enc(Label.INPUT, bytes(FIELD_BYTES_MAX))) == 2 + len(Label.INPUT.value) + 2 + FIELD_BYTES_MAX
