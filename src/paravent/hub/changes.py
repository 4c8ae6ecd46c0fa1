"""What an act of a shop changes in the hub's records (docs/protocol.md steps 11.5 and 18.3).

The same for an act that is decided now, and for one that was decided before a loss and is given back. Nothing is
judged here but the tables of states; the records of one transaction are read and written through ``books``.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from paravent.crypto.entitlement import HubPart
from paravent.errors import IdempotencyConflict, NoReservation, StorageDown, UnknownClaim
from paravent.hub.books import Books, KeptClaim, KeptRight
from paravent.hub.vault import ActId, ClaimId, HolderId, RightId
from paravent.optics.claim_states import (
    ClaimRecord,
    ClaimState,
    Paid,
    Request,
    RightState,
    apply,
    change_claim,
    give_back,
    release,
)
from paravent.wire.claims import ActKind, Claim, Decision, InsurerAct


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopAct:
    """An act of a shop on an entitlement, and the decision that is taken on it; ``name`` is the record of the act."""

    part: HubPart
    shop: str
    early_renewal: bool
    claim: Claim | None
    decision: Decision
    name: ActId

    def right(self, books: Books) -> RightId:
        """Names the right."""
        return books.key.right(self.part.insurer, self.part.nullifier)

    def holder(self, books: Books) -> HolderId:
        """Names the shop."""
        return books.key.holder(self.shop)


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """A claim to be corrected: what is kept of it, and its record once it is closed."""

    name: ClaimId
    kept: KeptClaim
    closed: ClaimRecord


def change_right(act: ShopAct, books: Books) -> int | None:
    """Reserves, consumes (which opens a claim) or cancels; returns until when the right is reserved.

    Raises what ``claim_states.apply`` raises, and IdempotencyConflict for a claim identifier that was taken.
    """
    right, shop, decision = act.right(books), act.holder(books), act.decision
    former = books.right(right)
    record = apply(None if former is None else former.record, Request(
        kind=decision.kind, holder=shop, now=decision.decided_at, month=decision.month, free_from=act.part.free_from,
        renewal_months=act.part.renewal_months, early_renewal=act.early_renewal,
    ))  # fmt: skip
    if act.claim is not None:
        _open_claim(act, act.claim, ClaimRecord(
            state=ClaimState.ACCEPTED, paid=record.paid[-1], amc_cents=decision.amc_cents,
            decided_at=decision.decided_at, first_decided_at=decision.decided_at,
        ), books)  # fmt: skip
    reserved = record.state is RightState.RESERVED
    books.keep(right, KeptRight(
        record=record, reserved_by=act.name if reserved else None,
        decision_id=decision.decision_id if reserved else None,
    ))  # fmt: skip
    return record.reserved_until


def find_corrected(act: ShopAct, corrects: bytes, books: Books) -> Corrected:
    """Finds the claim of this right and shop that a correction is of; raises UnknownClaim, ClaimClosed or TooLate."""
    name = books.key.claim(corrects)
    kept = books.claim(name)
    if kept is None or (kept.right, kept.shop) != (act.right(books), act.holder(books)):
        raise UnknownClaim("no claim of this shop for this right has the identifier to correct")
    return Corrected(name=name, kept=kept, closed=change_claim(kept.record, ActKind.CORRECT, act.decision.decided_at))


def correct_claim(act: ShopAct, claim: Claim, former: Corrected, books: Books) -> None:
    """Puts a claim in the place of another, in the month of the first; raises IdempotencyConflict."""
    decision = act.decision
    opened = replace(former.kept.record, amc_cents=decision.amc_cents, decided_at=decision.decided_at)
    _open_claim(act, claim, opened, books)
    books.keep(former.name, replace(former.kept, record=former.closed))
    books.follow(ActId(former.kept.opened_by), act.name)


def _open_claim(act: ShopAct, claim: Claim, record: ClaimRecord, books: Books) -> None:
    """Keeps a claim as accepted; raises IdempotencyConflict when its identifier was taken, by whatever insurer."""
    name = books.key.claim(claim.claim_id)
    if books.claim(name) is not None:
        raise IdempotencyConflict("this claim identifier was already accepted")
    books.keep(name, KeptClaim(
        record=record, insurer=act.decision.insurer, right=act.right(books), shop=act.holder(books),
        opened_by=act.name, decision_id=act.decision.decision_id,
    ))  # fmt: skip


def change_by_insurer(act: InsurerAct, now: int, books: Books) -> ActId:
    """Reverses, disputes, upholds or releases; returns the act of a shop that it follows.

    Raises NoReservation, UnknownClaim, ClaimClosed, TooLate.
    """
    if act.nullifier is not None:
        return _release(act, books.key.right(act.insurer, act.nullifier), now, books)
    return _change_claim(act, act.claim_id or b"", now, books)


def _release(act: InsurerAct, right: RightId, now: int, books: Books) -> ActId:
    kept = books.right(right)
    if kept is None or kept.reserved_by is None or kept.decision_id != act.decision_id:
        raise NoReservation("the right is not held by this reservation")
    books.keep(right, KeptRight(record=release(kept.record, now), reserved_by=None, decision_id=None))
    return ActId(kept.reserved_by)


def _change_claim(act: InsurerAct, claim_id: bytes, now: int, books: Books) -> ActId:
    name = books.key.claim(claim_id)
    kept = books.claim(name)
    if kept is None or (kept.insurer, kept.decision_id) != (act.insurer, act.decision_id):
        raise UnknownClaim("no accepted claim of this insurer has this identifier and decision")
    changed = change_claim(kept.record, act.kind, now)
    if act.kind is ActKind.REVERSE:
        _give_back(RightId(kept.right), kept.record.paid, now, books)
    books.keep(name, replace(kept, record=changed))
    return ActId(kept.opened_by)


def _give_back(right: RightId, paid: Paid, now: int, books: Books) -> None:
    """Takes what a claim was paid for out of its right; a renewal reserved meanwhile stays."""
    kept = books.right(right)
    if kept is None:
        raise StorageDown("the right of an accepted claim is not kept")
    record = give_back(kept.record, paid, now)
    held = record.state is RightState.RESERVED
    books.keep(right, KeptRight(
        record=record, reserved_by=kept.reserved_by if held else None, decision_id=kept.decision_id if held else None
    ))  # fmt: skip
