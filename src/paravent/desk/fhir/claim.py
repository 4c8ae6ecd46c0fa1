"""FHIR R4 Claim in: predetermination is a quote, preauthorization a PEC, claim the claim itself (9.6).

An equipment is three items: one frame, and one lens for each eye, of class A or B. The category of a lens is
never sent: the desk derives it from the prescription. ``cancelled`` with use preauthorization gives a PEC back.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from paravent.desk.fhir.money import Money, Quantity
from paravent.desk.trade import Basket
from paravent.errors import InvalidBasket, UnsupportedResource
from paravent.optics.items import EquipmentClass
from paravent.person.fhir.elements import (
    CodeableConcept,
    Date,
    DateTime,
    Element,
    Identifier,
    Positive,
    Reference,
    Resource,
    Text,
)

CLAIM_TYPE_SYSTEM = "http://terminology.hl7.org/CodeSystem/claim-type"
ITEM_SYSTEM = "urn:paravent:item"
INFORMATION_SYSTEM = "urn:paravent:claim-information"
EYE_SYSTEM = "http://hl7.org/fhir/vision-eye-codes"
EARLY_RENEWAL = "early-renewal"


class Use(StrEnum):
    """What a claim asks for."""

    CLAIM = "claim"
    PREAUTHORIZATION = "preauthorization"
    PREDETERMINATION = "predetermination"


class Place(StrEnum):
    """Where an item stands in an equipment."""

    FRAME = "frame"
    RIGHT = "right"
    LEFT = "left"


class ClaimInsurance(Element, frozen=True, kw_only=True):
    """The coverage that is to pay."""

    sequence: Positive
    focal: bool
    identifier: Identifier | None = None
    coverage: Reference
    pre_auth_ref: tuple[Text, ...] = ()
    claim_response: Reference | None = None


class ClaimItem(Element, frozen=True, kw_only=True):
    """A frame, or the lens of an eye, with its price."""

    sequence: Positive
    care_team_sequence: tuple[Positive, ...] = ()
    information_sequence: tuple[Positive, ...] = ()
    product_or_service: CodeableConcept
    body_site: CodeableConcept | None = None
    serviced_date: Date | None = None
    quantity: Quantity | None = None
    unit_price: Money | None = None
    net: Money


class SupportingInformation(Element, frozen=True, kw_only=True):
    """That the renewal is early; never its ground."""

    sequence: Positive
    category: CodeableConcept
    value_boolean: bool | None = None


class Claim(Resource, frozen=True, kw_only=True, tag_field="resourceType", tag="Claim"):
    """A claim for one equipment, under one coverage."""

    identifier: tuple[Identifier, ...] = ()
    status: Literal["active", "cancelled", "draft", "entered-in-error"]
    type: CodeableConcept
    use: Use
    patient: Reference
    created: DateTime
    enterer: Reference | None = None
    insurer: Reference | None = None
    provider: Reference
    priority: CodeableConcept
    related: tuple[Any, ...] = ()
    prescription: Reference | None = None
    payee: Any = None
    care_team: tuple[Any, ...] = ()
    supporting_info: tuple[SupportingInformation, ...] = ()
    insurance: tuple[ClaimInsurance, ...]
    item: tuple[ClaimItem, ...] = ()
    total: Money | None = None

    @property
    def cancels(self) -> bool:
        """Whether a PEC is given back."""
        return self.status == "cancelled" and self.use is Use.PREAUTHORIZATION


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """The basket of a claim, and under which sequence the claim has each of its items."""

    basket: Basket
    sequences: dict[Place, int]


def require_supported(claim: Claim) -> Reference:
    """Returns the one coverage of a claim; raises UnsupportedResource."""
    if claim.status != "active" and not claim.cancels:
        raise UnsupportedResource("only an active claim is taken, or a cancelled preauthorization")
    if claim.type.code(CLAIM_TYPE_SYSTEM) != "vision":
        raise UnsupportedResource(f"only claims of type vision are taken, system {CLAIM_TYPE_SYSTEM}")
    if len(claim.insurance) != 1 or not claim.insurance[0].focal:
        raise UnsupportedResource("a claim is under one coverage, the focal one")
    if claim.related:
        raise UnsupportedResource("a claim stands alone: related claims are not taken")
    return claim.insurance[0].coverage


def early_renewal(claim: Claim) -> bool:
    """Says whether a claim declares an early renewal; raises UnsupportedResource for other information."""
    for information in claim.supporting_info:
        if information.category.code(INFORMATION_SYSTEM) != EARLY_RENEWAL or information.value_boolean is None:
            raise UnsupportedResource("the only supporting information is whether the renewal is early")
    return any(information.value_boolean for information in claim.supporting_info)


def equipment(claim: Claim) -> Equipment:
    """Reads the three items; raises InvalidBasket or UnsupportedResource."""
    found: dict[Place, tuple[ClaimItem, EquipmentClass]] = {}
    for item in claim.item:
        place, kind = _placed(item)
        if place in found:
            raise InvalidBasket("an equipment has one frame, and one lens for each eye")
        found[place] = item, kind
    if found.keys() != set(Place):
        raise InvalidBasket("an equipment is three items: a frame, a right lens and a left lens")
    if found[Place.RIGHT][1] is not found[Place.LEFT][1]:
        raise InvalidBasket("both lenses are of one class: only a frame and its lenses may differ")
    cents = {place: _price(item) for place, (item, _) in found.items()}
    if claim.total is not None and claim.total.cents() != sum(cents.values()):
        raise InvalidBasket("the total is not the sum of the items")
    basket = Basket(
        frame_class=found[Place.FRAME][1], frame_cents=cents[Place.FRAME], lens_class=found[Place.RIGHT][1],
        right_cents=cents[Place.RIGHT], left_cents=cents[Place.LEFT],
    )  # fmt: skip
    return Equipment(basket=basket, sequences={place: item.sequence for place, (item, _) in found.items()})


def _price(item: ClaimItem) -> int:
    if item.quantity is not None:
        item.quantity.require_one()
    cents = item.net.cents()
    if item.unit_price is not None and item.unit_price.cents() != cents:
        raise InvalidBasket("the unit price of one item is its net price")
    return cents


def _placed(item: ClaimItem) -> tuple[Place, EquipmentClass]:
    # The price is read first: an amount in another currency is refused as such, whatever is sold.
    item.net.cents()
    code = item.product_or_service.code(ITEM_SYSTEM) or ""
    what, _, kind = code.rpartition("-")
    if what not in {"frame", "lens"} or kind not in EquipmentClass.__members__:
        raise UnsupportedResource(f"an item is frame-A, frame-B, lens-A or lens-B, system {ITEM_SYSTEM}")
    eye = None if item.body_site is None else item.body_site.code(EYE_SYSTEM)
    if what == "frame":
        if item.body_site is not None:
            raise InvalidBasket("a frame has no eye")
        return Place.FRAME, EquipmentClass(kind)
    if eye not in {Place.RIGHT, Place.LEFT}:
        raise InvalidBasket(f"a lens has its eye as bodySite, right or left, system {EYE_SYSTEM}")
    return Place(eye), EquipmentClass(kind)
