"""``desk quote FILE``: several coverages in order, a class A offer beside, terms by age; and its PDF."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pypdf
import pytest
from click.testing import CliRunner

from paravent.desk.cli import group

DATA = Path(__file__).parents[2] / "src" / "paravent" / "drill" / "data"
LENS = {"product": {"coding": [{"code": "lens"}]}}
COVERAGES = [
    {"tables": "guarantees-99000001.toml", "guarantee": "OPT-ESSENTIEL"},
    {"tables": "guarantees-99000002.toml", "guarantee": "OPT-CONFORT"},
]
BASKET = {"frame_class": "B", "frame_cents": 15_000, "lens_class": "B", "right_cents": 20_000, "left_cents": 20_000}


def prescription(sphere: float) -> dict[str, Any]:
    """A prescription of two equal eyes."""
    eyes = [LENS | {"eye": eye, "sphere": sphere} for eye in ("right", "left")]
    return {
        "resourceType": "VisionPrescription", "status": "active", "created": "2026-06-15",
        "patient": {"reference": "Patient/x"}, "dateWritten": "2026-06-15",
        "prescriber": {"reference": "Practitioner/x"}, "lensSpecification": eyes,
    }  # fmt: skip


def quote(folder: Path, *options: str, **changes: Any) -> tuple[int, dict[str, Any]]:
    """Runs the verb on a file; returns its exit code and JSON line."""
    for path in DATA.glob("guarantees-*.toml"):
        (folder / path.name).write_bytes(path.read_bytes())
    asked = {
        "day": "2026-11-27",
        "coverages": COVERAGES,
        "prescription": prescription(-1.0),
        "basket": BASKET,
    } | changes
    (folder / "quote.json").write_text(json.dumps(asked), encoding="utf-8")
    run = CliRunner().invoke(group, ["quote", str(folder / "quote.json"), "--json", *options])
    return run.exit_code, json.loads(run.stdout.splitlines()[-1])


def test_two_insurers_pay_in_order_and_a_class_a_offer_stands_beside(tmp_path: Path) -> None:
    code, said = quote(tmp_path)
    assert code == 0
    # Band a. First: 10,000 less 9 of AMO: the frame to its cap of 5,000, the lenses 2,497 each. Second: what is left of
    # the frame is 10,000, to its cap of 10,000; then 30,000 less 9 less 9,997: 9,997 each.
    covers = [[cover["amc_cents"] for cover in item["covers"]] for item in said["chosen"]["items"]]
    assert covers == [[4_997, 9_997], [2_497, 9_997], [2_497, 9_997]]
    assert [item["rest_cents"] for item in said["chosen"]["items"]] == [3, 7_503, 7_503]
    assert said["class_a_offer"]["rest_cents"] == 0
    # -1.00 is in the first range of the illustrative tariff.
    assert [item["price_cents"] for item in said["class_a_offer"]["items"]] == [3_000, 3_250, 3_250]
    assert said["tariff_status"] == "illustrative"


def test_the_exact_limit_of_the_correction_is_applied(tmp_path: Path) -> None:
    basket = BASKET | {"lens_class": "A", "right_cents": 3_250, "left_cents": 3_250}
    assert quote(tmp_path, basket=basket)[0] == 0
    code, said = quote(tmp_path, basket=basket | {"left_cents": 3_251})
    assert (code, said["error"]) == (1, "invalid-basket")


@pytest.mark.parametrize(
    ("born", "last", "sphere", "medical", "expected"),
    [
        ("1980-01-01", 202411, -1.0, False, (True, False, 202611)),
        ("1980-01-01", 202412, -1.0, False, (False, False, 202612)),
        ("1980-01-01", 202511, -1.5, False, (False, True, 202711)),
        ("1980-01-01", 202512, -1.5, False, (False, False, 202712)),
        ("1980-01-01", 202611, -1.0, True, (False, True, 202811)),
        ("2015-01-01", 202611, -1.5, False, (False, True, 202711)),
    ],
)
def test_renewal_is_due_or_early(
    tmp_path: Path, born: str, last: int, sphere: float, *, medical: bool, expected: tuple[bool, bool, int]
) -> None:
    customer = {"birth_date": born, "last_equipment": last, "medical_situation": medical}
    _, said = quote(tmp_path, prescription=prescription(sphere), old_prescription=prescription(-1.0), customer=customer)
    renewal = said["renewal"]
    assert (renewal["due"], renewal["early_renewal"], renewal["payable_from"]) == expected


def test_the_validity_of_the_prescription_is_shown(tmp_path: Path) -> None:
    _, said = quote(tmp_path, customer={"birth_date": "2015-01-01"})
    assert (said["validity"]["last_day"], said["validity"]["valid"]) == ("2027-06-15", True)


def test_the_printed_quote_has_both_equipments_and_no_ground(tmp_path: Path) -> None:
    customer = {"birth_date": "1980-01-01", "last_equipment": 202611, "medical_situation": True}
    code, _ = quote(tmp_path, "--pdf", str(tmp_path / "quote.pdf"), customer=customer)
    assert code == 0
    text = "".join(page.extract_text() for page in pypdf.PdfReader(tmp_path / "quote.pdf").pages)
    assert all(part in text for part in ("MONT-A", "MONT-B", "illustratives", "Renouvellement anticipé"))
    assert "MEDICAL" not in text


@pytest.mark.parametrize("arguments", [[], ["--name", "X"]])
def test_without_a_file_the_customer_is_needed(arguments: list[str]) -> None:
    run = CliRunner().invoke(group, ["quote", "--json", *arguments])
    assert (run.exit_code, json.loads(run.stdout)["error"]) == (1, "bad-input")
