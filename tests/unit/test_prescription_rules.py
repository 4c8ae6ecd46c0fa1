"""Early renewal, validity of a prescription and the class A limit of a correction: each at its boundary."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paravent.errors import InvalidConfiguration
from paravent.optics.store import shipped_rules
from paravent.person.ages import age_months
from paravent.person.class_a_tariff import read_class_a_tariff
from paravent.person.early_renewal import Ground, changes_of_sight, early_grounds
from paravent.person.lens_category import lens_category
from paravent.person.prescription import Eye, Prescription
from paravent.person.prescription_validity import last_day
from paravent.person.store import (
    TARIFF_FOLDER,
    class_a_tariff_for,
    shipped_class_a_tariff,
    shipped_lens_rules,
    shipped_renewal_grounds,
    shipped_validity_terms,
)
from paravent.wire.optics_terms import Focal

GROUNDS, TERMS, TARIFF = shipped_renewal_grounds(), shipped_validity_terms(), shipped_class_a_tariff()


def pair(right: Eye, left: Eye) -> Prescription:
    """A prescription of both eyes."""
    return Prescription(right=right, left=left)


PLAIN = pair(Eye(sphere=-8), Eye(sphere=-8))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (PLAIN, PLAIN, ()),
        (PLAIN, pair(Eye(sphere=-9), Eye(sphere=-8)), ()),
        (PLAIN, pair(Eye(sphere=-10), Eye(sphere=-8)), (Ground.SPH_CYL,)),
        (PLAIN, pair(Eye(sphere=-9), Eye(sphere=-7)), (Ground.SPH_CYL,)),
        (
            pair(Eye(sphere=0, cylinder=4, axis=10), Eye(sphere=0)),
            pair(Eye(sphere=0, cylinder=4, axis=30), Eye(sphere=0)),
            (),
        ),
        (
            pair(Eye(sphere=0, cylinder=4, axis=10), Eye(sphere=0)),
            pair(Eye(sphere=0, cylinder=4, axis=31), Eye(sphere=0)),
            (Ground.AXIS,),
        ),
        (
            pair(Eye(sphere=0, cylinder=8, axis=175), Eye(sphere=0)),
            pair(Eye(sphere=0, cylinder=8, axis=5), Eye(sphere=0)),
            (),
        ),
        (
            pair(Eye(sphere=0, cylinder=8, axis=174), Eye(sphere=0)),
            pair(Eye(sphere=0, cylinder=8, axis=5), Eye(sphere=0)),
            (Ground.AXIS,),
        ),
        (
            pair(Eye(sphere=0, cylinder=20, axis=90), Eye(sphere=0)),
            pair(Eye(sphere=0, cylinder=20, axis=96), Eye(sphere=0)),
            (Ground.AXIS,),
        ),
        (
            pair(Eye(sphere=0, addition=4), Eye(sphere=0, addition=4)),
            pair(Eye(sphere=0, addition=5), Eye(sphere=0, addition=4)),
            (),
        ),
        (
            pair(Eye(sphere=0, addition=4), Eye(sphere=0, addition=4)),
            pair(Eye(sphere=0, addition=5), Eye(sphere=0, addition=5)),
            (Ground.ADD, Ground.SUM),
        ),
        (
            pair(Eye(sphere=0, addition=4), Eye(sphere=0, addition=4)),
            pair(Eye(sphere=1, addition=5), Eye(sphere=0, addition=4)),
            (Ground.SUM,),
        ),
    ],
)
def test_a_change_of_sight_is_a_ground_from_its_threshold(
    old: Prescription, new: Prescription, expected: tuple[Ground, ...]
) -> None:
    assert changes_of_sight(old, new, GROUNDS) == expected


@given(st.integers(-40, 40), st.integers(1, 20), st.integers(0, 179))
def test_the_notation_of_the_cylinder_is_no_change_of_sight(sphere: int, cylinder: int, axis: int) -> None:
    plus = Eye(sphere=sphere, cylinder=cylinder, axis=axis)
    minus = Eye(sphere=sphere + cylinder, cylinder=-cylinder, axis=(axis + 90) % 180)
    assert changes_of_sight(pair(plus, plus), pair(minus, minus), GROUNDS) == ()


@pytest.mark.parametrize(
    ("age", "months_since", "medical", "expected"),
    [
        (16 * 12, 11, False, ()),
        (16 * 12, 12, False, (Ground.SPH_CYL,)),
        (16 * 12 - 1, 0, False, (Ground.SPH_CYL,)),
        (16 * 12, 0, True, (Ground.MEDICAL,)),
    ],
)
def test_a_ground_counts_after_its_months(
    age: int, months_since: int, *, medical: bool, expected: tuple[Ground, ...]
) -> None:
    found = early_grounds(
        (Ground.SPH_CYL,), medical=medical, age_months=age, months_since=months_since, grounds=GROUNDS
    )
    assert found == expected


def test_only_the_sourced_ground_is_said_to_be_so() -> None:
    assert {ground for ground in Ground if GROUNDS.status_of(ground) != "unverified"} == {Ground.SPH_CYL}


@pytest.mark.parametrize(
    ("born", "last", "orthoptist"),
    [
        (date(2010, 6, 16), date(2027, 6, 15), False),
        (date(2010, 6, 15), date(2031, 6, 15), False),
        (date(1983, 6, 16), date(2031, 6, 15), False),
        (date(1983, 6, 15), date(2029, 6, 15), False),
        (date(1983, 6, 15), date(2028, 6, 15), True),
    ],
)
def test_a_prescription_is_valid_by_age(born: date, last: date, *, orthoptist: bool) -> None:
    assert last_day(date(2026, 6, 15), born, TERMS, by_orthoptist=orthoptist)[0] == last


def test_a_prescription_before_birth_is_refused() -> None:
    with pytest.raises(InvalidConfiguration):
        last_day(date(2026, 6, 15), date(2026, 6, 16), TERMS)


def test_ages_are_complete_months() -> None:
    days = (date(2021, 2, 27), date(2021, 2, 28), date(2021, 3, 28))
    assert [age_months(date(2020, 2, 29), day) for day in days] == [11, 12, 12]


@pytest.mark.parametrize(
    ("eye", "focal", "limit"),
    [
        (Eye(sphere=0), Focal.UNIFOCAL, 3_250),
        (Eye(sphere=8), Focal.UNIFOCAL, 3_250),
        (Eye(sphere=9), Focal.UNIFOCAL, 5_000),
        # Minus-cylinder -1.00 (-1.00) is plus-cylinder -2.00 (+1.00).
        (Eye(sphere=-4, cylinder=-4, axis=0), Focal.UNIFOCAL, 3_250),
        (Eye(sphere=-8, cylinder=-4, axis=0), Focal.UNIFOCAL, 5_000),
        (Eye(sphere=60), Focal.UNIFOCAL, None),
        (Eye(sphere=0, addition=8), Focal.MULTIFOCAL, 11_000),
    ],
)
def test_the_limit_depends_on_the_correction(eye: Eye, focal: Focal, limit: int | None) -> None:
    assert TARIFF.limit(eye, focal) == limit


def test_no_limit_is_above_that_of_its_category() -> None:
    highest = shipped_rules().content.class_a_lens_limit.cents
    for focal in Focal:
        for sphere in range(-80, 81):
            for cylinder in range(33):
                lens = Eye(sphere=sphere, cylinder=cylinder, axis=0)
                assert (TARIFF.limit(lens, focal) or 0) <= highest[lens_category(lens, focal, shipped_lens_rules())[0]]


OFFICIAL = b"""
valid_from = 2025-01-01
status = "official"
source = "a test"
[[range]]
focal = "unifocal"
sphere_min = "-2.00"
sphere_max = "2.00"
cylinder_min = "0.00"
cylinder_max = "2.00"
limit_cents = 4000
"""
SECOND = OFFICIAL[OFFICIAL.index(b"[[range]]") :]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'status = "official"\n', b""),
        (b'source = "a test"\n', b""),
        (b'"official"', b'"verified"'),
        (b"limit_cents = 4000", b"limit_cents = 4000\n" + SECOND),
        (b"limit_cents = 4000", b"limit_cents = 4000\n" + SECOND.replace(b'"-2.00"', b'"2.00"')),
        (b'sphere_min = "-2.00"', b'sphere_min = "3.00"'),
        (b'cylinder_min = "0.00"', b'cylinder_min = "-1.00"'),
        (b'sphere_max = "2.00"', b'sphere_max = "2.10"'),
        (b"limit_cents = 4000", b"limit_cents = 0"),
    ],
)
def test_a_tariff_that_is_unmarked_or_overlaps_is_refused(old: bytes, new: bytes) -> None:
    read_class_a_tariff(OFFICIAL)
    assert old in OFFICIAL
    with pytest.raises(InvalidConfiguration):
        read_class_a_tariff(OFFICIAL.replace(old, new))


def test_the_official_tariff_takes_the_place_of_the_illustrative_one(tmp_path: Path) -> None:
    (tmp_path / TARIFF_FOLDER).mkdir()
    (tmp_path / TARIFF_FOLDER / "annex.toml").write_bytes(OFFICIAL)
    assert class_a_tariff_for(date(2025, 1, 1), tmp_path).status == "official"
    assert class_a_tariff_for(date(2024, 12, 31), tmp_path).status == "illustrative"
    (tmp_path / TARIFF_FOLDER / "broken.toml").write_bytes(OFFICIAL.replace(b"official", b"other"))
    with pytest.raises(InvalidConfiguration, match="broken"):
        class_a_tariff_for(date(2025, 1, 1), tmp_path)
