"""How a conventional platform protects its columns: in clear, hashed, keyed, encrypted (docs/drill.md).

Each variant is what a competent team does with the standard tools of its database and language. The key of the
last two stands where the application finds it, since every request needs it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass
from enum import StrEnum

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from paravent.crypto.secret import Secret
from paravent.errors import MalformedMessage

KEY_BYTES = 32
_NONCE_BYTES = 12


class Variant(StrEnum):
    """What protects the columns that say whose a record is, and what it says."""

    CLEAR = "clear"
    SHA256 = "sha-256"
    HMAC = "hmac"
    ENCRYPTED = "encrypted"


class ApplicationKey(Secret):
    """The key in the application's configuration, 32 bytes."""

    __slots__ = ()


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """What a conventional platform keeps of an insured person, corrections included."""

    insurer: str
    guarantee: str
    free_from: int
    renewal_months: int
    corrections: str


def typed(nir: str, birth_date: str, rank: int) -> bytes:
    """Writes a number (13 characters), a birth date (YYYYMMDD) and a rank as the portal looks them up."""
    return f"{nir}|{birth_date}|{rank}".encode()


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """By what a person is looked up: NIR (13 characters), birth date (YYYYMMDD), rank; and the name."""

    nir: str
    birth_date: str
    rank: int
    name: str

    def __repr__(self) -> str:
        return "Identity(REDACTED)"

    def typed(self) -> bytes:
        """Returns what a professional types to look the person up."""
        return typed(self.nir, self.birth_date, self.rank)


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """A variant, with the key that it needs; a thief of the database alone has none."""

    variant: Variant
    key: ApplicationKey | None

    def reference(self, identity: Identity) -> bytes | None:
        """Computes the column by which a record is found; None when the key is missing."""
        return self.reference_of(identity.typed())

    def reference_of(self, looked_up: bytes) -> bytes | None:
        """Computes the same of what was typed."""
        match self.variant:
            case Variant.CLEAR:
                return looked_up
            case Variant.SHA256:
                return hashlib.sha256(looked_up).digest()
            case Variant.HMAC | Variant.ENCRYPTED:
                return None if self.key is None else hmac.digest(self.key.reveal(), looked_up, "sha256")

    def write(self, contract: Contract) -> bytes:
        """Writes a contract as the database keeps it."""
        content = msgspec.json.encode(contract)
        if self.variant is not Variant.ENCRYPTED or self.key is None:
            return content
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + ChaCha20Poly1305(self.key.reveal()).encrypt(nonce, content, None)

    def read(self, stored: bytes) -> Contract | None:
        """Reads a contract; None when it cannot be read without the key. Raises MalformedMessage when altered."""
        if self.variant is Variant.ENCRYPTED:
            if self.key is None:
                return None
            try:
                cipher = ChaCha20Poly1305(self.key.reveal())
                stored = cipher.decrypt(stored[:_NONCE_BYTES], stored[_NONCE_BYTES:], None)
            except InvalidTag as error:
                raise MalformedMessage("a record of the conventional platform was altered") from error
        return msgspec.json.decode(stored, type=Contract)
