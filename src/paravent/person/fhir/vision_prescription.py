"""FHIR R4 VisionPrescription in, strictly: spectacles only, no field unknown, no key twice (hl7.org/fhir/R4)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from paravent.errors import MalformedMessage, UnsupportedPrescription
from paravent.person.fhir.document import read_document
from paravent.person.prescription import Eye, Prescription, quarters

_RESOURCE_FIELDS = frozenset({
    "resourceType", "id", "meta", "implicitRules", "language", "text", "contained", "extension", "modifierExtension",
    "identifier", "status", "created", "patient", "encounter", "dateWritten", "prescriber", "lensSpecification",
})  # fmt: skip
_LENS_FIELDS = frozenset({
    "id", "extension", "product", "eye", "sphere", "cylinder", "axis", "prism", "add", "brand", "color", "note",
})  # fmt: skip
_POWERS = ("sphere", "cylinder", "axis", "add")
_PRISM_FIELDS = frozenset({"id", "extension", "amount", "base"})
_PRISM_BASES = frozenset({"up", "down", "in", "out"})
_CONTACT_FIELDS = frozenset({"power", "backCurve", "diameter", "duration"})


def read_vision_prescription(body: bytes) -> Prescription:
    """Reads a resource; raises MalformedMessage, BodyTooLarge or UnsupportedPrescription, never quoting a power."""
    resource = read_document(body)
    kind = resource.get("resourceType")
    if kind != "VisionPrescription":
        named = kind if isinstance(kind, str) and kind.isascii() and kind.isalpha() and len(kind) < 40 else "unnamed"
        raise UnsupportedPrescription(f"the resource is of another kind: {named}")
    _require_known(resource, _RESOURCE_FIELDS)
    if resource.get("modifierExtension") or resource.get("implicitRules"):
        raise UnsupportedPrescription("the resource has a modifier that this software does not know")
    if resource.get("status") != "active":
        raise UnsupportedPrescription("only an active prescription is used")
    lenses = resource.get("lensSpecification")
    if not isinstance(lenses, list) or not 1 <= len(lenses) <= 2:
        raise UnsupportedPrescription("a prescription has one or two lens specifications")
    eyes = dict(_lens(lens) for lens in lenses)
    if len(eyes) != len(lenses):
        raise UnsupportedPrescription("an eye is prescribed twice")
    return Prescription(right=eyes.get("right"), left=eyes.get("left"))


def _lens(lens: object) -> tuple[str, Eye]:
    if not isinstance(lens, dict):
        raise MalformedMessage("a lens specification is a JSON object")
    if _CONTACT_FIELDS & lens.keys() or not _is_spectacle_lens(lens.get("product")):
        raise UnsupportedPrescription("only spectacle lenses are taken; this one is for contact lenses or unnamed")
    _require_known(lens, _LENS_FIELDS)
    if any(f"_{power}" in lens for power in _POWERS):
        raise UnsupportedPrescription("a power has an extension that this software does not know")
    side = lens.get("eye")
    if not isinstance(side, str) or side not in {"right", "left"}:
        raise UnsupportedPrescription("an eye is right or left")
    if "sphere" not in lens:
        raise UnsupportedPrescription("a lens has no sphere")
    if "axis" in lens and "cylinder" not in lens:
        raise UnsupportedPrescription("an axis has no cylinder: one of the two was forgotten")
    _require_prism(lens)
    cylinder = _power(lens, "cylinder")
    eye = Eye(sphere=_power(lens, "sphere"), cylinder=cylinder, axis=_axis(lens), addition=_power(lens, "add"))
    return side, eye


def _is_spectacle_lens(product: object) -> bool:
    codings = product.get("coding") if isinstance(product, dict) else None
    if not isinstance(codings, list) or not codings:
        return False
    return all(isinstance(coding, dict) and coding.get("code") == "lens" for coding in codings)


def _power(lens: dict[str, Any], name: str) -> int:
    return quarters(_number(lens.get(name, 0), name))


def _axis(lens: dict[str, Any]) -> int | None:
    axis = lens.get("axis")
    if axis is None:
        return None
    if type(axis) is not int:
        raise MalformedMessage("axis is a whole number of degrees")
    return axis


def _require_prism(lens: dict[str, Any]) -> None:
    """Checks the form of prisms: the category does not depend on them (CSS R.871-2 3°), and none is priced."""
    prisms = lens.get("prism", [])
    if not isinstance(prisms, list) or any(not isinstance(prism, dict) for prism in prisms):
        raise MalformedMessage("prism is a list of amounts with their base")
    for prism in prisms:
        _require_known(prism, _PRISM_FIELDS)
        if _number(prism.get("amount"), "amount of a prism") <= 0:
            raise UnsupportedPrescription("a prism has a positive amount")
        base = prism.get("base")
        if not isinstance(base, str) or base not in _PRISM_BASES:
            raise UnsupportedPrescription("the base of a prism is up, down, in or out")


def _number(value: object, name: str) -> Decimal:
    if type(value) is int or isinstance(value, Decimal):
        return Decimal(value)
    raise MalformedMessage(f"{name} is a JSON number")


def _require_known(members: dict[str, Any], known: frozenset[str]) -> None:
    # A leading underscore carries the extensions of a primitive field (FHIR R4 JSON, section 2.6.2.3).
    if any(name.removeprefix("_") not in known for name in members):
        raise MalformedMessage("the resource has a field that FHIR R4 does not define here")
