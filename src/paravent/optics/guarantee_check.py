"""Whether a guarantee is that of a contrat responsable: every floor and ceiling, with its article (protocol.md 11.1).

CSS R.871-2 3°. The law binds class B cover only when the contract has some. Class A has no line of its own: it is
computed in full for every guarantee, whose tables have no field to say otherwise.
"""

from __future__ import annotations

from enum import StrEnum

from paravent.errors import InvalidConfiguration
from paravent.optics.guarantee import Guarantee
from paravent.optics.rules import BandRules, Rules
from paravent.wire.codec import Message
from paravent.wire.optics_terms import Band


class Bound(StrEnum):
    """What an amount is compared with."""

    FLOOR = "floor"
    CEILING = "ceiling"
    FRAME_CAP = "frame-cap"


class CheckedLine(Message, frozen=True, kw_only=True):
    """One floor, ceiling or cap with what the guarantee says of it; without ``amount_cents`` it says nothing.

    ``binding`` is false for a floor when class B is not covered at all: such a floor is kept.
    """

    guarantee: str
    band: Band | None
    bound: Bound
    bound_cents: int
    amount_cents: int | None
    binding: bool
    kept: bool
    article: str

    def fault(self) -> str:
        """Says what is broken, in one sentence."""
        side = "below the floor" if self.bound is Bound.FLOOR else "above the ceiling"
        if self.band is None:
            return (
                f"{self.guarantee}: the frame is covered up to {self.amount_cents} cents, above the cap of"
                f" {self.bound_cents} ({self.article})"
            )
        subject = f"{self.guarantee}: band {self.band.value}"
        if self.amount_cents is None:
            return f"{subject} has no amount, {side} of {self.bound_cents} cents ({self.article})"
        return f"{subject} covers {self.amount_cents} cents, {side} of {self.bound_cents} ({self.article})"


def check_lines(guarantee: Guarantee, rules: Rules) -> tuple[CheckedLine, ...]:
    """Compares a guarantee with the floor and ceiling of each band, then with the cap of the frame."""
    bands = rules.content.bands
    lines = [line for band in Band for line in (_floor(guarantee, band, bands), _ceiling(guarantee, band, bands))]
    return *lines, _frame_cap(guarantee, bands)


def check_responsible(guarantee: Guarantee, rules: Rules) -> list[str]:
    """Lists every floor, ceiling or frame cap that a guarantee breaks, each with its article; empty if none."""
    return [line.fault() for line in check_lines(guarantee, rules) if not line.kept]


def require_responsible(guarantee: Guarantee, rules: Rules) -> None:
    """Checks a guarantee said to be responsible; raises InvalidConfiguration with everything it breaks."""
    broken = check_responsible(guarantee, rules) if guarantee.responsible else []
    if broken:
        raise InvalidConfiguration("not a contrat responsable: " + "; ".join(broken))


def _floor(guarantee: Guarantee, band: Band, bands: BandRules) -> CheckedLine:
    amount, floor = guarantee.class_b_cents.get(band), bands.floor_cents[band]
    binding = bool(guarantee.class_b_cents)
    kept = not binding or (amount is not None and amount >= floor)
    return CheckedLine(
        guarantee=guarantee.code, band=band, bound=Bound.FLOOR, bound_cents=floor, amount_cents=amount,
        binding=binding, kept=kept, article=_article(band),
    )  # fmt: skip


def _ceiling(guarantee: Guarantee, band: Band, bands: BandRules) -> CheckedLine:
    amount, ceiling = guarantee.class_b_cents.get(band), bands.ceiling_cents[band]
    kept = amount is None or amount <= ceiling
    return CheckedLine(
        guarantee=guarantee.code, band=band, bound=Bound.CEILING, bound_cents=ceiling, amount_cents=amount,
        binding=True, kept=kept, article=_article(band),
    )  # fmt: skip


def _frame_cap(guarantee: Guarantee, bands: BandRules) -> CheckedLine:
    amount, most = guarantee.frame_max_cents, bands.frame_max_cents
    return CheckedLine(
        guarantee=guarantee.code, band=None, bound=Bound.FRAME_CAP, bound_cents=most, amount_cents=amount,
        binding=True, kept=amount <= most, article="CSS R.871-2 3°",
    )  # fmt: skip


def _article(band: Band) -> str:
    return f"CSS R.871-2 3° {band.value})"
