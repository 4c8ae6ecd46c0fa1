"""Rules files and guarantee tables: what is read, what is refused, and which are in force (section 11)."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.optics import examples
from tests.unit.optics.examples import EVERY, SHIPPED
from tests.unit.optics.toml import toml
from tests.unit.wire.messages import messages

from paravent.errors import InvalidConfiguration, MalformedMessage, OutsideValidity, OvercollectionRefused
from paravent.optics.guarantee import (
    Guarantee,
    GuaranteeFile,
    GuaranteeTables,
    read_guarantees,
)
from paravent.optics.guarantee_check import check_lines, require_responsible
from paravent.optics.months import Month
from paravent.optics.overcollection import refuse_overcollection
from paravent.optics.rules import Rules, RulesFile, read_rules, rules_for, rules_of_month
from paravent.optics.store import every_shipped_rules, shipped_rules_for
from paravent.wire.codec import decode, encode
from paravent.wire.optics_terms import Band

# --- rules -------------------------------------------------------------------------------------


@EVERY
@given(messages(RulesFile))
def test_a_rules_file_comes_back_and_its_version_is_its_hash(content: RulesFile) -> None:
    body = toml(content)
    read = read_rules(body)
    assert read.content == content
    assert read.version == f"{content.valid_from.isoformat()}-{hashlib.sha256(body).hexdigest()[:8]}"
    assert read_rules(body + b"\n# a word more\n").version != read.version


SHIPPED_TABLE: dict[str, Any] = msgspec.to_builtins(SHIPPED.content, builtin_types=(date,))
WRONG_RULES: list[tuple[tuple[str, ...], Any]] = [
    (("valid_from",), "yesterday"), (("valid_to",), date(2019, 12, 31)), (("bands", "floor_cents", "a"), 42_001),
    (("bands", "floor_cents", "g"), 1), (("bands", "ceiling_cents", "f"), None), (("bands", "frame_max_cents"), -1),
    (("bands", "frame_max_cents"), 1.5), (("bands", "source"), ""), (("bands", "status"), "sure"),
    (("amo_rate", "percent"), 101), (("amo_rate", "percent"), -1), (("class_a_lens_limit", "cents", "a"), 20_000),
    (("class_a_lens_limit", "cents", "b"), 1), (("class_b_base", "frame_cents"), 10_000_001), (("mixed",), {}),
    (("unknown",), 1), (("bands", "unknown"), 1), (("class_a_frame_base",), None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value"), WRONG_RULES, ids=[f"{'.'.join(path)} {value}" for path, value in WRONG_RULES]
)
def test_a_wrong_rules_file_is_refused(path: tuple[str, ...], value: Any) -> None:
    table = msgspec.toml.decode(toml(SHIPPED_TABLE))
    place = table
    for step in path[:-1]:
        place = place[step]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    with pytest.raises(InvalidConfiguration, match="rules file"):
        read_rules(toml(table))


@pytest.mark.parametrize("body", [b"", b"\xff", b"a =", b"[bands]\n[bands]", b"[[bands]]"])
def test_what_is_no_rules_file_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidConfiguration, match="rules file"):
        read_rules(body)


def dated(version: str, first: date, last: date | None) -> Rules:
    """Rules of a period."""
    return Rules(version=version, content=msgspec.structs.replace(SHIPPED.content, valid_from=first, valid_to=last))


OLD = dated("old", date(2020, 1, 1), date(2024, 12, 31))
NEW = dated("new", date(2024, 7, 1), None)
PERIODS = [
    (date(2019, 12, 31), None), (date(2020, 1, 1), OLD), (date(2024, 6, 30), OLD), (date(2024, 7, 1), NEW),
    (date(2024, 12, 31), NEW), (date(2025, 1, 1), NEW), (date(9999, 12, 31), NEW),
]  # fmt: skip


@pytest.mark.parametrize(("day", "expected"), PERIODS, ids=[str(day) for day, _ in PERIODS])
@pytest.mark.parametrize("available", [[OLD, NEW], [NEW, OLD]], ids=["oldest first", "newest first"])
def test_the_newest_rules_in_force_are_chosen(day: date, expected: Rules | None, available: list[Rules]) -> None:
    if expected is None:
        with pytest.raises(InvalidConfiguration, match="no rules file is in force on 2019-12-31"):
            rules_for(day, available)
    else:
        assert rules_for(day, available) is expected


def test_the_package_has_rules_since_100_percent_sante() -> None:
    assert shipped_rules_for(date(2020, 1, 1)) in every_shipped_rules()
    assert shipped_rules_for(date(2026, 6, 15)) is every_shipped_rules()[-1]
    with pytest.raises(InvalidConfiguration):
        shipped_rules_for(date(2019, 12, 31))


def test_the_amounts_of_the_law() -> None:
    bands = SHIPPED.content.bands
    floors = {"a": 5000, "b": 12500, "c": 20000, "d": 12500, "e": 20000, "f": 20000}
    ceilings = {"a": 42000, "b": 56000, "c": 70000, "d": 61000, "e": 75000, "f": 80000}
    assert {band.value: cents for band, cents in bands.floor_cents.items()} == floors
    assert {band.value: cents for band, cents in bands.ceiling_cents.items()} == ceilings
    assert bands.frame_max_cents == 10_000


# --- guarantees --------------------------------------------------------------------------------


@EVERY
@given(messages(GuaranteeFile))
def test_a_guarantee_file_comes_back(drawn: GuaranteeFile) -> None:
    codes = [guarantee.code for guarantee in drawn.guarantee]
    if len(set(codes)) != len(codes):
        with pytest.raises(InvalidConfiguration, match="twice"):
            read_guarantees(toml(drawn))
    else:
        assert read_guarantees(toml(drawn)) == drawn


FILE: dict[str, Any] = {
    "insurer": "99000001",
    "guarantee": [
        {
            "code": "OPT-1", "label": "Sph\u00e8re et dioptrie", "responsible": True, "frame_max_cents": 10_000,
            "class_b_cents": {"a": 30_000, "b": 40_000, "c": 50_000, "d": 45_000, "e": 55_000, "f": 60_000},
        }
    ],
}  # fmt: skip


def test_a_label_is_free_text() -> None:
    assert read_guarantees(toml(FILE)).guarantee[0].label == "Sph\u00e8re et dioptrie"


WRONG_GUARANTEES: list[dict[str, Any]] = [
    {"code": "opt-1"}, {"code": "X" * 17}, {"code": ""}, {"code": "OPT-1\n"}, {"label": ""}, {"responsible": "yes"},
    {"frame_max_cents": -1}, {"frame_max_cents": 100.5}, {"frame_max_cents": 10_000_001},
    {"class_b_cents": {"g": 1}}, {"class_b_cents": {"a": -1}}, {"class_b_cents": {"A": 1}}, {"class_b_cents": []},
    {"valid_from": 202600}, {"valid_from": 202613}, {"valid_from": "2026-01"}, {"unknown": 1},
    {"valid_from": 202607, "valid_to": 202606},
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG_GUARANTEES, ids=str)
def test_a_wrong_guarantee_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfiguration, match="guarantee file"):
        read_guarantees(toml(FILE | {"guarantee": [FILE["guarantee"][0] | wrong]}))


@pytest.mark.parametrize("body", [b"", b"\xff", b"insurer = 1", b'insurer = "99000001"\nguarantee = []'])
def test_what_is_no_guarantee_file_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidConfiguration, match="guarantee file"):
        read_guarantees(body)


@pytest.mark.parametrize("asked", [{"sphere_max_cents": 1}, {"class_b_cents": {"-2.25": 100}}, {"dioptres": [1, 2]}])
def test_over_collection_is_refused_before_the_form_of_the_file(asked: dict[str, Any]) -> None:
    with pytest.raises(OvercollectionRefused, match="CNIL"):
        read_guarantees(toml(FILE | {"guarantee": [FILE["guarantee"][0] | asked]}))


@EVERY
@given(st.integers(2000, 2098), st.integers(1, 12), st.integers(0, 30), st.integers(-3, 33))
def test_a_guarantee_is_in_force_in_its_months_both_included(year: int, month: int, length: int, moved: int) -> None:
    first = Month(number=year * 100 + month)
    last, asked = first.plus(length), first.plus(moved)
    drawn = Guarantee(
        code="X", label="x", responsible=False, class_b_cents={}, frame_max_cents=0, valid_from=first.number,
        valid_to=last.number,
    )  # fmt: skip
    tables = GuaranteeTables(insurer="99000001", counter=1, issued_at=1, guarantees=(drawn,))
    for restricted, allowed in (
        (drawn, 0 <= moved <= length),
        (examples.with_cents(drawn, valid_to=None), moved >= 0),
        (examples.with_cents(drawn, valid_from=None), moved <= length),
    ):
        if allowed:
            restricted.require_valid(asked)
        else:
            with pytest.raises(OutsideValidity, match=str(asked)):
                restricted.require_valid(asked)
    assert tables.find("X") is tables.guarantees[0]
    with pytest.raises(InvalidConfiguration):
        tables.find("Y", asked)


@pytest.mark.parametrize(("responsible", "frame"), [(True, 10_000), (False, 10_001), (True, 10_001)])
def test_only_a_contract_said_to_be_responsible_must_be(*, responsible: bool, frame: int) -> None:
    drawn = Guarantee(code="X", label="x", responsible=responsible, class_b_cents={}, frame_max_cents=frame)
    if responsible and frame > 10_000:
        with pytest.raises(InvalidConfiguration, match="not a contrat responsable: X: the frame"):
            require_responsible(drawn, SHIPPED)
    else:
        require_responsible(drawn, SHIPPED)


def test_everything_broken_is_said_at_once() -> None:
    low = Guarantee(code="X", label="x", responsible=True, class_b_cents=dict.fromkeys(Band, 1), frame_max_cents=10_001)
    with pytest.raises(InvalidConfiguration) as caught:
        require_responsible(low, SHIPPED)
    assert str(caught.value).count("R.871-2") == 7


def test_a_month_that_does_not_exist_is_refused_on_the_wire_too() -> None:
    body = encode(
        Guarantee(code="X", label="x", responsible=False, class_b_cents={}, frame_max_cents=0, valid_from=202601)
    )
    with pytest.raises(MalformedMessage):
        decode(body.replace(b"202601", b"202613"), Guarantee)


# --- over-collection -----------------------------------------------------------------------------

HARMLESS = [
    "insurer", "guarantee", "class_b_cents", "frame_max_cents", "OPT-CONFORT", "additional", "indexation", "axes",
    "30", "12.3", "1.5", "2026", "+123", "123456", "12345678", "valid_from", "category", "simple", "complexe",
]  # fmt: skip


@pytest.mark.parametrize("word", HARMLESS)
def test_what_asks_for_nothing_is_left_alone(word: str) -> None:
    refuse_overcollection({word: {"kind": [word, 1, True, None, 2.25]}})


@pytest.mark.parametrize("key", ["insurer", "code", "label"])
def test_a_name_is_not_read_but_its_key_is(key: str) -> None:
    refuse_overcollection({key: "correction -2.25"})
    with pytest.raises(OvercollectionRefused):
        refuse_overcollection({f"{key}_correction": 1})


@pytest.mark.parametrize("asked", ["sph_max", "cyl", "add_max", "\u22122.25", "-2.25 D", "+2.00 \u03b4"])
def test_an_abbreviation_asks_for_the_same(asked: str) -> None:
    with pytest.raises(OvercollectionRefused):
        refuse_overcollection({asked: 1})


# --- the same table in JSON, and every line of a check -------------------------------------------


@EVERY
@given(messages(GuaranteeFile))
def test_a_guarantee_file_may_be_json(drawn: GuaranteeFile) -> None:
    codes = [guarantee.code for guarantee in drawn.guarantee]
    if len(set(codes)) == len(codes):
        assert read_guarantees(encode(drawn)) == drawn


@pytest.mark.parametrize("body", [b'{"insurer": "99000001", "insurer": "99000001"}', b'{"insurer": ', b"{" * 9_999])
def test_json_that_is_not_one_table_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidConfiguration):
        read_guarantees(body)


def test_json_that_asks_for_corrections_is_refused() -> None:
    with pytest.raises(OvercollectionRefused, match="CNIL"):
        read_guarantees(b'{"insurer": "99000001", "guarantee": [{"code": "X", "sphere_max": 2}]}')


def test_a_check_reports_every_floor_ceiling_and_cap_with_its_article() -> None:
    uncovered = Guarantee(code="X", label="x", responsible=True, class_b_cents={}, frame_max_cents=0)
    lines = check_lines(uncovered, SHIPPED)
    assert [(line.band, line.bound.value) for line in lines] == [
        *((band, bound) for band in Band for bound in ("floor", "ceiling")), (None, "frame-cap"),
    ]  # fmt: skip
    assert all(line.kept and line.article.startswith("CSS R.871-2 3°") for line in lines)
    assert not any(line.binding for line in lines if line.bound.value == "floor")


def test_the_rules_of_an_act_are_those_of_its_month() -> None:
    """A file that begins on 1 January serves the acts of January, whatever was added since."""
    old = Rules(version="old", content=msgspec.structs.replace(SHIPPED.content, valid_from=date(2020, 1, 1)))
    new = Rules(version="new", content=msgspec.structs.replace(SHIPPED.content, valid_from=date(2027, 1, 1)))
    late = Rules(version="late", content=msgspec.structs.replace(SHIPPED.content, valid_from=date(2027, 3, 2)))
    months = (Month(number=number) for number in (202612, 202701, 202703, 202704))
    chosen = [rules_of_month(month, (old, new, late)).version for month in months]
    assert chosen == ["old", "new", "new", "late"]
    with pytest.raises(InvalidConfiguration):
        rules_of_month(Month(number=201912), (old, new, late))
