"""The group: one encoding of an element, scalars that are never Python integers (section 1)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from tests.unit.crypto import examples
from tests.unit.crypto.examples import FEW, FIELD, ORDER, scalar_of

from paravent.crypto import group, sodium
from paravent.crypto.group import Element, Scalar
from paravent.errors import MalformedMessage

SOURCE = Path(__file__).parents[3] / "src" / "paravent" / "crypto"
# Where scalars pass; signatures and rows hold none.
ARITHMETIC = ("dleq.py", "group.py", "oprf.py", "sharing.py", "sodium.py", "replicated.py", "secret.py")


@FEW
@given(examples.ELEMENTS)
def test_the_highest_bit_is_refused(element: Element) -> None:
    with pytest.raises(MalformedMessage):
        group.decode_element(bytes([*element[:31], element[31] | 0x80]))


@pytest.mark.parametrize("number", [0, 1, 2, 3, FIELD - 1, FIELD, FIELD + 1, 2**255 - 1])
def test_numbers_that_are_no_element_are_refused(number: int) -> None:
    with pytest.raises(MalformedMessage):
        group.decode_element(number.to_bytes(32, "little"))


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_wrong_length_is_refused(size: int) -> None:
    with pytest.raises(MalformedMessage):
        group.decode_element(bytes(size))
    with pytest.raises(MalformedMessage):
        group.decode_scalar(b"\x01".ljust(size, b"\0"))


@FEW
@given(examples.SCALARS, examples.SCALARS, examples.ELEMENTS)
def test_scalars_are_a_field_and_elements_a_group(left: Scalar, right: Scalar, element: Element) -> None:
    assert group.multiply(left, group.multiply(right, element)) == group.multiply(
        group.scalar_product(left, right), element
    )
    assert group.multiply(group.scalar_sum(left, right), element) == group.multiply(
        scalar_of(int.from_bytes(left.reveal(), "little") + int.from_bytes(right.reveal(), "little")), element
    )
    assert group.scalar_difference(group.scalar_sum(left, right), right) == left
    assert group.scalar_product(left, group.invert(left)) == group.small_scalar(1)
    assert group.multiply(group.invert(left), group.multiply(left, element)) == element
    assert group.multiply_base(left) == group.multiply(left, group.multiply_base(group.small_scalar(1)))


@FEW
@given(examples.SCALARS, examples.SCALARS)
def test_scalar_arithmetic_is_that_of_the_order(left: Scalar, right: Scalar) -> None:
    a, b = (int.from_bytes(scalar.reveal(), "little") for scalar in (left, right))
    assert group.scalar_sum(left, right) == scalar_of(a + b)
    assert group.scalar_product(left, right) == scalar_of(a * b)
    assert group.scalar_difference(left, scalar_of(b + 1)) == scalar_of(a - b - 1)
    assert group.invert(left) == scalar_of(pow(a, -1, ORDER))


def test_a_drawn_scalar_is_reduced_and_never_zero() -> None:
    drawn = iter([bytes(64), ORDER.to_bytes(64, "little"), (ORDER + 5).to_bytes(64, "little")])
    assert group.random_scalar(lambda _: next(drawn)) == group.small_scalar(5)


@pytest.mark.parametrize("value", [-1, 0, 256])
def test_an_index_is_one_to_255(value: int) -> None:
    with pytest.raises(ValueError, match="1 to 255"):
        group.small_scalar(value)


def test_no_scalar_operation_gives_zero() -> None:
    with pytest.raises(MalformedMessage):
        group.scalar_difference(group.small_scalar(5), group.small_scalar(5))


@pytest.mark.parametrize("size", [0, 255 * 64 + 1])
def test_an_expansion_has_its_limits(size: int) -> None:
    with pytest.raises(ValueError, match="16,320"):
        group.expand_message_xmd(b"", b"DST", size)


def test_a_long_domain_is_hashed_and_two_lengths_have_nothing_in_common() -> None:
    assert len(group.expand_message_xmd(b"m", b"D" * 300, 16_320)) == 16_320
    assert group.expand_message_xmd(b"m", b"D" * 256, 32) != group.expand_message_xmd(b"m", b"D" * 257, 32)
    assert group.expand_message_xmd(b"m", b"DST", 64)[:32] != group.expand_message_xmd(b"m", b"DST", 32)


@pytest.mark.parametrize("name", ["point_add", "point_sub", "point_multiply", "scalar_add", "scalar_sub", "scalar_mul"])
@pytest.mark.parametrize("sizes", [(31, 32), (32, 31), (33, 32), (0, 32), (32, 64)])
def test_no_short_buffer_reaches_the_library(name: str, sizes: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        getattr(sodium, name)(*(bytes(size) for size in sizes))


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("point_from_hash", 63),
        ("point_is_valid", 31),
        ("point_multiply_base", 31),
        ("scalar_reduce", 63),
        ("scalar_invert", 33),
        ("ed25519_keypair", 31),
    ],
)
def test_no_short_buffer_is_read_beyond_its_end(name: str, size: int) -> None:
    with pytest.raises(ValueError, match="bytes are needed"):
        getattr(sodium, name)(bytes(size))


# --- no Python integer -----------------------------------------------------------------------


def integers_made(text: str) -> Iterator[str]:
    """Yields whatever would make a Python integer of bytes, or do arithmetic on one byte by byte."""
    for node in ast.walk(ast.parse(text)):
        name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
        if name in {"from_bytes", "fromhex", "hex", "unpack", "unpack_from", "cast", "from_buffer", "pow"}:
            yield name
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "int":
            yield "int"


@pytest.mark.parametrize("file", ARITHMETIC)
def test_no_scalar_becomes_an_integer(file: str) -> None:
    assert list(integers_made((SOURCE / file).read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "text",
    [
        "total = int.from_bytes(scalar.reveal(), 'little')",
        "key = int(scalar.reveal().hex(), 16)",
        "struct.unpack('<4Q', scalar.reveal())",
        "pow(base, exponent, order)",
    ],
)
def test_an_integer_would_be_noticed(text: str) -> None:
    assert list(integers_made(text))
