"""Guarantee tables written by insurers (docs/protocol.md section 11).

CSS L.871-1 and R.871-2 3°: amounts of class B by band, with the compulsory scheme's part and the
participation inside. Class A stands in no table: a contrat responsable pays it in full within its price
limits, and a guarantee that is not responsible is computed alike (it has no field to say otherwise).
Tables that ask for corrections are refused by ``overcollection``; ``guarantee_check`` compares them with the law.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from paravent.errors import InvalidConfiguration, MalformedMessage, OutsideValidity
from paravent.optics.months import Month
from paravent.optics.overcollection import refuse_overcollection
from paravent.wire import claims
from paravent.wire.codec import Amc, Cents, Message, Name, Natural, read_object
from paravent.wire.optics_terms import Band

GuaranteeCode = Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9-]{1,16}\Z")]


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
    """The file an insurer writes, in TOML or in JSON."""

    insurer: Amc
    guarantee: Annotated[tuple[Guarantee, ...], msgspec.Meta(min_length=1)]


def read_guarantees(body: bytes) -> GuaranteeFile:
    """Reads a guarantee file, JSON when it begins with a brace; raises OvercollectionRefused, InvalidConfiguration."""
    try:
        raw = read_object(body) if body.lstrip()[:1] == b"{" else msgspec.toml.decode(body)
        refuse_overcollection(raw)
        file = msgspec.convert(raw, GuaranteeFile)
    except (msgspec.MsgspecError, ValueError, RecursionError, MalformedMessage) as error:
        raise InvalidConfiguration(f"guarantee file: {error}") from None
    codes = [guarantee.code for guarantee in file.guarantee]
    if len(set(codes)) != len(codes):
        raise InvalidConfiguration("guarantee file: a code stands twice")
    return file
