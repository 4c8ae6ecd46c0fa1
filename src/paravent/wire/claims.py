"""Messages of the trade: prise en charge, claim, cancellation, decision, sealed events (protocol.md section 11)."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Annotated

import msgspec

from paravent.errors import MalformedMessage
from paravent.wire.codec import Amc, Bytes16, Bytes32, Cents, Message, Name, Natural, decode
from paravent.wire.optics_terms import LensCategory
from paravent.wire.statements import Signed

Month = Annotated[int, msgspec.Meta(ge=190001, le=299912)]
ACT_BYTES_MAX = 8_192
CLAIM_BYTES_MAX = 2_048
DETAIL_BYTES = 4_096
PAYMENT_BYTES = 512
ItemCode = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z-]{1,16}\Z")]


class ActKind(StrEnum):
    """What a desk, or an insurer, asks of the hub."""

    RESERVE = "reserve"
    CONSUME = "consume"
    CANCEL = "cancel"
    CORRECT = "correct"
    REVERSE = "reverse"
    DISPUTE = "dispute"
    UPHOLD = "uphold"
    RELEASE = "release"


CLAIM_KINDS = frozenset({ActKind.CONSUME, ActKind.CORRECT})
"""The acts that carry a claim."""

INSURER_KINDS = frozenset({ActKind.REVERSE, ActKind.DISPUTE, ActKind.UPHOLD, ActKind.RELEASE})
"""The acts of an insurer; every other one is a desk's."""


class Ground(StrEnum):
    """Why an insurer reverses, disputes or releases: a code, never a text in which a person could be named."""

    ENTRY_ERROR = "entry-error"
    NOT_DELIVERED = "not-delivered"
    DUPLICATE = "duplicate"
    AMOUNT = "amount"
    NOT_ENTITLED = "not-entitled"
    MEMBER_CONTESTS = "member-contests"
    AUDIT = "audit"
    HELD_TOO_LONG = "held-too-long"


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

    ``professional`` and ``shop`` are who is to be paid: the hub cannot put another in their place. ``corrects`` is
    the claim that this one replaces, in a correction.
    """

    claim_id: Bytes16
    corrects: Bytes16 | None
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
    """A request of the desk: reserve, cancel, or consume and correct with a claim; it and its claim say the same."""

    kind: ActKind
    entitlement: bytes
    idempotency_key: Bytes16
    early_renewal: bool
    claim: Signed | None

    def __post_init__(self) -> None:
        """Checks the kind, and that a claim comes with those that need one; raises MalformedMessage."""
        if self.kind in INSURER_KINDS:
            raise MalformedMessage("this act is an insurer's")
        if (self.claim is not None) != (self.kind in CLAIM_KINDS):
            raise MalformedMessage("a claim goes with a consumption or a correction, and with nothing else")


class InsurerAct(Message, frozen=True, kw_only=True):
    """What an insurer asks of the hub, signed: to reverse, dispute or uphold a claim, or to release a reservation.

    ``decision_id`` is the decision it is about; a claim is found by its identifier, a reservation by its nullifier.
    """

    kind: ActKind
    insurer: Amc
    idempotency_key: Bytes16
    decision_id: Bytes16
    claim_id: Bytes16 | None
    nullifier: Bytes16 | None
    ground: Ground | None
    issued_at: Natural

    def __post_init__(self) -> None:
        """Checks the kind, what it is about and that only upholding needs no ground; raises MalformedMessage."""
        if self.kind not in INSURER_KINDS:
            raise MalformedMessage("this act is a desk's")
        release = self.kind is ActKind.RELEASE
        if (self.claim_id is None, self.nullifier is None) != (release, not release):
            raise MalformedMessage("a release names a nullifier, every other act of an insurer a claim")
        if (self.ground is None) != (self.kind is ActKind.UPHOLD):
            raise MalformedMessage("every act of an insurer has a ground, but upholding")


def require_same(claim: Claim, act: Act, insurer: str, professional: str, shop: str) -> None:
    """Checks that a claim is of the entitlement, insurer, renewal and shop of its act; raises MalformedMessage."""
    if (claim.corrects is not None) != (act.kind is ActKind.CORRECT):
        raise MalformedMessage("a claim that replaces another one goes with a correction, and with nothing else")
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

    ``payable_from`` is the month from which a renewal refused as too early will be payable. ``corrects`` is the
    claim that a correction replaces, ``ground`` the reason code of an insurer's act.
    """

    decision_id: Bytes16
    kind: ActKind
    insurer: Amc
    outcome: Outcome
    reason: str
    detail: str
    request: Bytes32
    claim_id: Bytes16 | None
    corrects: Bytes16 | None
    ground: Ground | None
    amc_cents: Cents
    month: Month
    decided_at: Natural
    reserved_until: Natural | None
    payable_from: Month | None


class DecisionsRequest(Message, frozen=True, kw_only=True):
    """A desk asks what was decided on an act of its own, or on a claim of its shop: one of both."""

    act: Bytes16 | None
    claim: Bytes16 | None

    def __post_init__(self) -> None:
        """Checks that one is named; raises MalformedMessage."""
        if (self.act is None) == (self.claim is None):
            raise MalformedMessage("name an act or a claim")


class DecisionsAnswer(Message, frozen=True, kw_only=True):
    """The decision of an act and those that followed it, oldest first; none when nothing was decided."""

    decisions: tuple[Signed, ...]


class ActDetail(Message, frozen=True, kw_only=True, tag_field="of", tag="desk"):
    """What the insurer reads of an act, sealed to its claims key: what was asked, by whom, and the decision.

    ``padding`` brings every act to one length: the hub's database does not tell a claim from a refusal.
    """

    act: Act
    device_key: Bytes32
    professional: Name
    shop: Name
    decision: Signed
    padding: str


class InsurerActDetail(Message, frozen=True, kw_only=True, tag_field="of", tag="insurer"):
    """The same of an act of the insurer itself: its own statement, and the decision."""

    insurer_act: Signed
    decision: Signed
    padding: str


def read_detail(body: bytes) -> ActDetail | InsurerActDetail:
    """Decodes what the box of an event holds; raises MalformedMessage."""
    return decode(body, InsurerActDetail) if body.startswith(_INSURER_TAG) else decode(body, ActDetail)


_INSURER_TAG = b'{"of":"insurer"'


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
