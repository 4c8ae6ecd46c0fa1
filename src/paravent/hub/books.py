"""What the hub keeps of acts, rights and claims: sealed records, compared and set (docs/protocol.md step 11.5).

Every record is written only over the version that was read: who comes second writes nothing. The records hold
pseudonyms of the database key, never an entitlement, an item or a correction. It knows no rule of the trade.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from paravent.crypto.group import Rng
from paravent.errors import IdempotencyConflict, StorageDown
from paravent.hub.vault import ActId, ClaimId, DatabaseKey, RecordId, RightId
from paravent.optics.claim_states import ClaimRecord, RightRecord
from paravent.wire.codec import Amc, Bytes16, Bytes32, Message, decode, encode
from paravent.wire.statements import Signed

if TYPE_CHECKING:
    from paravent.hub.claim_store import ClaimStore, StoredRecord

M = TypeVar("M", bound=Message)


class KeptAct(Message, frozen=True, kw_only=True):
    """The decision on a request (its SHA-256), and the names of the acts that followed on what it opened."""

    request: Bytes32
    decision: Signed
    followed_by: tuple[Bytes32, ...] = ()


class KeptRight(Message, frozen=True, kw_only=True):
    """A right, and which decision on which act its last reservation comes from."""

    record: RightRecord
    reserved_by: Bytes32 | None
    decision_id: Bytes16 | None


class KeptClaim(Message, frozen=True, kw_only=True):
    """An accepted claim: of which insurer, right and shop, by which decision on which act."""

    record: ClaimRecord
    insurer: Amc
    right: Bytes32
    shop: Bytes32
    opened_by: Bytes32
    decision_id: Bytes16


@dataclass(slots=True)
class Books:
    """The records of one transaction: each is read once, and written over what was read."""

    store: ClaimStore
    key: DatabaseKey
    rng: Rng
    _read: dict[bytes, StoredRecord | None] = field(default_factory=dict)
    _fetched: dict[bytes, StoredRecord | None] = field(default_factory=dict)

    def fetch(self, *names: RecordId) -> None:
        """Fetches at once what an act is going to look at; what it does not look at counts as not read."""
        self._fetched.update(zip(names, self.store.records(names), strict=True))

    def decided(self, act: ActId, request: bytes) -> Signed | None:
        """Returns the decision already given on an act; raises IdempotencyConflict when it was on another body."""
        known = self.act(act)
        if known is None:
            return None
        if known.request != request:
            raise IdempotencyConflict("this idempotency key was used with another request")
        return known.decision

    def act(self, name: ActId) -> KeptAct | None:
        """Returns what is kept of an act, or None when nothing was decided on it."""
        return self._open(name, KeptAct)

    def right(self, name: RightId) -> KeptRight | None:
        """Returns what is kept of a right, or None when it was never used."""
        return self._open(name, KeptRight)

    def claim(self, name: ClaimId) -> KeptClaim | None:
        """Returns what is kept of an accepted claim, or None."""
        return self._open(name, KeptClaim)

    def keep(self, name: RecordId, record: KeptAct | KeptRight | KeptClaim) -> None:
        """Writes a record over the version that was read; raises StorageDown when another act wrote meanwhile."""
        sealed, former = self.key.seal(name, encode(record), self.rng), self._read.get(name)
        if not self.store.keep_record(name, former, sealed):
            raise StorageDown("another act changed this record meanwhile")
        self._fetched.pop(name, None)

    def follow(self, former: ActId, act: ActId) -> None:
        """Notes that an act followed on a former one, so that who made that one is told."""
        kept = self.act(former)
        if kept is None:
            raise StorageDown("the act that opened a record is not kept")
        self.keep(former, replace(kept, followed_by=(*kept.followed_by, act)))

    def decisions(self, act: ActId) -> list[Signed]:
        """Lists the decision of an act and of those that followed, oldest first; none when it was not decided."""
        kept = self.act(act)
        if kept is None:
            return []
        later = [signed for name in kept.followed_by for signed in self.decisions(ActId(name))]
        return [kept.decision, *later]

    def _open(self, name: RecordId, kind: type[M]) -> M | None:
        found = self._fetched.pop(name) if name in self._fetched else self.store.record(name)
        self._read[name] = found
        return None if found is None else decode(self.key.open(name, found.sealed), kind)
