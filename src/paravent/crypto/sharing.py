"""Shamir sharing of the look-up key with Feldman commitments (docs/protocol.md section 3).

Indices are 1 to n with t <= n <= 7; index 0, an index above n or a repeated index is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paravent.crypto import group
from paravent.crypto.group import Element, Rng, Scalar
from paravent.errors import MalformedMessage, ProofFailure

SERVERS_MAX = 7


def check_threshold(threshold: int, servers: int) -> None:
    """Raises MalformedMessage unless 2 <= t <= n <= 7."""
    if not 2 <= threshold <= servers <= SERVERS_MAX:
        raise MalformedMessage("a deal needs 2 <= t <= n <= 7")


def deal(key: Scalar, threshold: int, servers: int, rng: Rng) -> tuple[dict[int, Scalar], tuple[Element, ...]]:
    """Splits a key: returns the n shares by index and the commitments C_0..C_{t-1}."""
    check_threshold(threshold, servers)
    coefficients = [key, *(group.random_scalar(rng) for _ in range(threshold - 1))]
    shares = {index: _at(coefficients, index) for index in range(1, servers + 1)}
    return shares, tuple(group.multiply_base(coefficient) for coefficient in coefficients)


def _at(coefficients: Sequence[Scalar], index: int) -> Scalar:
    point = group.small_scalar(index)
    total = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        total = group.scalar_sum(group.scalar_product(total, point), coefficient)
    return total


def public_share(index: int, commitments: Sequence[Element]) -> Element:
    """Computes pk_i, the sum of i^k times C_k over k."""
    point = group.small_scalar(index)
    total = commitments[-1]
    for commitment in reversed(commitments[:-1]):
        total = group.add(group.multiply(point, total), commitment)
    return total


def verify_share(index: int, share: Scalar, commitments: Sequence[Element], *, culprit: str) -> None:
    """Checks s_i times G against the commitments; raises ProofFailure naming the dealer."""
    if not 1 <= index <= SERVERS_MAX:
        raise MalformedMessage("a share has an index of 1 to 7")
    if group.multiply_base(share) != public_share(index, commitments):
        raise ProofFailure(f"the share of index {index} does not match the commitments", culprit=culprit)


def combine(evaluations: Mapping[int, Element], threshold: int, servers: int) -> Element:
    """Interpolates t evaluations at zero; raises MalformedMessage on a wrong set of indices."""
    if len(evaluations) != threshold or any(not 1 <= index <= servers for index in evaluations):
        raise MalformedMessage("an interpolation takes exactly t distinct indices of 1 to n")
    return interpolate(evaluations)


def interpolate(evaluations: Mapping[int, Element]) -> Element:
    """Interpolates whatever is given at zero, right or wrong: the attacker of the drill calls this."""
    terms = [group.multiply(lagrange(index, tuple(evaluations)), value) for index, value in evaluations.items()]
    total = terms[0]
    for term in terms[1:]:
        total = group.add(total, term)
    return total


def lagrange(index: int, indices: Sequence[int]) -> Scalar:
    """Computes the coefficient of ``index`` for interpolation at zero over distinct ``indices``."""
    if len(set(indices)) != len(indices):
        raise MalformedMessage("an interpolation takes distinct indices")
    own = group.small_scalar(index)
    coefficient = group.small_scalar(1)
    for other in indices:
        if other != index:
            point = group.small_scalar(other)
            ratio = group.scalar_product(point, group.invert(group.scalar_difference(point, own)))
            coefficient = group.scalar_product(coefficient, ratio)
    return coefficient
