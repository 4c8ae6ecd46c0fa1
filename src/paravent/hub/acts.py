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
from paravent.access.quotas import Charge, QuotaKind, Seen
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
    OutsideValidity,
    Refusal,
    StaleData,
    UnknownInsurer,
)
from paravent.hub.books import Books, KeptAct
from paravent.hub.changes import ShopAct, change_right, correct_claim, find_corrected
from paravent.hub.decisions import refused, seal_event
from paravent.hub.state import HubIdentity
from paravent.hub.statements import GUARANTEES, STATUS_LIST, open_guarantees, open_status_list
from paravent.hub.vault import ActId, DatabaseKey, RecordId
from paravent.optics.decision import adjudicate
from paravent.optics.months import Month, month_of
from paravent.optics.rules import Rules, rules_of_month
from paravent.wire.claims import (
    CLAIM_BYTES_MAX,
    Act,
    ActDetail,
    Claim,
    Decision,
    Outcome,
    PaymentLine,
    require_same,
)
from paravent.wire.codec import decode, encode
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
        # Of its one text, whatever spaces the body has: who gives the act back has the act, not the body.
        digest = hashlib.sha256(encode(act)).digest()
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
        store.recovery.require_open()
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
            decision.insurer,
            decision.month,
            *seal_event(self.identity, admitted.insurer, detail, line),
            above=store.recovery.events_above,
        )
        # 5. decision kept under its key
        books.keep(act, KeptAct(request=admitted.body_digest, decision=signed))
        _count(admitted, decision, store)
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
        shop_act = ShopAct(
            part=part, shop=admitted.device.shop, early_renewal=admitted.act.early_renewal, claim=admitted.claim,
            decision=decision, name=act,
        )  # fmt: skip
        claim = admitted.claim
        if claim is not None and claim.corrects is not None:
            former = find_corrected(shop_act, claim.corrects, books)
            self._require_amounts(admitted, claim, Month(number=former.kept.record.paid.month), store)
            correct_claim(shop_act, claim, former, books)
            return decision
        if claim is not None:
            self._require_amounts(admitted, claim, Month(number=decision.month), store)
        return changed(decision, reserved_until=change_right(shop_act, books))

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


def _count(admitted: AdmittedAct, decision: Decision, store: Store) -> None:
    """Counts an accepted claim for the detectors, and whether it renews early; a correction is no second claim."""
    claim, who, now = admitted.claim, admitted.device.professional, decision.decided_at
    if claim is None or claim.corrects is not None or decision.outcome is not Outcome.ACCEPTED:
        return
    store.see(Seen.CLAIM, who, now)
    if admitted.act.early_renewal:
        store.see(Seen.EARLY_RENEWAL, who, now)
