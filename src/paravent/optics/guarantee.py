"""Guarantee tables written by insurers, checked against the contrat responsable (CSS L.871-1, R.871-2 3°).

A table that needs a correction, a prescription or a detailed code is refused: for 100 % Santé and for
class B under a contrat responsable, grouped codes suffice (CNIL letters of November 2024, as reported
by the trade press).
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from paravent.errors import InvalidConfiguration, OvercollectionRefused
from paravent.optics.rules import Rules
from paravent.wire.codec import Amc, Cents, Message, Natural
from paravent.wire.optics_terms import Band

GuaranteeCode = Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9-]{1,16}$")]

_OVERCOLLECTING = (
    "sphere", "cylinder", "cylindre", "dioptre", "diopter", "correction", "power", "puissance", "prescription",
    "ordonnance", "axis", "axe", "addition", "lpp", "diameter", "diametre", "index", "indice",
)  # fmt: skip


class Guarantee(Message, frozen=True, kw_only=True):
    """One guarantee: class B cover in cents by band, AMO part and participation included."""

    code: GuaranteeCode
    label: str
    responsible: bool
    class_b_cents: dict[Band, Cents]
    frame_max_cents: Cents


class GuaranteeTables(Message, frozen=True, kw_only=True):
    """Every guarantee of an insurer, as signed and published."""

    insurer: Amc
    counter: Natural
    issued_at: Natural
    guarantees: tuple[Guarantee, ...]

    def find(self, code: str) -> Guarantee:
        """Finds a guarantee; raises InvalidConfiguration when the insurer published none of this code."""
        for guarantee in self.guarantees:
            if guarantee.code == code:
                return guarantee
        raise InvalidConfiguration(f"the insurer publishes no guarantee {code}")


class GuaranteeFile(Message, frozen=True, kw_only=True):
    """The TOML file an insurer writes."""

    insurer: Amc
    guarantee: tuple[Guarantee, ...]


def read_guarantees(body: bytes) -> GuaranteeFile:
    """Reads a guarantee file; raises OvercollectionRefused or InvalidConfiguration."""
    try:
        raw = msgspec.toml.decode(body)
        _refuse_overcollection(raw)
        file = msgspec.convert(raw, GuaranteeFile)
    except msgspec.MsgspecError as error:
        raise InvalidConfiguration(f"guarantee file: {error}") from None
    codes = [guarantee.code for guarantee in file.guarantee]
    if len(set(codes)) != len(codes):
        raise InvalidConfiguration("guarantee file: a code stands twice")
    return file


def check_responsible(guarantee: Guarantee, rules: Rules) -> list[str]:
    """Lists every floor, ceiling or frame cap that a guarantee breaks, with its article; empty when it respects them."""
    bands = rules.content.bands
    broken = [
        f"{guarantee.code}: band {band.value} covers {amount} cents, outside"
        f" {bands.floor_cents[band]}-{bands.ceiling_cents[band]} (CSS R.871-2 3°)"
        for band, amount in guarantee.class_b_cents.items()
        if not bands.floor_cents[band] <= amount <= bands.ceiling_cents[band]
    ]
    broken += [
        f"{guarantee.code}: band {band.value} has no amount (CSS R.871-2 3°)"
        for band in Band if band not in guarantee.class_b_cents
    ]  # fmt: skip
    if guarantee.frame_max_cents > bands.frame_max_cents:
        broken.append(f"{guarantee.code}: the frame is covered above {bands.frame_max_cents} cents (CSS R.871-2 3°)")
    return broken


def _refuse_overcollection(value: object) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            if any(word in str(name).lower() for word in _OVERCOLLECTING):
                raise OvercollectionRefused(
                    f"the guarantee table asks for '{name}': lens categories and grouped codes suffice"
                    " (RGPD art. 5(1)(c); CNIL letters of November 2024, as reported by the trade press)"
                )
            _refuse_overcollection(inner)
    elif isinstance(value, list):
        for inner in value:
            _refuse_overcollection(inner)
