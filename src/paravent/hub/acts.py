"""Deciding an act of a desk: reserve, consume, cancel, correct (docs/protocol.md section 11).

The adjudicator reads entitlements and amounts in memory, never a person; what it keeps of them is
sealed to the insurer. It opens no connection: everything it needs is in its store.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace as changed

from paravent.access.devices import Device, DeviceRegister, authenticate, charge_of
from paravent.access.quotas import Charge, QuotaKind
from paravent.access.requests import Authenticated, HttpRequest, authority_of
from paravent.crypto import status
from paravent.crypto.entitlement import HubPart, verify_entitlement
from paravent.crypto.group import Rng
from paravent.crypto.labels import Label
from paravent.crypto.signing import VerifyKey
from paravent.errors import (
    BodyTooLarge,
    EntitlementRevoked,
    EpochNotLive,
    IdempotencyConflict,
    OutsideValidity,
    Refusal,
    StaleData,
    UnknownClaim,
    UnknownInsurer,
)
from paravent.hub.books import Books, KeptAct, KeptClaim, KeptRight
from paravent.hub.decisions import refused, seal_event
from paravent.hub.state import HubIdentity
from paravent.hub.statements import GUARANTEES, STATUS_LIST, open_guarantees, open_status_list
from paravent.hub.vault import ActId, DatabaseKey, HolderId, RecordId, RightId
from paravent.optics.claim_states import ClaimRecord, ClaimState, Request, RightState, apply, change_claim
from paravent.optics.decision import adjudicate
from paravent.optics.months import Month, month_of
from paravent.optics.rules import Rules, rules_of_month
from paravent.wire.claims import (
    CLAIM_BYTES_MAX,
    Act,
    ActDetail,
    ActKind,
    Claim,
    Decision,
    Outcome,
    PaymentLine,
    require_same,
)
from paravent.wire.codec import decode
from paravent.wire.statements import (
    STATUS_LIST_AGE_SECONDS_MAX,
    Directory,
    InsurerEntry,
    Signed,
    open_statement,
    sign_statement,
)

if TYPE_CHECKING:
    from paravent.hub.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmittedAct:
    """A verified act, ready to be decided."""

    device: Device
    act: Act
    claim: Claim | None
    part: HubPart
    insurer: InsurerEntry
    body_digest: bytes
    caller: Authenticated

    def charge(self) -> Charge:
        """What a new act costs; the same act again costs nothing."""
        digest = self.caller.digest
        return charge_of(QuotaKind.ACT, self.device, self.insurer.amc, digest, digest)

    def records(self, key: DatabaseKey) -> list[RecordId]:
        """Names what its decision may rest on: the right, and the claim that it opens or corrects."""
        claims = [] if self.claim is None else [self.claim.claim_id, self.claim.corrects]
        right = key.right(self.part.insurer, self.part.nullifier)
        return [right, *(key.claim(claim) for claim in claims if claim is not None)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjudicator:
    """Decides acts on entitlements with the hub's own keys and the rules in force."""

    identity: HubIdentity
    directory: Directory
    rules: tuple[Rules, ...]

    def admit(self, request: HttpRequest, register: DeviceRegister, now: int) -> AdmittedAct:
        """Verifies an act: device, form, entitlement, claim signature; raises what is wrong, deciding nothing."""
        device, caller = authenticate(request, register, authority=authority_of(self.identity.base_url), now=now)
        act = decode(request.body, Act)
        part = verify_entitlement(act.entitlement, self.directory.issuers())
        insurer = self.directory.insurer(part.insurer)
        if insurer is None:
            raise UnknownInsurer("no insurer of the directory has this AMC number")
        claim = None
        if act.claim is not None:
            if len(act.claim.payload) > CLAIM_BYTES_MAX:
                raise BodyTooLarge(f"a claim is at most {CLAIM_BYTES_MAX} bytes")
            claim = open_statement(act.claim, Claim, Label.CLAIM, device.keyid, VerifyKey(device.public))
            require_same(claim, act, part.insurer, device.professional, device.shop)
        digest = hashlib.sha256(request.body).digest()
        return AdmittedAct(
            device=device, act=act, claim=claim, part=part, insurer=insurer, body_digest=digest, caller=caller
        )

    def decide(self, admitted: AdmittedAct, store: Store, now: int, rng: Rng) -> Signed:
        """Decides inside the caller's transaction; the same key with the same body gets the same decision.

        1. idempotency; 2. terms and amounts; 3. state, compared and set; 4. sealed event; 5. decision kept.
        Raises IdempotencyConflict; every other refusal of the trade is a signed decision.
        """
        # 1. idempotency
        books = Books(store.claims, self.identity.database_key, rng)
        act = books.key.act(admitted.device.keyid, admitted.act.idempotency_key)
        books.fetch(act, *admitted.records(books.key))
        known = books.decided(act, admitted.body_digest)
        if known is not None:
            return known
        store.spend(admitted.charge(), now)
        # 2 and 3. the decision itself
        decision = self._undecided(admitted, now, rng)
        try:
            decision = self._judge(admitted, decision, act, store, books)
        except Refusal as refusal:
            decision = refused(decision, refusal)
        signed = sign_statement(decision, Label.DECISION, self.identity.name, self.identity.signing_key)
        # 4. sealed event
        device = admitted.device
        detail = ActDetail(
            act=admitted.act, device_key=device.public, professional=device.professional, shop=device.shop,
            decision=signed, padding="",
        )  # fmt: skip
        line = PaymentLine(
            decision_id=decision.decision_id, professional=device.professional, shop=device.shop,
            amc_cents=decision.amc_cents, padding="",
        )  # fmt: skip
        store.claims.add_event(
            decision.insurer, decision.month, *seal_event(self.identity, admitted.insurer, detail, line)
        )
        # 5. decision kept under its key
        books.keep(act, KeptAct(request=admitted.body_digest, decision=signed))
        return signed

    def _undecided(self, admitted: AdmittedAct, now: int, rng: Rng) -> Decision:
        claim = admitted.claim
        return Decision(
            decision_id=rng(16), kind=admitted.act.kind, insurer=admitted.insurer.amc, outcome=Outcome.ACCEPTED,
            reason="", detail="", request=admitted.body_digest, claim_id=None if claim is None else claim.claim_id,
            corrects=None if claim is None else claim.corrects, ground=None,
            amc_cents=0 if claim is None else claim.amc_cents, month=month_of(now), decided_at=now,
            reserved_until=None, payable_from=None,
        )  # fmt: skip

    def _judge(self, admitted: AdmittedAct, decision: Decision, act: ActId, store: Store, books: Books) -> Decision:
        """Judges an act and writes what it changes; returns the decision with the end of a reservation."""
        part, now = admitted.part, decision.decided_at
        if not part.valid_from <= now < part.valid_until:
            raise OutsideValidity("the entitlement is not valid today")
        self._require_not_revoked(admitted, store, now)
        if admitted.claim is not None and admitted.claim.corrects is not None:
            self._correct(admitted, admitted.claim, admitted.claim.corrects, decision, act, store, books)
            return decision
        if admitted.claim is not None:
            self._require_amounts(admitted, admitted.claim, Month(number=decision.month), store)
        return self._change_right(admitted, decision, act, books)

    def _change_right(self, admitted: AdmittedAct, decision: Decision, act: ActId, books: Books) -> Decision:
        """Reserves, consumes or cancels; consuming opens a claim."""
        part, key = admitted.part, books.key
        right, shop = key.right(part.insurer, part.nullifier), key.holder(admitted.device.shop)
        request = Request(
            kind=decision.kind, holder=shop, now=decision.decided_at, month=decision.month, free_from=part.free_from,
            renewal_months=part.renewal_months, early_renewal=admitted.act.early_renewal,
        )  # fmt: skip
        former = books.right(right)
        record = apply(None if former is None else former.record, request)
        reserved = record.state is RightState.RESERVED
        if admitted.claim is not None:
            opened = ClaimRecord(
                state=ClaimState.ACCEPTED, paid=record.paid[-1], amc_cents=decision.amc_cents,
                decided_at=decision.decided_at, first_decided_at=decision.decided_at,
            )  # fmt: skip
            _open_claim(admitted.claim, opened, right, shop, decision, act, books)
        books.keep(right, KeptRight(
            record=record, reserved_by=act if reserved else None,
            decision_id=decision.decision_id if reserved else None,
        ))  # fmt: skip
        return changed(decision, reserved_until=record.reserved_until)

    def _correct(
        self, admitted: AdmittedAct, claim: Claim, corrects: bytes, decision: Decision, act: ActId, store: Store,
        books: Books,
    ) -> None:  # fmt: skip
        """Puts a claim in the place of another one of this right and shop, in the month of the first."""
        key, part = books.key, admitted.part
        right, shop = key.right(part.insurer, part.nullifier), key.holder(admitted.device.shop)
        name = key.claim(corrects)
        former = books.claim(name)
        if former is None or (former.right, former.shop) != (right, shop):
            raise UnknownClaim("no claim of this shop for this right has the identifier to correct")
        closed = change_claim(former.record, ActKind.CORRECT, decision.decided_at)
        self._require_amounts(admitted, claim, Month(number=former.record.paid.month), store)
        opened = changed(
            former.record, amc_cents=decision.amc_cents, decided_at=decision.decided_at
        )  # fmt: skip
        _open_claim(claim, opened, right, shop, decision, act, books)
        books.keep(name, changed(former, record=closed))
        books.follow(ActId(former.opened_by), act)

    def _require_not_revoked(self, admitted: AdmittedAct, store: Store, now: int) -> None:
        amc = admitted.insurer.amc
        signed = store.statement(amc, STATUS_LIST)
        if signed is None:
            raise EpochNotLive("the insurer has published no status list")
        issuer = VerifyKey(admitted.insurer.issuer_key)
        statuses = open_status_list(signed, amc, issuer)
        if now - statuses.issued_at > STATUS_LIST_AGE_SECONDS_MAX:
            raise StaleData("the insurer's status list is more than 48 hours old")
        if status.is_revoked(statuses.bits, admitted.part.status_index):
            raise EntitlementRevoked("the insurer revoked this entitlement")

    def _require_amounts(self, admitted: AdmittedAct, claim: Claim, month: Month, store: Store) -> None:
        """Recomputes a claim with the guarantee in force in the month that it counts for."""
        amc = admitted.insurer.amc
        signed = store.statement(amc, GUARANTEES)
        if signed is None:
            raise EpochNotLive("the insurer has published no guarantee")
        tables = open_guarantees(signed, amc, VerifyKey(admitted.insurer.issuer_key))
        adjudicate(claim, tables.find(admitted.part.guarantee, month), rules_of_month(month, self.rules))


def _open_claim(
    claim: Claim, record: ClaimRecord, right: RightId, shop: HolderId, decision: Decision, act: ActId, books: Books
) -> None:
    """Keeps a claim as accepted; raises IdempotencyConflict when its identifier was taken, by whatever insurer."""
    name = books.key.claim(claim.claim_id)
    if books.claim(name) is not None:
        raise IdempotencyConflict("this claim identifier was already accepted")
    books.keep(name, KeptClaim(
        record=record, insurer=decision.insurer, right=right, shop=shop, opened_by=act,
        decision_id=decision.decision_id,
    ))  # fmt: skip
