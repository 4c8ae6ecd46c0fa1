"""The order as it is typed: a prescription, eye by eye or as a FHIR document, and prices (docs/screens.md): pure.

What is typed becomes a FHIR document, so that one reader judges every prescription and the audit finds one form of it.
Nothing here is sent anywhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from paravent.desk.trade import Basket, BasketExtra
from paravent.errors import InvalidBasket, MalformedMessage
from paravent.optics.items import EquipmentClass
from paravent.optics.money import parse_euros
from paravent.optics.months import Month
from paravent.pages.screens.catalogue import marked
from paravent.pages.screens.forms import Form
from paravent.wire.optics_terms import ExtraCode

SIDES: Final = ("right", "left")
POWERS: Final = ("sphere", "cylinder", "add")
OLD: Final = "old_"
"""Before the name of a field: it is of the prescription before."""
EXTRAS: Final = {
    "filter_right_price": ExtraCode.FILTER, "filter_left_price": ExtraCode.FILTER,
    "pairing_price": ExtraCode.PAIRING, "adaptation_price": ExtraCode.ADAPTATION,
}  # fmt: skip
_POWER = re.compile(r"[+\-\u2212]?[0-9]{1,2}([.,](00?|25|50?|75))?")
_AXIS = re.compile(r"[0-9]{1,3}")
_CODING: Final = {"system": "http://terminology.hl7.org/CodeSystem/ex-visionprescriptionproduct", "code": "lens"}
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")

_NOT_A_POWER: Final = marked("Une puissance se donne par quarts de dioptrie, par exemple -1,25 ou +0,50.")
_NOT_AN_AXIS: Final = marked("Un axe est un nombre entier de 0 à 180 degrés.")
_AXIS_NEEDED: Final = marked("Un cylindre a un axe, et un axe un cylindre.")
_SPHERE_NEEDED: Final = marked("Donnez la sphère de chaque œil ; 0 s'il n'y a pas de correction.")
_NOT_A_DATE: Final = marked("Donnez la date de l'ordonnance.")
_NOT_A_MONTH: Final = marked("Un mois s'écrit année-mois, par exemple 2025-03.")
_EXTRA_OF_CLASS_A: Final = marked("Un supplément va avec des verres de classe A ; en classe B il est dans leur prix.")
_NOT_A_PRICE: Final = marked("Un prix s'écrit en euros et centimes, par exemple 120,00.")


@dataclass(slots=True)
class _Reading:
    """A form being read: each field gives its value, or its error."""

    form: Form
    errors: dict[str, str] = field(default_factory=dict)

    def power(self, name: str) -> Decimal | None:
        text = self.form[name].replace("\u2212", "-").replace(",", ".")
        if not text:
            return None
        if not _POWER.fullmatch(text):
            self.errors[name] = _NOT_A_POWER
            return None
        return Decimal(text)

    def axis(self, name: str) -> int | None:
        text = self.form[name]
        if text and not (_AXIS.fullmatch(text) and int(text) <= 180):
            self.errors[name] = _NOT_AN_AXIS
            return None
        return int(text) if text else None

    def cents(self, name: str) -> int:
        try:
            return parse_euros(self.form[name])
        except InvalidBasket:
            self.errors[name] = _NOT_A_PRICE
            return 0

    def day(self, name: str) -> date:
        try:
            return date.fromisoformat(self.form[name])
        except ValueError:
            self.errors[name] = _NOT_A_DATE
            return date.min

    def month(self, name: str) -> int | None:
        text = self.form[name]
        if not text:
            return None
        try:
            return Month.parse(text).number
        except MalformedMessage:
            self.errors[name] = _NOT_A_MONTH
            return None

    def lens(self, side: str, prefix: str = "") -> dict[str, Any]:
        sphere, place = f"{prefix}{side}_sphere", f"{prefix}{side}_axis"
        powers = {name: self.power(f"{prefix}{side}_{name}") for name in POWERS}
        axis = self.axis(place)
        if powers["sphere"] is None and sphere not in self.errors:
            self.errors[sphere] = _SPHERE_NEEDED
        if bool(powers["cylinder"]) != (axis is not None) and place not in self.errors:
            self.errors[place] = _AXIS_NEEDED
        given = {name: power for name, power in powers.items() if power}
        return {
            "product": {"coding": [_CODING]}, "eye": side, "sphere": powers["sphere"] or 0, **given,
            **({} if axis is None else {"axis": axis}),
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What was typed of the prescription, of the one before, and of the last equipment."""

    form: Form
    document: bytes
    old_document: bytes | None
    last_equipment: int | None
    frame_outgrown: bool
    medical_situation: bool

    def __repr__(self) -> str:
        return "Sight(REDACTED)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What was typed, with what it says when nothing is wrong; ``second`` names a further coverage, or is empty."""

    sight: Sight
    basket: Basket
    second: str

    def __repr__(self) -> str:
        return "Order(REDACTED)"


def read_sight(form: Form) -> Sight | Form:
    """Reads what a renewal depends on, without a price; a form that has errors comes back with them."""
    reading = _Reading(form)
    sight = _sight(reading)
    return Form(values=form.values, errors=reading.errors) if reading.errors else sight


def read_order(form: Form) -> Order | Form:
    """Reads an order; a form that has errors comes back with them, and with everything that was typed."""
    reading = _Reading(form)
    sight, basket = _sight(reading), _basket(reading)
    if reading.errors:
        return Form(values=form.values, errors=reading.errors)
    return Order(sight=sight, basket=basket, second=form["second"])


def _sight(reading: _Reading) -> Sight:
    form = reading.form
    old = [f"{OLD}{side}_{name}" for side in SIDES for name in (*POWERS, "axis")]
    return Sight(
        form=form, document=form["fhir"].encode() or _document(reading, reading.day("written_on"), ""),
        # Of the prescription before, nobody needs the day: no validity is judged on it.
        old_document=_document(reading, date(2000, 1, 1), OLD) if any(form[name] for name in old) else None,
        last_equipment=reading.month("last_equipment"), frame_outgrown=form["frame_outgrown"] == "yes",
        medical_situation=form["medical_situation"] == "yes",
    )  # fmt: skip


def _basket(reading: _Reading) -> Basket:
    form = reading.form
    lens_class = EquipmentClass.A if form["lens_class"] == "A" else EquipmentClass.B
    extras = tuple(
        BasketExtra(code=code, price_cents=reading.cents(name)) for name, code in EXTRAS.items() if form[name]
    )
    if lens_class is not EquipmentClass.A:
        reading.errors |= {name: _EXTRA_OF_CLASS_A for name in EXTRAS if form[name]}
    return Basket(
        frame_class=EquipmentClass.A if form["frame_class"] == "A" else EquipmentClass.B,
        frame_cents=reading.cents("frame_price"), lens_class=lens_class, right_cents=reading.cents("right_price"),
        left_cents=reading.cents("left_price"), extras=extras,
    )  # fmt: skip


def _document(reading: _Reading, written: date, prefix: str) -> bytes:
    lenses = [reading.lens(side, prefix) for side in SIDES]
    return _ENCODER.encode({
        "resourceType": "VisionPrescription", "status": "active", "created": written.isoformat(),
        "patient": {"display": "Porteur du droit contrôlé par ce poste"}, "dateWritten": written.isoformat(),
        "prescriber": {"display": reading.form["prescriber"] or "Prescripteur lu sur l'ordonnance"},
        "lensSpecification": lenses,
    })  # fmt: skip
