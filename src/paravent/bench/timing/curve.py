"""The arithmetic of the number lane: blinding, evaluation, its proof, shares (docs/protocol.md sections 1, 3 and 5).

The fixed class is an extreme value where there is one, the scalar 2^248: arithmetic that is not constant shows it most.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any

from paravent.bench.timing.measure import Primitive
from paravent.crypto import dleq, group, oprf, sharing
from paravent.crypto.group import Element, Scalar

POOL = 256
_INPUT_BYTES = 60
# 2^248, little-endian: every byte but one is zero, and a comparison with zero goes to the end.
_EXTREME = bytes(31) + b"\1" + bytes(32)


def curve_primitives(dice: random.Random) -> list[Primitive]:
    """Lists them; ``dice`` draws what both classes share."""
    element = group.hash_to_group(dice.randbytes(32), b"timing")
    factor = group.random_scalar(dice.randbytes)
    person = dice.randbytes(_INPUT_BYTES)
    return [
        Primitive(name="scalar-draw", draw=_wide, run=lambda wide: group.random_scalar(lambda _: wide)),
        Primitive(name="hash-to-group", draw=_input, run=oprf.hash_input),
        Primitive(
            name="oprf-blind-input", draw=_input, run=lambda given: group.multiply(factor, oprf.hash_input(given))
        ),
        Primitive(name="oprf-blind-factor", draw=_wide, run=lambda wide: oprf.blind(person, lambda _: wide)),
        Primitive(name="oprf-evaluate", draw=_scalar, run=lambda share: group.multiply(share, element)),
        Primitive(name="oprf-finalize", draw=_scalar, run=lambda blind: oprf.finalize(person, blind, element)),
        Primitive(name="scalar-invert", draw=_scalar, run=group.invert),
        Primitive(name="scalar-product", draw=_scalar, run=lambda scalar: group.scalar_product(scalar, factor)),
        Primitive(name="scalar-difference", draw=_scalar, run=lambda scalar: group.scalar_difference(factor, scalar)),
        Primitive(name="base-multiply", draw=_scalar, run=group.multiply_base),
        _proof(dice, element),
        Primitive(name="share-deal", draw=_scalar, run=lambda key: sharing.deal(key, 2, 3, os.urandom)),
        _combine(dice),
    ]


def pooled(fixed: Any, others: list[Any], copy: Callable[[Any], Any]) -> Callable[[random.Random, bool], Any]:  # noqa: ANN401
    """Draws copies of one value, or of one of a pool: what is dear to make is made once."""

    def draw(dice: random.Random, other: bool) -> Any:  # noqa: ANN401, FBT001 - the class of an input
        return copy(dice.choice(others) if other else fixed)

    return draw


def fresh(value: bytes) -> bytes:
    """Copies bytes to a new object."""
    return bytes(bytearray(value))


def _wide(dice: random.Random, other: bool) -> bytes:  # noqa: FBT001
    return dice.randbytes(64) if other else bytes(bytearray(_EXTREME))


def _input(dice: random.Random, other: bool) -> bytes:  # noqa: FBT001
    return dice.randbytes(_INPUT_BYTES) if other else bytes(bytearray(_INPUT_BYTES))


def _scalar(dice: random.Random, other: bool) -> Scalar:  # noqa: FBT001
    # Both classes are drawn and reduced alike; what differs is the value.
    return group.random_scalar(lambda _: _wide(dice, other))


def _proof(dice: random.Random, blinded: Element) -> Primitive:
    def known(key: Scalar) -> tuple[Scalar, Element, Element]:
        return key, group.multiply_base(key), group.multiply(key, blinded)

    def copy(one: tuple[Scalar, Element, Element]) -> tuple[Scalar, Element, Element]:
        key, public, evaluated = one
        return Scalar(fresh(key.reveal())), Element(fresh(public)), Element(fresh(evaluated))

    others = [known(group.random_scalar(dice.randbytes)) for _ in range(POOL)]
    return Primitive(
        name="dleq-proof", draw=pooled(known(Scalar(_EXTREME[:32])), others, copy),
        run=lambda one: dleq.generate_proof(one[0], one[1], [blinded], [one[2]], os.urandom),
    )  # fmt: skip


def _combine(dice: random.Random) -> Primitive:
    def evaluations() -> tuple[bytes, bytes]:
        return group.hash_to_group(dice.randbytes(32), b"1"), group.hash_to_group(dice.randbytes(32), b"2")

    def copy(one: tuple[bytes, bytes]) -> dict[int, Element]:
        return {1: Element(fresh(one[0])), 3: Element(fresh(one[1]))}

    return Primitive(
        name="share-combine", draw=pooled(evaluations(), [evaluations() for _ in range(POOL)], copy),
        run=lambda given: sharing.combine(given, 2, 3),
    )  # fmt: skip
