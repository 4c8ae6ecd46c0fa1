"""Deciding an act of the trade: reserve, consume, cancel (docs/protocol.md section 11).

The adjudicator reads entitlements and amounts in memory, never a person; what it keeps of them is
sealed to the insurer. It opens no connection: everything it needs is in its store.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paravent.access.devices import Device, DeviceRegister, authenticate, charge_of
from paravent.access.quotas import Charge, QuotaKind
from paravent.access.requests import Authenticated, HttpRequest, authority_of
from paravent.crypto import hpke, status
from paravent.crypto.entitlement import HubPart, verify_entitlement
from paravent.crypto.group import Rng
from paravent.crypto.hpke import BoxPublicKey
from paravent.crypto.labels import Label
from paravent.crypto.signing import VerifyKey
from paravent.errors import (
    BodyTooLarge,
    EntitlementRevoked,
    EpochNotLive,
    IdempotencyConflict,
    MalformedMessage,
    OutsideValidity,
    Refusal,
    RenewalNotDue,
    StaleData,
    StorageDown,
)
from paravent.hub.state import HubIdentity
from paravent.hub.statements import GUARANTEES, STATUS_LIST
from paravent.optics.claim_states import Request, RightRecord, apply
from paravent.optics.decision import adjudicate
from paravent.optics.guarantee import GuaranteeTables
from paravent.optics.months import month_of
from paravent.optics.rules import Rules
from paravent.wire.claims import (
    CLAIM_BYTES_MAX,
    DETAIL_BYTES,
    PAYMENT_BYTES,
    Act,
    ActDetail,
    ActKind,
    Claim,
    Decision,
    Outcome,
    PaymentLine,
    require_same,
)
from paravent.wire.codec import decode, encode, encode_padded
from paravent.wire.statements import (
    STATUS_LIST_AGE_SECONDS_MAX,
    Directory,
    InsurerEntry,
    Signed,
    StatusList,
    open_statement,
    sign_statement,
)

if TYPE_CHECKING:
    from paravent.hub.claim_store import ClaimStore
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjudicator:
    """Decides acts on entitlements with the hub's own keys and the rules in force."""

    identity: HubIdentity
    directory: Directory
    rules: Rules

    def admit(self, request: HttpRequest, register: DeviceRegister, now: int) -> AdmittedAct:
        """Verifies an act: device, form, entitlement, claim signature; raises what is wrong, deciding nothing."""
        device, caller = authenticate(request, register, authority=authority_of(self.identity.base_url), now=now)
        act = decode(request.body, Act)
        part = verify_entitlement(act.entitlement, self.directory.issuers())
        insurer = self.directory.insurer(part.insurer)
        if insurer is None or (act.claim is None) != (act.kind is not ActKind.CONSUME):
            raise MalformedMessage("a claim goes with a consumption, and with nothing else")
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
        claims = store.claims
        # 1. idempotency
        key = self.identity.database_key
        act = key.act(admitted.device.keyid, admitted.act.idempotency_key)
        known = claims.decision(act)
        if known is not None:
            digest, decided = key.open(act, known)
            if digest != admitted.body_digest:
                raise IdempotencyConflict("this idempotency key was used with another request")
            return decode(decided, Signed)
        store.spend(admitted.charge(), now)
        # 2 and 3. the decision itself
        try:
            record = self._judge(admitted, store, now)
            decision = self._decision(admitted, Outcome.ACCEPTED, None, record, now, rng)
        except Refusal as refusal:
            decision = self._decision(admitted, Outcome.REFUSED, refusal, None, now, rng)
        signed = sign_statement(decision, Label.DECISION, self.identity.name, self.identity.signing_key)
        # 4. sealed event
        detail, payment = self._seal(admitted, decision, signed)
        claims.add_event(admitted.insurer.amc, decision.month, detail, payment)
        # 5. decision kept under its key
        claims.keep_decision(act, key.seal(act, admitted.body_digest, encode(signed), rng))
        return signed

    def _judge(self, admitted: AdmittedAct, store: Store, now: int) -> RightRecord:
        part, act = admitted.part, admitted.act
        if not part.valid_from <= now < part.valid_until:
            raise OutsideValidity("the entitlement is not valid today")
        self._require_not_revoked(admitted, store, now)
        if admitted.claim is not None:
            self._require_amounts(admitted, admitted.claim, store)
        request = Request(
            kind=act.kind, holder=self.identity.database_key.holder(admitted.device.shop, admitted.device.keyid),
            now=now, month=month_of(now), free_from=part.free_from, renewal_months=part.renewal_months,
            early_renewal=act.early_renewal,
        )  # fmt: skip
        return self._change_state(part, request, admitted.claim, store.claims)

    def _change_state(self, part: HubPart, request: Request, claim: Claim | None, claims: ClaimStore) -> RightRecord:
        right = self.identity.database_key.right(part.insurer, part.nullifier)
        former = claims.right(right)
        record = apply(RightRecord() if former is None else former.record, request)
        if claim is not None and not claims.take_claim_identifier(claim.claim_id):
            raise IdempotencyConflict("this claim identifier was already accepted")
        if not claims.keep_right(right, former, record):
            raise StorageDown("the right changed meanwhile")
        return record

    def _require_not_revoked(self, admitted: AdmittedAct, store: Store, now: int) -> None:
        amc = admitted.insurer.amc
        signed = store.statement(amc, STATUS_LIST)
        if signed is None:
            raise EpochNotLive("the insurer has published no status list")
        issuer = VerifyKey(admitted.insurer.issuer_key)
        statuses = open_statement(signed, StatusList, Label.STATUS_LIST, amc, issuer)
        if now - statuses.issued_at > STATUS_LIST_AGE_SECONDS_MAX:
            raise StaleData("the insurer's status list is more than 48 hours old")
        if status.is_revoked(statuses.bits, admitted.part.status_index):
            raise EntitlementRevoked("the insurer revoked this entitlement")

    def _require_amounts(self, admitted: AdmittedAct, claim: Claim, store: Store) -> None:
        amc = admitted.insurer.amc
        signed = store.statement(amc, GUARANTEES)
        if signed is None:
            raise EpochNotLive("the insurer has published no guarantee")
        tables = open_statement(signed, GuaranteeTables, Label.GUARANTEES, amc, VerifyKey(admitted.insurer.issuer_key))
        adjudicate(claim, tables.find(admitted.part.guarantee), self.rules)

    def _decision(
        self, admitted: AdmittedAct, outcome: Outcome, refusal: Refusal | None, record: RightRecord | None, now: int,
        rng: Rng,
    ) -> Decision:  # fmt: skip
        claim = admitted.claim
        accepted = outcome is Outcome.ACCEPTED
        return Decision(
            decision_id=rng(16), kind=admitted.act.kind, insurer=admitted.insurer.amc, outcome=outcome,
            reason="" if refusal is None else refusal.code, detail="" if refusal is None else str(refusal),
            request=admitted.body_digest, claim_id=None if claim is None else claim.claim_id,
            amc_cents=claim.amc_cents if claim is not None and accepted else 0,
            month=month_of(now), decided_at=now, reserved_until=None if record is None else record.reserved_until,
            payable_from=refusal.payable_from if isinstance(refusal, RenewalNotDue) else None,
        )  # fmt: skip

    def _seal(self, admitted: AdmittedAct, decision: Decision, signed: Signed) -> tuple[bytes, bytes]:
        """Seals what happened to the insurer; every act looks alike, whatever it was and however it ended."""
        amc, device = admitted.insurer.amc, admitted.device
        detail = ActDetail(
            act=admitted.act, device_key=device.public, professional=device.professional, shop=device.shop,
            decision=signed, padding="",
        )  # fmt: skip
        claims_key = BoxPublicKey(admitted.insurer.claims_key)
        padded = encode_padded(detail, DETAIL_BYTES)
        sealed = hpke.seal(claims_key, padded, Label.CLAIM_DETAIL_BOX, self.identity.name, amc)
        line = PaymentLine(
            decision_id=decision.decision_id, professional=device.professional, shop=device.shop,
            amc_cents=decision.amc_cents, padding="",
        )  # fmt: skip
        payments_key = BoxPublicKey(admitted.insurer.payments_key)
        padded = encode_padded(line, PAYMENT_BYTES)
        return sealed, hpke.seal(payments_key, padded, Label.PAYMENT_LINE_BOX, self.identity.name, amc)
