"""Names and seals for what the hub's database must not show (docs/protocol.md section 11): pure.

The key stands outside the database and its backups. With a dump alone, a right, a shop or an act is a
pseudonym that nothing links to another record, and what is kept under it is unreadable.
"""

from __future__ import annotations

import hmac
from typing import NewType

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from paravent.crypto.group import Rng
from paravent.crypto.labels import Label, enc
from paravent.crypto.secret import Secret
from paravent.errors import InvalidConfiguration, StorageDown

RightId = NewType("RightId", bytes)
"""32 bytes that stand for a nullifier."""

HolderId = NewType("HolderId", bytes)
"""32 bytes that stand for the shop that holds a reservation or made a claim."""

ActId = NewType("ActId", bytes)
"""32 bytes that stand for a device, or an insurer, and its idempotency key."""

ClaimId = NewType("ClaimId", bytes)
"""32 bytes that stand for a claim identifier, whoever its insurer is."""

ShopId = NewType("ShopId", bytes)
"""32 bytes that stand for the shop that boxes wait for; they tell nothing of its acts."""

AcknowledgingShop = NewType("AcknowledgingShop", bytes)
"""32 bytes that stand for a shop that acknowledged bulletins; they tell nothing of its acts or boxes."""

RecordId = ActId | RightId | ClaimId

_NONCE_BYTES = 12
_PADDED_BYTES = 2_048


class DatabaseKey(Secret):
    """The key, outside the database, under which rights, shops, acts and claims are named and records sealed."""

    __slots__ = ()

    def right(self, insurer: str, nullifier: bytes) -> RightId:
        """Names a right."""
        return RightId(self._mac(Label.NULLIFIER, insurer, nullifier))

    def holder(self, shop: str) -> HolderId:
        """Names the shop of a reservation or a claim."""
        return HolderId(self._mac(Label.RESERVATION_HOLDER, shop))

    def act(self, author: str, idempotency_key: bytes) -> ActId:
        """Names an act of a device (its keyid) or of an insurer (its AMC number)."""
        return ActId(self._mac(Label.ACT, author, idempotency_key))

    def claim(self, claim: bytes) -> ClaimId:
        """Names a claim."""
        return ClaimId(self._mac(Label.CLAIM_NAME, claim))

    def letterbox(self, shop: str) -> ShopId:
        """Names the shop that boxes of insurers wait for."""
        return ShopId(self._mac(Label.SHOP_LETTERBOX, shop))

    def acknowledging(self, shop: str) -> AcknowledgingShop:
        """Names the shop that acknowledges bulletins."""
        return AcknowledgingShop(self._mac(Label.SHOP_ACKNOWLEDGEMENT, shop))

    def check(self) -> bytes:
        """Returns 32 bytes by which a home tells, when a backup is put back, that it has the key of its records."""
        return self._mac(Label.BACKUP_KEY_CHECK)

    def seal(self, name: bytes, record: bytes, rng: Rng) -> bytes:
        """Seals a record under its name, padded so that every kind of record has one length."""
        content = len(record).to_bytes(4, "big") + record
        nonce = rng(_NONCE_BYTES)
        padded = content + bytes(-len(content) % _PADDED_BYTES)
        return nonce + ChaCha20Poly1305(self._mac(Label.KEPT_RECORD, name)).encrypt(nonce, padded, name)

    def open(self, name: bytes, sealed: bytes) -> bytes:
        """Opens the record of a name; raises StorageDown when the database was altered."""
        key = ChaCha20Poly1305(self._mac(Label.KEPT_RECORD, name))
        try:
            content = key.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name)
        except (InvalidTag, ValueError) as error:
            raise StorageDown("a kept record does not open: the database was altered") from error
        return content[4 : 4 + int.from_bytes(content[:4], "big")]

    def require_opens(self, record: tuple[bytes, bytes] | None) -> None:
        """Raises InvalidConfiguration when some record, name and content, is not under this key.

        Under another key every right would have another name, and be free again.
        """
        if record is None:
            return
        try:
            self.open(*record)
        except StorageDown:
            raise InvalidConfiguration(
                "secrets/database.key is not the one that named these records: put its copy back"
            ) from None

    def _mac(self, label: Label, *fields: bytes | str) -> bytes:
        return hmac.digest(self.reveal(), enc(label, *fields), "sha256")
