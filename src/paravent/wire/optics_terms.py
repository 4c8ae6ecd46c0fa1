"""Terms of the trade shared by prescriptions and guarantees (docs/protocol.md section 11).

Categories, bands and focal types of CSS R.871-2 3°. No dioptre and no amount stands here: the rules
that give a category are in ``person``, the amounts of a band in ``optics``.
"""

from __future__ import annotations

from enum import StrEnum


class LensCategory(StrEnum):
    """Category of one lens; the article only says a, c, f, the names are those of the trade."""

    SIMPLE = "a"
    COMPLEX = "c"
    VERY_COMPLEX = "f"


class Band(StrEnum):
    """Band of an equipment of two lenses and a frame, from its two lens categories."""

    A = "a"
    B = "b"
    C = "c"
    D = "d"
    E = "e"
    F = "f"


class Focal(StrEnum):
    """Whether a lens has one focal length or several; the article treats progressive as multifocal."""

    UNIFOCAL = "unifocal"
    MULTIFOCAL = "multifocal"


class ExtraCode(StrEnum):
    """Grouped codes, this project's own, of what may be added to an equipment with class A lenses."""

    FILTER = "SUPP-FILTRE-A"
    PAIRING = "APPAIRAGE-A"
    ADAPTATION = "ADAPTATION-A"


_BAND_OF_PAIR = {
    frozenset({LensCategory.SIMPLE}): Band.A,
    frozenset({LensCategory.SIMPLE, LensCategory.COMPLEX}): Band.B,
    frozenset({LensCategory.COMPLEX}): Band.C,
    frozenset({LensCategory.SIMPLE, LensCategory.VERY_COMPLEX}): Band.D,
    frozenset({LensCategory.COMPLEX, LensCategory.VERY_COMPLEX}): Band.E,
    frozenset({LensCategory.VERY_COMPLEX}): Band.F,
}


def band_of(right: LensCategory, left: LensCategory) -> Band:
    """Gives the band of a pair, the same whichever eye comes first (CSS R.871-2 3°)."""
    return _BAND_OF_PAIR[frozenset({right, left})]
