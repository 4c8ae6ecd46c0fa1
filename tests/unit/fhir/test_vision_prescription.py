"""FHIR VisionPrescription in: the published example, and everything that is refused."""

from __future__ import annotations

import copy
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from paravent.errors import BodyTooLarge, MalformedMessage, ParaventError, UnsupportedPrescription
from paravent.person.fhir.document import RESOURCE_BYTES_MAX
from paravent.person.fhir.vision_prescription import read_vision_prescription
from paravent.person.lens_category import classify
from paravent.person.store import shipped_lens_rules
from paravent.wire.optics_terms import Band, Focal, LensCategory

EXAMPLE = (files("paravent") / "drill" / "data" / "visionprescription-33123.r4.json").read_bytes()


def changed(lens: dict[str, Any] | None = None, /, **members: Any) -> bytes:
    """Changes the example's members, and those of its left lens (the one with a cylinder)."""
    resource = copy.deepcopy(json.loads(EXAMPLE))
    resource["lensSpecification"][1].update(lens or {})
    resource.update(members)
    return json.dumps(resource).encode()


def test_the_published_example() -> None:
    prescription = read_vision_prescription(EXAMPLE)
    assert prescription.right is not None
    assert prescription.left is not None
    assert (prescription.right.sphere, prescription.right.cylinder, prescription.right.addition) == (-8, 0, 8)
    left = prescription.left
    assert (left.sphere, left.cylinder, left.axis, left.addition) == (-4, -2, 180, 8)
    found = classify(prescription, shipped_lens_rules())
    assert (found.right, found.left) == (LensCategory.COMPLEX, LensCategory.COMPLEX)
    assert (found.band, found.focal) == (Band.C, Focal.MULTIFOCAL)


def test_one_eye_is_a_prescription() -> None:
    prescription = read_vision_prescription(changed(lensSpecification=json.loads(EXAMPLE)["lensSpecification"][1:]))
    assert prescription.right is None
    found = classify(prescription, shipped_lens_rules())
    assert (found.right, found.left, found.band) == (None, LensCategory.COMPLEX, None)


@pytest.mark.parametrize("status", ["draft", "cancelled", "entered-in-error", None])
def test_only_active_prescriptions_are_used(status: str | None) -> None:
    with pytest.raises(UnsupportedPrescription, match="active"):
        read_vision_prescription(changed(status=status))


@pytest.mark.parametrize(("kind", "named"), [("Bundle", "Bundle"), ("1850775991001", "unnamed"), (3, "unnamed")])
def test_another_kind_is_named_when_it_is_safe(kind: object, named: str) -> None:
    with pytest.raises(UnsupportedPrescription, match=named) as caught:
        read_vision_prescription(changed(resourceType=kind))
    assert "1850775991001" not in str(caught.value)


@pytest.mark.parametrize(
    "lens",
    [
        {"product": {"coding": [{"code": "contact"}]}},
        {"product": {"coding": [{"code": "lens"}, {"code": "contact"}]}},
        {"product": {}},
        {"power": -2.0}, {"backCurve": 8.7}, {"diameter": 14.0}, {"duration": {"value": 1}},
        {"eye": "right"}, {"eye": "both"},
        {"axis": 181}, {"axis": -1}, {"axis": None},
        {"sphere": 0.1}, {"sphere": 10**19}, {"add": -1.0}, {"_sphere": {"extension": []}},
        {"eye": ["left"]}, {"product": {"coding": [{"code": ["lens"]}]}}, {"product": {"coding": ["lens"]}},
    ],
)  # fmt: skip
def test_unsupported_lenses_are_refused(lens: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedPrescription):
        read_vision_prescription(changed(lens))


@pytest.mark.parametrize(
    "lens",
    [
        {"sphere": "-1.00"},
        {"sphere": True},
        {"sphere": None},
        {"prsm": []},
        {"axis": 90.5},
        {"axis": 90.0},
        {"axis": "180"},
    ],
)
def test_malformed_lenses_are_refused(lens: dict[str, Any]) -> None:
    with pytest.raises(MalformedMessage):
        read_vision_prescription(changed(lens))


@pytest.mark.parametrize("power", ["99999999999999999999.0", "0.25000000000000000000000000000001"])
def test_a_power_that_arithmetic_would_round_is_off_the_grid(power: str) -> None:
    with pytest.raises(UnsupportedPrescription, match="grid"):
        read_vision_prescription(EXAMPLE.replace(b"-2.00", power.encode()))


def test_an_axis_without_a_cylinder_is_refused() -> None:
    resource = json.loads(EXAMPLE)
    del resource["lensSpecification"][1]["cylinder"]
    with pytest.raises(UnsupportedPrescription, match="forgotten"):
        read_vision_prescription(json.dumps(resource).encode())


@pytest.mark.parametrize("lenses", [[], None, [{}, {}, {}]])
def test_one_or_two_lenses(lenses: object) -> None:
    with pytest.raises(UnsupportedPrescription):
        read_vision_prescription(changed(lensSpecification=lenses))


def test_standard_fields_are_accepted_and_others_refused() -> None:
    read_vision_prescription(changed(text={"status": "generated"}, _created={"extension": []}, contained=[]))
    with pytest.raises(MalformedMessage):
        read_vision_prescription(changed(recommendation="none"))


@pytest.mark.parametrize("modifier", ["modifierExtension", "implicitRules"])
def test_unknown_modifiers_are_refused(modifier: str) -> None:
    with pytest.raises(UnsupportedPrescription, match="modifier"):
        read_vision_prescription(changed(None, **{modifier: [{"url": "https://example.org"}]}))


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{", b"\xff{}", b"null",
        EXAMPLE.replace(b'"id": "33123"', b'"status": "active"'),
        EXAMPLE.replace(b"-2.00", b"NaN"), EXAMPLE.replace(b"-2.00", b"-2e0"), EXAMPLE.replace(b"-2.00", b"9" * 21),
        EXAMPLE.replace(b'"2014-06-15"', b'"{\\"sphere\\": -2.00}"', 1),
        EXAMPLE + b"{}",
        b"[" * 60_000,
    ],
)  # fmt: skip
def test_what_is_not_one_strict_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        read_vision_prescription(body)


def test_bodies_have_a_limit() -> None:
    read_vision_prescription(EXAMPLE.ljust(RESOURCE_BYTES_MAX))
    with pytest.raises(BodyTooLarge):
        read_vision_prescription(EXAMPLE.ljust(RESOURCE_BYTES_MAX + 1))


@pytest.mark.parametrize(
    ("prism", "error"),
    [
        ([{"amount": 0, "base": "up"}], UnsupportedPrescription),
        ([{"amount": -0.5, "base": "up"}], UnsupportedPrescription),
        ([{"amount": 0.5, "base": "nasal"}], UnsupportedPrescription), ([{"amount": 0.5}], UnsupportedPrescription),
        ([{"amount": "0.5", "base": "up"}], MalformedMessage), ([{"base": "up"}], MalformedMessage),
        ("up", MalformedMessage),
        ([{"amount": 0.5, "base": "up", "unit": "cm"}], MalformedMessage), (["up"], MalformedMessage),
    ],
)  # fmt: skip
def test_prisms_of_another_form_are_refused(prism: object, error: type[ParaventError]) -> None:
    with pytest.raises(error):
        read_vision_prescription(changed({"prism": prism}))


def test_the_published_contact_lenses_are_refused() -> None:
    body = (Path(__file__).parent / "hl7" / "visionprescription-example-1.json").read_bytes()
    with pytest.raises(UnsupportedPrescription, match="contact"):
        read_vision_prescription(body)


def test_no_refusal_quotes_a_power() -> None:
    with pytest.raises(ParaventError) as caught:
        read_vision_prescription(changed({"sphere": -7.77}))
    assert "7.77" not in str(caught.value)
