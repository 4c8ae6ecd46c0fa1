"""FHIR R4 ClaimResponse out: a quote, or the hub's signed decision (docs/protocol.md 9.6, 11.5)."""

from __future__ import annotations

from typing import Literal

from paravent.desk.fhir.claim import Claim, Equipment, Place, Use
from paravent.desk.fhir.eligibility import instant, insurer_reference, outward
from paravent.desk.fhir.money import Money
from paravent.desk.fhir.outcome import ERROR_SYSTEM
from paravent.optics.quote import Quote
from paravent.person.fhir.elements import (
    CodeableConcept,
    Coding,
    DateTime,
    Element,
    Period,
    Positive,
    Reference,
    Resource,
    Text,
)
from paravent.wire.claims import Decision, Outcome
from paravent.wire.problem import title_en, title_fr

ADJUDICATION_SYSTEM = "http://terminology.hl7.org/CodeSystem/adjudication"
SHARE_SYSTEM = "urn:paravent:share"
# What HL7's code system has no word for: the parts of the compulsory scheme (AMO) and of the customer.
AMO, REST = "amo", "rest"


class Adjudication(Element, frozen=True, kw_only=True):
    """One amount, and why."""

    category: CodeableConcept
    reason: CodeableConcept | None = None
    amount: Money


class ResponseItem(Element, frozen=True, kw_only=True):
    """One item of the claim with its amounts."""

    item_sequence: Positive
    adjudication: tuple[Adjudication, ...]


class Total(Element, frozen=True, kw_only=True):
    """The sum of one category of amounts."""

    category: CodeableConcept
    amount: Money


class ResponseInsurance(Element, frozen=True, kw_only=True):
    """The coverage decided under."""

    sequence: Positive
    focal: bool
    coverage: Reference


class ClaimError(Element, frozen=True, kw_only=True):
    """The reason of a refusal."""

    code: CodeableConcept


class ClaimResponse(Resource, frozen=True, kw_only=True, tag_field="resourceType", tag="ClaimResponse"):
    """What was quoted or decided; outcome ``error`` is a signed refusal, never a failure."""

    status: Literal["active"]
    type: CodeableConcept
    use: Use
    patient: Reference
    created: DateTime
    insurer: Reference
    outcome: Literal["complete", "error"]
    disposition: Text
    pre_auth_ref: Text | None = None
    pre_auth_period: Period | None = None
    item: tuple[ResponseItem, ...] = ()
    total: tuple[Total, ...] = ()
    insurance: tuple[ResponseInsurance, ...] = ()
    error: tuple[ClaimError, ...] = ()


def quoted(claim: Claim, insurer: str, equipment: Equipment, quote: Quote, *, name: str, now: int) -> ClaimResponse:
    """Answers a predetermination: a quote promises nothing."""
    return _response(
        claim, insurer, name=name, now=now, outcome="complete",
        disposition="Devis : aucune promesse de paiement avant la prise en charge",
        item=_items(equipment, quote), total=_totals(quote),
    )  # fmt: skip


def decided(
    claim: Claim, insurer: str, decision: Decision, equipment: Equipment | None, quote: Quote | None
) -> ClaimResponse:
    """Answers with the hub's decision; amounts are there when there is a quote and the decision accepts it."""
    accepted = decision.outcome is Outcome.ACCEPTED
    reason = CodeableConcept(
        coding=(Coding(system=ERROR_SYSTEM, code=decision.reason or "refused", display=title_en(decision.reason)),),
        text=title_fr(decision.reason),
    ) if not accepted else None  # fmt: skip
    reserved = decision.reserved_until if accepted else None
    shown = accepted and equipment is not None and quote is not None
    return _response(
        claim, insurer, name=decision.decision_id.hex(), now=decision.decided_at,
        outcome="complete" if accepted else "error",
        disposition=_disposition(claim) if accepted else title_fr(decision.reason) or "Refus",
        pre_auth_ref=decision.decision_id.hex() if reserved is not None else None,
        pre_auth_period=None if reserved is None else Period(end=instant(reserved)),
        item=_items(equipment, quote) if shown and equipment and quote else (),
        total=_totals(quote) if shown and quote else (),
        error=() if reason is None else (ClaimError(code=reason),),
    )  # fmt: skip


def _response(
    claim: Claim, insurer: str, *, name: str, now: int, outcome: Literal["complete", "error"], disposition: str,
    pre_auth_ref: str | None = None, pre_auth_period: Period | None = None, item: tuple[ResponseItem, ...] = (),
    total: tuple[Total, ...] = (), error: tuple[ClaimError, ...] = (),
) -> ClaimResponse:  # fmt: skip
    coverage = claim.insurance[0].coverage.reference
    return ClaimResponse(
        id=name, status="active", type=claim.type, use=claim.use,
        patient=outward(claim.patient, "Patient"), created=instant(now),
        insurer=insurer_reference(insurer), outcome=outcome, disposition=disposition, pre_auth_ref=pre_auth_ref,
        pre_auth_period=pre_auth_period, item=item, total=total, error=error,
        insurance=(ResponseInsurance(sequence=1, focal=True, coverage=Reference(reference=coverage)),),
    )  # fmt: skip


def _disposition(claim: Claim) -> str:
    if claim.cancels:
        return "Prise en charge annulée"
    return "Prise en charge accordée" if claim.use is Use.PREAUTHORIZATION else "Facture acceptée"


def _items(equipment: Equipment, quote: Quote) -> tuple[ResponseItem, ...]:
    # A quote has the frame first, then the lenses in the order of its basket: right, left.
    return tuple(
        ResponseItem(item_sequence=equipment.sequences[place], adjudication=(
            Adjudication(category=_standard("submitted"), amount=Money.of(line.price_cents)),
            Adjudication(category=_share(AMO), amount=Money.of(line.amo_cents)),
            Adjudication(
                category=_standard("benefit"), amount=Money.of(line.amc_cents), reason=CodeableConcept(text=line.why)
            ),
            Adjudication(category=_share(REST), amount=Money.of(line.rest_cents)),
        ))
        for place, line in zip((Place.FRAME, Place.RIGHT, Place.LEFT), quote.items, strict=True)
    )  # fmt: skip


def _totals(quote: Quote) -> tuple[Total, ...]:
    submitted = quote.amo_cents + quote.amc_cents + quote.rest_cents
    return (
        Total(category=_standard("submitted"), amount=Money.of(submitted)),
        Total(category=_share(AMO), amount=Money.of(quote.amo_cents)),
        Total(category=_standard("benefit"), amount=Money.of(quote.amc_cents)),
        Total(category=_share(REST), amount=Money.of(quote.rest_cents)),
    )


def _standard(code: str) -> CodeableConcept:
    return CodeableConcept(coding=(Coding(system=ADJUDICATION_SYSTEM, code=code),))


def _share(code: str) -> CodeableConcept:
    return CodeableConcept(coding=(Coding(system=SHARE_SYSTEM, code=code),))
