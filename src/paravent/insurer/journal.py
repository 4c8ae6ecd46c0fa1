"""Reading one's own part of the witness logs (docs/protocol.md section 12): pure.

Each key server lists every opening of a member's record; the insurer, and nobody else, opens the label and the
shop, and knows whose record it was. A card-lane check is not witnessed, and no journal shows it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from paravent.crypto.hpke import BoxKey
from paravent.crypto.labels import Label, dec, enc
from paravent.crypto.log import verify_inclusion
from paravent.crypto.merkle import leaf_hash
from paravent.crypto.sealing import HANDLE_BYTES, Handle
from paravent.errors import MalformedMessage, ProofFailure
from paravent.wire.log import KeyEntry, LoggedLeaf, OpeningEntry

_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessed:
    """One opening as one server witnessed it: whose record (by handle), which shop, in which hour.

    ``randomness`` shows to others, for a case, that the leaf commits to this label.
    """

    server: str
    index: int
    epoch: int
    batch: int
    handle: Handle
    shop: str
    hour: int
    randomness: bytes


def verify_leaf(leaf: LoggedLeaf, *, size: int, root: bytes, server: str) -> None:
    """Checks that a leaf stands in the log that its server signed; raises ProofFailure naming the server."""
    verify_inclusion(leaf_hash(leaf.entry), index=leaf.index, size=size, root=root, path=leaf.path, culprit=server)


def hourly_key(entry: KeyEntry, server: str, amc: str, key: BoxKey) -> bytes:
    """Opens an hourly key sealed to this insurer; raises ProofFailure naming the server."""
    if entry.recipient != amc or len(entry.boxes) != 1:
        raise ProofFailure("a key entry is not for this insurer", culprit=server)
    return key.open(entry.boxes[0], Label.LOG_KEY_BOX, server, amc, entry.hour, culprit=server)


def read_opening(entry: OpeningEntry, index: int, server: str, amc: str, keys: Mapping[int, bytes]) -> Witnessed:
    """Opens the insurer's part of an entry; raises ProofFailure naming the server when it is not what it says.

    1. the hourly key was logged; 2. the part opens; 3. the commitment is to its label; 4. the insurer is this one.
    """
    # 1. hourly key
    key = keys.get(entry.insurer_key)
    if key is None:
        raise ProofFailure("an opening names an hourly key that was not logged", culprit=server)
    # 2. part
    nonce, body = entry.insurer_part[:_NONCE_BYTES], entry.insurer_part[_NONCE_BYTES:]
    try:
        part = ChaCha20Poly1305(key).decrypt(nonce, body, entry.commitment)
        label, randomness, shop = dec(Label.LOG_INSURER_PART, part, 3)
        insurer, epoch, batch, handle = dec(Label.OPEN, label, 4)
    except (InvalidTag, ValueError, MalformedMessage) as error:
        raise ProofFailure("an opening's part does not open", culprit=server) from error
    # 3. commitment
    if hashlib.sha256(enc(Label.LEAF, label, randomness)).digest() != entry.commitment:
        raise ProofFailure("an opening commits to another label", culprit=server)
    # 4. insurer
    if insurer != amc.encode() or len(handle) != HANDLE_BYTES:
        raise ProofFailure("an opening is of another insurer", culprit=server)
    return Witnessed(
        server=server, index=index, epoch=int.from_bytes(epoch, "big"), batch=int.from_bytes(batch, "big"),
        handle=Handle(handle), shop=shop.rstrip(b"\0").decode(errors="replace"), hour=entry.hour,
        randomness=randomness,
    )  # fmt: skip
