"""Witnessing an opening: the entry of the log, its sealed parts, its hourly keys (docs/protocol.md section 12): pure.

The log says to its own server nothing that it did not just see, and to a thief nothing: the label and the shop
are sealed to the insurer, the professional and the device to the custodians.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from paravent.access.devices import Device
from paravent.access.quotas import Pseudonyms
from paravent.crypto import hpke
from paravent.crypto.group import Rng
from paravent.crypto.hpke import BoxPublicKey
from paravent.crypto.labels import Label, enc
from paravent.crypto.secret import Secret
from paravent.keyserver.state import KeyServerStore, LeafPosition, WitnessKey
from paravent.wire.log import CUSTODIANS, NO_KEY, KeyEntry, OpeningEntry
from paravent.wire.statements import Directory

HOUR_SECONDS = 3_600
_NONCE_BYTES = 12
_NAME_BYTES = 64


class HourKey(Secret):
    """The key of one hour and recipient, 32 bytes; in memory alone, and sealed in the log."""

    __slots__ = ()


@dataclass(slots=True)
class Scribe:
    """Writes entries for one server; hourly keys are drawn when first needed and logged before they are used."""

    server: str
    witness_key: WitnessKey
    directory: Directory
    rng: Rng
    _keys: dict[tuple[str, int], tuple[HourKey, LeafPosition]] = field(default_factory=dict)

    def opening(
        self, device: Device, insurer: str, label: bytes, request: bytes, names: Pseudonyms, store: KeyServerStore,
        now: int,
    ) -> LeafPosition:  # fmt: skip
        """Appends the entry of one opening, its hourly keys before it, inside the caller's transaction."""
        hour = now // HOUR_SECONDS
        randomness = hmac.digest(self.witness_key.reveal(), enc(Label.LEAF_RANDOMNESS, label, request), "sha256")
        commitment = hashlib.sha256(enc(Label.LEAF, label, randomness)).digest()
        shown = enc(Label.LOG_INSURER_PART, label, randomness, _padded(device.shop))
        insurer_key, insurer_part = self._seal(insurer, hour, shown, commitment, store)
        who = enc(Label.LOG_CUSTODIAN_PART, _padded(device.professional), device.keyid)
        custodian_key, custodian_part = self._seal(CUSTODIANS, hour, who, commitment, store)
        entry = OpeningEntry(
            commitment=commitment, hour=hour, request=request, professional=names.professional,
            subject=names.subject, insurer=insurer, insurer_key=insurer_key, insurer_part=insurer_part,
            custodian_key=custodian_key, custodian_part=custodian_part,
        )  # fmt: skip
        return store.append(entry.encode(), request)

    def _seal(
        self, recipient: str, hour: int, part: bytes, commitment: bytes, store: KeyServerStore
    ) -> tuple[int, bytes]:
        boxes_to = self._recipients(recipient)
        if not boxes_to:
            return NO_KEY, b""
        key, position = self._hour_key(recipient, hour, boxes_to, store)
        nonce = self.rng(_NONCE_BYTES)
        return position.index, nonce + ChaCha20Poly1305(key.reveal()).encrypt(nonce, part, commitment)

    def _recipients(self, recipient: str) -> list[tuple[BoxPublicKey, ...]]:
        """Lists to whom a key is sealed: an insurer, or each pair of custodians."""
        if recipient == CUSTODIANS:
            keys = [BoxPublicKey(entry.box_key) for entry in self.directory.custodians]
            return list(combinations(keys, 2))
        entry = self.directory.insurer(recipient)
        return [] if entry is None else [(BoxPublicKey(entry.claims_key),)]

    def _hour_key(
        self, recipient: str, hour: int, boxes_to: Sequence[tuple[BoxPublicKey, ...]], store: KeyServerStore
    ) -> tuple[HourKey, LeafPosition]:
        known = self._keys.get((recipient, hour))
        # A key whose entry was rolled back with its transaction was never logged: it is not used.
        if known is not None and store.leaf_hash(known[1].index) == known[1].leaf_hash:
            return known
        key = HourKey(self.rng(32))
        boxes = tuple(self._box(key, recipient, hour, keys) for keys in boxes_to)
        position = store.append(KeyEntry(recipient=recipient, hour=hour, boxes=boxes).encode(), None)
        self._keys = {name: kept for name, kept in self._keys.items() if name[1] >= hour - 1}
        self._keys[recipient, hour] = key, position
        return key, position

    def _box(self, key: HourKey, recipient: str, hour: int, keys: tuple[BoxPublicKey, ...]) -> bytes:
        content = key.reveal()
        for public in reversed(keys):
            content = hpke.seal(public, content, Label.LOG_KEY_BOX, self.server, recipient, hour)
        return content


def _padded(text: str) -> bytes:
    """Brings a name to one length: the size of a part does not tell whose it is."""
    encoded = text.encode()
    return encoded + bytes(-len(encoded) % _NAME_BYTES)
