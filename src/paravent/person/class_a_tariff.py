"""The exact price limit of a class A lens, which depends on its correction; desk only (docs/protocol.md 11.1).

The annex of the arrêté of 2018-12-03 was not found: the file of the package is illustrative and says so. The official
one takes its place when it is put in the desk's folder. Elsewhere only the highest limit of a category is checked.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from itertools import combinations
from typing import Annotated, Literal

import msgspec

from paravent.errors import InvalidConfiguration
from paravent.person.prescription import Eye, quarters
from paravent.person.sourced import Source, read_sourced
from paravent.wire.codec import Cents, Message
from paravent.wire.optics_terms import Focal


class TariffRange(Message, frozen=True, kw_only=True):
    """A limit for lenses in plus-cylinder form; powers in dioptres, both ends included."""

    focal: Focal
    sphere_min: Decimal
    sphere_max: Decimal
    cylinder_min: Decimal
    cylinder_max: Decimal
    limit_cents: Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]

    def holds(self, lens: Eye, focal: Focal) -> bool:
        """Says whether a lens, in plus-cylinder form, is in the range."""
        return (
            focal is self.focal
            and quarters(self.sphere_min) <= lens.sphere <= quarters(self.sphere_max)
            and quarters(self.cylinder_min) <= lens.cylinder <= quarters(self.cylinder_max)
        )

    def overlaps(self, other: TariffRange) -> bool:
        """Says whether some lens is in both ranges."""
        return (
            self.focal is other.focal
            and self.sphere_min <= other.sphere_max
            and other.sphere_min <= self.sphere_max
            and self.cylinder_min <= other.cylinder_max
            and other.cylinder_min <= self.cylinder_max
        )


class ClassATariff(Message, frozen=True, kw_only=True):
    """A dated tariff that says whether it is official or illustrative, and where it was read."""

    valid_from: date
    valid_to: date | None = None
    status: Literal["official", "illustrative"]
    source: Source
    range: Annotated[tuple[TariffRange, ...], msgspec.Meta(min_length=1)]

    def __post_init__(self) -> None:
        """Checks that no range is empty and no two overlap; raises ValueError."""
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError("valid_to is before valid_from")
        for number, one in enumerate(self.range, start=1):
            if one.sphere_min > one.sphere_max or one.cylinder_min > one.cylinder_max or one.cylinder_min < 0:
                raise ValueError(f"range {number} is empty, or not in plus-cylinder notation")
        for (first, one), (second, other) in combinations(enumerate(self.range, start=1), 2):
            if one.overlaps(other):
                raise ValueError(f"ranges {first} and {second} overlap")

    def limit(self, eye: Eye, focal: Focal) -> Cents | None:
        """Returns the limit of a lens in cents, None when it is in no range."""
        lens = eye.plus_cylinder()
        return next((one.limit_cents for one in self.range if one.holds(lens, focal)), None)


def read_class_a_tariff(body: bytes) -> ClassATariff:
    """Reads a tariff; raises InvalidConfiguration when unmarked, overlapping or off the grid."""
    tariff = read_sourced(body, ClassATariff)
    for one in tariff.range:
        for bound in (one.sphere_min, one.sphere_max, one.cylinder_min, one.cylinder_max):
            if bound * 4 != int(bound * 4):
                raise InvalidConfiguration("a bound of the tariff is not a whole number of quarters of a dioptre")
    return tariff


def tariff_for(day: date, available: Iterable[ClassATariff]) -> ClassATariff:
    """Chooses the tariff of a day: official before illustrative, then the newest; raises InvalidConfiguration."""
    held = [one for one in available if one.valid_from <= day and (one.valid_to is None or day <= one.valid_to)]
    if not held:
        raise InvalidConfiguration(f"no class A tariff is in force on {day.isoformat()}")
    return max(held, key=lambda one: (one.status == "official", one.valid_from))
