"""The words that shop software and screens exchange with the desk on loopback (docs/operating.md)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from paravent.desk.entitled import Entitled
from paravent.desk.trade import Basket
from paravent.optics.quote import Quote
from paravent.person.identity import Holder, PersonIdentity
from paravent.person.nir import Nir
from paravent.wire.codec import Bytes16, Message
from paravent.wire.quota import QuotaAnswer

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
SESSION_SECONDS_MAX = 8 * 3_600


class CardCheck(Message, frozen=True, kw_only=True):
    """A card as scanned, and what the customer says of the name and birth date."""

    card: Annotated[str, msgspec.Meta(max_length=2_000)]
    name: Text
    birth_date: Text

    def holder(self) -> Holder:
        """Reads who the customer says the card is of."""
        return Holder.from_card(name=self.name, birth_date=self.birth_date)


class NumberCheck(Message, frozen=True, kw_only=True):
    """The five particulars of the number lane."""

    insurer: Text
    nir: Text
    birth_date: Text
    rank: Annotated[int, msgspec.Meta(ge=1, le=9)]
    name: Text

    def person(self) -> PersonIdentity:
        """Reads the particulars; raises InvalidNir or InvalidIdentity."""
        return PersonIdentity.from_card(
            name=self.name, birth_date=self.birth_date, nir=Nir.parse(self.nir), rank=self.rank
        )


class CheckResult(Message, frozen=True, kw_only=True):
    """One glance: covered, until when, what is payable from when; ``check`` names it for what follows."""

    check: str
    covered: Literal[True]
    lane: str
    insurer: str
    guarantee: str
    valid_until: int
    payable_from: int
    renewal_months: int
    status_age_seconds: int
    degraded: bool


class QuoteRequest(Message, frozen=True, kw_only=True):
    """A basket for a checked customer, with the prescription as a FHIR resource in text."""

    check: str
    prescription: Annotated[str, msgspec.Meta(max_length=65_536)]
    basket: Basket


class QuoteResult(Message, frozen=True, kw_only=True):
    """A quote with the categories that the prescription gave."""

    right: str | None
    left: str | None
    band: str | None
    focal: str
    quote: Quote


class ActRequest(Message, frozen=True, kw_only=True):
    """A reservation or cancellation for a checked customer."""

    check: str
    early_renewal: bool = False


class ClaimRequest(Message, frozen=True, kw_only=True):
    """A claim for a checked customer."""

    check: str
    prescription: Annotated[str, msgspec.Meta(max_length=65_536)]
    basket: Basket
    early_renewal: bool = False


class CorrectionRequest(Message, frozen=True, kw_only=True):
    """A claim that takes the place of an accepted one of this shop, for a checked customer."""

    check: str
    prescription: Annotated[str, msgspec.Meta(max_length=65_536)]
    basket: Basket
    corrects: Bytes16
    early_renewal: bool = False


class ResendRequest(Message, frozen=True, kw_only=True):
    """Sends an act again, byte for byte: the same decision comes back."""

    idempotency_key: Bytes16


class QuotaLeft(Message, frozen=True, kw_only=True):
    """For how many persons the number lane can still be used, and what each server that answered has left."""

    persons: int
    servers: dict[str, QuotaAnswer]


class PendingAct(Message, frozen=True, kw_only=True):
    """An act that got no answer: whether it was decided is unknown until it is sent again."""

    idempotency_key: Bytes16
    kind: str


class PendingActs(Message, frozen=True, kw_only=True):
    """Every act that got no answer, oldest first."""

    acts: tuple[PendingAct, ...]


class ScreensLink(Message, frozen=True, kw_only=True):
    """An address that opens the screens in a browser of this machine, once."""

    link: str


class DecisionsResult(Message, frozen=True, kw_only=True):
    """What was decided on an act or a claim, oldest first; nothing when nothing was: it can be sent again."""

    decisions: tuple[DecisionResult, ...]


class DecisionResult(Message, frozen=True, kw_only=True):
    """The hub's decision in plain words."""

    idempotency_key: Bytes16 | None
    kind: str
    outcome: str
    reason: str
    detail: str
    reason_fr: str
    claim_id: Bytes16 | None
    ground: str | None
    ground_fr: str
    amc_cents: int
    reserved_until: int | None
    payable_from: int | None
    decided_at: int
    decision_id: Bytes16


def check_result(check: str, entitled: Entitled) -> CheckResult:
    """Describes a checked entitlement."""
    part = entitled.part
    return CheckResult(
        check=check, covered=True, lane=entitled.lane.value, insurer=part.insurer, guarantee=part.guarantee,
        valid_until=part.valid_until, payable_from=part.free_from, renewal_months=part.renewal_months,
        status_age_seconds=entitled.status_age_seconds, degraded=entitled.degraded,
    )  # fmt: skip
