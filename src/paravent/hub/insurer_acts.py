"""Deciding what an insurer asks of its own claims and rights (docs/protocol.md section 11, steps 11.4 and 11.5).

Reverse, dispute, uphold, release: each a statement that the insurer signed, decided in one transaction as the acts
of a desk are. The hub changes its records, signs what it did, and keeps it where the shop will read it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paravent.access.parties import authenticate_insurer
from paravent.access.requests import HttpRequest
from paravent.crypto.group import Rng
from paravent.crypto.labels import Label
from paravent.crypto.signing import VerifyKey
from paravent.errors import ProofFailure, Refusal
from paravent.hub.books import Books, KeptAct
from paravent.hub.changes import change_by_insurer
from paravent.hub.decisions import refused, seal_event
from paravent.hub.state import HubIdentity
from paravent.optics.months import month_of
from paravent.wire.claims import Decision, InsurerAct, InsurerActDetail, Outcome, PaymentLine
from paravent.wire.codec import decode, encode
from paravent.wire.statements import Directory, InsurerEntry, Signed, open_statement, sign_statement

if TYPE_CHECKING:
    from paravent.hub.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmittedInsurerAct:
    """A verified act of an insurer, ready to be decided."""

    insurer: InsurerEntry
    act: InsurerAct
    signed: Signed
    body_digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class InsurerAdjudicator:
    """Decides acts of insurers on what their own members hold."""

    identity: HubIdentity
    directory: Directory

    def admit(self, request: HttpRequest, now: int) -> AdmittedInsurerAct:
        """Verifies an act of an insurer: request, statement, whose it is; raises what is wrong, deciding nothing."""
        entry, _ = authenticate_insurer(request, self.directory, base_url=self.identity.base_url, now=now)
        signed = decode(request.body, Signed)
        act = open_statement(signed, InsurerAct, Label.INSURER_ACT, entry.amc, VerifyKey(entry.issuer_key))
        if act.insurer != entry.amc:
            raise ProofFailure("an insurer acts for itself only", culprit=entry.amc)
        digest = hashlib.sha256(encode(signed)).digest()
        return AdmittedInsurerAct(insurer=entry, act=act, signed=signed, body_digest=digest)

    def decide(self, admitted: AdmittedInsurerAct, store: Store, now: int, rng: Rng) -> Signed:
        """Decides inside the caller's transaction, as the acts of a desk are (11.5); raises IdempotencyConflict."""
        # 1. idempotency
        books = Books(store.claims, self.identity.database_key, rng)
        act = books.key.act(admitted.insurer.amc, admitted.act.idempotency_key)
        known = books.decided(act, admitted.body_digest)
        if known is not None:
            return known
        store.recovery.require_open()
        # 2 and 3. the decision itself
        decision = _undecided(admitted, now, rng)
        try:
            followed = change_by_insurer(admitted.act, now, books)
        except Refusal as refusal:
            followed, decision = None, refused(decision, refusal)
        signed = sign_statement(decision, Label.DECISION, self.identity.name, self.identity.signing_key)
        # 4. sealed event; nobody is paid by an act of an insurer
        detail = InsurerActDetail(insurer_act=admitted.signed, decision=signed, padding="")
        line = PaymentLine(
            decision_id=decision.decision_id, professional="-", shop="-", amc_cents=0, padding=""
        )  # fmt: skip
        store.claims.add_event(
            decision.insurer,
            decision.month,
            *seal_event(self.identity, admitted.insurer, detail, line),
            above=store.recovery.events_above,
        )
        # 5. decision kept under its key, and told to the shop whose act it followed
        books.keep(act, KeptAct(request=admitted.body_digest, decision=signed))
        if followed is not None:
            books.follow(followed, act)
        return signed


def _undecided(admitted: AdmittedInsurerAct, now: int, rng: Rng) -> Decision:
    act = admitted.act
    return Decision(
        decision_id=rng(16), kind=act.kind, insurer=act.insurer, outcome=Outcome.ACCEPTED, reason="", detail="",
        request=admitted.body_digest, claim_id=act.claim_id, corrects=None, ground=act.ground, amc_cents=0,
        month=month_of(now), decided_at=now, reserved_until=None, payable_from=None,
    )  # fmt: skip
