"""Who pays what for an equipment: one computation for desk, hub and insurer (docs/protocol.md section 11).

CSS L.871-1 and R.871-2 3°. The AMO part is rounded half up, item by item. Class A is paid in full within
its price limit. For class B:

* the pot is the guarantee's amount for the band, less the price of a class A element (panachage), less
  the AMO part of every class B item, so that AMO and AMC together stay within the amount; when the AMO
  part alone passes it, the AMC pays nothing;
* the frame is served first, up to its cap, then the lenses share what is left in proportion to what each
  still costs, the odd cent to the larger remainder, then to the first lens. Serving the lenses first
  would give the same totals: the order decides only what each line shows.

Supplements and services of class A lenses take nothing from the pot: that they are not part of the price of the
lenses in mixed equipment is this project's reading, no text having been found.

Several coverages pay in the order given: each pays on what those before leave, within its own amounts, as if it
were alone otherwise; so together they never pass the price.

The exact price limit of a class A lens depends on the correction: only the highest of its category is
checked here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from paravent.errors import AmountMismatch, InvalidBasket
from paravent.optics.guarantee import Guarantee
from paravent.optics.items import EXTRA_COUNTS, Equipment, EquipmentClass
from paravent.optics.money import format_euros, percent_of
from paravent.optics.reasons import NOTHING_LEFT, Why, class_a_reason, class_b_reason, participation_reason
from paravent.optics.rules import Rules, Status
from paravent.wire.claims import ClaimedItem
from paravent.wire.codec import Message
from paravent.wire.optics_terms import ExtraCode


class Cover(Message, frozen=True, kw_only=True):
    """What one coverage pays of one item, in cents, and why."""

    guarantee: str
    amc_cents: int
    why_code: Why
    why: str


class QuotedItem(Message, frozen=True, kw_only=True):
    """One item with who pays what, in cents; ``why`` and ``why_code`` are those of the last coverage asked to pay.

    ``amc_cents`` is the sum of what the ``covers`` pay, in their order.
    """

    code: str
    kind: EquipmentClass
    price_cents: int
    amo_base_cents: int
    amo_cents: int
    amc_cents: int
    rest_cents: int
    why_code: Why
    why: str
    covers: tuple[Cover, ...]


class Quote(Message, frozen=True, kw_only=True):
    """An equipment with who pays what, the frame first; totals are sums of the items.

    ``guarantee`` is the code of the first coverage, ``covers_cents`` what each coverage pays, in their order.
    """

    band: str
    guarantee: str
    rules: str
    items: tuple[QuotedItem, ...]
    amo_cents: int
    amc_cents: int
    rest_cents: int
    covers_cents: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """An item with its AMO part, and what the coverages before have paid."""

    item: ClaimedItem
    kind: EquipmentClass
    base: int
    amo: int
    paid: int = 0

    @property
    def unpaid(self) -> int:
        return self.item.price_cents - self.amo - self.paid


def compute_quote(equipment: Equipment, guarantee: Guarantee, rules: Rules, *others: Guarantee) -> Quote:
    """Computes a quote for one coverage, or several in order; raises InvalidBasket when a class A price is too high."""
    lines = _lines(equipment, rules)
    asked: list[tuple[Cover, ...]] = []
    for place, cover in enumerate((guarantee, *others)):
        parts = _parts(lines, equipment, cover, rules)
        asked.append(tuple(
            _cover(line, part, equipment, cover, rules, after_others=place > 0)
            for line, part in zip(lines, parts, strict=True)
        ))  # fmt: skip
        lines = tuple(replace(line, paid=line.paid + part) for line, part in zip(lines, parts, strict=True))
    items = tuple(_quoted(line, covers) for line, covers in zip(lines, zip(*asked, strict=True), strict=True))
    return Quote(
        band=equipment.band.value, guarantee=guarantee.code, rules=rules.version, items=items,
        amo_cents=sum(item.amo_cents for item in items),
        amc_cents=sum(item.amc_cents for item in items),
        rest_cents=sum(item.rest_cents for item in items),
        covers_cents=tuple(sum(cover.amc_cents for cover in covers) for covers in asked),
    )  # fmt: skip


def _lines(equipment: Equipment, rules: Rules) -> tuple[_Line, ...]:
    """Computes the AMO part of the frame, both lenses, then what is added to them."""
    return (
        _line(equipment.frame, equipment.frame_class, rules),
        *(_line(lens, equipment.lens_class, rules) for lens in equipment.lenses),
        *(_line(extra, EquipmentClass.A, rules) for extra in equipment.extras),
    )


def _parts(lines: tuple[_Line, ...], equipment: Equipment, guarantee: Guarantee, rules: Rules) -> tuple[int, ...]:
    """Computes what one coverage pays of each line."""
    frame, first, second, *extras = lines
    pot = _pot(equipment, (frame, first, second), guarantee)
    main = _amc_parts(frame, first, second, pot, guarantee.frame_max_cents)
    return *main, *(_extra_part(extra, rules) for extra in extras)


def _extra_part(line: _Line, rules: Rules) -> int:
    if rules.content.extra_rule(ExtraCode(line.item.code)).paid_in_full:
        return line.unpaid
    return min(line.unpaid, max(0, line.base - line.amo - line.paid))


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
    if item.code in EXTRA_COUNTS:
        return percent_of(limit, content.extra_rule(ExtraCode(item.code)).base_percent_of_limit)
    base = content.class_a_frame_base if item.category is None else content.class_a_lens_base
    return percent_of(limit, base.percent_of_limit)


def _class_a_limit(item: ClaimedItem, rules: Rules) -> tuple[int, Status]:
    if item.code in EXTRA_COUNTS:
        extra = rules.content.extra_rule(ExtraCode(item.code))
        return extra.limit_cents, extra.status
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


def _quoted(line: _Line, covers: tuple[Cover, ...]) -> QuotedItem:
    asked = [cover for cover in covers if cover.why_code is not Why.NOTHING_LEFT]
    return QuotedItem(
        code=line.item.code, kind=line.kind, price_cents=line.item.price_cents, amo_base_cents=line.base,
        amo_cents=line.amo, amc_cents=line.paid, rest_cents=line.unpaid, why_code=asked[-1].why_code,
        why=asked[-1].why, covers=covers,
    )  # fmt: skip


def _cover(
    line: _Line, amc: int, equipment: Equipment, guarantee: Guarantee, rules: Rules, *, after_others: bool
) -> Cover:
    why = Why.NOTHING_LEFT if after_others and line.unpaid == 0 else _why(line, amc, equipment, guarantee, rules)
    return Cover(
        guarantee=guarantee.code, amc_cents=amc, why_code=why, why=_sentence(why, line, equipment, guarantee, rules)
    )


def _sentence(why: Why, line: _Line, equipment: Equipment, guarantee: Guarantee, rules: Rules) -> str:
    if why is Why.NOTHING_LEFT:
        return NOTHING_LEFT
    if why is Why.CLASS_A:
        return class_a_reason(*_class_a_limit(line.item, rules))
    if why is Why.PARTICIPATION:
        return participation_reason(_class_a_limit(line.item, rules)[0])
    mixed = equipment.frame_class is not equipment.lens_class
    return class_b_reason(why, guarantee, equipment.band, rules, mixed=mixed)


def _why(line: _Line, amc: int, equipment: Equipment, guarantee: Guarantee, rules: Rules) -> Why:
    if line.item.code in EXTRA_COUNTS and not rules.content.extra_rule(ExtraCode(line.item.code)).paid_in_full:
        return Why.PARTICIPATION
    if line.kind is EquipmentClass.A:
        return Why.CLASS_A
    if equipment.band not in guarantee.class_b_cents:
        return Why.NO_CLASS_B
    if amc == line.unpaid:
        return Why.WITHIN_BAND
    at_cap = line.item.category is None and line.amo + amc >= guarantee.frame_max_cents
    return Why.FRAME_CAP if at_cap else Why.BAND_CEILING
