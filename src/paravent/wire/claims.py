"""Messages of the trade: prise en charge, claim, cancellation, decision, sealed events (protocol.md section 11)."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Annotated

import msgspec

from paravent.errors import MalformedMessage
from paravent.wire.codec import Amc, Bytes16, Bytes32, Cents, Message, Name, Natural
from paravent.wire.optics_terms import LensCategory
from paravent.wire.statements import Signed

Month = Annotated[int, msgspec.Meta(ge=190001, le=299912)]
ACT_BYTES_MAX = 8_192
CLAIM_BYTES_MAX = 2_048
DETAIL_BYTES = 4_096
PAYMENT_BYTES = 512
ItemCode = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z-]{1,16}\Z")]


class ActKind(StrEnum):
    """What a desk asks of the hub."""

    RESERVE = "reserve"
    CONSUME = "consume"
    CANCEL = "cancel"


class Outcome(StrEnum):
    """What the hub answers; a refusal is signed too, so that a shop can show it."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


class ClaimedItem(Message, frozen=True, kw_only=True):
    """One item of a claim: a grouped code, a price, and for a lens its category; never a correction."""

    code: ItemCode
    price_cents: Cents
    category: LensCategory | None


class Claim(Message, frozen=True, kw_only=True):
    """What the desk signs and the insurer recomputes; amounts are in cents, ``entitlement`` is SHA-256(E).

    ``professional`` and ``shop`` are who is to be paid: the hub cannot put another in their place.
    """

    claim_id: Bytes16
    insurer: Amc
    professional: Name
    shop: Name
    entitlement: Bytes32
    items: Annotated[tuple[ClaimedItem, ...], msgspec.Meta(min_length=1, max_length=8)]
    amo_cents: Cents
    amc_cents: Cents
    rest_cents: Cents
    early_renewal: bool
    rules: Name
    prescription: Bytes32


class Act(Message, frozen=True, kw_only=True):
    """A request of the desk: reserve, consume with its claim, or cancel; it and its claim say the same."""

    kind: ActKind
    entitlement: bytes
    idempotency_key: Bytes16
    early_renewal: bool
    claim: Signed | None


def require_same(claim: Claim, act: Act, insurer: str, professional: str, shop: str) -> None:
    """Checks that a claim is of the entitlement, insurer, renewal and shop of its act; raises MalformedMessage."""
    if (claim.professional, claim.shop) != (professional, shop):
        raise MalformedMessage("the claim is of another professional or shop than its device")
    if claim.insurer != insurer:
        raise MalformedMessage("the claim is for another insurer than its entitlement")
    if claim.entitlement != hashlib.sha256(act.entitlement).digest():
        raise MalformedMessage("the claim is of another entitlement than its act")
    if claim.early_renewal != act.early_renewal:
        raise MalformedMessage("the claim and its act disagree on early renewal")


class Decision(Message, frozen=True, kw_only=True):
    """The hub's signed answer to an act; ``reason`` is an error code, or empty when accepted.

    ``payable_from`` is the month from which a renewal refused as too early will be payable.
    """

    decision_id: Bytes16
    kind: ActKind
    insurer: Amc
    outcome: Outcome
    reason: str
    detail: str
    request: Bytes32
    claim_id: Bytes16 | None
    amc_cents: Cents
    month: Month
    decided_at: Natural
    reserved_until: Natural | None
    payable_from: Month | None


class ActDetail(Message, frozen=True, kw_only=True):
    """What the insurer reads of an act, sealed to its claims key: what was asked, by whom, and the decision.

    ``padding`` brings every act to one length: the hub's database does not tell a claim from a refusal.
    """

    act: Act
    device_key: Bytes32
    professional: Name
    shop: Name
    decision: Signed
    padding: str


class PaymentLine(Message, frozen=True, kw_only=True):
    """Who is to be paid how much, sealed to the insurer's payments key, a distinct one; every act has one."""

    decision_id: Bytes16
    professional: Name
    shop: Name
    amc_cents: Cents
    padding: str


class SealedEvent(Message, frozen=True, kw_only=True):
    """One stored act: nothing readable but its insurer and month."""

    number: Natural
    insurer: Amc
    month: Month
    detail: bytes
    payment: bytes


class PullRequest(Message, frozen=True, kw_only=True):
    """An insurer asks for its events after a number."""

    after: Natural


class PullAnswer(Message, frozen=True, kw_only=True):
    """The next events, oldest first; fewer than the limit means none are left."""

    events: tuple[SealedEvent, ...]
