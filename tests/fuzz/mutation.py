"""Changing an input: its structure where its shape lets it be taken apart, its bytes otherwise. Pure and seeded."""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from tests.fuzz.shapes import DEEP, Shape, inside, wrapped

INPUT_BYTES_MAX = 65_536
_PLACES_MAX = 2_000
_CHANGES_MAX = 4

NUMBERS: tuple[int, ...] = (
    0, 1, -1, 7, 8, 127, 128, 255, 256, 65_535, 65_536, 2**31 - 1, 2**31, 2**32, 2**53 - 1, 2**53, 2**63 - 1, 2**63,
    2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 202_613, 190_000, 10**18,
)  # fmt: skip
TEXTS: tuple[str, ...] = (
    "", " ", "\0", "\n", "\r\n", ";", ",", '"', "''", "=1+1", "é", "ﬁ", "İ", "ß", "\u0301", "\u2028", "\ufeff",
    "\U0001f600", "\ud800", "A" * 300, "A" * 70_000, "9" * 5_000, "0x10", "1e400", "-0", "NaN", "null", "true",
    "2026-02-30", "0000-00-00", "9999-12-31", "1990-13-01T25:61:61Z", "../../etc", "%00", "%s%n", "{{", "{{name}}",
    "<script>", "190019999900191", "٣", "²", "#p", "http://[::1", "QQ==", "QR==", "====", DEEP,
)  # fmt: skip
OTHERS: tuple[Any, ...] = (None, True, False, 1.5, -0.0, 1e308, b"", b"\0" * 32, [], {}, [[]], {"": None}, DEEP)
BYTES_OF_NOTE = (
    b"\0", b"\xff", b"\x80", b"\r\n", b"\xef\xbb\xbf", b"\xff\xfe", b"[" * 2_000, b"{", b'"', b"\\", b"," * 50,
)  # fmt: skip


def mutate(data: bytes, shape: Shape, dice: random.Random, others: Sequence[bytes]) -> bytes:
    """Returns another input made from one; ``others`` are what parts may be taken from."""
    if dice.random() < 0.7:
        with suppress(Exception):
            tree = shape.apart(data)
            for _ in range(dice.randint(1, _CHANGES_MAX)):
                tree = changed(tree, dice)
            return shape.together(tree)[:INPUT_BYTES_MAX]
    for _ in range(dice.randint(1, _CHANGES_MAX)):
        data = _bytes(data, dice, others)
    return data[:INPUT_BYTES_MAX]


def changed(tree: Any, dice: random.Random) -> Any:
    """Changes one place of a tree, in a copy."""
    root = [copy.deepcopy(tree)]
    container, key = dice.choice(_places(root))
    value = container[key]
    match dice.randrange(8):
        case 0 | 1 | 2:
            container[key] = _other(value, dice)
        case 3:
            container[key] = _any(dice)
        case 4 if container is not root:
            del container[key]
        case 5:
            _grow(container, key, value, dice)
        case 6:
            place, name = dice.choice(_places(root))
            if place is not root and container is not root:
                container[key] = copy.deepcopy(place[name])
        case _:
            container[key] = dice.choice(([value], {"value": value}, [value, value], _other(value, dice)))
    return root[0]


def _places(root: list[Any]) -> list[tuple[Any, Any]]:
    """Lists (container, key) of every value, the root's own first."""
    found: list[tuple[Any, Any]] = []
    waiting: list[Any] = [root]
    while waiting and len(found) < _PLACES_MAX:
        container = waiting.pop()
        items = list(container.items()) if isinstance(container, dict) else list(enumerate(container))
        for key, value in items:
            found.append((container, key))
            if isinstance(value, dict | list):
                waiting.append(value)
    return found


def _grow(container: Any, key: Any, value: Any, dice: random.Random) -> None:
    if isinstance(container, dict):
        container[dice.choice(("unknown", f"{key} ", f"{key}".upper(), "", "padding"))] = value
    else:
        container[key:key] = [value] * dice.choice((1, 1, 2, 40))


def _any(dice: random.Random) -> Any:
    return dice.choice(dice.choice((NUMBERS, TEXTS, OTHERS)))


def _other(value: Any, dice: random.Random) -> Any:
    """Makes another value, most often of the same kind."""
    match value:
        case bool():
            return not value
        case int():
            return dice.choice(
                (value + 1, value - 1, -value, value * 10, value ^ (1 << dice.randrange(64)), dice.choice(NUMBERS))
            )
        case str():
            return _text(value, dice)
        case bytes():
            return _bytes(value, dice, ())
        case _:
            return _any(dice)


def _text(value: str, dice: random.Random) -> str:
    if dice.random() < 0.6:
        with suppress(ValueError, RecursionError):
            return wrapped(changed(inside(value), dice))
    place = dice.randrange(len(value) + 1)
    put = dice.choice(TEXTS)
    match dice.randrange(6):
        case 0:
            made = put
        case 1:
            made = value[:place] + put + value[place:]
        case 2:
            made = value[:place] + value[place + 1 + dice.randrange(3) :]
        case 3:
            made = (
                value[:place] + chr(dice.choice((dice.randrange(32, 127), dice.randrange(0xD7FF)))) + value[place + 1 :]
            )
        case 4:
            made = value * 2
        case _:
            made = value[:place]
    return made


def _bytes(data: bytes, dice: random.Random, others: Sequence[bytes]) -> bytes:
    place = dice.randrange(len(data) + 1)
    end = min(len(data), place + dice.choice((1, 1, 2, 4, 8, 64, 1_000)))
    match dice.randrange(8):
        case 0 | 1:
            flipped = bytes(byte ^ (1 << dice.randrange(8)) for byte in data[place : place + 1])
            made = data[:place] + flipped + data[place + 1 :]
        case 2:
            made = data[:place] + dice.randbytes(end - place) + data[end:]
        case 3:
            made = data[:place] + data[end:]
        case 4:
            made = data[:place] + data[place:end] * dice.choice((2, 3, 20)) + data[end:]
        case 5:
            made = data[:place] + dice.choice(BYTES_OF_NOTE) + data[place:]
        case 6:
            size = dice.choice((1, 2, 4, 8))
            number = (dice.choice(NUMBERS) % (1 << 8 * size)).to_bytes(size, dice.choice(("big", "little")))
            made = data[:place] + number + data[place + size :]
        case _:
            other = dice.choice(others) if others else data
            cut = dice.randrange(len(other) + 1)
            made = data[:place] + other[cut : cut + dice.choice((8, 100, 10_000))] + data[end:]
    return made
