"""Ed25519 (RFC 8032) through libsodium, always over a labelled encoding (docs/protocol.md section 1)."""

from __future__ import annotations

import hashlib
from typing import NewType

from paravent.crypto import sodium
from paravent.crypto.group import Rng
from paravent.crypto.labels import Label, enc
from paravent.crypto.secret import Secret
from paravent.errors import ProofFailure

VerifyKey = NewType("VerifyKey", bytes)
"""An Ed25519 public key, 32 bytes."""

Signature = NewType("Signature", bytes)
"""An Ed25519 signature, 64 bytes."""


class Seed(Secret):
    """The 32-byte seed of an Ed25519 key: what a key file holds."""

    __slots__ = ()


class SigningKey(Secret):
    """An Ed25519 key pair (seed then public key, 64 bytes); ``public`` may be shown."""

    __slots__ = ("public",)
    size = 64

    def __init__(self, seed: Seed) -> None:
        """Expands a seed."""
        public, secret = sodium.ed25519_keypair(seed.reveal())
        super().__init__(secret)
        self.public = VerifyKey(public)

    @classmethod
    def generate(cls, rng: Rng) -> SigningKey:
        """Draws a new key pair."""
        return cls(Seed(rng(32)))

    def seed(self) -> Seed:
        """Returns the seed, for a key file."""
        return Seed(self.reveal()[:32])

    def sign(self, label: Label, *fields: bytes | int | str) -> Signature:
        """Signs enc(label, fields)."""
        return self.sign_bytes(enc(label, *fields))

    def sign_bytes(self, message: bytes) -> Signature:
        """Signs bytes whose own format separates domains (COSE, RFC 9421); all else uses ``sign``."""
        return Signature(sodium.ed25519_sign(self._value, message))


def verify(key: VerifyKey, signature: bytes, label: Label, *fields: bytes | int | str, culprit: str) -> None:
    """Checks a signature over enc(label, fields); raises ProofFailure naming ``culprit``."""
    verify_bytes(key, signature, enc(label, *fields), culprit=culprit)


def verify_bytes(key: VerifyKey, signature: bytes, message: bytes, *, culprit: str) -> None:
    """Checks a signature over bytes; raises ProofFailure naming ``culprit``."""
    if not sodium.ed25519_verifies(key, signature, message):
        raise ProofFailure("a signature does not verify", culprit=culprit)


def key_id(key: VerifyKey) -> str:
    """Names a public key: the first 16 bytes of its SHA-256, hexadecimal."""
    return hashlib.sha256(key).hexdigest()[:32]
