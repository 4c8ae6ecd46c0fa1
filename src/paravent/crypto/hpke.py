"""HPKE boxes with MLKEM768-X25519, HKDF-SHA-256 and ChaCha20-Poly1305 (docs/protocol.md section 1).

RFC 9180 base mode: a box says nothing about its sender; what must be authentic is signed inside.
The library draws the encapsulation itself, so this is the one place of the package where
randomness does not come as ``rng``; nothing but the bytes of a box depends on it.
"""

from __future__ import annotations

import hashlib
from typing import NewType

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519

from paravent.crypto.group import Rng
from paravent.crypto.labels import Label, enc
from paravent.crypto.secret import Secret
from paravent.errors import MalformedMessage, ProofFailure

BoxPublicKey = NewType("BoxPublicKey", bytes)
"""ML-KEM-768 encapsulation key (1,184 bytes) then X25519 public key (32 bytes)."""

Box = NewType("Box", bytes)
"""Encapsulation (1,120 bytes), ciphertext and tag (16 bytes)."""

Recipient = hpke.MLKEM768X25519PublicKey
"""A box public key that was read, and is one."""

PUBLIC_KEY_BYTES = 1216
BOX_OVERHEAD_BYTES = 1136
_ML_KEM_PUBLIC_BYTES = 1184
_SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)


class BoxKey(Secret):
    """The private half of a box key: ML-KEM seed (64 bytes) then X25519 private key (32 bytes)."""

    __slots__ = ("_private", "public")
    size = 96

    def __init__(self, value: bytes) -> None:
        """Expands the 96 bytes."""
        super().__init__(value)
        kem = mlkem.MLKEM768PrivateKey.from_seed_bytes(value[:64])
        curve = x25519.X25519PrivateKey.from_private_bytes(value[64:])
        self._private = hpke.MLKEM768X25519PrivateKey(kem, curve)
        self.public = BoxPublicKey(kem.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, rng: Rng) -> BoxKey:
        """Draws a new key pair."""
        return cls(rng(96))

    def open(self, box: bytes, label: Label, *context: bytes | int | str, culprit: str) -> bytes:
        """Opens a box sealed with the same label and context; raises ProofFailure otherwise."""
        try:
            return _SUITE.decrypt(box, self._private, info=_info(label, *context))
        except (InvalidTag, ValueError) as error:
            raise ProofFailure("a sealed box does not open", culprit=culprit) from error


def seal(
    public: BoxPublicKey | Recipient, plaintext: bytes, label: Label, *context: bytes | int | str
) -> Box:  # fmt: skip
    """Seals to a public key; the label and context must be given again to open.

    Raises MalformedMessage when the key is not one.
    """
    recipient = public if isinstance(public, Recipient) else read_public_key(public)
    try:
        return Box(_SUITE.encrypt(plaintext, recipient, info=_info(label, *context)))
    except ValueError as error:
        raise MalformedMessage("a box key has a part of small order") from error


def require_public_key(encoded: bytes) -> BoxPublicKey:
    """Returns a box key that is one; raises MalformedMessage."""
    read_public_key(encoded)
    return BoxPublicKey(encoded)


def read_public_key(encoded: bytes) -> Recipient:
    """Reads a box key, 1,216 bytes; raises MalformedMessage when it is not one."""
    if len(encoded) != PUBLIC_KEY_BYTES:
        raise MalformedMessage("a box key is 1,216 bytes")
    try:
        kem = mlkem.MLKEM768PublicKey.from_public_bytes(encoded[:_ML_KEM_PUBLIC_BYTES])
        curve = x25519.X25519PublicKey.from_public_bytes(encoded[_ML_KEM_PUBLIC_BYTES:])
    except ValueError as error:
        raise MalformedMessage("a box key is not valid") from error
    return Recipient(kem, curve)


def _info(label: Label, *context: bytes | int | str) -> bytes:
    # cryptography bounds info: the hash keeps it short whatever the context.
    return hashlib.sha256(enc(label, *context)).digest()
