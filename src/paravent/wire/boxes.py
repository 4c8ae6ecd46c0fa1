"""Sealed boxes that the hub carries between desks and insurers, and reads none of (docs/protocol.md section 11)."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Annotated

import msgspec

from paravent.crypto.hpke import BOX_OVERHEAD_BYTES
from paravent.errors import BodyTooLarge
from paravent.wire.codec import Amc, Bytes32, Message, Name, Natural, encode
from paravent.wire.statements import Signed

DETAILS_BYTES = 8_192
LETTER_BYTES = 131_072
BOX_BODY_BYTES_MAX = 200_000
BOXES_PER_PULL_MAX = 8
BOXES_BYTES_MAX = 2_097_152
SENDER_MULTIPLE_BYTES = 1_024
SHOP_BOX_SECONDS = 90 * 86_400
"""How long a box waits at the hub for every desk of its shop."""


class BoxKind(StrEnum):
    """What a desk sends to an insurer; each kind has one length, so that a length says no more than the kind."""

    BANK_DETAILS = "bank-details"
    AUDIT_OPENING = "audit-opening"

    @property
    def box_bytes(self) -> int:
        """The one length of a box of this kind."""
        return BOX_OVERHEAD_BYTES + (DETAILS_BYTES if self is BoxKind.BANK_DETAILS else LETTER_BYTES)


class SentBox(Message, frozen=True, kw_only=True):
    """A box from a device to an insurer."""

    insurer: Amc
    kind: BoxKind
    box: bytes


class BoxTaken(Message, frozen=True, kw_only=True):
    """The hub keeps a box; ``first`` is False when it had the same one already."""

    first: bool


class BoxSender(Message, frozen=True, kw_only=True):
    """Whose box it is, as the hub verified it: signed by the hub, and sealed to the insurer's claims key."""

    insurer: Amc
    digest: Bytes32
    device_key: Bytes32
    professional: Name
    shop: Name
    padding: str


class CarriedBox(Message, frozen=True, kw_only=True):
    """A box that waits for its insurer, with its sealed sender."""

    kind: BoxKind
    sender: bytes
    box: bytes


class BoxesRequest(Message, frozen=True, kw_only=True):
    """Asks for what waits; the boxes of these digests are kept by the insurer now, and the hub deletes them."""

    taken: Annotated[tuple[Bytes32, ...], msgspec.Meta(max_length=BOXES_PER_PULL_MAX)]


class Boxes(Message, frozen=True, kw_only=True):
    """What waits, the oldest first."""

    boxes: Annotated[tuple[CarriedBox, ...], msgspec.Meta(max_length=BOXES_PER_PULL_MAX)]


class LetterKind(StrEnum):
    """What an insurer writes to a shop; both have one length."""

    REMITTANCE = "remittance"
    ACCOUNT = "account"


class Letter(Message, frozen=True, kw_only=True):
    """A statement of an insurer to a shop, in a box that a desk of that shop opens."""

    kind: LetterKind
    statement: Signed


class ShopBox(Message, frozen=True, kw_only=True):
    """A box from an insurer to a shop."""

    shop: Name
    box: bytes


class PlacedBox(Message, frozen=True, kw_only=True):
    """A box of a shop, and its number: it goes up."""

    number: Natural
    box: bytes


class ShopBoxes(Message, frozen=True, kw_only=True):
    """The next boxes of a shop."""

    boxes: Annotated[tuple[PlacedBox, ...], msgspec.Meta(max_length=BOXES_PER_PULL_MAX)]


def digest_of(box: bytes) -> bytes:
    """Names a box: 32 bytes."""
    return hashlib.sha256(box).digest()


def padded(message: Message, size: int) -> bytes:
    """Encodes a message and fills it with spaces, which JSON ignores; raises BodyTooLarge."""
    content = encode(message)
    if len(content) > size:
        raise BodyTooLarge(f"what is sealed here is at most {size} bytes")
    return content.ljust(size)
