"""A prescription for spectacles in quarter dioptres: never a float, never further than the desk (CSS R.871-2 3°)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from paravent.errors import UnsupportedPrescription
from paravent.wire.optics_terms import Focal

QUARTERS_PER_DIOPTRE = 4
_EXPONENT_MAX = 6


def quarters(dioptres: Decimal) -> int:
    """Converts dioptres to quarters; raises UnsupportedPrescription off the grid of 0.25, without the value."""
    # The exponent is bounded first, and the product is a fraction: decimal arithmetic would round a long power
    # to the grid, and overflow on a huge one.
    if dioptres.is_finite() and abs(dioptres.adjusted()) <= _EXPONENT_MAX:
        scaled = Fraction(dioptres) * QUARTERS_PER_DIOPTRE
        if scaled.denominator == 1:
            return scaled.numerator
    raise UnsupportedPrescription("a power is not on the grid of 0.25 dioptre")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Eye:
    """One eye in quarter dioptres; ``axis`` in degrees goes with a cylinder, ``addition`` 0 means none."""

    sphere: int
    cylinder: int = 0
    axis: int | None = None
    addition: int = 0

    def __post_init__(self) -> None:
        """Checks that a cylinder has an axis of 0 to 180 degrees and that an addition is positive."""
        if self.cylinder != 0 and self.axis is None:
            raise UnsupportedPrescription("a cylinder has no axis")
        if self.axis is not None and not 0 <= self.axis <= 180:
            raise UnsupportedPrescription("an axis is 0 to 180 degrees")
        if self.addition < 0:
            raise UnsupportedPrescription("an addition is positive")

    def __repr__(self) -> str:
        return "Eye(REDACTED)"

    def plus_cylinder(self) -> Eye:
        """Transposes to plus-cylinder form, the only one the text of R.871-2 speaks."""
        if self.cylinder >= 0:
            return self
        axis = ((self.axis or 0) + 90) % 180
        return Eye(sphere=self.sphere + self.cylinder, cylinder=-self.cylinder, axis=axis, addition=self.addition)

    def canonical(self) -> str:
        """Writes the plus-cylinder form in quarters; axis 180 and 0 are the same axis."""
        eye = self.plus_cylinder()
        axis = (eye.axis or 0) % 180 if eye.cylinder else 0
        return f"{eye.sphere},{eye.cylinder},{axis},{eye.addition}"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Prescription:
    """What is prescribed for each eye; an eye may be absent."""

    right: Eye | None
    left: Eye | None

    def __post_init__(self) -> None:
        """Checks that there is an eye."""
        if self.right is None and self.left is None:
            raise UnsupportedPrescription("the prescription has no eye")

    def __repr__(self) -> str:
        return "Prescription(REDACTED)"

    @property
    def focal(self) -> Focal:
        """Multifocal when either eye has an addition: the two lenses of an equipment have one focal kind."""
        eyes = [eye for eye in (self.right, self.left) if eye is not None]
        return Focal.MULTIFOCAL if any(eye.addition for eye in eyes) else Focal.UNIFOCAL

    def canonical(self) -> bytes:
        """Writes the one form that a commitment covers, whatever the notation of the cylinder."""
        eyes = ("-" if eye is None else eye.canonical() for eye in (self.right, self.left))
        return "|".join(eyes).encode()
