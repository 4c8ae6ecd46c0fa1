"""FHIR R4 PaymentReconciliation out: what insurers paid, in a searchset Bundle (docs/protocol.md 9.6)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec

from paravent.desk.fhir.money import Money
from paravent.person.fhir.elements import (
    AMC_SYSTEM,
    CodeableConcept,
    Coding,
    Date,
    DateTime,
    Element,
    Identifier,
    Reference,
    Resource,
    Text,
)
from paravent.wire.settlement import LineKind, Remittance, RemittanceLine

REMITTANCE_SYSTEM = "urn:paravent:remittance"
CLAIM_SYSTEM = "urn:paravent:claim"
PAYMENT_TYPE_SYSTEM = "http://terminology.hl7.org/CodeSystem/payment-type"


class Detail(Element, frozen=True, kw_only=True):
    """One claim paid, or taken back: then its amount is negative."""

    type: CodeableConcept
    request: Reference
    amount: Money


class PaymentReconciliation(Resource, frozen=True, kw_only=True, tag_field="resourceType", tag="PaymentReconciliation"):
    """One payment of an insurer to this shop."""

    status: Literal["active"]
    created: DateTime
    payment_issuer: Reference
    outcome: Literal["complete"]
    disposition: Text | None = None
    payment_date: Date
    payment_amount: Money
    payment_identifier: Identifier
    detail: tuple[Detail, ...]


class BundleEntry(Element, frozen=True, kw_only=True):
    """One result of a search."""

    resource: PaymentReconciliation


class Bundle(Resource, frozen=True, kw_only=True, tag_field="resourceType", tag="Bundle"):
    """Results of a search; an empty one says that no remittance was received, not that nothing was paid."""

    type: Literal["searchset"]
    total: Annotated[int, msgspec.Meta(ge=0)]
    entry: tuple[BundleEntry, ...] = ()


def search_set(payments: tuple[PaymentReconciliation, ...]) -> Bundle:
    """Lists payments, newest first."""
    return Bundle(type="searchset", total=len(payments), entry=tuple(BundleEntry(resource=one) for one in payments))


def payments_of(remittances: Iterable[Remittance]) -> tuple[PaymentReconciliation, ...]:
    """Writes verified remittances, the newest first; the date is that of the remittance, not of the bank."""
    return tuple(
        _payment(one) for one in sorted(remittances, key=lambda one: (one.issued_at, one.reference), reverse=True)
    )


def _payment(remittance: Remittance) -> PaymentReconciliation:
    issued = datetime.fromtimestamp(remittance.issued_at, UTC)
    return PaymentReconciliation(
        status="active", created=issued.strftime("%Y-%m-%dT%H:%M:%SZ"), outcome="complete",
        payment_issuer=Reference(identifier=Identifier(system=AMC_SYSTEM, value=remittance.insurer)),
        payment_date=issued.strftime("%Y-%m-%d"), payment_amount=Money.of(remittance.total_cents),
        payment_identifier=Identifier(system=REMITTANCE_SYSTEM, value=remittance.reference),
        detail=tuple(map(_detail, remittance.lines)),
    )  # fmt: skip


def _detail(line: RemittanceLine) -> Detail:
    paid = line.kind is LineKind.PAYMENT
    kind = Coding(system=PAYMENT_TYPE_SYSTEM, code="payment" if paid else "adjustment")
    return Detail(
        type=CodeableConcept(coding=(kind,)),
        request=Reference(identifier=Identifier(system=CLAIM_SYSTEM, value=line.claim_id.hex())),
        amount=Money.of(line.cents if paid else -line.cents),
    )
