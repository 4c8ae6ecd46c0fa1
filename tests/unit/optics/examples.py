"""Baskets, guarantees and rules of every amount that a message may hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from hypothesis import Phase, settings
from hypothesis import strategies as st
from tests.unit.wire.messages import messages

from paravent.optics.guarantee import Guarantee
from paravent.optics.items import EXTRA_COUNTS, EquipmentClass
from paravent.optics.money import CENTS_MAX
from paravent.optics.rules import Rules, RulesFile
from paravent.optics.store import shipped_rules
from paravent.wire.claims import ClaimedItem
from paravent.wire.optics_terms import Band, ExtraCode, LensCategory

# A control needs one failing example, not the smallest; the profile "search" looks further, in proportion.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
EVERY = settings(report_multiple_bugs=False, phases=PHASES)
MORE = settings(max_examples=settings().max_examples * 2, report_multiple_bugs=False, phases=PHASES)

SHIPPED = shipped_rules()
CENTS = st.integers(0, CENTS_MAX) | st.integers(0, 100_000) | st.integers(0, 300)
RULES = st.just(SHIPPED) | messages(RulesFile).map(lambda content: Rules(version="drawn", content=content))


def near(cents: int) -> st.SearchStrategy[int]:
    """Amounts around another, so that each of those compared is sometimes the one that decides."""
    close, most = min(CENTS_MAX, cents), min(CENTS_MAX, 2 * cents)
    return st.integers(max(0, close - 3), min(CENTS_MAX, close + 3)) | st.integers(0, most) | st.sampled_from([0, most])


@dataclass(frozen=True, slots=True, kw_only=True)
class Basket:
    """Items with the rules and the guarantee they are quoted under."""

    items: tuple[ClaimedItem, ...]
    guarantee: Guarantee
    rules: Rules


def item(code: str, cents: int) -> ClaimedItem:
    """An item of a code, with the lens category that the code names."""
    category = LensCategory(code[2]) if code.startswith("V-") else None
    return ClaimedItem(code=code, price_cents=cents, category=category)


def limit_of(code: str, rules: Rules) -> int:
    """The highest price of an item: its class A limit, or that of a message."""
    if code.endswith("-B"):
        return CENTS_MAX
    content = rules.content
    if code in EXTRA_COUNTS:
        return content.extra_rule(ExtraCode(code)).limit_cents
    return content.class_a_frame_limit.cents if code == "MONT-A" else content.class_a_lens_limit.cents[
        LensCategory(code[2])
    ]  # fmt: skip


@st.composite
def baskets(draw: st.DrawFn) -> Basket:
    """Every equipment that the rules allow, its items in any order, and cover of about what they cost."""
    rules = draw(RULES)
    frame, lens = draw(st.sampled_from(EquipmentClass)), draw(st.sampled_from(EquipmentClass))
    codes = [f"MONT-{frame}"] + [f"V-{draw(st.sampled_from(LensCategory))}-{lens}" for _ in range(2)]
    if lens is EquipmentClass.A:
        every = [code.value for code, most in EXTRA_COUNTS.items() for _ in range(most)]
        codes += draw(st.lists(st.sampled_from(range(len(every))), unique=True).map(lambda at: [every[i] for i in at]))
    limits = [limit_of(code, rules) for code in codes]
    if 0 in limits:
        # Class A at no price at all is not sold: the shipped limits stand in.
        rules, limits = SHIPPED, [limit_of(code, SHIPPED) for code in codes]
    scale = draw(st.sampled_from([300, 9_000, 30_000, CENTS_MAX]))
    tops = [min(scale, limit) for limit in limits]
    items = [item(code, draw(st.integers(1, top) | st.just(top))) for code, top in zip(codes, tops, strict=True)]
    total = sum(entry.price_cents for entry in items)
    bands = draw(st.sampled_from([list(Band)] * 4 + [[]]) | st.lists(st.sampled_from(list(Band)), unique=True))
    guarantee = Guarantee(
        code="OPT-1", label="drawn", responsible=False, class_b_cents={band: draw(near(total)) for band in bands},
        frame_max_cents=draw(near(items[0].price_cents)),
    )  # fmt: skip
    return Basket(items=tuple(draw(st.permutations(items))), guarantee=guarantee, rules=rules)


def with_an_odd_cent() -> Basket:
    """Two lenses that share 143 cents as 97 to 197: 47.2 and 95.8, so that the second gets the cent left over."""
    guarantee = Guarantee(
        code="OPT-1", label="odd", responsible=False, class_b_cents={Band.A: 150}, frame_max_cents=0
    )  # fmt: skip
    return Basket(
        items=(item("MONT-B", 1), item("V-a-B", 100), item("V-a-B", 200)), guarantee=guarantee, rules=SHIPPED
    )  # fmt: skip


def with_cents(guarantee: Guarantee, **changes: Any) -> Guarantee:
    """A guarantee with some fields changed."""
    return msgspec.structs.replace(guarantee, **changes)
