"""FHIR R4 Coverage: who the customer says to be, by number or by card, and a line of a member file (9.6).

The beneficiary is a Patient contained in the coverage, so that one resource names one customer. By number,
``subscriber`` is the number under which the person is covered; by card, an identifier holds the card's text.
A calendar of FHIR has no month 00: a fictitious birth date goes by the desk's other addresses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec

from paravent.errors import InvalidIdentity, UnsupportedResource
from paravent.person.fhir.document import to_resource
from paravent.person.fhir.elements import (
    AMC_SYSTEM,
    CARD_SYSTEM,
    NIR_SYSTEM,
    Code,
    CodeableConcept,
    Date,
    Element,
    HumanName,
    Identifier,
    Period,
    Positive,
    Reference,
    Resource,
    Text,
    value_of,
)
from paravent.person.identity import Holder, PersonIdentity
from paravent.person.nir import Nir

Rank = Annotated[int, msgspec.Meta(ge=1, le=9)]


class Patient(Resource, frozen=True, kw_only=True, tag_field="resourceType", tag="Patient"):
    """The person covered: what the card prints, and the rank (*rang gémellaire*) as ``multipleBirthInteger``."""

    identifier: tuple[Identifier, ...] = ()
    active: bool | None = None
    name: tuple[HumanName, ...]
    gender: Code | None = None
    birth_date: Date
    multiple_birth_integer: Rank = 1


class CoverageClass(Element, frozen=True, kw_only=True):
    """A classifier of the contract: the guarantee, and in member files its other terms."""

    type: CodeableConcept
    value: Text
    name: Text | None = None


class Coverage(Resource, frozen=True, kw_only=True, tag_field="resourceType", tag="Coverage"):
    """One contract of one person."""

    identifier: tuple[Identifier, ...] = ()
    status: Literal["active", "cancelled", "draft", "entered-in-error"]
    type: CodeableConcept | None = None
    policy_holder: Reference | None = None
    subscriber: Reference | None = None
    subscriber_id: Text | None = None
    beneficiary: Reference
    dependent: Text | None = None
    relationship: CodeableConcept | None = None
    period: Period | None = None
    payor: tuple[Reference, ...]
    class_: tuple[CoverageClass, ...] = msgspec.field(name="class", default=())
    order: Positive | None = None
    network: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Who a coverage says to be: by card when ``card`` is there, by number otherwise."""

    insurer: str
    card: str | None
    holder: Holder
    person: PersonIdentity | None

    def __repr__(self) -> str:
        return "Customer(REDACTED)"


def customer_of(coverage: Coverage) -> Customer:
    """Reads a customer; raises UnsupportedResource, InvalidNir or InvalidIdentity, never quoting a value."""
    if coverage.status != "active":
        raise UnsupportedResource("only an active coverage is used")
    patient = patient_of(coverage)
    name = printed_name(patient)
    holder = Holder.from_card(name=name, birth_date=patient.birth_date)
    card = value_of(coverage.identifier, CARD_SYSTEM)
    if card is not None:
        return Customer(insurer=insurer_of(coverage), card=card, holder=holder, person=None)
    person = PersonIdentity.from_card(
        name=name,
        birth_date=patient.birth_date,
        nir=Nir.parse(number_of(coverage)),
        rank=patient.multiple_birth_integer,
    )
    return Customer(insurer=insurer_of(coverage), card=None, holder=holder, person=person)


def insurer_of(coverage: Coverage) -> str:
    """Returns the AMC number of the one payor; raises UnsupportedResource."""
    if len(coverage.payor) != 1:
        raise UnsupportedResource("a coverage has one payor: two insurers are two coverages")
    return _identified(coverage.payor[0], AMC_SYSTEM, "the payor is identified by its AMC number")


def number_of(coverage: Coverage) -> str:
    """Returns the number under which the person is covered; raises UnsupportedResource."""
    return _identified(coverage.subscriber, NIR_SYSTEM, "the subscriber is identified by the NIR")


def patient_of(coverage: Coverage) -> Patient:
    """Returns the contained beneficiary; raises UnsupportedResource or MalformedMessage."""
    named = (coverage.beneficiary.reference or "").removeprefix("#")
    found: list[dict[str, Any]] = [
        entry for entry in coverage.contained if isinstance(entry, dict) and entry.get("id") == named
    ]
    if len(found) != 1 or not (coverage.beneficiary.reference or "").startswith("#"):
        raise UnsupportedResource("the beneficiary is a Patient contained in the coverage, referred to as #id")
    return to_resource(found[0], Patient)


def printed_name(patient: Patient) -> str:
    """Returns the one name; raises InvalidIdentity."""
    if len(patient.name) != 1:
        raise InvalidIdentity("a beneficiary has one name, as the card prints it")
    return patient.name[0].printed()


def _identified(reference: Reference | None, system: str, wanted: str) -> str:
    identifier = None if reference is None else reference.identifier
    if identifier is None or identifier.system != system or identifier.value is None:
        raise UnsupportedResource(f"{wanted}, system {system}")
    return identifier.value
