"""Items of an equipment by grouped code: a frame, two lenses and what is added to them (docs/protocol.md section 11).

The list of official codes de regroupement was not found: this closed list is the project's own, and
synthetic. An item says no side: who pays what does not depend on it. One equipment is one frame and two
lenses, because the law bands and counts nothing else (CSS R.871-2 3°): a frame alone, lenses alone and
lenses of two classes are refused. With class A lenses may come supplements and services: a filter for each
lens, the pairing of two lenses (appairage), the adaptation of the prescription.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from paravent.errors import InvalidBasket
from paravent.optics.money import require_cents
from paravent.wire.claims import ClaimedItem
from paravent.wire.optics_terms import Band, ExtraCode, LensCategory, band_of


class EquipmentClass(StrEnum):
    """A: 100 % Santé, limited price, no remaining charge; B: free price."""

    A = "A"
    B = "B"


FRAME_CODES = {f"MONT-{kind.value}": kind for kind in EquipmentClass}
LENS_CODES = {
    f"V-{category.value}-{kind.value}": (category, kind) for category in LensCategory for kind in EquipmentClass
}

EXTRA_COUNTS = {ExtraCode.FILTER: 2, ExtraCode.PAIRING: 1, ExtraCode.ADAPTATION: 1}
"""How many of each supplement or service one equipment has at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """A frame and two lenses of one class each, what bands and panachage are about; and supplements or services."""

    frame: ClaimedItem
    frame_class: EquipmentClass
    lenses: tuple[ClaimedItem, ClaimedItem]
    lens_class: EquipmentClass
    categories: tuple[LensCategory, LensCategory]
    extras: tuple[ClaimedItem, ...] = ()

    @property
    def band(self) -> Band:
        """The equipment band."""
        return band_of(*self.categories)


def equipment_of(items: Sequence[ClaimedItem]) -> Equipment:
    """Reads an equipment from its items, in any order; raises InvalidBasket with the reason."""
    for item in items:
        _require_item(item)
    frames = [item for item in items if item.code in FRAME_CODES]
    lenses = [item for item in items if item.code in LENS_CODES]
    if len(frames) != 1 or len(lenses) != 2:
        raise InvalidBasket(
            f"an equipment is one frame and two lenses, not {len(frames)} and {len(lenses)}: a frame alone or"
            " lenses alone have no band in CSS R.871-2 3°"
        )
    first, second = lenses
    (first_category, first_class), (second_category, second_class) = LENS_CODES[first.code], LENS_CODES[second.code]
    if first_class is not second_class:
        raise InvalidBasket("both lenses are of one class: only a frame and its lenses may differ")
    return Equipment(
        frame=frames[0], frame_class=FRAME_CODES[frames[0].code], lenses=(first, second), lens_class=first_class,
        categories=(first_category, second_category), extras=_extras(items, first_class),
    )  # fmt: skip


def _extras(items: Sequence[ClaimedItem], lens_class: EquipmentClass) -> tuple[ClaimedItem, ...]:
    """Finds the supplements and services, and checks that they go with the lenses and are not too many."""
    extras = tuple(item for item in items if item.code in EXTRA_COUNTS)
    if extras and lens_class is not EquipmentClass.A:
        raise InvalidBasket("a supplement or service goes with class A lenses: in class B it is part of their price")
    for code, most in EXTRA_COUNTS.items():
        if sum(item.code == code for item in extras) > most:
            raise InvalidBasket(f"{code} stands at most {most} times in one equipment")
    return extras


def _require_item(item: ClaimedItem) -> None:
    """Checks one item by itself: its code, price and category."""
    if item.code not in FRAME_CODES and item.code not in LENS_CODES and item.code not in EXTRA_COUNTS:
        raise InvalidBasket(f"{item.code} is not a grouped code of the list")
    if require_cents(item.price_cents) == 0:
        raise InvalidBasket(f"{item.code} has no price")
    if item.code not in LENS_CODES and item.category is not None:
        raise InvalidBasket("only a lens has a lens category")
    if item.code in LENS_CODES and item.category is not LENS_CODES[item.code][0]:
        raise InvalidBasket(f"{item.code} is not the code of its lens category")
