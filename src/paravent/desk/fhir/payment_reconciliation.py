"""FHIR R4 PaymentReconciliation out: what insurers paid, in a searchset Bundle (docs/protocol.md 9.6)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from paravent.desk.fhir.money import Money
from paravent.person.fhir.elements import Date, DateTime, Element, Reference, Resource, Text


class PaymentReconciliation(Resource, frozen=True, kw_only=True, tag_field="resourceType", tag="PaymentReconciliation"):
    """One payment of an insurer to this shop."""

    status: Literal["active"]
    created: DateTime
    payment_issuer: Reference
    outcome: Literal["complete"]
    disposition: Text | None = None
    payment_date: Date
    payment_amount: Money


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
