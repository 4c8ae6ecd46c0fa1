"""Negative controls: each property of the trade holds, and fails when one check is taken out of the code."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.crypto.mutation import Defect, Property, properties_of, require_noticed
from tests.unit.optics import properties

from paravent.optics import claim_states, decision, guarantee_check, items, money, months, overcollection, quote
from paravent.optics.claim_states import RightRecord
from paravent.optics.items import EquipmentClass
from paravent.optics.rules import Rules

PROPERTIES = properties_of(properties)


def accepts(*_: Any, **__: Any) -> None:
    """A check that accepts everything."""


DEFECTS = [
    Defect(
        name="AMO above the price", owner=quote, attribute="_line", old="min(item.price_cents, percent_of(",
        new="max(item.price_cents, percent_of(", broken=properties.every_cent_of_a_price_is_paid_once,
    ),
    Defect(
        name="pot below nothing", owner=quote, attribute="_pot", old="max(0, amount)", new="amount",
        broken=properties.every_cent_of_a_price_is_paid_once,
    ),
    Defect(
        name="rest not computed", owner=quote, attribute="_quoted", old="rest_cents=line.unpaid,",
        new="rest_cents=max(0, line.unpaid - 1),", broken=properties.every_cent_of_a_price_is_paid_once,
    ),
    Defect(
        name="class A paid from the pot", owner=quote, attribute="_amc_parts",
        old="frame_part = frame.unpaid\n", new="frame_part = min(pot, frame.unpaid)\n",
        broken=properties.class_a_leaves_nothing_to_pay,
    ),
    Defect(
        name="frame without its cap", owner=quote, attribute="_amc_parts", old="max(0, frame_max - frame.amo), ",
        new="", broken=properties.a_guarantee_is_never_passed,
    ),
    Defect(
        name="AMO left in the pot", owner=quote, attribute="_pot", old="else line.amo", new="else 0",
        broken=properties.a_guarantee_is_never_passed,
    ),
    Defect(
        name="class A element left in the pot", owner=quote, attribute="_pot",
        old="line.item.price_cents if line.kind is EquipmentClass.A else line.amo", new="line.amo",
        broken=properties.a_guarantee_is_never_passed,
    ),
    Defect(
        name="odd cent lost", owner=quote, attribute="_share", old="return first_part, pot - first_part",
        new="return first_part, pot * second // total", broken=properties.amounts_are_those_of_the_naive_model,
    ),
    Defect(
        name="lenses share alike", owner=quote, attribute="_share", old="divmod(pot * first, total)",
        new="divmod(pot, 2)", broken=properties.amounts_are_those_of_the_naive_model,
    ),
    Defect(
        name="a higher amount covers less", owner=quote, attribute="_pot", old="max(0, amount)",
        new="max(0, amount % 1_000)", broken=properties.more_cover_never_costs_the_patient_more,
    ),
    Defect(
        name="each coverage pays as if alone", owner=quote, attribute="compute_quote",
        old="paid=line.paid + part", new="paid=0", broken=properties.a_second_coverage_pays_what_the_first_leaves,
    ),
    Defect(
        name="second coverage from the first's table", owner=quote, attribute="compute_quote",
        old="_parts(lines, equipment, cover, rules)", new="_parts(lines, equipment, guarantee, rules)",
        broken=properties.a_second_coverage_pays_what_the_first_leaves,
    ),
    Defect(
        name="supplements paid from the pot", owner=quote, attribute="_parts", old="(frame, first, second), guarantee",
        new="lines, guarantee", broken=properties.a_supplement_takes_nothing_from_the_pot,
    ),
    Defect(
        name="services paid in full", owner=quote, attribute="_extra_part",
        old="max(0, line.base - line.amo - line.paid)", new="line.unpaid",
        broken=properties.class_a_leaves_nothing_to_pay,
    ),
    Defect(
        name="any number of supplements", owner=items, attribute="_extras", old="> most", new="> 99",
        broken=properties.supplements_go_with_class_a_lenses,
    ),
    Defect(
        name="supplements of class B", owner=items, attribute="_extras",
        old="extras and lens_class is not EquipmentClass.A", new="False",
        broken=properties.supplements_go_with_class_a_lenses,
    ),
    Defect(
        name="only the first lens counts", owner=items, attribute="equipment_of",
        old="categories=(first_category, second_category)", new="categories=(first_category, first_category)",
        broken=properties.the_order_of_items_decides_nothing,
    ),
    Defect(
        name="price limit not compared", owner=quote, attribute="_class_a_base", old="item.price_cents > limit",
        new="False", broken=properties.class_a_has_a_price_limit,
    ),
    Defect(
        name="limit itself refused", owner=quote, attribute="_class_a_base", old="item.price_cents > limit",
        new="item.price_cents >= limit", broken=properties.class_a_has_a_price_limit,
    ),
    Defect(
        name="amounts not compared", owner=decision, attribute="require_amounts", replacement=accepts,
        broken=properties.a_claim_is_paid_to_the_cent_or_refused,
    ),
    Defect(
        name="version of the rules not compared", owner=decision, attribute="adjudicate",
        old="claim.rules != rules.version", new="False", broken=properties.a_claim_is_paid_to_the_cent_or_refused,
    ),
    Defect(
        name="frames not counted", owner=items, attribute="equipment_of",
        old="len(frames) != 1 or len(lenses) != 2", new="not frames or len(lenses) != 2",
        broken=properties.an_equipment_is_one_frame_and_two_lenses_of_one_class,
    ),
    Defect(
        name="classes of lenses not compared", owner=items, attribute="equipment_of",
        old="first_class is not second_class", new="False",
        broken=properties.an_equipment_is_one_frame_and_two_lenses_of_one_class,
    ),
    Defect(
        name="category not compared", owner=items, attribute="_require_item",
        old="item.category is not LENS_CODES[item.code][0]", new="item.category is None",
        broken=properties.an_item_agrees_with_its_code,
    ),
    Defect(
        name="price of nothing", owner=items, attribute="_require_item", old="require_cents(item.price_cents) == 0",
        new="False", broken=properties.an_item_agrees_with_its_code,
    ),
    Defect(
        name="floor not compared", owner=guarantee_check, attribute="_floor", old="amount >= floor", new="True",
        broken=properties.a_responsible_contract_keeps_floors_and_ceilings,
    ),
    Defect(
        name="ceiling itself refused", owner=guarantee_check, attribute="_ceiling", old="amount <= ceiling",
        new="amount < ceiling", broken=properties.a_responsible_contract_keeps_floors_and_ceilings,
    ),
    Defect(
        name="frame cap not compared", owner=guarantee_check, attribute="_frame_cap",
        old="kept=amount <= most", new="kept=True",
        broken=properties.a_responsible_contract_keeps_floors_and_ceilings,
    ),
    Defect(
        name="keys not read", owner=overcollection, attribute="refuse_overcollection", old="_refuse_text(str(key))",
        new="pass", broken=properties.a_table_that_asks_for_health_data_is_refused,
    ),
    Defect(
        name="accents kept", owner=overcollection, attribute="_words", old='"NFKD"', new='"NFC"',
        broken=properties.a_table_that_asks_for_health_data_is_refused,
    ),
    Defect(
        name="lists not read", owner=overcollection, attribute="refuse_overcollection",
        old="isinstance(table, list)", new="isinstance(table, set)",
        broken=properties.a_table_that_asks_for_health_data_is_refused,
    ),
    Defect(
        name="last day left out", owner=Rules, attribute="in_force", old="day <= end", new="day < end",
        broken=properties.rules_are_in_force_from_their_first_day_to_their_last,
    ),
    Defect(
        name="first day left out", owner=Rules, attribute="in_force", old="self.content.valid_from <= day",
        new="self.content.valid_from < day", broken=properties.rules_are_in_force_from_their_first_day_to_their_last,
    ),
    Defect(
        name="rounded down", owner=money, attribute="percent_of", old="+ 50", new="",
        broken=properties.a_percentage_is_rounded_half_up,
    ),
    Defect(
        name="rounded to even", owner=money, attribute="percent_of",
        old="(require_cents(cents) * percent + 50) // 100", new="round(require_cents(cents) * percent / 100)",
        broken=properties.a_percentage_is_rounded_half_up,
    ),
    Defect(
        name="a boolean is an amount", owner=money, attribute="require_cents", old="type(cents) is not int",
        new="not isinstance(cents, int)", broken=properties.an_amount_is_a_bounded_integer,
    ),
    Defect(
        name="amounts have no limit", owner=money, attribute="require_cents", old="not 0 <= cents <= CENTS_MAX",
        new="cents < 0", broken=properties.an_amount_is_a_bounded_integer,
    ),
    Defect(
        name="one digit of cents", owner=money, attribute="format_plain", old=":02d", new="",
        broken=properties.an_amount_comes_back_from_its_text,
    ),
    Defect(
        name="December lost", owner=months.Month, attribute="plus", old="year * 12 + month - 1 + months",
        new="year * 12 + month + months", broken=properties.months_are_counted_in_twelves,
    ),
    Defect(
        name="holder not compared", owner=claim_states, attribute="apply",
        old="current.holder != request.holder", new="False", broken=properties.a_right_lives_as_its_table_says,
    ),
    Defect(
        name="last paid month forgotten", owner=claim_states, attribute="_released",
        replacement=lambda _: RightRecord(), broken=properties.one_equipment_is_paid_in_a_period,
    ),
    Defect(
        name="renewal not due is paid", owner=claim_states, attribute="require_due",
        replacement=lambda *_, **__: False,
        broken=properties.one_equipment_is_paid_in_a_period,
    ),
    Defect(
        name="month looked at when reserving only", owner=claim_states, attribute="apply",
        old="target is not RightState.FREE and", new="target is RightState.RESERVED and",
        broken=properties.a_right_lives_as_its_table_says,
    ),
    Defect(
        name="any number of early renewals", owner=claim_states, attribute="require_due",
        old="record.early_month is not None and", new="False and", broken=properties.one_equipment_is_paid_in_a_period,
    ),
    Defect(
        name="reservations never end", owner=claim_states, attribute="_expire",
        replacement=lambda record, _: record, broken=properties.a_reservation_ends_with_its_last_day,
    ),
    Defect(
        name="last second left out", owner=claim_states, attribute="_expire", old="now >= record.reserved_until",
        new="now > record.reserved_until", broken=properties.a_reservation_ends_with_its_last_day,
    ),
    Defect(
        name="records not checked", owner=claim_states, attribute="_require_agreement", replacement=accepts,
        broken=properties.a_record_agrees_with_its_state,
    ),
]  # fmt: skip


@pytest.mark.parametrize("held", PROPERTIES, ids=lambda held: held.__name__)
def test_the_property_holds(held: Property) -> None:
    held()


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_the_property_notices_the_defect(defect: Defect, monkeypatch: pytest.MonkeyPatch) -> None:
    require_noticed(defect, monkeypatch)


def test_every_property_has_its_defect() -> None:
    assert {defect.broken for defect in DEFECTS} == set(PROPERTIES)


def test_a_class_is_one_of_two() -> None:
    assert [kind.value for kind in EquipmentClass] == ["A", "B"]
