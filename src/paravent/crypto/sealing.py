"""Sealing and opening one row of the number lane (docs/protocol.md section 5).

From the OPRF output ``a`` come a handle key pair, the handle ``h`` and, with the opening values F,
the row key. Whoever lacks ``a`` or one opening key learns nothing of a row; whoever gets a wrong
opening value sees the key commitment fail before any decryption.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import NewType

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from paravent.crypto.labels import Label, enc
from paravent.crypto.oprf import OprfOutput
from paravent.crypto.signing import Seed, SigningKey, VerifyKey
from paravent.errors import MalformedMessage, ProofFailure

Handle = NewType("Handle", bytes)
"""SHA-256 of the labelled handle key, 32 bytes: uniformly random to whoever lacks a."""

OpenLabel = NewType("OpenLabel", bytes)
"""L: what the key servers evaluate; always recomputed by them, never accepted as bytes."""

HANDLE_BYTES = 32
PLAINTEXT_BYTES = 296
_RHO_BYTES = 32
_COMMITMENT_BYTES = 32
_TAG_BYTES = 16
STORED_BYTES = _RHO_BYTES + _COMMITMENT_BYTES + PLAINTEXT_BYTES + _TAG_BYTES

# One row key encrypts one row, once: rho is drawn afresh for each, so a fixed nonce never repeats under a key.
_NONCE = bytes(12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One sealed record: holds an entitlement nobody can read with the database alone."""

    insurer: str
    epoch: int
    batch: int
    handle: Handle
    stored: bytes

    def __post_init__(self) -> None:
        """Checks sizes; raises MalformedMessage."""
        if len(self.handle) != HANDLE_BYTES or len(self.stored) != STORED_BYTES:
            raise MalformedMessage("a row has a wrong size")

    def digest(self) -> bytes:
        """Computes H(row), which the manifest commits to: 32 bytes."""
        return hashlib.sha256(enc(Label.ROW, self.insurer, self.epoch, self.batch, self.handle, self.stored)).digest()


def handle_key(output: OprfOutput, insurer: str, epoch: int) -> SigningKey:
    """Derives the Ed25519 handle key: proof of knowledge of ``a`` towards hub and key servers."""
    return SigningKey(Seed(_hkdf(output.reveal(), b"", enc(Label.HANDLE_KEY, insurer, epoch), 32)))


def handle_of(insurer: str, epoch: int, public: VerifyKey) -> Handle:
    """Computes the handle of a handle key."""
    return Handle(hashlib.sha256(enc(Label.HANDLE, insurer, epoch, public)).digest())


def open_label(insurer: str, epoch: int, batch: int, handle: Handle) -> OpenLabel:
    """Computes L."""
    return OpenLabel(enc(Label.OPEN, insurer, epoch, batch, handle))


def seal_row(
    *,
    insurer: str,
    epoch: int,
    batch: int,
    handle: Handle,
    output: OprfOutput,
    opening: bytes,
    entitlement: bytes,
    desk_part: bytes,
    rho: bytes,
) -> Row:
    """Seals (E, D) for one handle; ``rho`` is 32 fresh random bytes, ``opening`` is F."""
    label = open_label(insurer, epoch, batch, handle)
    key, commitment = _row_key(rho, opening, output, label)
    ciphertext = ChaCha20Poly1305(key).encrypt(_NONCE, _pad(entitlement, desk_part), label)
    return Row(insurer=insurer, epoch=epoch, batch=batch, handle=handle, stored=rho + commitment + ciphertext)


def open_row(row: Row, output: OprfOutput, opening: bytes) -> tuple[bytes, bytes]:
    """Opens a row: returns (E, D); raises ProofFailure when F is wrong or the row was altered."""
    label = open_label(row.insurer, row.epoch, row.batch, row.handle)
    rho, commitment = row.stored[:_RHO_BYTES], row.stored[_RHO_BYTES : _RHO_BYTES + _COMMITMENT_BYTES]
    key, expected = _row_key(rho, opening, output, label)
    if not hmac.compare_digest(commitment, expected):
        raise ProofFailure("the opening values do not open this row", culprit="key servers")
    try:
        plaintext = ChaCha20Poly1305(key).decrypt(_NONCE, row.stored[_RHO_BYTES + _COMMITMENT_BYTES :], label)
    except InvalidTag as error:
        raise ProofFailure("the row was altered", culprit=f"insurer {row.insurer}") from error
    return _unpad(plaintext)


def _row_key(rho: bytes, opening: bytes, output: OprfOutput, label: OpenLabel) -> tuple[bytes, bytes]:
    material = _hkdf(enc(Label.ROW_KEY, opening, output.reveal()), rho, label, 64)
    return material[:32], material[32:]


def _hkdf(material: bytes, salt: bytes, info: bytes, size: int) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=size, salt=salt, info=info).derive(material)


def _pad(entitlement: bytes, desk_part: bytes) -> bytes:
    if len(entitlement) + len(desk_part) + 4 > PLAINTEXT_BYTES:
        raise MalformedMessage("an entitlement is too long for its row")
    body = len(entitlement).to_bytes(2, "big") + entitlement + len(desk_part).to_bytes(2, "big") + desk_part
    return body.ljust(PLAINTEXT_BYTES, b"\0")


def _unpad(plaintext: bytes) -> tuple[bytes, bytes]:
    entitlement, rest = _take(plaintext)
    desk_part, padding = _take(rest)
    if padding.strip(b"\0"):
        raise MalformedMessage("a row has trailing bytes")
    return entitlement, desk_part


def _take(data: bytes) -> tuple[bytes, bytes]:
    end = 2 + int.from_bytes(data[:2], "big")
    if len(data) < end:
        raise MalformedMessage("a row is truncated")
    return data[2:end], data[end:]
