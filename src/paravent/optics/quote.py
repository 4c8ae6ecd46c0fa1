"""Who pays what for an equipment: one computation for desk, hub and insurer (CSS R.871-2 3°; panachage).

Money is integer cents. An AMO part is rounded half up per item. The AMC pays class A up to its price
limit, and class B up to the guarantee's amount for the band, which includes the AMO part; the frame
counts for at most its own cap; a class A element of a mixed equipment comes off that amount.
"""

from __future__ import annotations

from dataclasses import dataclass

from paravent.errors import AmountMismatch, InvalidBasket
from paravent.optics.guarantee import Guarantee
from paravent.optics.items import Equipment, EquipmentClass
from paravent.optics.rules import Rules
from paravent.wire.claims import ClaimedItem
from paravent.wire.codec import Message


class QuotedItem(Message, frozen=True, kw_only=True):
    """One item with who pays what; ``why`` says it in French, with the text it rests on."""

    code: str
    price_cents: int
    amo_cents: int
    amc_cents: int
    rest_cents: int
    why: str


class Quote(Message, frozen=True, kw_only=True):
    """An equipment with who pays what; totals are sums of the items."""

    band: str
    guarantee: str
    rules: str
    items: tuple[QuotedItem, ...]
    amo_cents: int
    amc_cents: int
    rest_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cover:
    item: ClaimedItem
    kind: EquipmentClass
    amo: int
    allowed: int  # AMO and AMC together, at most
    why: str


def compute_quote(equipment: Equipment, guarantee: Guarantee, rules: Rules) -> Quote:
    """Computes a quote; raises InvalidBasket when a class A price exceeds its limit."""
    left = _class_b_allowance(equipment, guarantee)
    covers = []
    for item, kind in _in_order(equipment):
        cover = _class_a(item, rules) if kind is EquipmentClass.A else _class_b(item, equipment, guarantee, rules, left)
        if kind is EquipmentClass.B:
            left -= cover.allowed
        covers.append(cover)
    items = tuple(_quoted(cover) for cover in covers)
    return Quote(
        band=equipment.band.value, guarantee=guarantee.code, rules=rules.version, items=items,
        amo_cents=sum(item.amo_cents for item in items),
        amc_cents=sum(item.amc_cents for item in items),
        rest_cents=sum(item.rest_cents for item in items),
    )  # fmt: skip


def require_amounts(quote: Quote, *, amo_cents: int, amc_cents: int, rest_cents: int) -> None:
    """Checks claimed amounts against the recomputed ones; raises AmountMismatch with both."""
    claimed, computed = (amo_cents, amc_cents, rest_cents), (quote.amo_cents, quote.amc_cents, quote.rest_cents)
    if claimed != computed:
        raise AmountMismatch(
            f"claimed AMO {claimed[0]}, AMC {claimed[1]}, rest {claimed[2]} cents;"
            f" the rules give {computed[0]}, {computed[1]}, {computed[2]}"
        )


def _in_order(equipment: Equipment) -> list[tuple[ClaimedItem, EquipmentClass]]:
    """Frame first, up to its cap; then the lenses share what is left, in the order given."""
    lenses = [(lens, equipment.lens_class) for lens in equipment.lenses]
    return [(equipment.frame, equipment.frame_class), *lenses]


def _class_b_allowance(equipment: Equipment, guarantee: Guarantee) -> int:
    """What AMO and AMC pay together for the class B elements (panachage: less the class A elements' price)."""
    amount = guarantee.class_b_cents.get(equipment.band, 0)
    if equipment.frame_class is EquipmentClass.A:
        amount -= equipment.frame.price_cents
    if equipment.lens_class is EquipmentClass.A:
        amount -= sum(lens.price_cents for lens in equipment.lenses)
    return max(0, amount)


def _class_a(item: ClaimedItem, rules: Rules) -> _Cover:
    limits = rules.content.class_a
    limit = limits.frame_limit_cents if item.category is None else limits.lens_limit_cents[item.category]
    if item.price_cents > limit:
        raise InvalidBasket(f"{item.code}: a class A price is at most {limit} cents")
    base = _percent(limit, rules.content.amo.class_a_base_percent)
    return _Cover(
        item=item, kind=EquipmentClass.A, amo=min(item.price_cents, _amo(base, rules)), allowed=item.price_cents,
        why="Classe A (100 % Santé) : sans reste à charge dans la limite de prix (CSS L.871-1)",
    )  # fmt: skip


def _class_b(item: ClaimedItem, equipment: Equipment, guarantee: Guarantee, rules: Rules, left: int) -> _Cover:
    if item.category is None:
        cap = min(guarantee.frame_max_cents, left)
        why = f"Monture classe B : au plus {_euros(cap)} dans le forfait {equipment.band.value} (CSS R.871-2 3°)"
    else:
        cap = left
        why = f"Verre classe B : forfait {equipment.band.value} de la garantie {guarantee.code} (CSS R.871-2 3°)"
    amo = min(item.price_cents, _amo(rules.content.amo.class_b_base_cents, rules))
    return _Cover(item=item, kind=EquipmentClass.B, amo=amo, allowed=max(amo, min(item.price_cents, cap)), why=why)


def _quoted(cover: _Cover) -> QuotedItem:
    amc = cover.allowed - cover.amo
    return QuotedItem(
        code=cover.item.code, price_cents=cover.item.price_cents, amo_cents=cover.amo, amc_cents=amc,
        rest_cents=cover.item.price_cents - cover.allowed, why=cover.why,
    )  # fmt: skip


def _amo(base_cents: int, rules: Rules) -> int:
    return _percent(base_cents, rules.content.amo.rate_percent)


def _percent(cents: int, percent: int) -> int:
    """Rounds half up to the cent."""
    return (cents * percent + 50) // 100


def _euros(cents: int) -> str:
    return f"{cents // 100},{cents % 100:02d} €"
