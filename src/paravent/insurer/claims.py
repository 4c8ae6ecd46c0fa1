"""Recomputing a decision before anything is paid (docs/protocol.md section 11, step 11.6): pure.

The insurer trusts neither hub nor desk: it opens the detail, checks every signature, recomputes the
amounts with the same rules, and finds its own member behind the nullifier.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol

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
)
from paravent.insurer.config import InsurerKeys
from paravent.insurer.store import ReviewedClaim
from paravent.optics.claim_states import RightRecord, require_due
from paravent.optics.decision import adjudicate
from paravent.optics.guarantee import GuaranteeTables
from paravent.optics.months import Month, month_of
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

SKEW_SECONDS_MAX = 300
PAYABLE = "payable"
NOTED = "noted"
REFUSED = "refused"
DISPUTED = "disputed"


class ClaimLedger(Protocol):
    """What an insurer already knows of its members and of the claims it has judged."""

    def member_of(self, nullifier: bytes) -> str | None:
        """Finds the member behind a nullifier, or None."""

    def revoked_at(self, member: str) -> int | None:
        """Returns when a member's entitlements were revoked (Unix seconds), or None."""

    def paid(self, member: str) -> RightRecord:
        """Returns the months of a member's last payable equipment and of the last that was early."""

    def claim_known(self, claim: bytes) -> bool:
        """Says whether a claim identifier was already found payable."""

    def decision_known(self, decision: bytes, number: int) -> bool:
        """Says whether another event had this decision identifier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewer:
    """Everything an insurer judges a decision with."""

    amc: str
    keys: InsurerKeys
    directory: Directory
    tables: GuaranteeTables
    rules: Rules
    ledger: ClaimLedger

    def review(self, event: SealedEvent, now: int) -> ReviewedClaim:
        """Judges one event: payable, noted (no money), refused by the hub, or disputed with the reason.

        An event that does not open, or is not the hub's, is disputed: it must not stop those that follow.
        """
        try:
            detail, decision = self._open(event, now)
        except ParaventError as error:
            return _unreadable(event, error)
        refused = decision.outcome is Outcome.REFUSED
        try:
            member, early = self._recompute(detail, decision, event)
        except ParaventError as error:
            if refused:
                return _reviewed(event, decision, None, REFUSED, decision.reason)
            return _reviewed(event, decision, None, DISPUTED, f"{error.code}: {error}")
        if refused:
            return _reviewed(event, decision, member, REFUSED, decision.reason)
        state = PAYABLE if decision.kind is ActKind.CONSUME else NOTED
        return _reviewed(event, decision, member, state, "", early=early)

    def _open(self, event: SealedEvent, now: int) -> tuple[ActDetail, Decision]:
        hub = self.directory.hub
        opened = self.keys.claims.open(event.detail, Label.CLAIM_DETAIL_BOX, hub.name, self.amc, culprit=hub.name)
        detail = decode(opened, ActDetail)
        decision = open_statement(detail.decision, Decision, Label.DECISION, hub.name, VerifyKey(hub.verify_key))
        if (decision.insurer, decision.month, decision.kind) != (self.amc, event.month, detail.act.kind):
            raise ProofFailure("an event's decision is another one", culprit=hub.name)
        # The date is compared with now first: one that no calendar holds has no month.
        if decision.decided_at > now + SKEW_SECONDS_MAX or decision.month != month_of(decision.decided_at):
            raise ProofFailure("a decision is of another month than its date, or of the future", culprit=hub.name)
        if self.ledger.decision_known(decision.decision_id, event.number):
            raise ProofFailure("two events have one decision identifier", culprit=hub.name)
        if (detail.act.claim is None) is (decision.kind is ActKind.CONSUME):
            raise ProofFailure("a claim goes with a consumption, and with nothing else", culprit=hub.name)
        return detail, decision

    def _recompute(self, detail: ActDetail, decision: Decision, event: SealedEvent) -> tuple[str, bool]:
        """Returns the member and whether the equipment is an early renewal; raises what does not agree."""
        part = verify_entitlement(detail.act.entitlement, self.directory.issuers())
        member = self.ledger.member_of(part.nullifier)
        if part.insurer != self.amc or member is None:
            raise NotCovered("the entitlement is of nobody this insurer published")
        accepted = decision.outcome is Outcome.ACCEPTED
        if accepted:
            self._check_right(part, decision, member)
        if detail.act.claim is None:
            return member, False
        device = VerifyKey(detail.device_key)
        claim = open_statement(detail.act.claim, Claim, Label.CLAIM, key_id(device), device)
        require_same(claim, detail.act, self.amc, detail.professional, detail.shop)
        if not accepted:
            return member, False
        self._check_money(claim, decision, part)
        self._check_payment(detail, decision, event)
        # Payable by what this insurer itself has found payable, whatever the hub remembers.
        early = require_due(
            self.ledger.paid(member), month=Month(number=decision.month), free_from=part.free_from,
            renewal_months=part.renewal_months, early_renewal=claim.early_renewal,
        )  # fmt: skip
        return member, early

    def _check_right(self, part: HubPart, decision: Decision, member: str) -> None:
        """At the time of the decision the right was valid, and not revoked for longer than a status list lives."""
        if not part.valid_from <= decision.decided_at < part.valid_until:
            raise OutsideValidity("the entitlement was not valid when the hub decided")
        revoked_at = self.ledger.revoked_at(member)
        if revoked_at is not None and decision.decided_at > revoked_at + STATUS_LIST_AGE_SECONDS_MAX:
            raise EntitlementRevoked("the entitlement had been revoked for more than 48 hours")

    def _check_money(self, claim: Claim, decision: Decision, part: HubPart) -> None:
        adjudicate(claim, self.tables.find(part.guarantee), self.rules)
        if (decision.amc_cents, decision.claim_id) != (claim.amc_cents, claim.claim_id):
            raise ProofFailure("the decision is for another claim", culprit=self.directory.hub.name)
        if self.ledger.claim_known(claim.claim_id):
            raise IdempotencyConflict("this claim was already judged")

    def _check_payment(self, detail: ActDetail, decision: Decision, event: SealedEvent) -> None:
        hub = self.directory.hub.name
        opened = self.keys.payments.open(event.payment, Label.PAYMENT_LINE_BOX, hub, self.amc, culprit=hub)
        line = decode(opened, PaymentLine)
        if (line.decision_id, line.amc_cents) != (decision.decision_id, decision.amc_cents):
            raise ProofFailure("the payment line is of another decision", culprit=hub)
        if (line.professional, line.shop) != (detail.professional, detail.shop):
            raise ProofFailure("the payment line pays somebody else than who claimed", culprit=hub)


def _reviewed(
    event: SealedEvent, decision: Decision, member: str | None, state: str, reason: str, *, early: bool = False
) -> ReviewedClaim:
    payable = state == PAYABLE
    return ReviewedClaim(
        number=event.number, decision=decision.decision_id, claim=decision.claim_id if payable else None,
        member=member, kind=decision.kind.value, state=state, reason=reason,
        payable_cents=decision.amc_cents if payable else 0, month=decision.month, early=early,
    )  # fmt: skip


def _unreadable(event: SealedEvent, error: ParaventError) -> ReviewedClaim:
    """Records an event that says nothing believable, under the hash of what was received."""
    return ReviewedClaim(
        number=event.number, decision=hashlib.sha256(event.detail).digest()[:16], claim=None, member=None,
        kind="unreadable", state=DISPUTED, reason=f"{error.code}: {error}", payable_cents=0, month=event.month,
        early=False,
    )  # fmt: skip
