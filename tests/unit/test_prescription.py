"""Prescriptions: the quarter-dioptre grid, transposition, the form a commitment covers."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paravent.errors import UnsupportedPrescription
from paravent.person.prescription import Eye, Prescription, quarters
from paravent.wire.optics_terms import Focal

CYLINDRICAL = st.builds(
    Eye,
    sphere=st.integers(-120, 120),
    cylinder=st.integers(-48, 48).filter(bool),
    axis=st.integers(0, 180),
    addition=st.integers(0, 16),
)


def other_notation(eye: Eye) -> Eye:
    """Writes the same lens with the cylinder of the other sign."""
    axis = ((eye.axis or 0) + 90) % 180
    return Eye(sphere=eye.sphere + eye.cylinder, cylinder=-eye.cylinder, axis=axis, addition=eye.addition)


@pytest.mark.parametrize(("dioptres", "expected"), [("0", 0), ("-0.00", 0), ("0.25", 1), ("-6.00", -24), ("61.5", 246)])
def test_powers_on_the_grid(dioptres: str, expected: int) -> None:
    assert quarters(Decimal(dioptres)) == expected


@pytest.mark.parametrize("dioptres", ["0.1", "0.125", "-2.251", "NaN", "Infinity", "1E+999999"])
def test_powers_off_the_grid_are_refused_and_not_quoted(dioptres: str) -> None:
    with pytest.raises(UnsupportedPrescription) as caught:
        quarters(Decimal(dioptres))
    assert dioptres not in str(caught.value)


def test_the_cylinder_sign_trap() -> None:
    lens = Eye(sphere=-24, cylinder=-4, axis=90).plus_cylinder()
    assert (lens.sphere, lens.cylinder, (lens.axis or 0) % 180) == (-28, 4, 0)


@given(CYLINDRICAL)
def test_both_notations_have_one_canonical_form(eye: Eye) -> None:
    assert eye.plus_cylinder().cylinder > 0
    assert eye.canonical() == other_notation(eye).canonical()


@given(CYLINDRICAL, CYLINDRICAL)
def test_different_lenses_have_different_canonical_forms(one: Eye, other: Eye) -> None:
    same = one.plus_cylinder().canonical() == other.plus_cylinder().canonical()
    lens, reference = one.plus_cylinder(), other.plus_cylinder()
    equal = (lens.sphere, lens.cylinder, (lens.axis or 0) % 180, lens.addition) == (
        reference.sphere, reference.cylinder, (reference.axis or 0) % 180, reference.addition
    )  # fmt: skip
    assert same == equal


def test_the_canonical_form_tells_right_from_left() -> None:
    eye = Eye(sphere=-4)
    forms = {Prescription(right=eye, left=None).canonical(), Prescription(right=None, left=eye).canonical()}
    assert len(forms) == 2


@pytest.mark.parametrize(
    "fields", [{"cylinder": 2}, {"cylinder": 2, "axis": 181}, {"cylinder": 2, "axis": -1}, {"addition": -1}]
)
def test_impossible_lenses_are_refused(fields: dict[str, int]) -> None:
    with pytest.raises(UnsupportedPrescription):
        Eye(sphere=0, **fields)


def test_a_prescription_has_an_eye() -> None:
    with pytest.raises(UnsupportedPrescription):
        Prescription(right=None, left=None)


def test_one_addition_makes_both_lenses_multifocal() -> None:
    near, far = Eye(sphere=-4, addition=8), Eye(sphere=-4)
    assert Prescription(right=near, left=far).focal is Focal.MULTIFOCAL
    assert Prescription(right=far, left=far).focal is Focal.UNIFOCAL


def test_nothing_shows_a_power() -> None:
    prescription = Prescription(right=Eye(sphere=-77), left=None)
    assert "77" not in repr(prescription) + repr(prescription.right)
