"""What the trade promises, each as one function that ``test_seeded_defects`` calls both ways."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.unit.optics import examples
from tests.unit.optics.examples import EVERY, MORE, Basket, item, limit_of
from tests.unit.optics.rights import ACTS, NaiveRight, Step, counted, end_of_reservation
from tests.unit.wire.messages import messages

from paravent.errors import (
    AlreadyReserved,
    AmountMismatch,
    InvalidBasket,
    NoReservation,
    OvercollectionRefused,
    ParaventError,
    StorageDown,
)
from paravent.optics import claim_states, decision, guarantee_check, items, money, months, overcollection, quote, rules
from paravent.optics.claim_states import RESERVATION_SECONDS, Paid, RightRecord, RightState
from paravent.optics.guarantee import Guarantee
from paravent.optics.items import EXTRA_COUNTS, FRAME_CODES, LENS_CODES, EquipmentClass
from paravent.optics.money import CENTS_MAX
from paravent.optics.quote import Quote
from paravent.optics.rules import Rules, RulesFile
from paravent.wire.claims import Claim, ClaimedItem
from paravent.wire.optics_terms import Band, ExtraCode, LensCategory

AMOUNTS = ("amo_cents", "amc_cents", "rest_cents")


def _quoted(basket: Basket) -> Quote:
    """Computes the quote of a basket."""
    return quote.compute_quote(items.equipment_of(basket.items), basket.guarantee, basket.rules)


# --- amounts -----------------------------------------------------------------------------------


@MORE
@given(examples.baskets())
def every_cent_of_a_price_is_paid_once(basket: Basket) -> None:
    """AMO, AMC and patient pay each price to the cent, and nobody pays less than nothing or more than the price."""
    computed = _quoted(basket)
    for line in computed.items:
        parts = (line.amo_cents, line.amc_cents, line.rest_cents)
        assert sum(parts) == line.price_cents
        assert all(0 <= part <= line.price_cents for part in parts)
    totals = (computed.amo_cents, computed.amc_cents, computed.rest_cents)
    assert sum(totals) == sum(entry.price_cents for entry in basket.items)
    assert totals == tuple(sum(getattr(line, name) for line in computed.items) for name in AMOUNTS)


@MORE
@given(examples.baskets())
def class_a_leaves_nothing_to_pay(basket: Basket) -> None:
    """An item of class A costs the patient nothing, whatever the guarantee covers (CSS L.871-1).

    A service that is not paid in full costs what is above its base, of which the participation is covered.
    """
    for line in _quoted(basket).items:
        if line.code in EXTRA_COUNTS and not basket.rules.content.extra_rule(ExtraCode(line.code)).paid_in_full:
            assert line.rest_cents == max(0, line.price_cents - max(line.amo_base_cents, line.amo_cents))
        elif line.kind is EquipmentClass.A:
            assert line.rest_cents == 0


@MORE
@given(examples.baskets())
def a_guarantee_is_never_passed(basket: Basket) -> None:
    """AMO and AMC together stay within the amount of the band and the cap of the frame, AMO alone excepted."""
    computed = _quoted(basket)
    amount = basket.guarantee.class_b_cents.get(Band(computed.band), 0)
    class_b = [line for line in computed.items if line.kind is EquipmentClass.B]
    class_a = sum(line.price_cents for line in computed.items[:3] if line.kind is EquipmentClass.A)
    covered = sum(line.amo_cents + line.amc_cents for line in class_b)
    assert covered <= max(amount - class_a, sum(line.amo_cents for line in class_b))
    for line in class_b:
        if line.code in FRAME_CODES:
            assert line.amo_cents + line.amc_cents <= max(basket.guarantee.frame_max_cents, line.amo_cents)


@MORE
@example(examples.with_an_odd_cent())
@given(examples.baskets())
def amounts_are_those_of_the_naive_model(basket: Basket) -> None:
    """A second computation, by fractions and from the law's sentences, gives the same totals and shares."""
    computed = _quoted(basket)
    frame, *lenses = computed.items[:3]
    content = basket.rules.content
    for line in computed.items:
        assert line.amo_cents == min(line.price_cents, _half_up(_base(line, content) * content.amo_rate.percent, 100))
    mixed = sum(line.price_cents for line in computed.items[:3] if line.kind is EquipmentClass.A)
    class_b = [line for line in computed.items if line.kind is EquipmentClass.B]
    pot = basket.guarantee.class_b_cents.get(Band(computed.band), 0) - mixed - sum(line.amo_cents for line in class_b)
    wanted = {}
    for place, line in enumerate(class_b):
        wanted[place] = line.price_cents - line.amo_cents
        if line is frame:
            wanted[place] = min(wanted[place], max(0, basket.guarantee.frame_max_cents - line.amo_cents))
    assert sum(line.amc_cents for line in class_b) == max(0, min(pot, sum(wanted.values())))
    left = max(0, pot - (frame.amc_cents if frame.kind is EquipmentClass.B else 0))
    unpaid = sum(line.price_cents - line.amo_cents for line in lenses)
    if lenses[0].kind is EquipmentClass.B and 0 < left < unpaid:
        for line in lenses:
            assert abs(Fraction(left * (line.price_cents - line.amo_cents), unpaid) - line.amc_cents) <= Fraction(1, 2)


def _base(line: quote.QuotedItem, content: RulesFile) -> int:
    if line.kind is EquipmentClass.B:
        return content.class_b_base.frame_cents if line.code in FRAME_CODES else content.class_b_base.lens_cents
    if line.code in EXTRA_COUNTS:
        extra = content.extra_rule(ExtraCode(line.code))
        return _half_up(extra.limit_cents * extra.base_percent_of_limit, 100)
    if line.code in FRAME_CODES:
        return _half_up(content.class_a_frame_limit.cents * content.class_a_frame_base.percent_of_limit, 100)
    limit = content.class_a_lens_limit.cents[LensCategory(line.code[2])]
    return _half_up(limit * content.class_a_lens_base.percent_of_limit, 100)


def _half_up(numerator: int, denominator: int) -> int:
    whole, rest = divmod(numerator, denominator)
    return whole + (2 * rest >= denominator)


@EVERY
@given(examples.baskets(), st.integers(1, 5000))
def more_cover_never_costs_the_patient_more(basket: Basket, more: int) -> None:
    """Raising any amount of a guarantee lowers no part of the AMC in total."""
    before = _quoted(basket).rest_cents
    raised = {band: min(CENTS_MAX, cents + more) for band, cents in basket.guarantee.class_b_cents.items()}
    frame_max = min(CENTS_MAX, basket.guarantee.frame_max_cents + more)
    for changes in ({"class_b_cents": raised}, {"frame_max_cents": frame_max}):
        better = Basket(
            items=basket.items, guarantee=examples.with_cents(basket.guarantee, **changes), rules=basket.rules
        )
        assert _quoted(better).rest_cents <= before


@EVERY
@given(st.integers(1, 9_000), st.integers(1, 14_000), st.lists(st.sampled_from([*ExtraCode]), unique=True, min_size=1))
def a_supplement_takes_nothing_from_the_pot(lens: int, left: int, extras: list[ExtraCode]) -> None:
    """In mixed equipment the frame of class B is covered alike with and without what is added to class A lenses."""
    bare = [item("MONT-B", 15_000), item("V-a-A", lens), item("V-a-A", lens)]
    # What is left for the frame decides: it is less than the frame costs.
    cover = Guarantee(
        code="X", label="x", responsible=False, class_b_cents={Band.A: 2 * lens + left}, frame_max_cents=CENTS_MAX
    )
    alone, added = (
        quote.compute_quote(items.equipment_of([*bare, *more]), cover, examples.SHIPPED)
        for more in ([], [item(code, 400) for code in extras])
    )
    assert added.items[:3] == alone.items


@MORE
@given(examples.baskets(), messages(Guarantee))
def a_second_coverage_pays_what_the_first_leaves(basket: Basket, second: Guarantee) -> None:
    """The first pays as if alone; the second within its own amounts and what is left; together never above a price."""
    equipment = items.equipment_of(basket.items)
    alone = _quoted(basket)
    other = quote.compute_quote(equipment, second, basket.rules)
    both = quote.compute_quote(equipment, basket.guarantee, basket.rules, second)
    assert [line.covers[0] for line in both.items] == [line.covers[0] for line in alone.items]
    assert both.covers_cents[1] <= min(alone.rest_cents, other.amc_cents)
    assert both.rest_cents == alone.rest_cents - both.covers_cents[1] >= 0
    for line, first in zip(both.items, alone.items, strict=True):
        assert line.covers[1].amc_cents <= first.rest_cents
        assert line.amc_cents == sum(cover.amc_cents for cover in line.covers)
        assert line.amo_cents + line.amc_cents + line.rest_cents == line.price_cents
    # Nothing that the second could still pay is left to the customer: whatever the frame, the pot was spent on it.
    if both.rest_cents and Band(both.band) in second.class_b_cents:
        frame = both.items[0]
        capped = frame.rest_cents == 0 or frame.amo_cents + frame.covers[1].amc_cents >= second.frame_max_cents
        lenses = sum(line.rest_cents for line in both.items[1:3])
        assert (lenses == 0 and capped) or both.covers_cents[1] >= _pot_of(second, both)


def _pot_of(cover: Guarantee, computed: Quote) -> int:
    """What a coverage may pay for class B items, from the law's sentences."""
    left = cover.class_b_cents.get(Band(computed.band), 0)
    for line in computed.items[:3]:
        left -= line.price_cents if line.kind is EquipmentClass.A else line.amo_cents
    return max(0, left)


@EVERY
@given(examples.baskets(), st.data())
def the_order_of_items_decides_nothing(basket: Basket, data: st.DataObject) -> None:
    """Whoever lists the items, in whatever order, the totals are the same."""
    shuffled = tuple(data.draw(st.permutations(basket.items)))
    other = _quoted(Basket(items=shuffled, guarantee=basket.guarantee, rules=basket.rules))
    computed = _quoted(basket)
    assert (other.amo_cents, other.amc_cents, other.rest_cents, other.band) == (
        computed.amo_cents, computed.amc_cents, computed.rest_cents, computed.band,
    )  # fmt: skip


@EVERY
@given(examples.RULES, st.sampled_from([*FRAME_CODES, *LENS_CODES]), st.integers(1, 1000))
def class_a_has_a_price_limit(drawn: Rules, code: str, above: int) -> None:
    """A class A price is at most its limit; one cent more is refused."""
    limit = limit_of(code, drawn)
    if code.endswith("-B") or limit + above > CENTS_MAX:
        return
    others = ["V-a-A", "V-a-A"] if code in FRAME_CODES else ["MONT-B", code]
    for cents, refused in ((limit, False), (limit + above, True)):
        if cents == 0 or any(limit_of(other, drawn) == 0 for other in others):
            continue
        basket = items.equipment_of([item(code, cents), *(item(other, 1) for other in others)])
        cover = Guarantee(code="X", label="x", responsible=False, class_b_cents={}, frame_max_cents=0)
        if refused:
            with pytest.raises(InvalidBasket, match="at most"):
                quote.compute_quote(basket, cover, drawn)
        else:
            quote.compute_quote(basket, cover, drawn)


@EVERY
@given(examples.baskets(), messages(Claim), st.sampled_from(AMOUNTS), st.integers(-3, 3))
def a_claim_is_paid_to_the_cent_or_refused(basket: Basket, drawn: Claim, name: str, error: int) -> None:
    """A claim whose amounts differ by one cent, or whose rules are others, is refused."""
    computed = _quoted(basket)
    amounts = {field: getattr(computed, field) for field in AMOUNTS}
    claim = msgspec.structs.replace(drawn, items=basket.items, rules=basket.rules.version, **amounts)
    assert decision.adjudicate(claim, basket.guarantee, basket.rules) == computed
    altered = msgspec.structs.replace(claim, **{name: amounts[name] + error})
    if error:
        with pytest.raises(AmountMismatch):
            decision.adjudicate(altered, basket.guarantee, basket.rules)
    with pytest.raises(AmountMismatch, match="rules"):
        decision.adjudicate(msgspec.structs.replace(claim, rules="other"), basket.guarantee, basket.rules)


# --- items -------------------------------------------------------------------------------------

CODES = [*FRAME_CODES, *LENS_CODES]


@EVERY
@given(st.lists(st.sampled_from([*FRAME_CODES]), max_size=2), st.lists(st.sampled_from([*LENS_CODES]), max_size=3))
def an_equipment_is_one_frame_and_two_lenses_of_one_class(frames: list[str], glasses: list[str]) -> None:
    """Nothing else has a band in the law, so nothing else is quoted."""
    codes = [*glasses[:1], *frames, *glasses[1:]]
    lenses = [code for code in codes if code in LENS_CODES]
    whole = len(codes) == 3 and len(lenses) == 2 and len({code[-1] for code in lenses}) == 1
    basket = [item(code, 100) for code in codes]
    if whole:
        assert items.equipment_of(basket).lens_class == lenses[0][-1]
    else:
        with pytest.raises(InvalidBasket):
            items.equipment_of(basket)


@EVERY
@given(st.sampled_from(EquipmentClass), st.lists(st.sampled_from([*EXTRA_COUNTS]), max_size=4))
def supplements_go_with_class_a_lenses(kind: EquipmentClass, extras: list[ExtraCode]) -> None:
    """A filter for each lens, one pairing, one adaptation; none with class B lenses, whose price holds them."""
    basket = [item("MONT-B", 1), *(item(f"V-a-{kind}", 1) for _ in range(2)), *(item(code, 1) for code in extras)]
    few = extras.count(ExtraCode.FILTER) <= 2 and all(extras.count(code) <= 1 for code in list(ExtraCode)[1:])
    if not extras or (kind is EquipmentClass.A and few):
        assert len(items.equipment_of(basket).extras) == len(extras)
    else:
        with pytest.raises(InvalidBasket):
            items.equipment_of(basket)


@EVERY
@given(st.sampled_from(CODES), st.sampled_from([None, *LensCategory]), st.integers(-1, 2) | examples.CENTS)
def an_item_agrees_with_its_code(code: str, category: LensCategory | None, cents: int) -> None:
    """A price is one, and a lens has the category that its code says; a frame has none."""
    named = LENS_CODES[code][0] if code in LENS_CODES else None
    odd = ClaimedItem(code=code, price_cents=cents, category=category)
    others = [item("V-a-B", 1), item("V-a-B", 1)] if code in FRAME_CODES else [item("MONT-B", 1), item(code, 1)]
    if category is named and 0 < cents <= CENTS_MAX:
        items.equipment_of([odd, *others])
    else:
        with pytest.raises(InvalidBasket):
            items.equipment_of([odd, *others])


# --- guarantees and rules ----------------------------------------------------------------------


@EVERY
@given(st.sampled_from(Band), st.sampled_from(["floor", "ceiling"]), st.integers(-2, 2))
def a_responsible_contract_keeps_floors_and_ceilings(band: Band, limit: str, error: int) -> None:
    """One cent below a floor or above a ceiling is named with its band; the limits themselves are allowed."""
    bands = examples.SHIPPED.content.bands
    table = dict(bands.floor_cents if limit == "floor" else bands.ceiling_cents)
    table[band] += error
    drawn = Guarantee(code="X", label="x", responsible=True, class_b_cents=table, frame_max_cents=bands.frame_max_cents)
    broken = error < 0 if limit == "floor" else error > 0
    found = guarantee_check.check_responsible(drawn, examples.SHIPPED)
    assert [f"band {band.value}" in fault and limit in fault for fault in found] == [True] * broken
    # A band left out is below its floor, unless no band has an amount.
    lacking = examples.with_cents(drawn, class_b_cents={other: table[other] for other in Band if other is not band})
    assert any(
        f"band {band.value} has no amount" in fault
        for fault in guarantee_check.check_responsible(lacking, examples.SHIPPED)
    )
    over = examples.with_cents(drawn, class_b_cents={}, frame_max_cents=bands.frame_max_cents + max(0, error))
    assert len(guarantee_check.check_responsible(over, examples.SHIPPED)) == (error > 0)


ASKING = [
    "sphere_max", "sphereMax", "SPH\u00c8RE", "sphe\u0300re", "cylindre", "dioptres", "dioptric", "axe", "addition",
    "prisme", "correction", "ordonnance", "prescription_date", "puissance", "indice", "lens_index", "lpp",
    "diam\u00e8tre",
]  # fmt: skip
POWERS = ["-2.25", "+0,50", "12.75", "+6", "-10", "4.00"]
LPP = ["2203240", "0000000"]


@EVERY
@given(st.sampled_from(ASKING), st.lists(st.sampled_from(["guarantee", "bands", "x"]), max_size=3), st.booleans())
def a_table_that_asks_for_health_data_is_refused(asked: str, path: list[str], as_value: bool) -> None:
    """Wherever a table asks for a correction, as a key or as a value, it is refused with the reference."""
    for word in (asked, asked.upper(), f"max {asked}"):
        table: object = {"kind": word} if as_value else {word: 1}
        for name in path:
            table = {name: [table]}
        with pytest.raises(OvercollectionRefused, match="RGPD"):
            overcollection.refuse_overcollection(table)
    for number in (*POWERS, *LPP):
        with pytest.raises(OvercollectionRefused):
            overcollection.refuse_overcollection({"kind": number} if as_value else {number: 1})


@EVERY
@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(0, 400), st.integers(-3, 403))
def rules_are_in_force_from_their_first_day_to_their_last(first: date, length: int, day: int) -> None:
    """Both ends are included; the day before and the day after are not."""
    content = msgspec.structs.replace(
        examples.SHIPPED.content, valid_from=first, valid_to=first + timedelta(days=length)
    )
    drawn = Rules(version="drawn", content=content)
    assert drawn.in_force(first + timedelta(days=day)) is (0 <= day <= length)
    assert rules.rules_for(first, [drawn]) is drawn
    endless = Rules(version="endless", content=msgspec.structs.replace(content, valid_to=None))
    assert endless.in_force(first + timedelta(days=day)) is (day >= 0)


# --- money and months --------------------------------------------------------------------------


@EVERY
@given(examples.CENTS, st.integers(0, 100) | st.just(50))
def a_percentage_is_rounded_half_up(cents: int, percent: int) -> None:
    """Half a cent is a cent; less is nothing."""
    assert money.percent_of(cents, percent) == _half_up(cents * percent, 100)
    assert money.percent_of(cents, percent) + money.percent_of(cents, 100 - percent) - cents in {0, 1}


@EVERY
@given(st.integers(-5, CENTS_MAX + 5) | st.floats() | st.booleans() | st.text(max_size=3) | st.none())
def an_amount_is_a_bounded_integer(value: object) -> None:
    """Neither a float, a boolean, a negative number nor one above the limit is an amount."""
    if type(value) is int and 0 <= value <= CENTS_MAX:
        assert money.require_cents(value) == value
    else:
        with pytest.raises(InvalidBasket):
            money.require_cents(value)


@EVERY
@given(examples.CENTS)
def an_amount_comes_back_from_its_text(cents: int) -> None:
    """What is written for people or machines is read as the same cents."""
    for text in (money.format_euros(cents), money.format_plain(cents), money.format_plain(cents).replace(".", ",")):
        assert money.parse_euros(text) == cents


@EVERY
@given(st.integers(1900, 2999), st.integers(1, 12), st.integers(-400, 400), st.integers(-400, 400))
def months_are_counted_in_twelves(year: int, month: int, first: int, second: int) -> None:
    """Moving by one number of months then another is moving by their sum, through every December."""
    start, count = months.Month(number=year * 100 + month), year * 12 + month - 1
    for moved in (first, second, first + second):
        if not 1900 * 12 <= count + moved < 3000 * 12:
            return
    assert start.plus(first).plus(second) == start.plus(first + second)
    assert start.plus(first).plus(-first) == start
    there = start.plus(first)
    assert (there.number // 100) * 12 + there.number % 100 - 1 == count + first
    assert (there > start) is (first > 0)


# --- the life of a right -------------------------------------------------------------------------


@MORE
@given(ACTS)
def a_right_lives_as_its_table_says(steps: list[Step]) -> None:
    """Any sequence of acts by three shops, at any dates, goes as a naive model says, act by act."""
    right, model = None, NaiveRight()
    now, month = 1_781_524_800, 202606
    for step in steps:
        now += step.seconds
        month = months.Month(number=month).plus(step.months).number
        expected = model.apply(step, now, month)
        if expected is not None:
            with pytest.raises(expected):
                claim_states.apply(right, step.request(now, month))
            continue
        right = claim_states.apply(right, step.request(now, month))
        model.require_same(right)


@MORE
@given(ACTS)
def one_equipment_is_paid_in_a_period(steps: list[Step]) -> None:
    """Between two payments stands a whole renewal period, but for one early renewal in a period."""
    right, now, month = None, 1_781_524_800, 202606
    paid: list[int] = []
    early: list[int] = []
    for step in steps:
        now += step.seconds
        month = months.Month(number=month).plus(step.months).number
        held = right is not None and right.holder == step.holder and now < (right.reserved_until or 0)
        try:
            right = claim_states.apply(right, step.request(now, month))
        except ParaventError:
            continue
        if right.state is RightState.CONSUMED:
            assert held, "nobody is paid without a live reservation of their own"
            due = month >= step.free_from and not (paid and _distance(paid[-1], month) < step.renewal_months)
            if not due:
                assert step.early
                assert not early or _distance(early[-1], month) >= step.renewal_months
                early.append(month)
            paid.append(month)
        assert right.consumed_month == (paid[-1] if paid else None)


def _distance(first: int, second: int) -> int:
    return counted(second) - counted(first)


@EVERY
@given(st.sampled_from(RightState), st.none() | st.just(b"h"), st.none() | st.just(1), st.none() | st.just(202601))
def a_record_agrees_with_its_state(
    state: RightState, holder: bytes | None, until: int | None, month: int | None
) -> None:
    """A record that was never written is a fault of the store, never a right."""
    paid = () if month is None else (Paid(month=month, early=False),)
    reserved = state is RightState.RESERVED
    allowed = (holder is not None) == (until is not None) == reserved and (
        state is not RightState.CONSUMED or month is not None
    )
    if reserved:
        allowed = holder is not None and until is not None
    if allowed:
        RightRecord(state=state, holder=holder, reserved_until=until, paid=paid)
    else:
        with pytest.raises(StorageDown):
            RightRecord(state=state, holder=holder, reserved_until=until, paid=paid)


@EVERY
@given(st.integers(1_781_524_800 - 86_400, 1_781_524_800 + 86_400) | st.sampled_from([1_781_481_600, 1_781_567_999]))
def a_reservation_ends_with_its_last_day(now: int) -> None:
    """It lasts sixty days and until the midnight (in France) after; from that second on it is free, for anybody."""
    mine, theirs = (Step(holder=holder, kind="reserve") for holder in (b"a", b"b"))
    consume = Step(holder=b"a", kind="consume")
    right = claim_states.apply(None, mine.request(now, 202606))
    end = end_of_reservation(now)
    assert right.reserved_until == end
    assert RESERVATION_SECONDS <= end - now < RESERVATION_SECONDS + 25 * 3_600
    for moment in (now, now + RESERVATION_SECONDS - 1, end - 1):
        with pytest.raises(AlreadyReserved):
            claim_states.apply(right, theirs.request(moment, 202606))
        assert claim_states.apply(right, consume.request(moment, 202606)).state is RightState.CONSUMED
    for moment in (end, end + 1):
        assert claim_states.apply(right, theirs.request(moment, 202606)).holder == b"b"
        with pytest.raises(NoReservation):
            claim_states.apply(right, consume.request(moment, 202606))
