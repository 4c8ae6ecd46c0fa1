"""Every lens has exactly one rule of CSS R.871-2 3°: enumerated, and checked against written cases."""

from __future__ import annotations

import tomllib
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paravent.person.lens_category import lens_category
from paravent.person.prescription import Eye, quarters
from paravent.person.store import shipped_lens_rules
from paravent.wire.optics_terms import Band, Focal, LensCategory, band_of

VECTORS = Path(__file__).parents[2] / "vectors" / "optics" / "lens_categories.toml"
CASES: list[dict[str, Any]] = tomllib.loads(VECTORS.read_text(encoding="utf-8"))["case"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['focal']}{case['sphere']}({case['cylinder']})")
def test_written_cases(case: dict[str, Any]) -> None:
    eye = Eye(sphere=quarters(Decimal(case["sphere"])), cylinder=quarters(Decimal(case["cylinder"])), axis=90)
    found = lens_category(eye, Focal(case["focal"]), shipped_lens_rules())
    assert found == (case["expected"], case["article"])


def test_no_gap_no_overlap() -> None:
    """Tries every rule on sphere -20 to +20, cylinder 0 to 8, by quarters: one holds, in known numbers."""
    rules = shipped_lens_rules().rule
    found: Counter[tuple[Focal, LensCategory]] = Counter()
    for focal in Focal:
        for sphere in range(-80, 81):
            for cylinder in range(33):
                lens = Eye(sphere=sphere, cylinder=cylinder, axis=0)
                held = [rule for rule in rules if rule.holds(lens, focal)]
                assert len(held) == 1, (focal, sphere, cylinder)
                found[focal, held[0].category] += 1
    assert found == {
        (Focal.UNIFOCAL, LensCategory.SIMPLE): 725,
        (Focal.UNIFOCAL, LensCategory.COMPLEX): 4588,
        (Focal.MULTIFOCAL, LensCategory.COMPLEX): 1057,
        (Focal.MULTIFOCAL, LensCategory.VERY_COMPLEX): 4256,
    }


@given(
    sphere=st.integers(-100, 100),
    cylinder=st.integers(1, 40),
    axis=st.integers(0, 180),
    focal=st.sampled_from(Focal),
)
def test_the_notation_of_the_cylinder_does_not_change_the_category(
    sphere: int, cylinder: int, axis: int, focal: Focal
) -> None:
    plus = Eye(sphere=sphere, cylinder=cylinder, axis=axis)
    minus = Eye(sphere=sphere + cylinder, cylinder=-cylinder, axis=(axis + 90) % 180)
    assert lens_category(plus, focal, shipped_lens_rules()) == lens_category(minus, focal, shipped_lens_rules())


@pytest.mark.parametrize(
    ("pair", "band"),
    [("aa", Band.A), ("ac", Band.B), ("cc", Band.C), ("af", Band.D), ("cf", Band.E), ("ff", Band.F)],
)
def test_bands_of_pairs(pair: str, band: Band) -> None:
    right, left = (LensCategory(letter) for letter in pair)
    assert band_of(right, left) is band_of(left, right) is band
