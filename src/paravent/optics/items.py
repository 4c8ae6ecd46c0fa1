"""Items of an equipment by grouped code: a frame and two lenses, class A or B (docs/protocol.md section 11).

The list of official codes de regroupement is not public here: this closed list is the project's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from paravent.errors import InvalidBasket
from paravent.wire.claims import ClaimedItem
from paravent.wire.optics_terms import Band, LensCategory, band_of


class EquipmentClass(StrEnum):
    """A: 100 % Santé, limited price, no remaining charge; B: free price."""

    A = "A"
    B = "B"


FRAME_CODES = {f"MONT-{kind.value}": kind for kind in EquipmentClass}
LENS_CODES = {
    f"V-{category.value}-{kind.value}": (category, kind) for category in LensCategory for kind in EquipmentClass
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """A frame and two lenses of one class each: what bands and panachage are about."""

    frame: ClaimedItem
    frame_class: EquipmentClass
    lenses: tuple[ClaimedItem, ClaimedItem]
    lens_class: EquipmentClass
    categories: tuple[LensCategory, LensCategory]

    @property
    def band(self) -> Band:
        """The equipment band."""
        return band_of(*self.categories)


def equipment_of(items: Sequence[ClaimedItem]) -> Equipment:
    """Reads an equipment from its items; raises InvalidBasket with the reason."""
    for item in items:
        if item.code not in FRAME_CODES and item.code not in LENS_CODES:
            raise InvalidBasket(f"{item.code} is not a grouped code of the list")
        if item.price_cents == 0:
            raise InvalidBasket(f"{item.code} has no price")
    frames = [item for item in items if item.code in FRAME_CODES]
    lenses = [item for item in items if item.code in LENS_CODES]
    if len(frames) != 1 or len(lenses) != 2:
        raise InvalidBasket("an equipment is one frame and two lenses")
    for lens in lenses:
        if lens.category is not LENS_CODES[lens.code][0]:
            raise InvalidBasket(f"{lens.code} is not the code of its lens category")
    if frames[0].category is not None:
        raise InvalidBasket("a frame has no lens category")
    classes = {LENS_CODES[lens.code][1] for lens in lenses}
    if len(classes) != 1:
        raise InvalidBasket("both lenses are of one class")
    first, second = lenses
    return Equipment(
        frame=frames[0], frame_class=FRAME_CODES[frames[0].code], lenses=(first, second), lens_class=classes.pop(),
        categories=(LENS_CODES[first.code][0], LENS_CODES[second.code][0]),
    )  # fmt: skip
