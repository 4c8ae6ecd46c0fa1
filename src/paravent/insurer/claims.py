"""Recomputing a decision before anything is paid (docs/protocol.md section 11, step 11.6): pure.

The insurer trusts neither hub nor desk: it opens the detail, checks every signature, recomputes the
amounts with the same rules, and finds its own member behind the nullifier.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from paravent.crypto.entitlement import HubPart, verify_entitlement
from paravent.crypto.labels import Label
from paravent.crypto.signing import VerifyKey, key_id
from paravent.errors import (
    EntitlementRevoked,
    IdempotencyConflict,
    NotCovered,
    OutsideValidity,
    ParaventError,
    ProofFailure,
    RenewalNotDue,
)
from paravent.insurer.config import InsurerKeys
from paravent.insurer.store import ReviewedClaim
from paravent.optics.claim_states import RightRecord, payable_from
from paravent.optics.decision import adjudicate
from paravent.optics.guarantee import GuaranteeTables
from paravent.optics.months import Month
from paravent.optics.rules import Rules
from paravent.wire.claims import (
    ActDetail,
    ActKind,
    Claim,
    Decision,
    Outcome,
    PaymentLine,
    SealedEvent,
    require_same,
)
from paravent.wire.codec import decode
from paravent.wire.statements import STATUS_LIST_AGE_SECONDS_MAX, Directory, open_statement

PAYABLE = "payable"
NOTED = "noted"
REFUSED = "refused"
DISPUTED = "disputed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewer:
    """Everything an insurer judges a decision with.

    ``member_of`` finds a member by nullifier, ``claim_known`` a claim already judged, ``month_paid`` the
    month (YYYYMM) of a member's last payable equipment, ``revoked_at`` when (Unix seconds) it was revoked.
    """

    amc: str
    keys: InsurerKeys
    directory: Directory
    tables: GuaranteeTables
    rules: Rules
    member_of: Callable[[bytes], str | None]
    claim_known: Callable[[bytes], bool]
    month_paid: Callable[[str], int | None]
    revoked_at: Callable[[str], int | None]

    def review(self, event: SealedEvent) -> ReviewedClaim:
        """Judges one event: payable, noted (no money), refused by the hub, or disputed with the reason.

        An event that does not open, or is not the hub's, is disputed: it must not stop those that follow.
        """
        try:
            detail, decision = self._open(event)
        except ParaventError as error:
            return _unreadable(event, error)
        try:
            member, payable = self._recompute(detail, decision, event)
        except ParaventError as error:
            if decision.outcome is Outcome.REFUSED:
                return self._reviewed(decision, None, REFUSED, decision.reason, 0)
            return self._reviewed(decision, None, DISPUTED, f"{error.code}: {error}", 0)
        if decision.outcome is Outcome.REFUSED:
            return self._reviewed(decision, member, REFUSED, decision.reason, 0)
        state = PAYABLE if decision.kind is ActKind.CONSUME else NOTED
        return self._reviewed(decision, member, state, "", payable)

    def _open(self, event: SealedEvent) -> tuple[ActDetail, Decision]:
        hub = self.directory.hub
        opened = self.keys.claims.open(event.detail, Label.CLAIM_DETAIL_BOX, hub.name, self.amc, culprit=hub.name)
        detail = decode(opened, ActDetail)
        decision = open_statement(detail.decision, Decision, Label.DECISION, hub.name, VerifyKey(hub.verify_key))
        if (decision.insurer, decision.month, decision.kind) != (self.amc, event.month, detail.act.kind):
            raise ProofFailure("an event's decision is another one", culprit=hub.name)
        if (detail.act.claim is None) is (decision.kind is ActKind.CONSUME):
            raise ProofFailure("a claim goes with a consumption, and with nothing else", culprit=hub.name)
        return detail, decision

    def _recompute(self, detail: ActDetail, decision: Decision, event: SealedEvent) -> tuple[str, int]:
        part = verify_entitlement(detail.act.entitlement, self.directory.issuers())
        member = self.member_of(part.nullifier)
        if part.insurer != self.amc or member is None:
            raise NotCovered("the entitlement is of nobody this insurer published")
        if decision.outcome is Outcome.ACCEPTED:
            self._check_right(part, decision, member)
        if detail.act.claim is None:
            return member, 0
        device = VerifyKey(detail.device_key)
        claim = open_statement(detail.act.claim, Claim, Label.CLAIM, key_id(device), device)
        require_same(claim, detail.act, self.amc)
        if decision.outcome is Outcome.ACCEPTED:
            self._check_money(claim, decision, part)
            self._check_renewal(claim, decision, part, member)
            self._check_payment(detail, decision, event)
        return member, decision.amc_cents

    def _check_right(self, part: HubPart, decision: Decision, member: str) -> None:
        """At the time of the decision the right was valid, and not revoked for longer than a status list lives."""
        if not part.valid_from <= decision.decided_at < part.valid_until:
            raise OutsideValidity("the entitlement was not valid when the hub decided")
        revoked_at = self.revoked_at(member)
        if revoked_at is not None and decision.decided_at > revoked_at + STATUS_LIST_AGE_SECONDS_MAX:
            raise EntitlementRevoked("the entitlement had been revoked for more than 48 hours")

    def _check_money(self, claim: Claim, decision: Decision, part: HubPart) -> None:
        adjudicate(claim, self.tables.find(part.guarantee), self.rules)
        if (decision.amc_cents, decision.claim_id) != (claim.amc_cents, claim.claim_id):
            raise ProofFailure("the decision is for another claim", culprit=self.directory.hub.name)
        if self.claim_known(claim.claim_id):
            raise IdempotencyConflict("this claim was already judged")

    def _check_renewal(self, claim: Claim, decision: Decision, part: HubPart, member: str) -> None:
        """Equipment is payable in this month, by what this insurer itself has found payable, or says it is early."""
        record = RightRecord(consumed_month=self.month_paid(member))
        due = payable_from(record, part.free_from, part.renewal_months)
        if Month(number=decision.month) < due and not claim.early_renewal:
            raise RenewalNotDue(f"equipment is payable again from {due}", payable_from=due.number)

    def _check_payment(self, detail: ActDetail, decision: Decision, event: SealedEvent) -> None:
        hub = self.directory.hub.name
        opened = self.keys.payments.open(event.payment, Label.PAYMENT_LINE_BOX, hub, self.amc, culprit=hub)
        line = decode(opened, PaymentLine)
        if (line.decision_id, line.amc_cents) != (decision.decision_id, decision.amc_cents):
            raise ProofFailure("the payment line is of another decision", culprit=hub)
        if (line.professional, line.shop) != (detail.professional, detail.shop):
            raise ProofFailure("the payment line pays somebody else than who claimed", culprit=hub)

    def _reviewed(self, decision: Decision, member: str | None, state: str, reason: str, payable: int) -> ReviewedClaim:
        claim = decision.claim_id if state == PAYABLE else None
        return ReviewedClaim(
            decision=decision.decision_id, claim=claim, member=member, kind=decision.kind.value, state=state,
            reason=reason, payable_cents=payable, month=decision.month,
        )  # fmt: skip


def _unreadable(event: SealedEvent, error: ParaventError) -> ReviewedClaim:
    """Records an event that says nothing believable, under the hash of what was received."""
    return ReviewedClaim(
        decision=hashlib.sha256(event.detail).digest()[:16], claim=None, member=None, kind="unreadable",
        state=DISPUTED, reason=f"{error.code}: {error}", payable_cents=0, month=event.month,
    )  # fmt: skip
