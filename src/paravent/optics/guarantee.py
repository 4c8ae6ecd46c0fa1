"""Guarantee tables written by insurers, checked against the contrat responsable (docs/protocol.md section 11).

CSS L.871-1 and R.871-2 3°: amounts of class B by band, with the compulsory scheme's part and the
participation inside. Class A stands in no table: a contrat responsable pays it in full within its price
limits, and a guarantee that is not responsible is computed alike (it has no field to say otherwise).
Tables that ask for corrections are refused by ``overcollection``.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from paravent.errors import InvalidConfiguration, MalformedMessage, OutsideValidity
from paravent.optics.months import Month
from paravent.optics.overcollection import refuse_overcollection
from paravent.optics.rules import BandRules, Rules
from paravent.wire import claims
from paravent.wire.codec import Amc, Cents, Message, Name, Natural
from paravent.wire.optics_terms import Band

GuaranteeCode = Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9-]{1,16}\Z")]

_ARTICLE = "CSS R.871-2 3°"


class Guarantee(Message, frozen=True, kw_only=True):
    """One guarantee: class B cover in cents by band, AMO part and participation included.

    Without amounts, the contract does not cover class B. Months of validity are YYYYMM, both included;
    an absent one does not restrict.
    """

    code: GuaranteeCode
    label: Name
    responsible: bool
    class_b_cents: dict[Band, Cents]
    frame_max_cents: Cents
    valid_from: claims.Month | None = None
    valid_to: claims.Month | None = None

    def __post_init__(self) -> None:
        """Checks the months; raises MalformedMessage or ValueError."""
        first, last = self._validity()
        if first is not None and last is not None and last < first:
            raise ValueError("valid_to is before valid_from")

    def require_valid(self, month: Month) -> None:
        """Checks that the guarantee is in force in a month; raises OutsideValidity."""
        first, last = self._validity()
        if (first is not None and month < first) or (last is not None and month > last):
            raise OutsideValidity(f"guarantee {self.code} is not in force in {month}")

    def _validity(self) -> tuple[Month | None, Month | None]:
        months = (self.valid_from, self.valid_to)
        first, last = (None if month is None else Month(number=month) for month in months)
        return first, last


class GuaranteeTables(Message, frozen=True, kw_only=True):
    """Every guarantee of an insurer, as signed and published."""

    insurer: Amc
    counter: Natural
    issued_at: Natural
    guarantees: tuple[Guarantee, ...]

    def find(self, code: str, month: Month | None = None) -> Guarantee:
        """Finds a guarantee, in force in a month when one is given.

        Raises InvalidConfiguration when the insurer published none of this code, OutsideValidity.
        """
        for guarantee in self.guarantees:
            if guarantee.code == code:
                if month is not None:
                    guarantee.require_valid(month)
                return guarantee
        raise InvalidConfiguration(f"the insurer publishes no guarantee {code}")


class GuaranteeFile(Message, frozen=True, kw_only=True):
    """The TOML file an insurer writes."""

    insurer: Amc
    guarantee: Annotated[tuple[Guarantee, ...], msgspec.Meta(min_length=1)]


def read_guarantees(body: bytes) -> GuaranteeFile:
    """Reads a guarantee file; raises OvercollectionRefused or InvalidConfiguration."""
    try:
        raw = msgspec.toml.decode(body)
        refuse_overcollection(raw)
        file = msgspec.convert(raw, GuaranteeFile)
    except (msgspec.MsgspecError, UnicodeDecodeError, MalformedMessage) as error:
        raise InvalidConfiguration(f"guarantee file: {error}") from None
    codes = [guarantee.code for guarantee in file.guarantee]
    if len(set(codes)) != len(codes):
        raise InvalidConfiguration("guarantee file: a code stands twice")
    return file


def require_responsible(guarantee: Guarantee, rules: Rules) -> None:
    """Checks a guarantee said to be responsible; raises InvalidConfiguration with everything it breaks."""
    broken = check_responsible(guarantee, rules) if guarantee.responsible else []
    if broken:
        raise InvalidConfiguration("not a contrat responsable: " + "; ".join(broken))


def check_responsible(guarantee: Guarantee, rules: Rules) -> list[str]:
    """Lists every floor, ceiling or frame cap that a guarantee breaks, each with its article; empty if none.

    The law binds class B cover only when the contract has some: no amount at all breaks nothing.
    """
    bands = rules.content.bands
    broken = [] if not guarantee.class_b_cents else [
        fault for band in Band if (fault := _band_fault(guarantee, band, bands)) is not None
    ]  # fmt: skip
    if guarantee.frame_max_cents > bands.frame_max_cents:
        broken.append(
            f"{guarantee.code}: the frame is covered up to {guarantee.frame_max_cents} cents, above the cap of"
            f" {bands.frame_max_cents} ({_ARTICLE})"
        )
    return broken


def _band_fault(guarantee: Guarantee, band: Band, bands: BandRules) -> str | None:
    amount, floor, ceiling = guarantee.class_b_cents.get(band), bands.floor_cents[band], bands.ceiling_cents[band]
    subject = f"{guarantee.code}: band {band.value}"
    if amount is None:
        return f"{subject} has no amount, below the floor of {floor} cents ({_ARTICLE})"
    if amount < floor:
        return f"{subject} covers {amount} cents, below the floor of {floor} ({_ARTICLE})"
    if amount > ceiling:
        return f"{subject} covers {amount} cents, above the ceiling of {ceiling} ({_ARTICLE})"
    return None
