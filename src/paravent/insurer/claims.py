"""Recomputing a decision before anything is paid (docs/protocol.md section 11, step 11.6): pure.

The insurer trusts neither hub nor desk: it opens the detail, checks every signature, recomputes the
amounts with the same rules, and finds its own member behind the nullifier. What it asked for itself, it finds
again under its own signature.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
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
    TooLate,
    UnknownClaim,
)
from paravent.insurer.config import InsurerKeys
from paravent.insurer.ledger import CHANGES, CORRECTED, LedgerChange, LedgerState, ReviewedClaim
from paravent.optics.claim_states import CORRECTION_SECONDS, RightRecord, require_due
from paravent.optics.decision import adjudicate
from paravent.optics.guarantee import GuaranteeTables
from paravent.optics.months import Month, month_of
from paravent.optics.rules import Rules, rules_of_month
from paravent.wire.claims import (
    CLAIM_KINDS,
    ActDetail,
    Claim,
    Decision,
    InsurerAct,
    InsurerActDetail,
    Outcome,
    PaymentLine,
    SealedEvent,
    read_detail,
    require_same,
)
from paravent.wire.codec import decode, encode
from paravent.wire.statements import STATUS_LIST_AGE_SECONDS_MAX, Directory, Signed, open_statement

SKEW_SECONDS_MAX = 300


class MemberRegister(Protocol):
    """What an insurer knows of its members."""

    def member_of(self, nullifier: bytes) -> str | None:
        """Finds the member behind a nullifier, or None."""

    def revocations(self, member: str) -> Mapping[int, int | None]:
        """Returns each status index a member has or had, with when it was revoked (Unix seconds), or None."""


class ClaimLedger(Protocol):
    """What an insurer knows of the claims it has judged."""

    def paid(self, member: str, *, without: int | None = None) -> RightRecord:
        """Returns what counts as paid for a member, without the line of one event when it is given."""

    def line_of(self, claim: bytes) -> ReviewedClaim | None:
        """Returns the line of a claim that the hub accepted, or None."""

    def decision_known(self, decision: bytes, number: int) -> bool:
        """Says whether another event had this decision identifier."""

    def act_known(self, act: bytes, number: int) -> bool:
        """Says whether another event answered the act of this insurer with this idempotency key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What recomputing an act found: whose it is, what it counts as, and which line it changes."""

    member: str | None = None
    claimed_cents: int = 0
    month: int | None = None
    early: bool = False
    first_decided_at: int = 0
    change: LedgerChange | None = None
    content: bytes | None = None
    act: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewer:
    """Everything an insurer judges a decision with."""

    amc: str
    keys: InsurerKeys
    directory: Directory
    tables: GuaranteeTables
    rules: tuple[Rules, ...]
    register: MemberRegister
    ledger: ClaimLedger

    def review(self, event: SealedEvent, now: int) -> ReviewedClaim:
        """Judges one event: payable, noted (no money), refused by the hub, or disputed with the reason.

        An event that does not open, or is not the hub's, is disputed: it must not stop those that follow.
        """
        try:
            detail, decision = self._open(event, now)
        except ParaventError as error:
            return _unreadable(event, error)
        line = _line(event, detail, decision)
        refused = decision.outcome is Outcome.REFUSED
        try:
            found = self._recompute(detail, decision, event)
        except ParaventError as error:
            if refused:
                return replace(line, state=LedgerState.REFUSED, reason=decision.reason)
            return self._disputed(line, detail, error)
        claimed = found.claimed_cents or line.claimed_cents
        line = replace(line, member=found.member, claimed_cents=claimed, act=found.act)
        if refused:
            return replace(line, state=LedgerState.REFUSED, reason=decision.reason)
        if decision.kind not in CLAIM_KINDS:
            return replace(line, change=found.change, reason="" if decision.ground is None else decision.ground.value)
        return replace(
            line, state=LedgerState.PAYABLE, payable_cents=decision.amc_cents, month=found.month or decision.month,
            early=found.early, correctable_until=found.first_decided_at + CORRECTION_SECONDS, change=found.change,
            content=found.content,
        )  # fmt: skip

    def _open(self, event: SealedEvent, now: int) -> tuple[ActDetail | InsurerActDetail, Decision]:
        hub = self.directory.hub
        opened = self.keys.claims.open(event.detail, Label.CLAIM_DETAIL_BOX, hub.name, self.amc, culprit=hub.name)
        detail = read_detail(opened)
        decision = open_statement(detail.decision, Decision, Label.DECISION, hub.name, VerifyKey(hub.verify_key))
        if (decision.insurer, decision.month) != (self.amc, event.month):
            raise ProofFailure("an event's decision is another one", culprit=hub.name)
        if isinstance(detail, ActDetail) and detail.act.kind is not decision.kind:
            raise ProofFailure("an event's decision is on another kind of act", culprit=hub.name)
        # The date is compared with now first: one that no calendar holds has no month.
        if decision.decided_at > now + SKEW_SECONDS_MAX or decision.month != month_of(decision.decided_at):
            raise ProofFailure("a decision is of another month than its date, or of the future", culprit=hub.name)
        if self.ledger.decision_known(decision.decision_id, event.number):
            raise ProofFailure("two events have one decision identifier", culprit=hub.name)
        return detail, decision

    def _recompute(self, detail: ActDetail | InsurerActDetail, decision: Decision, event: SealedEvent) -> Found:
        """Returns what the act is and changes; raises what does not agree."""
        if isinstance(detail, InsurerActDetail):
            return self._own(detail, decision, event.number)
        part = verify_entitlement(detail.act.entitlement, self.directory.issuers())
        member = self.register.member_of(part.nullifier)
        if part.insurer != self.amc or member is None:
            raise NotCovered("the entitlement is of nobody this insurer published")
        accepted = decision.outcome is Outcome.ACCEPTED
        if accepted:
            self._check_right(part, decision, member)
        if detail.act.claim is None:
            return Found(member=member)
        claim = self._claim(detail, detail.act.claim)
        if not accepted:
            return Found(member=member, claimed_cents=claim.amc_cents)
        former = None if claim.corrects is None else self._corrected(claim.corrects, detail, decision, member)
        month = decision.month if former is None else former.month
        self._check_money(claim, decision, part, Month(number=month))
        self._check_payment(detail, decision, event)
        early = self._early(claim, part, member, Month(number=month), former)
        return Found(
            member=member, claimed_cents=claim.amc_cents, month=month, early=early, change=_replaced(former),
            first_decided_at=decision.decided_at if former is None else former.correctable_until - CORRECTION_SECONDS,
            content=detail.act.claim.payload,
        )  # fmt: skip

    def _claim(self, detail: ActDetail, signed: Signed) -> Claim:
        """Opens the claim of an act, which its device signed for this insurer, professional and shop."""
        device = VerifyKey(detail.device_key)
        claim = open_statement(signed, Claim, Label.CLAIM, key_id(device), device)
        require_same(claim, detail.act, self.amc, detail.professional, detail.shop)
        return claim

    def _disputed(
        self, line: ReviewedClaim, detail: ActDetail | InsurerActDetail, error: ParaventError
    ) -> ReviewedClaim:
        """Disputes an act that did not agree, which may be upheld or reversed later.

        A correction takes the place of what it corrects even so, and counts as it: they are never both payable.
        """
        line = replace(line, state=LedgerState.DISPUTED, reason=f"{error.code}: {error}")
        if isinstance(detail, InsurerActDetail) or (member := self._known_member(detail)) is None:
            return line
        line = replace(line, member=member)
        if detail.act.claim is None:
            return line
        try:
            claim = self._claim(detail, detail.act.claim)
        except ParaventError:
            return line
        if self.ledger.line_of(claim.claim_id) is None:
            line = replace(line, content=detail.act.claim.payload)
        former = None if claim.corrects is None else self.ledger.line_of(claim.corrects)
        if former is None or (former.member, former.shop) != (member, detail.shop):
            return line
        return replace(
            line, month=former.month, early=former.early, correctable_until=former.correctable_until,
            change=_replaced(former),
        )  # fmt: skip

    def _known_member(self, detail: ActDetail) -> str | None:
        """Finds whose a disputed act is, where its entitlement says it."""
        try:
            part = verify_entitlement(detail.act.entitlement, self.directory.issuers())
            return self.register.member_of(part.nullifier)
        except ParaventError:
            return None

    def _early(self, claim: Claim, part: HubPart, member: str, month: Month, former: ReviewedClaim | None) -> bool:
        """Says whether equipment is an early renewal, by what this insurer found payable, whatever the hub remembers.

        The correction of a payable line counts as that line does: it was due when it was claimed.
        """
        if former is not None and former.state is LedgerState.PAYABLE:
            return former.early
        paid = self.ledger.paid(member, without=None if former is None else former.number)
        return require_due(
            paid, month=month, free_from=part.free_from, renewal_months=part.renewal_months,
            early_renewal=claim.early_renewal,
        )  # fmt: skip

    def _own(self, detail: InsurerActDetail, decision: Decision, number: int) -> Found:
        """What this insurer asked for itself, under its own signature, and what the hub says that it did of it."""
        hub = self.directory.hub.name
        act = open_statement(detail.insurer_act, InsurerAct, Label.INSURER_ACT, self.amc, self.keys.issuer.public)
        if decision.request != hashlib.sha256(encode(detail.insurer_act)).digest():
            raise ProofFailure("the decision answers another act", culprit=hub)
        if (decision.kind, decision.claim_id, decision.ground) != (act.kind, act.claim_id, act.ground):
            raise ProofFailure("the decision is on another act", culprit=hub)
        if self.ledger.act_known(act.idempotency_key, number):
            raise ProofFailure("two events answer one act of this insurer", culprit=hub)
        if act.nullifier is not None:
            return Found(member=self.register.member_of(act.nullifier), act=act.idempotency_key)
        line = self.ledger.line_of(act.claim_id or b"")
        if line is None:
            raise UnknownClaim("this insurer has no claim of this identifier")
        change = self._changed(line, act) if decision.outcome is Outcome.ACCEPTED else None
        return Found(member=line.member, change=change, act=act.idempotency_key)

    def _changed(self, line: ReviewedClaim, act: InsurerAct) -> LedgerChange:
        """Applies the table of the ledger to a line; an act of another decision or state is replayed, or made up."""
        state = CHANGES.get((line.state, act.kind))
        if state is None or act.decision_id != line.decision:
            raise ProofFailure("this claim does not allow the act accepted", culprit=self.directory.hub.name)
        return LedgerChange(number=line.number, state=state, reason="" if act.ground is None else act.ground.value)

    def _corrected(self, corrects: bytes, detail: ActDetail, decision: Decision, member: str) -> ReviewedClaim:
        """Returns the line that a correction replaces: of this member and shop, still open, in time."""
        line = self.ledger.line_of(corrects)
        if line is None or (line.member, line.shop) != (member, detail.shop):
            raise UnknownClaim("the claim corrected is not of this member and shop")
        if line.state is LedgerState.REVERSED or decision.corrects != corrects:
            raise ProofFailure("the claim corrected is closed, or another one", culprit=self.directory.hub.name)
        if decision.decided_at >= line.correctable_until:
            raise TooLate("the hub accepted a correction after its term")
        return line

    def _check_right(self, part: HubPart, decision: Decision, member: str) -> None:
        """At the time of the decision the right was valid, and not revoked for longer than a status list lives."""
        if not part.valid_from <= decision.decided_at < part.valid_until:
            raise OutsideValidity("the entitlement was not valid when the hub decided")
        revocations = self.register.revocations(member)
        if part.status_index not in revocations:
            raise NotCovered("the entitlement has a status index that its member never had")
        revoked_at = revocations[part.status_index]
        if revoked_at is not None and decision.decided_at > revoked_at + STATUS_LIST_AGE_SECONDS_MAX:
            raise EntitlementRevoked("the entitlement had been revoked for more than 48 hours")

    def _check_money(self, claim: Claim, decision: Decision, part: HubPart, month: Month) -> None:
        adjudicate(claim, self.tables.find(part.guarantee, month), rules_of_month(month, self.rules))
        if (decision.amc_cents, decision.claim_id) != (claim.amc_cents, claim.claim_id):
            raise ProofFailure("the decision is for another claim", culprit=self.directory.hub.name)
        if self.ledger.line_of(claim.claim_id) is not None:
            raise IdempotencyConflict("this claim was already judged")

    def _check_payment(self, detail: ActDetail, decision: Decision, event: SealedEvent) -> None:
        hub = self.directory.hub.name
        opened = self.keys.payments.open(event.payment, Label.PAYMENT_LINE_BOX, hub, self.amc, culprit=hub)
        line = decode(opened, PaymentLine)
        if (line.decision_id, line.amc_cents) != (decision.decision_id, decision.amc_cents):
            raise ProofFailure("the payment line is of another decision", culprit=hub)
        if (line.professional, line.shop) != (detail.professional, detail.shop):
            raise ProofFailure("the payment line pays somebody else than who claimed", culprit=hub)


def _replaced(former: ReviewedClaim | None) -> LedgerChange | None:
    """Closes the line that a correction takes the place of; one that is reversed stays as it is."""
    if former is None or former.state is LedgerState.REVERSED:
        return None
    return LedgerChange(number=former.number, state=LedgerState.REVERSED, reason=CORRECTED)


def _line(event: SealedEvent, detail: ActDetail | InsurerActDetail, decision: Decision) -> ReviewedClaim:
    """Begins the line of an event that opened: noted, and nothing to pay."""
    desk = isinstance(detail, ActDetail)
    return ReviewedClaim(
        number=event.number, decision=decision.decision_id, claim=decision.claim_id if desk else None, member=None,
        professional=detail.professional if isinstance(detail, ActDetail) else "",
        shop=detail.shop if isinstance(detail, ActDetail) else "", kind=decision.kind.value, state=LedgerState.NOTED,
        reason="", claimed_cents=decision.amc_cents, payable_cents=0, month=decision.month, early=False,
        decided_at=decision.decided_at, correctable_until=decision.decided_at + CORRECTION_SECONDS,
    )  # fmt: skip


def _unreadable(event: SealedEvent, error: ParaventError) -> ReviewedClaim:
    """Records an event that says nothing believable, under the hash of what was received."""
    return ReviewedClaim(
        number=event.number, decision=hashlib.sha256(event.detail).digest()[:16], claim=None, member=None,
        professional="", shop="", kind="unreadable", state=LedgerState.DISPUTED, reason=f"{error.code}: {error}",
        claimed_cents=0, payable_cents=0, month=event.month, early=False, decided_at=0, correctable_until=0,
    )  # fmt: skip
