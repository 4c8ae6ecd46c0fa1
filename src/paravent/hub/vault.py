"""Names and seals for what the hub's database must not show (docs/protocol.md section 11): pure.

The key stands outside the database and its backups. With a dump alone, a right, a shop or an act is a
pseudonym that nothing links to another table, and a kept decision is unreadable.
"""

from __future__ import annotations

import hmac
from typing import NewType

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from paravent.crypto.group import Rng
from paravent.crypto.labels import Label, enc
from paravent.crypto.secret import Secret
from paravent.errors import StorageDown

RightId = NewType("RightId", bytes)
"""32 bytes that stand for a nullifier."""

HolderId = NewType("HolderId", bytes)
"""32 bytes that stand for the shop and device holding a reservation."""

ActId = NewType("ActId", bytes)
"""32 bytes that stand for a device and its idempotency key."""

_NONCE_BYTES = 12
_DIGEST_BYTES = 32
_PADDED_BYTES = 1_024


class DatabaseKey(Secret):
    """The key, outside the database, under which rights, holders and acts are named and decisions sealed."""

    __slots__ = ()

    def right(self, insurer: str, nullifier: bytes) -> RightId:
        """Names a right."""
        return RightId(self._mac(Label.NULLIFIER, insurer, nullifier))

    def holder(self, shop: str, keyid: str) -> HolderId:
        """Names the shop and device of a reservation."""
        return HolderId(self._mac(Label.RESERVATION_HOLDER, shop, keyid))

    def act(self, keyid: str, idempotency_key: bytes) -> ActId:
        """Names an act."""
        return ActId(self._mac(Label.ACT, keyid, idempotency_key))

    def seal(self, act: ActId, body_digest: bytes, decision: bytes, rng: Rng) -> bytes:
        """Seals the decision of an act with the digest of the request it answers, padded to one length."""
        content = body_digest + len(decision).to_bytes(4, "big") + decision
        nonce = rng(_NONCE_BYTES)
        padded = content + bytes(-len(content) % _PADDED_BYTES)
        return nonce + ChaCha20Poly1305(self._mac(Label.KEPT_DECISION, act)).encrypt(nonce, padded, act)

    def open(self, act: ActId, sealed: bytes) -> tuple[bytes, bytes]:
        """Returns (digest of the request, decision); raises StorageDown when the database was altered."""
        key = ChaCha20Poly1305(self._mac(Label.KEPT_DECISION, act))
        try:
            content = key.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], act)
        except (InvalidTag, ValueError) as error:
            raise StorageDown("a kept decision does not open: the database was altered") from error
        start = _DIGEST_BYTES + 4
        size = int.from_bytes(content[_DIGEST_BYTES:start], "big")
        return content[:_DIGEST_BYTES], content[start : start + size]

    def _mac(self, label: Label, *fields: bytes | str) -> bytes:
        return hmac.digest(self.reveal(), enc(label, *fields), "sha256")
