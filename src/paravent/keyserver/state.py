"""What a key server holds, and the store its logic needs (docs/protocol.md sections 3 and 12).

Holds: shares and opening keys (secret files), devices, quota hashes, the witness log.
Stolen: nothing of anybody, unless t servers' files are. Altered: answers stop verifying.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from paravent.access.devices import DeviceRegister
from paravent.access.quotas import Charge, Pseudonyms
from paravent.access.requests import Authenticated
from paravent.crypto.group import Element, Scalar
from paravent.crypto.hpke import BoxKey
from paravent.crypto.replicated import OpeningKey, ServerSet
from paravent.crypto.secret import Secret
from paravent.crypto.signing import SigningKey
from paravent.wire.statements import Closing, ManifestHead


class WitnessKey(Secret):
    """The key from which a server derives the randomness of its log commitments."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerIdentity:
    """Who a key server is: its name, its own base URL, its keys."""

    name: str
    base_url: str
    signing_key: SigningKey
    witness_key: WitnessKey


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochShare:
    """One server's share of one insurer's look-up key, with the dates of the epoch (Unix seconds).

    ``commitment`` is C_0; ``statement`` is SHA-256 of the epoch file it was dealt with, the one that was
    receipted. Look-ups end at ``ends_at``, openings at ``deletes_at``, when the share is deleted.
    """

    insurer: str
    epoch: int
    index: int
    threshold: int
    servers: int
    share: Scalar
    public: Element
    commitment: Element
    not_before: int
    not_after: int
    statement: bytes
    ends_at: int
    deletes_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchKeys:
    """The opening keys of one batch that one server holds; ``statement`` is SHA-256 of its batch file.

    They are deleted at ``deletes_at``: with their epoch, or earlier when the batch was closed.
    """

    insurer: str
    epoch: int
    batch: int
    keys: Mapping[ServerSet, OpeningKey]
    statement: bytes
    deletes_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafPosition:
    """Where a leaf stands in the witness log."""

    index: int
    leaf_hash: bytes


class KeyServerStore(DeviceRegister, Protocol):
    """The store of a key server; writes happen inside the caller's transaction."""

    @property
    def box_key(self) -> BoxKey:
        """The key to which deals are sealed now."""

    def share(self, insurer: str, epoch: int) -> EpochShare | None:
        """Returns the share of an epoch, or None."""

    def keep_share(self, share: EpochShare) -> None:
        """Keeps a share; the same one again is allowed, another one, another file or an ended epoch is refused."""

    def batch(self, insurer: str, epoch: int, batch: int) -> BatchKeys | None:
        """Returns the opening keys of a live batch, or None."""

    def keep_batch(self, batch: BatchKeys) -> None:
        """Keeps opening keys; the same again is allowed, others, another batch file or a closed batch are refused."""

    def keep_closing(self, closing: Closing) -> None:
        """Keeps when a batch or an epoch ends; it never ends later than was already said."""

    def keep_head(self, head: ManifestHead, digest: bytes) -> None:
        """Keeps the head that is cosigned; a lower counter, or another head of the same counter, is refused."""

    def first_time(self, caller: Authenticated, now: int) -> bool:
        """Records a nonce: True the first time."""

    def spend(self, charge: Charge, now: int) -> Pseudonyms:
        """Spends quota and returns the day's pseudonyms."""

    def append(self, entry: bytes, request: bytes | None) -> LeafPosition:
        """Appends an entry to the witness log; ``request`` is the digest of the request it witnesses, if any."""

    def leaf_hash(self, index: int) -> bytes | None:
        """Returns a leaf hash, or None."""

    def witnessed(self, request: bytes) -> LeafPosition | None:
        """Finds the leaf of an identical request seen before."""
