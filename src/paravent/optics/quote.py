"""Who pays what for an equipment: one computation for desk, hub and insurer (docs/protocol.md section 11).

CSS L.871-1 and R.871-2 3°. The AMO part is rounded half up, item by item. Class A is paid in full within
its price limit. For class B:

* the pot is the guarantee's amount for the band, less the price of a class A element (panachage), less
  the AMO part of every class B item, so that AMO and AMC together stay within the amount; when the AMO
  part alone passes it, the AMC pays nothing;
* the frame is served first, up to its cap, then the lenses share what is left in proportion to what each
  still costs, the odd cent to the larger remainder, then to the first lens. Serving the lenses first
  would give the same totals: the order decides only what each line shows.

The exact price limit of a class A lens depends on the correction: only the highest of its category is
checked here.
"""

from __future__ import annotations

from dataclasses import dataclass

from paravent.errors import AmountMismatch, InvalidBasket
from paravent.optics.guarantee import Guarantee
from paravent.optics.items import Equipment, EquipmentClass
from paravent.optics.money import format_euros, percent_of
from paravent.optics.reasons import Why, class_a_reason, class_b_reason
from paravent.optics.rules import Rules, Status
from paravent.wire.claims import ClaimedItem
from paravent.wire.codec import Message


class QuotedItem(Message, frozen=True, kw_only=True):
    """One item with who pays what, in cents; ``why`` and ``why_code`` say what decided it."""

    code: str
    kind: EquipmentClass
    price_cents: int
    amo_base_cents: int
    amo_cents: int
    amc_cents: int
    rest_cents: int
    why_code: Why
    why: str


class Quote(Message, frozen=True, kw_only=True):
    """An equipment with who pays what, the frame first; totals are sums of the items."""

    band: str
    guarantee: str
    rules: str
    items: tuple[QuotedItem, ...]
    amo_cents: int
    amc_cents: int
    rest_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """An item with its AMO part: what the compulsory scheme does before the insurer is asked."""

    item: ClaimedItem
    kind: EquipmentClass
    base: int
    amo: int

    @property
    def unpaid(self) -> int:
        return self.item.price_cents - self.amo


def compute_quote(equipment: Equipment, guarantee: Guarantee, rules: Rules) -> Quote:
    """Computes a quote; raises InvalidBasket when a class A price exceeds its limit."""
    frame = _line(equipment.frame, equipment.frame_class, rules)
    first, second = (_line(lens, equipment.lens_class, rules) for lens in equipment.lenses)
    lines = (frame, first, second)
    amc = _amc_parts(frame, first, second, _pot(equipment, lines, guarantee), guarantee.frame_max_cents)
    items = tuple(_quoted(line, part, equipment, guarantee, rules) for line, part in zip(lines, amc, strict=True))
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


def _line(item: ClaimedItem, kind: EquipmentClass, rules: Rules) -> _Line:
    """Computes the AMO part; it never exceeds the price."""
    if kind is EquipmentClass.A:
        base = _class_a_base(item, rules)
    else:
        bases = rules.content.class_b_base
        base = bases.frame_cents if item.category is None else bases.lens_cents
    amo = min(item.price_cents, percent_of(base, rules.content.amo_rate.percent))
    return _Line(item=item, kind=kind, base=base, amo=amo)


def _class_a_base(item: ClaimedItem, rules: Rules) -> int:
    limit, _ = _class_a_limit(item, rules)
    if item.price_cents > limit:
        raise InvalidBasket(f"{item.code}: a class A price is at most {format_euros(limit)}")
    content = rules.content
    base = content.class_a_frame_base if item.category is None else content.class_a_lens_base
    return percent_of(limit, base.percent_of_limit)


def _class_a_limit(item: ClaimedItem, rules: Rules) -> tuple[int, Status]:
    frame, lens = rules.content.class_a_frame_limit, rules.content.class_a_lens_limit
    if item.category is None:
        return frame.cents, frame.status
    return lens.cents[item.category], lens.status


def _pot(equipment: Equipment, lines: tuple[_Line, ...], guarantee: Guarantee) -> int:
    """Returns what the AMC may pay for the class B items together."""
    amount = guarantee.class_b_cents.get(equipment.band, 0)
    for line in lines:
        amount -= line.item.price_cents if line.kind is EquipmentClass.A else line.amo
    return max(0, amount)


def _amc_parts(frame: _Line, first: _Line, second: _Line, pot: int, frame_max: int) -> tuple[int, int, int]:
    """Shares the pot: frame, then lenses; a class A item is paid in full and takes nothing from it."""
    if frame.kind is EquipmentClass.A:
        frame_part = frame.unpaid
    else:
        frame_part = min(frame.unpaid, max(0, frame_max - frame.amo), pot)
        pot -= frame_part
    if first.kind is EquipmentClass.A:
        return frame_part, first.unpaid, second.unpaid
    return frame_part, *_share(pot, first.unpaid, second.unpaid)


def _share(pot: int, first: int, second: int) -> tuple[int, int]:
    """Splits a pot in proportion to two amounts, neither of which is exceeded, to the cent."""
    total = first + second
    if pot >= total:
        return first, second
    first_part, remainder = divmod(pot * first, total)
    # The remainders of both parts add up to nothing or to one cent: the larger gets it, the first if equal.
    if 2 * remainder >= total:
        first_part += 1
    return first_part, pot - first_part


def _quoted(line: _Line, amc: int, equipment: Equipment, guarantee: Guarantee, rules: Rules) -> QuotedItem:
    why = _why(line, amc, equipment, guarantee)
    if why is Why.CLASS_A:
        sentence = class_a_reason(*_class_a_limit(line.item, rules))
    else:
        mixed = equipment.frame_class is not equipment.lens_class
        sentence = class_b_reason(why, guarantee, equipment.band, rules, mixed=mixed)
    return QuotedItem(
        code=line.item.code, kind=line.kind, price_cents=line.item.price_cents, amo_base_cents=line.base,
        amo_cents=line.amo, amc_cents=amc, rest_cents=line.unpaid - amc, why_code=why, why=sentence,
    )  # fmt: skip


def _why(line: _Line, amc: int, equipment: Equipment, guarantee: Guarantee) -> Why:
    if line.kind is EquipmentClass.A:
        return Why.CLASS_A
    if equipment.band not in guarantee.class_b_cents:
        return Why.NO_CLASS_B
    if amc == line.unpaid:
        return Why.WITHIN_BAND
    at_cap = line.item.category is None and line.amo + amc >= guarantee.frame_max_cents
    return Why.FRAME_CAP if at_cap else Why.BAND_CEILING
