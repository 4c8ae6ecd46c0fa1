"""Whether a change of sight allows a renewal before its term, from two prescriptions; desk only.

Arrêté of 2018-12-03, art. VIII.2, by the thresholds of ``renewal_grounds.toml``, most of them unverified. The
ground tells of a disease or of a correction: what leaves the desk is only that renewal is early.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import msgspec

from paravent.person.prescription import Eye, Prescription, quarters
from paravent.person.sourced import SourcedEntry, read_sourced
from paravent.wire.codec import Message


class Ground(StrEnum):
    """Why a renewal may be early; never in a message."""

    SPH_CYL = "SPH_CYL"
    ADD = "ADD"
    SUM = "SUM"
    AXIS = "AXIS"
    MEDICAL = "MEDICAL"


class Change(SourcedEntry, frozen=True, kw_only=True):
    """A change in dioptres that counts on one lens, or on each of both."""

    one_lens: Decimal
    each_lens: Decimal

    def reached(self, changes: list[int]) -> bool:
        """Says whether changes in quarters, one for each eye prescribed twice, are enough."""
        each = len(changes) == 2 and min(changes) >= quarters(self.each_lens)
        return each or any(change >= quarters(self.one_lens) for change in changes)


class AxisStep(Message, frozen=True, kw_only=True):
    """How many degrees an axis must have turned by more than, up to a cylinder; the last step has no cylinder."""

    degrees_above: Annotated[int, msgspec.Meta(ge=0, le=90)]
    cylinder_max: Decimal | None = None


class AxisChange(SourcedEntry, frozen=True, kw_only=True):
    """A change of axis that counts, by the new cylinder."""

    steps: Annotated[tuple[AxisStep, ...], msgspec.Meta(min_length=1)]

    def reached(self, old: Eye, new: Eye) -> bool:
        """Says whether the axis of one lens, in plus-cylinder form, turned enough; a lens without cylinder has none."""
        if not old.cylinder or not new.cylinder:
            return False
        turned = abs((old.axis or 0) - (new.axis or 0)) % 180
        step = next(
            step for step in self.steps
            if step.cylinder_max is None or new.cylinder <= quarters(step.cylinder_max)
        )  # fmt: skip
        return min(turned, 180 - turned) > step.degrees_above


class SightMonths(SourcedEntry, frozen=True, kw_only=True):
    """Months since the last equipment before a change of sight counts."""

    adult_from_age: int
    adult_months: int
    child_months: int


class RenewalGrounds(Message, frozen=True, kw_only=True):
    """The dated file."""

    valid_from: date
    valid_to: date | None = None
    sph_cyl: Change
    add: Change
    sum: Change
    axis: AxisChange
    medical: SourcedEntry
    change_of_sight: SightMonths

    def status_of(self, ground: Ground) -> str:
        """Says how sure a ground is."""
        entries: dict[Ground, SourcedEntry] = {
            Ground.SPH_CYL: self.sph_cyl, Ground.ADD: self.add, Ground.SUM: self.sum, Ground.AXIS: self.axis,
            Ground.MEDICAL: self.medical,
        }  # fmt: skip
        return entries[ground].status


def read_renewal_grounds(body: bytes) -> RenewalGrounds:
    """Reads the file; raises InvalidConfiguration."""
    return read_sourced(body, RenewalGrounds)


def changes_of_sight(old: Prescription, new: Prescription, grounds: RenewalGrounds) -> tuple[Ground, ...]:
    """Lists the grounds that two prescriptions give, for the eyes that both prescribe."""
    pairs = [
        (before.plus_cylinder(), after.plus_cylinder())
        for before, after in ((old.right, new.right), (old.left, new.left)) if before is not None and after is not None
    ]  # fmt: skip
    sphere, cylinder, addition, both = (
        _changed(pairs, part) for part in (_sphere, _cylinder, _addition, lambda eye: eye.sphere + eye.addition)
    )
    held = {
        Ground.SPH_CYL: grounds.sph_cyl.reached(sphere) or grounds.sph_cyl.reached(cylinder),
        # Presbyopia that grows alone: distance vision is stable.
        Ground.ADD: not any(sphere) and not any(cylinder) and grounds.add.reached(addition),
        Ground.SUM: any(addition) and grounds.sum.reached(both),
        Ground.AXIS: any(grounds.axis.reached(*pair) for pair in pairs),
    }
    return tuple(ground for ground, holds in held.items() if holds)


def early_grounds(
    found: tuple[Ground, ...], *, medical: bool, age_months: int, months_since: int, grounds: RenewalGrounds
) -> tuple[Ground, ...]:
    """Lists the grounds that count this long after the last equipment; a medical situation has no minimum."""
    terms = grounds.change_of_sight
    least = terms.adult_months if age_months >= terms.adult_from_age * 12 else terms.child_months
    counted = found if months_since >= least else ()
    return (*counted, Ground.MEDICAL) if medical else counted


def _changed(pairs: list[tuple[Eye, Eye]], part: Callable[[Eye], int]) -> list[int]:
    return [abs(part(after) - part(before)) for before, after in pairs]


def _sphere(eye: Eye) -> int:
    return eye.sphere


def _cylinder(eye: Eye) -> int:
    return eye.cylinder


def _addition(eye: Eye) -> int:
    return eye.addition
