"""The rules of a date: bands, class A limits, AMO part, renewal (docs/protocol.md section 11; CSS L.871-1, R.871-2 3°).

Each entry of a rules file carries its source and how sure it is; no tariff stands in the code. It does
not know today's date, and does not find the files: ``store`` does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date
from typing import Annotated, Literal

import msgspec

from paravent.errors import InvalidConfiguration
from paravent.optics.months import Month
from paravent.wire.codec import Cents, Message
from paravent.wire.optics_terms import Band, ExtraCode, LensCategory

Status = Literal["verified", "secondary", "unverified", "illustrative"]
Percent = Annotated[int, msgspec.Meta(ge=0, le=100)]
Source = Annotated[str, msgspec.Meta(min_length=1)]


class Entry(Message, frozen=True, kw_only=True):
    """What every entry of a rules file says of itself."""

    source: Source
    status: Status


class BandRules(Entry, frozen=True, kw_only=True):
    """Floors, ceilings and frame cap of class B cover under a contrat responsable (CSS R.871-2 3°)."""

    frame_max_cents: Cents
    floor_cents: dict[Band, Cents]
    ceiling_cents: dict[Band, Cents]

    def __post_init__(self) -> None:
        """Checks that every band has a floor and a ceiling; raises ValueError, which names the table."""
        _require_every("floor_cents", self.floor_cents, frozenset(Band))
        _require_every("ceiling_cents", self.ceiling_cents, frozenset(Band))
        if any(self.floor_cents[band] > self.ceiling_cents[band] for band in Band):
            raise ValueError("a floor is above its ceiling")


class AmoRate(Entry, frozen=True, kw_only=True):
    """Share of the reimbursement base that the compulsory scheme pays."""

    percent: Percent


class ClassBBase(Entry, frozen=True, kw_only=True):
    """Reimbursement base of a class B frame and lens."""

    frame_cents: Cents
    lens_cents: Cents


class ClassABase(Entry, frozen=True, kw_only=True):
    """Reimbursement base of a class A item, as a share of its price limit."""

    percent_of_limit: Percent


class FrameLimit(Entry, frozen=True, kw_only=True):
    """Price limit (PLV) of a class A frame."""

    cents: Cents


class LensLimit(Entry, frozen=True, kw_only=True):
    """Highest price limit (PLV) of a class A lens of each category."""

    cents: dict[LensCategory, Cents]

    def __post_init__(self) -> None:
        """Checks that limits rise from simple to very complex; raises ValueError."""
        _require_every("cents", self.cents, frozenset(LensCategory))
        steps = [self.cents[category] for category in LensCategory]
        if steps != sorted(steps):
            raise ValueError("the limits do not rise from a to c to f")


class ExtraRule(Entry, frozen=True, kw_only=True):
    """Price limit and reimbursement base of a supplement or service that goes with class A lenses.

    ``paid_in_full``: the contract pays all that the compulsory scheme leaves; otherwise the participation only.
    """

    limit_cents: Cents
    base_percent_of_limit: Percent
    paid_in_full: bool


class RenewalPeriods(Entry, frozen=True, kw_only=True):
    """Months between two equipments by age in years: up to ``infant_to_age``, below ``adult_from_age``, from it."""

    adult_months: Annotated[int, msgspec.Meta(ge=1, le=60)]
    adult_from_age: Annotated[int, msgspec.Meta(ge=13, le=30)]
    child_months: Annotated[int, msgspec.Meta(ge=1, le=60)]
    infant_months: Annotated[int, msgspec.Meta(ge=1, le=60)]
    infant_to_age: Annotated[int, msgspec.Meta(ge=1, le=12)]

    def months(self, *, age_months: int, frame_outgrown: bool = False) -> int:
        """Gives the period of an age in complete months; the shortest needs a frame that no longer fits the face."""
        if age_months >= self.adult_from_age * 12:
            return self.adult_months
        if age_months <= self.infant_to_age * 12 and frame_outgrown:
            return self.infant_months
        return self.child_months


class RulesFile(Message, frozen=True, kw_only=True):
    """A dated rules file, in force from ``valid_from`` to ``valid_to`` included."""

    valid_from: date
    valid_to: date | None = None
    bands: BandRules
    amo_rate: AmoRate
    class_b_base: ClassBBase
    class_a_frame_base: ClassABase
    class_a_lens_base: ClassABase
    class_a_frame_limit: FrameLimit
    class_a_lens_limit: LensLimit
    mixed: Entry
    filter_supplement: ExtraRule
    pairing: ExtraRule
    adaptation: ExtraRule
    renewal: RenewalPeriods

    def extra_rule(self, code: ExtraCode) -> ExtraRule:
        """Finds the rule of a supplement or service."""
        return {
            ExtraCode.FILTER: self.filter_supplement, ExtraCode.PAIRING: self.pairing,
            ExtraCode.ADAPTATION: self.adaptation,
        }[code]  # fmt: skip

    def __post_init__(self) -> None:
        """Checks that the file ends after it begins; raises ValueError."""
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError("valid_to is before valid_from")


class Rules(Message, frozen=True, kw_only=True):
    """Rules and their version: the date, then 8 hexadecimal digits of the file's SHA-256."""

    version: str
    content: RulesFile

    def in_force(self, day: date) -> bool:
        """Says whether these rules are in force on a day."""
        end = self.content.valid_to
        return self.content.valid_from <= day and (end is None or day <= end)


def read_rules(body: bytes) -> Rules:
    """Reads a rules file; raises InvalidConfiguration saying what is wrong."""
    try:
        content = msgspec.toml.decode(body, type=RulesFile)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidConfiguration(f"rules file: {error}") from None
    digest = hashlib.sha256(body).hexdigest()
    return Rules(version=f"{content.valid_from.isoformat()}-{digest[:8]}", content=content)


def rules_for(day: date, available: Iterable[Rules]) -> Rules:
    """Chooses the newest rules in force on a day; raises InvalidConfiguration when there are none."""
    candidates = [rules for rules in available if rules.in_force(day)]
    if not candidates:
        raise InvalidConfiguration(f"no rules file is in force on {day.isoformat()}")
    return max(candidates, key=lambda rules: rules.content.valid_from)


def rules_of_month(month: Month, available: Iterable[Rules]) -> Rules:
    """Chooses the rules of an act by its month: those in force on its first day; raises InvalidConfiguration."""
    return rules_for(date(month.number // 100, month.number % 100, 1), available)


def _require_every(name: str, table: dict[Band, int] | dict[LensCategory, int], keys: frozenset[str]) -> None:
    if table.keys() != keys:
        raise ValueError(f"{name} has an amount for each of {', '.join(sorted(keys))}")
