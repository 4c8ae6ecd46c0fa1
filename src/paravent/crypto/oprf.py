"""RFC 9497 (V)OPRF with ristretto255-SHA512: modes 0x00 and 0x01 (docs/protocol.md section 5).

Protocol 1 uses mode 0x01; mode 0x00 stands here because its published vectors test the same code.
The threshold evaluation (shares, interpolation) is in ``sharing``; the outputs are the RFC's.
"""

from __future__ import annotations

import hashlib
from enum import Enum

from paravent.crypto import group, sodium
from paravent.crypto.group import Element, Rng, Scalar
from paravent.crypto.secret import Secret
from paravent.errors import MalformedMessage

INPUT_BYTES_MAX = 0xFFFF


class Mode(Enum):
    """The two modes of RFC 9497 section 3.1 that are implemented."""

    OPRF = 0
    VOPRF = 1

    @property
    def context(self) -> bytes:
        """The context string of RFC 9497 section 3.1."""
        return b"OPRFV1-" + bytes([self.value]) + b"-ristretto255-SHA512"


class OprfOutput(Secret):
    """The output ``a`` of one evaluation, 64 bytes: whoever holds it knows whose row it opens."""

    __slots__ = ()
    size = 64


_TO_GROUP = {mode: b"HashToGroup-" + mode.context for mode in Mode}


def derive_key(seed: bytes, info: bytes, mode: Mode) -> Scalar:
    """Derives a key from a 32-byte seed (RFC 9497 DeriveKeyPair); used by the published vectors."""
    derived = seed + len(info).to_bytes(2, "big") + info
    for counter in range(256):
        wide = group.expand_message_xmd(derived + bytes([counter]), b"DeriveKeyPair" + mode.context, 64)
        value = sodium.scalar_reduce(wide)
        if value != bytes(32):
            return Scalar(value)
    raise MalformedMessage("no key could be derived from this seed")


def hash_input(input_: bytes, mode: Mode = Mode.VOPRF) -> Element:
    """Hashes an input to the group; raises MalformedMessage above 65,535 bytes, before anybody is asked."""
    _require_short(input_)
    return group.hash_to_group(input_, _TO_GROUP[mode])


def blind(input_: bytes, rng: Rng, mode: Mode = Mode.VOPRF) -> tuple[Scalar, Element]:
    """Returns a fresh blind and the blinded element (RFC 9497 Blind)."""
    factor = group.random_scalar(rng)
    return factor, group.multiply(factor, hash_input(input_, mode))


def finalize(input_: bytes, factor: Scalar, evaluated: Element) -> OprfOutput:
    """Unblinds and hashes (RFC 9497 Finalize); proofs were verified before."""
    return _output(input_, group.multiply(group.invert(factor), evaluated))


def evaluate(input_: bytes, key: Scalar, mode: Mode = Mode.VOPRF) -> OprfOutput:
    """Computes the output with the whole key (RFC 9497 Evaluate): at the insurer, offline."""
    return _output(input_, group.multiply(key, hash_input(input_, mode)))


def _require_short(input_: bytes) -> None:
    if len(input_) > INPUT_BYTES_MAX:
        raise MalformedMessage("an input is at most 65,535 bytes")


def _output(input_: bytes, element: Element) -> OprfOutput:
    _require_short(input_)
    transcript = len(input_).to_bytes(2, "big") + input_ + b"\x00\x20" + element + b"Finalize"
    return OprfOutput(hashlib.sha512(transcript).digest())
