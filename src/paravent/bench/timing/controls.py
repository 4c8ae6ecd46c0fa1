"""Comparisons that leak on purpose: a run that does not find them out says nothing of anything else."""

from __future__ import annotations

import random
from collections.abc import Callable

from paravent.bench.timing.measure import Kind, Primitive

_SECRET_BYTES = 32
_LONG_BYTES = 65_536


def leaky_comparisons() -> list[Primitive]:
    """Lists a loop that ends at the first wrong byte, and ``==`` on long bytes: the fixed class is the right value."""
    return [
        _against("control-early-exit-loop", _SECRET_BYTES, early_exit),
        _against("control-equality-operator", _LONG_BYTES, bytes.__eq__),
    ]


def _against(name: str, size: int, compare: Callable[[bytes, bytes], object]) -> Primitive:
    secret = random.Random(name).randbytes(size)

    def draw(dice: random.Random, other: bool) -> bytes:  # noqa: FBT001 - the class of an input
        return dice.randbytes(size) if other else bytes(bytearray(secret))

    def run(given: bytes) -> object:
        return compare(secret, given)

    return Primitive(name=name, draw=draw, run=run, kind=Kind.LEAKY)


def early_exit(left: bytes, right: bytes) -> bool:
    """Compares as nobody should: it takes as long as the first bytes agree."""
    return all(mine == theirs for mine, theirs in zip(left, right, strict=True))
