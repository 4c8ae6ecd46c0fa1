"""Taking back what this hub decided before a loss (docs/protocol.md sections 18.2 and 18.3).

Every decision was signed by the hub and given to who asked: it proves itself. Insurers and desks give theirs back;
they wait for ``reopening`` or, once the hub is open, are applied as they come: judged by the tables of states alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from paravent.access.devices import Device, authenticate
from paravent.access.parties import authenticate_insurer
from paravent.access.requests import HttpRequest, authority_of, claimed_keyid
from paravent.crypto.entitlement import read_entitlement
from paravent.crypto.group import Rng
from paravent.crypto.labels import Label
from paravent.crypto.signing import VerifyKey, key_id
from paravent.errors import IdempotencyConflict, ParaventError, ProofFailure, Refusal
from paravent.hub.books import Books, KeptAct
from paravent.hub.changes import ShopAct, change_by_insurer, change_right, correct_claim, find_corrected
from paravent.hub.decisions import seal_event
from paravent.hub.recovery_store import NUMBERS_A_SECOND, UNNUMBERED, KeptReturn, Restoration
from paravent.hub.state import HubIdentity
from paravent.hub.vault import ActId
from paravent.wire.claims import (
    ActDetail,
    Claim,
    Decision,
    InsurerAct,
    InsurerActDetail,
    Outcome,
    PaymentLine,
    read_detail,
    require_same,
)
from paravent.wire.codec import decode, encode
from paravent.wire.recovery import (
    RETURNS_BYTES_MAX,
    RETURNS_OVERLAP_SECONDS,
    ReturnedAct,
    ReturnedActs,
    ReturnsTaken,
)
from paravent.wire.statements import Directory, InsurerEntry, open_statement

if TYPE_CHECKING:
    from paravent.hub.store import Store


class Applied(StrEnum):
    """What became of an act given back."""

    TAKEN = "taken"
    KNOWN = "known"
    REFUSED = "refused"
    CONFLICTING = "conflicting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """An act that this hub decided, and the name of its record; ``event`` is its number, or UNNUMBERED."""

    detail: ActDetail | InsurerActDetail
    decision: Decision
    name: ActId
    event: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmittedReturns:
    """Acts of one request: those that are this hub's, how many are not; the insurer that has given back all it had."""

    verified: Sequence[Verified]
    refused: int
    complete: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Returns:
    """Verifies, keeps and applies acts given back."""

    identity: HubIdentity
    directory: Directory

    def of_insurer(self, returned: ReturnedAct, insurer: InsurerEntry) -> Verified:
        """Verifies an act that an insurer was told of; raises ProofFailure or MalformedMessage."""
        verified = self._verify(returned)
        if verified.decision.insurer != insurer.amc:
            raise ProofFailure("an insurer gives back its own acts only", culprit=insurer.amc)
        return verified

    def of_device(self, returned: ReturnedAct, device: Device) -> Verified:
        """Verifies an act that a device was answered; raises ProofFailure or MalformedMessage."""
        verified = self._verify(returned)
        detail = verified.detail
        if not isinstance(detail, ActDetail) or returned.number is not None:
            raise ProofFailure("a device gives back its own acts only", culprit=device.keyid)
        if (detail.device_key, detail.professional, detail.shop) != (device.public, device.professional, device.shop):
            raise ProofFailure("a device gives back its own acts only", culprit=device.keyid)
        return verified

    def _verify(self, returned: ReturnedAct) -> Verified:
        """1. the hub's own signature; 2. the decision is on this act; 3. the name of its record, and what it says.

        The hub verified the entitlement, or the insurer's signature, before it signed a decision on their hash: they
        are not verified again, since the insurer's key may have changed.
        """
        # 1. signature
        hub, key = self.identity.name, self.identity.database_key
        detail = read_detail(returned.detail)
        decision = open_statement(detail.decision, Decision, Label.DECISION, hub, self.identity.signing_key.public)
        # 2 and 3. act
        asked = detail.act if isinstance(detail, ActDetail) else detail.insurer_act
        if decision.request != hashlib.sha256(encode(asked)).digest():
            raise ProofFailure("the decision is on another act", culprit=hub)
        if isinstance(detail, ActDetail):
            name = key.act(key_id(VerifyKey(detail.device_key)), detail.act.idempotency_key)
            if read_entitlement(detail.act.entitlement).insurer != decision.insurer:
                raise ProofFailure("the decision is of another insurer than the entitlement", culprit=hub)
            self._claim(detail)
        else:
            name = key.act(decision.insurer, _insurer_act(detail, decision.insurer).idempotency_key)
        event = UNNUMBERED if returned.number is None else returned.number
        return Verified(detail=detail, decision=decision, name=name, event=event)

    def verify_all(
        self, returned: Sequence[ReturnedAct], verify: Callable[[ReturnedAct], Verified]
    ) -> tuple[list[Verified], int]:
        """Verifies acts one by one; returns those that are this hub's, and how many are not: none stops another."""
        verified = []
        for one in returned:
            with suppress(ParaventError):
                verified.append(verify(one))
        return verified, len(returned) - len(verified)

    def take(self, one: Verified, store: Store, rng: Rng) -> Applied:
        """Keeps an act until reopening, or applies it at once when the hub is open; inside the caller's transaction.

        REFUSED when a loss cannot have taken it: it is older than the backup, or later than the restoration, or has a
        number that no insurer was told before it.
        """
        restoration = store.recovery.restoration()
        if restoration is None or not _lost(one, restoration):
            return Applied.REFUSED
        waits = restoration.reopened_at is None
        return self._keep(one, store, rng) if waits else self.apply(one, store, rng)

    def _keep(self, one: Verified, store: Store, rng: Rng) -> Applied:
        key = self.identity.database_key
        if Books(store.claims, key, rng).act(one.name) is not None:
            return Applied.KNOWN
        sealed = key.seal(one.name, encode(ReturnedAct(number=one.event, detail=encode(one.detail))), rng)
        new = store.recovery.keep(KeptReturn(
            name=one.name, decided_at=one.decision.decided_at, event=one.event, sealed=sealed,
        ))  # fmt: skip
        return Applied.TAKEN if new else Applied.KNOWN

    def apply(self, one: Verified, store: Store, rng: Rng, *, final: bool = True) -> Applied:
        """Makes an act given back part of the books, with its event; inside the caller's transaction.

        The caller has the database number on. One that does not fit is CONFLICTING: it is kept as decided and changes
        nothing when that is ``final``, otherwise nothing is kept, and it can be tried again.
        """
        books = Books(store.claims, self.identity.database_key, rng)
        kept = books.act(one.name)
        if kept is not None:
            return Applied.KNOWN if kept.decision == one.detail.decision else Applied.CONFLICTING
        outcome = Applied.TAKEN
        if one.decision.outcome is Outcome.ACCEPTED:
            try:
                with store.request():
                    followed = self._change(one, Books(store.claims, self.identity.database_key, rng))
            except (Refusal, IdempotencyConflict):
                if not final:
                    return Applied.CONFLICTING
                outcome, followed = Applied.CONFLICTING, None
        else:
            followed = None
        self._keep_event(one, store)
        books.keep(one.name, KeptAct(request=one.decision.request, decision=one.detail.decision))
        if followed is not None:
            books.follow(followed, one.name)
        return outcome

    def _change(self, one: Verified, books: Books) -> ActId | None:
        """Changes the records as the decision did; returns the act of a shop that an insurer's follows."""
        detail, decision = one.detail, one.decision
        if isinstance(detail, InsurerActDetail):
            return change_by_insurer(_insurer_act(detail, decision.insurer), decision.decided_at, books)
        part = read_entitlement(detail.act.entitlement)
        claim = self._claim(detail)
        act = ShopAct(
            part=part, shop=detail.shop, early_renewal=detail.act.early_renewal, claim=claim, decision=decision,
            name=one.name,
        )  # fmt: skip
        if claim is not None and claim.corrects is not None:
            correct_claim(act, claim, find_corrected(act, claim.corrects, books), books)
        else:
            change_right(act, books)
        return None

    def _claim(self, detail: ActDetail) -> Claim | None:
        """Opens the claim of an act, if it has one, which its device signed for this professional and shop."""
        device = VerifyKey(detail.device_key)
        if detail.act.claim is None:
            return None
        claim = open_statement(detail.act.claim, Claim, Label.CLAIM, key_id(device), device)
        require_same(claim, detail.act, claim.insurer, detail.professional, detail.shop)
        return claim

    def _keep_event(self, one: Verified, store: Store) -> None:
        insurer = self.directory.insurer(one.decision.insurer)
        if insurer is None:
            return
        detail = one.detail
        who = (detail.professional, detail.shop) if isinstance(detail, ActDetail) else ("-", "-")
        line = PaymentLine(
            decision_id=one.decision.decision_id, professional=who[0], shop=who[1],
            amc_cents=one.decision.amc_cents if isinstance(detail, ActDetail) else 0, padding="",
        )  # fmt: skip
        above = store.recovery.events_above
        sealed = seal_event(self.identity, insurer, detail, line)
        store.claims.put_event(one.event, above, one.decision.insurer, one.decision.month, *sealed)


def _insurer_act(detail: InsurerActDetail, amc: str) -> InsurerAct:
    act = decode(detail.insurer_act.payload, InsurerAct)
    if act.insurer != amc:
        raise ProofFailure("the decision is of another insurer than the act", culprit=amc)
    return act


def _lost(one: Verified, restoration: Restoration) -> bool:
    since = restoration.wanted_since - RETURNS_OVERLAP_SECONDS
    in_time = since <= one.decision.decided_at <= restoration.restored_at
    return in_time and one.event <= restoration.restored_at * NUMBERS_A_SECOND


def admit(request: HttpRequest, returns: Returns, store: Store, now: int) -> AdmittedReturns:
    """Verifies who gives back, an insurer or a device, and each act; raises what authentication raises."""
    claimed = claimed_keyid(request)
    identity, directory = returns.identity, returns.directory
    if any(key_id(VerifyKey(entry.issuer_key)) == claimed for entry in directory.insurers):
        entry, _ = authenticate_insurer(request, directory, base_url=identity.base_url, now=now)
        message = decode(request.body, ReturnedActs, bytes_max=RETURNS_BYTES_MAX)
        verified, refused = returns.verify_all(message.acts, lambda one: returns.of_insurer(one, entry))
        return AdmittedReturns(verified=verified, refused=refused, complete=entry.amc if message.complete else None)
    device, _ = authenticate(request, store, authority=authority_of(identity.base_url), now=now)
    message = decode(request.body, ReturnedActs, bytes_max=RETURNS_BYTES_MAX)
    verified, refused = returns.verify_all(message.acts, lambda one: returns.of_device(one, device))
    return AdmittedReturns(verified=verified, refused=refused, complete=None)


def take(admitted: AdmittedReturns, returns: Returns, store: Store, now: int, rng: Rng) -> ReturnsTaken:
    """Takes the acts of a request, and notes an insurer that has given back everything; inside one transaction."""
    outcomes = [returns.take(one, store, rng) for one in admitted.verified]
    # Events that came back have numbers of their own: automatic ones go on above them.
    store.database.number_on()
    if admitted.complete is not None:
        store.recovery.keep_returner(admitted.complete, now)
    known, refused = outcomes.count(Applied.KNOWN), outcomes.count(Applied.REFUSED)
    return ReturnsTaken(
        taken=len(outcomes) - known - refused, known=known, refused=admitted.refused + refused,
        conflicting=outcomes.count(Applied.CONFLICTING),
    )  # fmt: skip
