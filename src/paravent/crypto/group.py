"""ristretto255 with SHA-512: elements, scalars, hashing to both (docs/protocol.md section 1).

RFC 9496 (group), RFC 9380 section 5.3.1 (``expand_message_xmd``), RFC 9497 section 4.1 (suite).
Decoding refuses a wrong length, a non-canonical encoding, the identity and the zero scalar.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import NewType

from paravent.crypto import sodium
from paravent.crypto.secret import Secret
from paravent.errors import MalformedMessage

Element = NewType("Element", bytes)
"""A canonical, non-identity group element, 32 bytes; built by this module only."""

Rng = Callable[[int], bytes]
"""Returns that many unpredictable bytes; ``os.urandom`` in a process, seeded in a simulation."""

IDENTITY = bytes(32)
_HASH_BYTES = 64
_BLOCK_BYTES = 128


class Scalar(Secret):
    """A scalar modulo the group order, 32 little-endian bytes, never zero."""

    __slots__ = ()


def expand_message_xmd(message: bytes, dst: bytes, size: int) -> bytes:
    """Expands a message to ``size`` uniform bytes with SHA-512 (RFC 9380 section 5.3.1).

    Raises ValueError when ``size`` exceeds 255 blocks; a long ``dst`` is hashed as the RFC says.
    """
    blocks = -(-size // _HASH_BYTES)
    if not 0 < blocks <= 255:
        raise ValueError("expand_message_xmd gives 1 to 16,320 bytes")
    if len(dst) > 255:
        dst = hashlib.sha512(b"H2C-OVERSIZE-DST-" + dst).digest()
    dst_prime = dst + bytes([len(dst)])
    first = hashlib.sha512(bytes(_BLOCK_BYTES) + message + size.to_bytes(2, "big") + b"\0" + dst_prime).digest()
    block = hashlib.sha512(first + b"\x01" + dst_prime).digest()
    output = block
    for index in range(2, blocks + 1):
        mixed = bytes(a ^ b for a, b in zip(first, block, strict=True))
        block = hashlib.sha512(mixed + bytes([index]) + dst_prime).digest()
        output += block
    return output[:size]


def hash_to_group(message: bytes, dst: bytes) -> Element:
    """Hashes to an element (RFC 9497 section 4.1); the identity has negligible probability."""
    return _not_identity(sodium.point_from_hash(expand_message_xmd(message, dst, 64)))


def hash_to_scalar(message: bytes, dst: bytes) -> Scalar:
    """Hashes to a scalar (RFC 9497 section 4.1)."""
    return Scalar(sodium.scalar_reduce(expand_message_xmd(message, dst, 64)))


def decode_element(encoded: bytes) -> Element:
    """Decodes 32 canonical bytes; raises MalformedMessage otherwise, or on the identity."""
    # libsodium 1.0.18 does not look at the highest bit, which RFC 9496 section 4.3.1 wants clear.
    canonical = len(encoded) == sodium.POINT_BYTES and not encoded[-1] & 0x80
    if not canonical or encoded == IDENTITY or not sodium.point_is_valid(encoded):
        raise MalformedMessage("a group element is 32 canonical bytes and not the identity")
    return Element(bytes(encoded))


def decode_scalar(encoded: bytes) -> Scalar:
    """Decodes 32 canonical, non-zero bytes; raises MalformedMessage otherwise."""
    if len(encoded) != sodium.SCALAR_BYTES or encoded == bytes(32):
        raise MalformedMessage("a scalar is 32 bytes and not zero")
    if sodium.scalar_reduce(encoded + bytes(32)) != encoded:
        raise MalformedMessage("a scalar is below the group order")
    return Scalar(bytes(encoded))


def random_scalar(rng: Rng) -> Scalar:
    """Draws a uniform non-zero scalar from 64 bytes of ``rng``."""
    while True:
        value = sodium.scalar_reduce(rng(64))
        if not _is_zero(value):
            return Scalar(value)


def small_scalar(value: int) -> Scalar:
    """Returns a public small integer (a server index, 1 to 255) as a scalar."""
    if not 0 < value < 256:
        raise ValueError("an index is 1 to 255")
    return Scalar(bytes([value]) + bytes(31))


def multiply(scalar: Scalar, element: Element) -> Element:
    """Returns scalar times element."""
    return _not_identity(sodium.point_multiply(scalar.reveal(), element))


def multiply_base(scalar: Scalar) -> Element:
    """Returns scalar times the generator."""
    return _not_identity(sodium.point_multiply_base(scalar.reveal()))


def add(left: Element, right: Element) -> Element:
    """Returns left plus right."""
    return _not_identity(sodium.point_add(left, right))


def invert(scalar: Scalar) -> Scalar:
    """Returns the inverse of a scalar."""
    inverse = sodium.scalar_invert(scalar.reveal())
    if inverse is None:
        raise MalformedMessage("zero has no inverse")
    return Scalar(inverse)


def scalar_product(left: Scalar, right: Scalar) -> Scalar:
    """Returns left times right modulo the group order."""
    return Scalar(sodium.scalar_mul(left.reveal(), right.reveal()))


def scalar_sum(left: Scalar, right: Scalar) -> Scalar:
    """Returns left plus right modulo the group order."""
    return _not_zero(sodium.scalar_add(left.reveal(), right.reveal()))


def scalar_difference(left: Scalar, right: Scalar) -> Scalar:
    """Returns left minus right modulo the group order."""
    return _not_zero(sodium.scalar_sub(left.reveal(), right.reveal()))


def _not_zero(encoded: bytes) -> Scalar:
    if _is_zero(encoded):
        raise MalformedMessage("the result of a scalar operation is zero")
    return Scalar(encoded)


def _not_identity(encoded: bytes | None) -> Element:
    if encoded is None or _is_zero(encoded):
        raise MalformedMessage("the result of a group operation is the identity or an operand is not valid")
    return Element(encoded)


def _is_zero(encoded: bytes) -> bool:
    # A result may be secret: ``==`` ends at the first byte that differs, this does not.
    return hmac.compare_digest(encoded, IDENTITY)
