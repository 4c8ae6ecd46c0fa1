"""Amounts, checks of guarantees and renewal periods that a jurist can read: vectors/optics/amounts.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from paravent.optics.guarantee import Guarantee
from paravent.optics.guarantee_check import check_responsible
from paravent.optics.items import equipment_of
from paravent.optics.quote import Quote, compute_quote
from paravent.optics.store import shipped_rules_for
from paravent.wire.claims import ClaimedItem
from paravent.wire.optics_terms import Band, LensCategory

FILE = tomllib.loads((Path(__file__).parents[2] / "vectors" / "optics" / "amounts.toml").read_text(encoding="utf-8"))
CASES: list[dict[str, Any]] = FILE["case"]
RULES = shipped_rules_for(FILE["day"])
KINDS = {kind: [case for case in CASES if case["kind"] == kind] for kind in ("quote", "check", "renewal")}


def title(case: Mapping[str, Any]) -> str:
    """Names a case by its title."""
    return str(case["title"])


def guarantee(code: str, amounts: Mapping[Band, int], frame_max_cents: int) -> Guarantee:
    """A guarantee of these amounts."""
    return Guarantee(
        code=code, label="x", responsible=True, class_b_cents=dict(amounts), frame_max_cents=frame_max_cents
    )


def quoted(case: Mapping[str, Any]) -> Quote:
    """Quotes the items of a case, every band having the amount given."""
    items = [
        ClaimedItem(code=code, price_cents=cents, category=LensCategory(code[2]) if code.startswith("V-") else None)
        for code, cents in case["items"]
    ]
    first = guarantee("FIRST", dict.fromkeys(Band, case["band_cents"]), case["frame_max_cents"])
    second = [
        guarantee("SECOND", dict.fromkeys(Band, case["second_band_cents"]), case["second_frame_max_cents"])
    ] if "second_band_cents" in case else []  # fmt: skip
    return compute_quote(equipment_of(items), first, RULES, *second)


def faults(case: Mapping[str, Any]) -> list[str]:
    """Lists what a case expects and the rules do not give."""
    computed = quoted(case)
    found = {
        name: [getattr(line, f"{name}_cents") for line in computed.items] for name in ("amo", "amc", "rest")
    }  # fmt: skip
    return [f"{name}: {found[name]}, expected {case[name]}" for name in found if found[name] != case[name]]


@pytest.mark.parametrize("case", KINDS["quote"], ids=title)
def test_who_pays_what(case: dict[str, Any]) -> None:
    assert faults(case) == []


@pytest.mark.parametrize("case", KINDS["check"], ids=title)
def test_a_guarantee_beside_the_law(case: dict[str, Any]) -> None:
    kept = dict(RULES.content.bands.ceiling_cents) | {Band(case["band"]): case["amount_cents"]}
    broken = check_responsible(guarantee("X", kept, case["frame_max_cents"]), RULES)
    assert (broken == []) is case["responsible"]
    assert all(case["article"] in fault for fault in broken)


@pytest.mark.parametrize("case", KINDS["renewal"], ids=title)
def test_the_months_between_two_equipments(case: dict[str, Any]) -> None:
    periods = RULES.content.renewal
    assert periods.months(age_months=case["age_months"], frame_outgrown=case["frame_outgrown"]) == case["months"]


def test_there_is_a_case_for_every_band_and_none_is_left_out() -> None:
    assert sum(map(len, KINDS.values())) == len(CASES) >= 60
    assert {quoted(case).band for case in KINDS["quote"]} == {band.value for band in Band}
    assert all(case["article"] for case in CASES)


@pytest.mark.parametrize("name", ["amo", "amc", "rest"])
def test_a_case_that_is_wrong_by_a_cent_is_found_out(name: str) -> None:
    case = KINDS["quote"][0]
    assert faults(case | {name: [case[name][0] + 1, *case[name][1:]]}) != []
