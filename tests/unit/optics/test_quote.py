"""Quotes of known baskets, amounts and months at their boundaries (section 11)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.optics.examples import EVERY, SHIPPED, item

from paravent.errors import InvalidBasket, MalformedMessage, RenewalNotDue
from paravent.optics.claim_states import Paid, Request, RightRecord, RightState, apply, payable_from
from paravent.optics.guarantee import Guarantee
from paravent.optics.items import equipment_of
from paravent.optics.money import CENTS_MAX, format_euros, format_plain, parse_euros, percent_of
from paravent.optics.months import Month
from paravent.optics.quote import Quote, compute_quote, require_amounts
from paravent.optics.reasons import Why
from paravent.wire.claims import ActKind
from paravent.wire.optics_terms import Band, LensCategory, band_of

COVER = {Band.A: 30_000, Band.B: 40_000, Band.C: 50_000, Band.D: 45_000, Band.E: 55_000, Band.F: 60_000}


def quote(
    *, frame: tuple[str, int], lenses: tuple[tuple[str, int], tuple[str, int]], frame_max: int = 10_000,
    cover: dict[Band, int] | None = None,
) -> Quote:  # fmt: skip
    """Quotes a basket under the shipped rules."""
    guarantee = Guarantee(
        code="OPT",
        label="x",
        responsible=True,
        class_b_cents=COVER if cover is None else cover,
        frame_max_cents=frame_max,
    )
    return compute_quote(equipment_of([item(*frame), *(item(*lens) for lens in lenses)]), guarantee, SHIPPED)


def amounts(computed: Quote) -> list[tuple[int, int, int]]:
    """Who pays what, line by line."""
    return [(line.amo_cents, line.amc_cents, line.rest_cents) for line in computed.items]


# The base of a class B item is 5 cents at 60 %: 3 cents each. Class A: 60 % of 30 % of the price limit.
CASES = {
    "class A, within its limits": (
        quote(frame=("MONT-A", 3_000), lenses=(("V-a-A", 9_000), ("V-c-A", 13_000))),
        [(540, 2_460, 0), (1_620, 7_380, 0), (2_340, 10_660, 0)],
    ),
    "class B, within the amount": (
        quote(frame=("MONT-B", 9_000), lenses=(("V-a-B", 10_000), ("V-a-B", 10_000))),
        [(3, 8_997, 0), (3, 9_997, 0), (3, 9_997, 0)],
    ),
    "class B, the frame above its cap": (
        quote(frame=("MONT-B", 15_000), lenses=(("V-a-B", 5_000), ("V-a-B", 5_000))),
        [(3, 9_997, 5_000), (3, 4_997, 0), (3, 4_997, 0)],
    ),
    "class B, the amount is spent": (
        quote(frame=("MONT-B", 10_000), lenses=(("V-a-B", 20_000), ("V-a-B", 20_000))),
        [(3, 9_997, 0), (3, 9_997, 10_000), (3, 9_997, 10_000)],
    ),
    "class B, lenses share in proportion": (
        quote(frame=("MONT-B", 10_000), lenses=(("V-a-B", 30_003), ("V-a-B", 10_003))),
        [(3, 9_997, 0), (3, 14_996, 15_004), (3, 4_998, 5_002)],
    ),
    "class A lenses, class B frame": (
        quote(frame=("MONT-B", 15_000), lenses=(("V-a-A", 9_000), ("V-a-A", 9_000)), frame_max=10_000),
        [(3, 9_997, 5_000), (1_620, 7_380, 0), (1_620, 7_380, 0)],
    ),
    "class A lenses that leave little to the frame": (
        quote(frame=("MONT-B", 15_000), lenses=(("V-a-A", 9_000), ("V-a-A", 9_000)), cover={Band.A: 20_000}),
        [(3, 1_997, 13_000), (1_620, 7_380, 0), (1_620, 7_380, 0)],
    ),
    "no class B": (
        quote(frame=("MONT-B", 10_000), lenses=(("V-a-B", 10_000), ("V-a-B", 10_000)), cover={}),
        [(3, 0, 9_997), (3, 0, 9_997), (3, 0, 9_997)],
    ),
    "prices below the AMO part": (
        quote(frame=("MONT-B", 1), lenses=(("V-a-B", 2), ("V-a-B", 3))),
        [(1, 0, 0), (2, 0, 0), (3, 0, 0)],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_known_basket(name: str) -> None:
    computed, expected = CASES[name]
    assert amounts(computed) == expected


WHY = {
    "class A, within its limits": [Why.CLASS_A, Why.CLASS_A, Why.CLASS_A],
    "class B, within the amount": [Why.WITHIN_BAND, Why.WITHIN_BAND, Why.WITHIN_BAND],
    "class B, the frame above its cap": [Why.FRAME_CAP, Why.WITHIN_BAND, Why.WITHIN_BAND],
    "class B, the amount is spent": [Why.WITHIN_BAND, Why.BAND_CEILING, Why.BAND_CEILING],
    "class A lenses that leave little to the frame": [Why.BAND_CEILING, Why.CLASS_A, Why.CLASS_A],
    "no class B": [Why.NO_CLASS_B, Why.NO_CLASS_B, Why.NO_CLASS_B],
}


@pytest.mark.parametrize("name", WHY)
def test_each_line_says_what_decided_it(name: str) -> None:
    computed, _ = CASES[name]
    assert [line.why_code for line in computed.items] == WHY[name]
    for line in computed.items:
        assert line.why
        # A sentence never says more than its source: only class B amounts stand in the article.
        assert ("R.871-2" in line.why) is (line.why_code in {Why.WITHIN_BAND, Why.FRAME_CAP, Why.BAND_CEILING})


@pytest.mark.parametrize("right", LensCategory)
@pytest.mark.parametrize("left", LensCategory)
def test_a_band_is_that_of_both_eyes(right: LensCategory, left: LensCategory) -> None:
    bands = {"aa": "a", "ac": "b", "cc": "c", "af": "d", "cf": "e", "ff": "f"}
    assert band_of(right, left).value == bands["".join(sorted(right.value + left.value))]


@pytest.mark.parametrize("name", ["amo_cents", "amc_cents", "rest_cents"])
def test_a_claimed_amount_is_compared_one_by_one(name: str) -> None:
    computed, _ = CASES["class B, the amount is spent"]
    claimed = {field: getattr(computed, field) for field in ("amo_cents", "amc_cents", "rest_cents")}
    require_amounts(computed, **claimed)
    other = "amc_cents" if name == "rest_cents" else "rest_cents"
    with pytest.raises(Exception, match="the rules give"):
        require_amounts(computed, **(claimed | {name: claimed[name] + 1, other: claimed[other] - 1}))


# --- money -------------------------------------------------------------------------------------

READ = {
    "0": 0, "0,00": 0, "0.01": 1, "1": 100, "12,50": 1250, "1234.50": 123_450, "1 234,50 \u20ac": 123_450,
    "1\u202f234,50\u00a0\u20ac": 123_450, "1234.50 EUR": 123_450, "100 000,00 \u20ac": CENTS_MAX, "007": 700,
    "12\u20ac": 1200,
}  # fmt: skip
NOT_READ = [
    "", " ", "-1", "+1", "1,5", "1.234", "1.234,50", "1,234.50", "12 34", "1 2345", "1e3", "\u0661", "\uff11",
    "1 \u20ac\u20ac", "$1", "1 USD", "\u20ac 1", "1,50,", ".50", "1,", "100000,01",
    "9" * 40, "0" * 5000 + "x", "NaN", "1\n", "\n1", "1_000",
]  # fmt: skip


@pytest.mark.parametrize("text", READ)
def test_an_amount_is_read(text: str) -> None:
    assert parse_euros(text) == READ[text]


@pytest.mark.parametrize("text", NOT_READ, ids=range(len(NOT_READ)))
def test_what_has_no_single_meaning_is_no_amount(text: str) -> None:
    with pytest.raises(InvalidBasket):
        parse_euros(text)


@EVERY
@given(st.text(max_size=12) | st.text("0123456789., \u202f\u20acEUR", max_size=12))
def test_any_text_is_an_amount_or_refused(text: str) -> None:
    try:
        cents = parse_euros(text)
    except InvalidBasket:
        return
    assert 0 <= cents <= CENTS_MAX
    assert parse_euros(format_euros(cents)) == cents


def test_long_numbers_are_refused_without_being_computed() -> None:
    with pytest.raises(InvalidBasket):
        parse_euros("9" * 100_000)
    assert parse_euros("0" * 100_000 + "1") == 100


def test_amounts_are_written_as_in_french() -> None:
    assert format_euros(123_456_789) == "1\u202f234\u202f567,89\u00a0\u20ac"
    assert format_euros(5) == "0,05\u00a0\u20ac"
    assert format_plain(CENTS_MAX) == "100000.00"
    for wrong in (-1, True, 1.0):
        with pytest.raises(InvalidBasket):
            format_euros(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(("cents", "percent", "part"), [(5, 60, 3), (1, 50, 1), (1, 49, 0), (3, 50, 2), (0, 100, 0)])
def test_half_a_cent_is_a_cent(cents: int, percent: int, part: int) -> None:
    assert percent_of(cents, percent) == part


# --- months ------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 2026, 189912, 190000, 202600, 202613, 202699, 299913, 300001, -202601])
def test_what_is_no_month_is_refused(number: int) -> None:
    with pytest.raises(MalformedMessage):
        Month(number=number)


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-1", "2026-13", "2026/01", "20260", "2026-01-01", "\u0662026-01", "202601\n"]
)
def test_what_is_not_written_as_a_month_is_refused(text: str) -> None:
    with pytest.raises(MalformedMessage):
        Month.parse(text)


@EVERY
@given(st.integers(1900, 2999), st.integers(1, 12))
def test_a_month_comes_back_from_its_text(year: int, month: int) -> None:
    drawn = Month(number=year * 100 + month)
    assert Month.parse(str(drawn)) == Month.parse(str(drawn).replace("-", "")) == drawn


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [(202612, 1, 202701), (202601, -1, 202512), (202601, 24, 202801), (202607, 6, 202701), (190001, 0, 190001)],
)
def test_a_month_moves_through_the_new_year(start: int, months: int, end: int) -> None:
    assert Month(number=start).plus(months) == Month(number=end)


@pytest.mark.parametrize(("start", "months"), [(190001, -1), (299912, 1), (202601, 12 * 974)])
def test_a_month_does_not_leave_its_thousand_years(start: int, months: int) -> None:
    with pytest.raises(MalformedMessage):
        Month(number=start).plus(months)


# --- renewal at its boundary -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("consumed", "renewal", "free_from", "due"),
    [
        (None, 24, 202601, 202601), (202412, 24, 202601, 202612), (202501, 12, 202601, 202601),
        (202507, 6, 202601, 202601), (202508, 6, 202601, 202602), (202512, 12, 202701, 202701),
        (202612, 24, 202601, 202812),
    ],
)  # fmt: skip
def test_equipment_is_payable_from_one_month_on(consumed: int | None, renewal: int, free_from: int, due: int) -> None:
    record = (
        None if consumed is None else RightRecord(state=RightState.CONSUMED, paid=(Paid(month=consumed, early=False),))
    )
    assert payable_from(record or RightRecord(), free_from, renewal) == Month(number=due)
    for month, early, refused in (
        (Month(number=due).plus(-1), False, True), (Month(number=due), False, False),
        (Month(number=due).plus(-1), True, False),
    ):  # fmt: skip
        request = Request(
            kind=ActKind.RESERVE, holder=b"h", now=0, month=month.number, free_from=free_from, renewal_months=renewal,
            early_renewal=early,
        )  # fmt: skip
        if refused:
            with pytest.raises(RenewalNotDue, match=str(Month(number=due))) as caught:
                apply(record, request)
            assert caught.value.payable_from == due
        else:
            assert apply(record, request).state is RightState.RESERVED
