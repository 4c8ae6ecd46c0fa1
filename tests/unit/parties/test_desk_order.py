"""What is typed at the counter: read as a prescription and a basket, or given back with what is wrong."""

from __future__ import annotations

import json

import pytest

from paravent.desk.screens.order_form import Order, read_order
from paravent.pages.screens.forms import Form
from paravent.person.fhir.vision_prescription import read_vision_prescription
from paravent.person.prescription import Eye

TYPED = {
    "written_on": "2026-10-01", "right_sphere": "-2,25", "right_cylinder": "+0,75", "right_axis": "87",
    "left_sphere": "\u22121.5", "left_add": "2", "frame_class": "A", "frame_price": "30", "lens_class": "B",
    "right_price": "1 120,50", "left_price": "120.00 €",
}  # fmt: skip


def test_what_is_typed_is_the_prescription_that_the_desk_reads() -> None:
    order = read_order(Form(values=TYPED))
    assert isinstance(order, Order)
    found = read_vision_prescription(order.sight.document)
    assert found.right == Eye(sphere=-9, cylinder=3, axis=87)
    assert found.left == Eye(sphere=-6, addition=8)
    basket = order.basket
    assert (basket.frame_class, basket.frame_cents, basket.lens_class) == ("A", 3_000, "B")
    assert (basket.right_cents, basket.left_cents) == (112_050, 12_000)
    assert "REDACTED" in repr(order)


def test_no_power_is_written_as_a_float() -> None:
    order = read_order(Form(values=TYPED))
    assert isinstance(order, Order)
    right = json.loads(order.sight.document, parse_float=str)["lensSpecification"][0]
    assert (right["sphere"], right["cylinder"]) == ("-2.25", "0.75")


def test_an_electronic_prescription_takes_the_place_of_the_fields() -> None:
    order = read_order(Form(values={**TYPED, "fhir": '{"resourceType": "VisionPrescription"}', "right_sphere": "x"}))
    assert isinstance(order, Order)
    assert order.sight.document == b'{"resourceType": "VisionPrescription"}'


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"right_sphere": "-2,30"}, {"right_sphere"}),
        ({"right_sphere": "1e1"}, {"right_sphere"}),
        ({"right_sphere": "123"}, {"right_sphere"}),
        ({"right_sphere": ""}, {"right_sphere"}),
        ({"right_axis": "181"}, {"right_axis"}),
        ({"right_axis": "²"}, {"right_axis"}),
        ({"right_axis": ""}, {"right_axis"}),
        ({"left_axis": "90"}, {"left_axis"}),
        ({"written_on": "01/10/2026"}, {"written_on"}),
        ({"frame_price": "", "left_price": "12,5"}, {"frame_price", "left_price"}),
    ],
)
def test_what_is_wrong_is_said_by_field_and_nothing_is_lost(changed: dict[str, str], wrong: set[str]) -> None:
    typed = TYPED | changed
    back = read_order(Form(values=typed))
    assert isinstance(back, Form)
    assert set(back.errors) == wrong
    assert dict(back.values) == typed
