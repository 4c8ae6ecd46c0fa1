"""A quote before the sale, from guarantee tables: coverages in order, with a class A offer beside (protocol.md 11.1).

CSS L.165-9: a quote shows at least one class A equipment. Birth date, prescriptions and the ground of an early
renewal stay here. It checks nobody's right: the cover of a customer is known by a check (sections 7 and 8).
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec

from paravent.desk.trade import Basket, class_a_limits, items_of, require_class_a_limits
from paravent.optics.guarantee import Guarantee
from paravent.optics.items import EquipmentClass, equipment_of
from paravent.optics.months import Month
from paravent.optics.quote import Quote, compute_quote
from paravent.optics.rules import Rules
from paravent.person.ages import age_months
from paravent.person.class_a_tariff import ClassATariff
from paravent.person.early_renewal import RenewalGrounds, changes_of_sight, early_grounds
from paravent.person.fhir.document import read_document
from paravent.person.fhir.vision_prescription import read_vision_prescription
from paravent.person.lens_category import LensRules, classify
from paravent.person.prescription import Prescription
from paravent.person.prescription_validity import ValidityTerms, last_day
from paravent.wire import claims
from paravent.wire.codec import Message

Lines = Annotated[tuple[str, ...], msgspec.Meta(max_length=8)]


class Coverage(Message, frozen=True, kw_only=True):
    """One cover: the insurer's guarantee tables (a file beside), the code in them, and when it pays again."""

    tables: str
    guarantee: str
    free_from: claims.Month | None = None


class Customer(Message, frozen=True, kw_only=True):
    """What the terms depend on: ``last_equipment`` is the month of the last one paid, if known."""

    birth_date: date
    last_equipment: claims.Month | None = None
    frame_outgrown: bool = False
    medical_situation: bool = False


class QuoteFile(Message, frozen=True, kw_only=True):
    """The file of ``desk quote FILE``; a prescription is a FHIR R4 resource, or the name of its file."""

    day: date
    issuer: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=8)] = ("Opticien-lunetier",)
    recipient: Lines = ()
    coverages: Annotated[tuple[Coverage, ...], msgspec.Meta(min_length=1, max_length=4)]
    prescription: dict[str, object] | str
    old_prescription: dict[str, object] | str | None = None
    customer: Customer | None = None
    basket: Basket


class Validity(Message, frozen=True, kw_only=True):
    """Until when the prescription can be dispensed (CSP D.4362-12)."""

    last_day: date
    valid: bool
    source: str


class Renewal(Message, frozen=True, kw_only=True):
    """From which month equipment is payable; ``grounds`` are for this screen only."""

    months: int
    payable_from: claims.Month | None
    due: bool
    early_renewal: bool
    grounds: tuple[str, ...]


class BeforeSale(Message, frozen=True, kw_only=True):
    """What is shown: the chosen equipment, the class A offer, and what is known of the terms."""

    day: date
    categories: tuple[str, str]
    tariff_status: str
    tariff_source: str
    chosen: Quote
    class_a_offer: Quote
    validity: Validity | None
    renewal: Renewal | None


class Books(Message, frozen=True, kw_only=True):
    """The dated rules that a quote is computed with."""

    rules: Rules
    lens_rules: LensRules
    tariff: ClassATariff
    terms: ValidityTerms
    grounds: RenewalGrounds


def quote_before_sale(
    asked: QuoteFile, document: bytes, old_document: bytes | None, guarantees: tuple[Guarantee, ...], books: Books
) -> BeforeSale:
    """Computes the chosen equipment and a class A one; raises InvalidBasket, UnsupportedPrescription."""
    prescription = read_vision_prescription(document)
    found = classify(prescription, books.lens_rules)
    limits = class_a_limits(prescription, found, books.tariff, books.rules)
    require_class_a_limits(asked.basket, limits, books.tariff)
    offer = Basket(
        frame_class=EquipmentClass.A, frame_cents=books.rules.content.class_a_frame_limit.cents,
        lens_class=EquipmentClass.A, right_cents=limits[0], left_cents=limits[1],
    )  # fmt: skip
    chosen, beside = (
        compute_quote(equipment_of(items_of(basket, found)), guarantees[0], books.rules, *guarantees[1:])
        for basket in (asked.basket, offer)
    )
    right, left = found.right, found.left
    return BeforeSale(
        day=asked.day, categories=("" if right is None else right.value, "" if left is None else left.value),
        tariff_status=books.tariff.status, tariff_source=books.tariff.source, chosen=chosen, class_a_offer=beside,
        validity=_validity(asked, document, books), renewal=_renewal(asked, prescription, old_document, books),
    )  # fmt: skip


def _validity(asked: QuoteFile, document: bytes, books: Books) -> Validity | None:
    written = read_document(document).get("dateWritten")
    if asked.customer is None or not isinstance(written, str):
        return None
    try:
        day = date.fromisoformat(written[:10])
    except ValueError:
        return None
    if day < books.terms.valid_from:
        return None
    last, source = last_day(day, asked.customer.birth_date, books.terms)
    return Validity(last_day=last, valid=day <= asked.day <= last, source=source)


def renewal_of(
    customer: Customer, day: date, free_from: Month | None, prescription: Prescription, old_document: bytes | None,
    books: Books,
) -> Renewal:  # fmt: skip
    """Says from which month equipment is payable, and whether it may be renewed before, with the grounds."""
    age, month = age_months(customer.birth_date, day), Month(number=day.year * 100 + day.month)
    months = books.rules.content.renewal.months(age_months=age, frame_outgrown=customer.frame_outgrown)
    last = None if customer.last_equipment is None else Month(number=customer.last_equipment)
    payable = [] if last is None else [last.plus(months)]
    payable += [] if free_from is None else [free_from]
    due = not payable or month >= max(payable)
    since = 10**4 if last is None else _months_between(last, month)
    old = None if old_document is None else read_vision_prescription(old_document)
    changed = () if old is None else changes_of_sight(old, prescription, books.grounds)
    grounds = () if due else early_grounds(
        changed, medical=customer.medical_situation, age_months=age, months_since=since, grounds=books.grounds
    )  # fmt: skip
    return Renewal(
        months=months, payable_from=max(payable).number if payable else None, due=due, early_renewal=bool(grounds),
        grounds=tuple(ground.value for ground in grounds),
    )  # fmt: skip


def _renewal(asked: QuoteFile, prescription: Prescription, old_document: bytes | None, books: Books) -> Renewal | None:
    if asked.customer is None:
        return None
    free_from = asked.coverages[0].free_from
    return renewal_of(
        asked.customer, asked.day, None if free_from is None else Month(number=free_from), prescription, old_document,
        books,
    )  # fmt: skip


def _months_between(first: Month, last: Month) -> int:
    return (last.number // 100 - first.number // 100) * 12 + last.number % 100 - first.number % 100
