"""What is asked of a time-stamping authority: a TimeStampReq of RFC 3161 section 2.4.1 (docs/protocol.md section 12).

The authority sees the SHA-256 of a note and no more. The DER is written here, without a library, so that a key server
can ask with the packages that it has; only who reads logs verifies an answer (``timestamp``).
"""

from __future__ import annotations

import hashlib
from typing import NewType

from paravent.crypto.group import Rng

StampNonce = NewType("StampNonce", int)
"""What an answer must repeat: a positive number of at most 63 bits."""

NONCE_BYTES = 8
_INTEGER, _OCTET_STRING, _SEQUENCE = 0x02, 0x04, 0x30
_VERSION_1 = b"\x02\x01\x01"
# AlgorithmIdentifier of SHA-256 (2.16.840.1.101.3.4.2.1) with NULL parameters.
_SHA256 = bytes.fromhex("300d06096086480165030402010500")
# The answer then carries the certificate that signed it, and stays verifiable alone.
_CERTIFICATE_REQUIRED = b"\x01\x01\xff"


def draw_nonce(rng: Rng) -> StampNonce:
    """Draws a nonce; its top bit is clear, since some authorities read a signed number."""
    return StampNonce(int.from_bytes(rng(NONCE_BYTES), "big") >> 1 | 1)


def stamp_request(note: bytes, nonce: StampNonce) -> bytes:
    """Writes the request for the SHA-256 of an encoded note (Content-Type application/timestamp-query)."""
    imprint = _element(_SEQUENCE, _SHA256 + _element(_OCTET_STRING, hashlib.sha256(note).digest()))
    # One byte more than the bits need leaves the sign bit clear: DER wants that byte only where they fill the last one.
    number = _element(_INTEGER, nonce.to_bytes(nonce.bit_length() // 8 + 1, "big"))
    return _element(_SEQUENCE, _VERSION_1 + imprint + number + _CERTIFICATE_REQUIRED)


def _element(tag: int, body: bytes) -> bytes:
    # Every element here is shorter than 128 bytes: its length is one byte.
    return bytes([tag, len(body)]) + body
