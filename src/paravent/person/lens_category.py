"""From corrections to lens categories, exactly as CSS R.871-2 3° says, on the desk only.

The rules are data (``lens_rules.toml``): each is tried, and exactly one must hold for every lens.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

import msgspec

from paravent.errors import InvalidConfiguration
from paravent.person.prescription import Eye, Prescription, quarters
from paravent.wire.codec import Message
from paravent.wire.optics_terms import Band, Focal, LensCategory, band_of


class LensRule(Message, frozen=True, kw_only=True):
    """One dash of the text; an absent bound does not restrict. Powers are decimal text, in dioptres."""

    category: LensCategory
    focal: Focal
    form: Literal["spherical", "sphero-cylindrical"]
    article: str
    sphere_min: Decimal | None = None
    sphere_max: Decimal | None = None
    sphere_above: Decimal | None = None
    sphere_below: Decimal | None = None
    sphere_outside: Decimal | None = None
    cylinder_max: Decimal | None = None
    cylinder_above: Decimal | None = None
    sum_max: Decimal | None = None
    sum_above: Decimal | None = None

    def holds(self, eye: Eye, focal: Focal) -> bool:
        """Says whether this rule describes a lens, given in plus-cylinder form."""
        spherical = eye.cylinder == 0
        return (
            focal is self.focal
            and spherical is (self.form == "spherical")
            and _within(eye.sphere, self.sphere_min, self.sphere_max, self.sphere_above, self.sphere_below)
            and (self.sphere_outside is None or abs(eye.sphere) > quarters(self.sphere_outside))
            and _within(eye.cylinder, None, self.cylinder_max, self.cylinder_above, None)
            and _within(eye.sphere + eye.cylinder, None, self.sum_max, self.sum_above, None)
        )


class LensRules(Message, frozen=True, kw_only=True):
    """The rules file: since when it holds, its source, up to which day the text was read; after, it is presumed."""

    valid_from: str
    source: str
    read_until: str
    status: Literal["verified", "presumed"]
    rule: tuple[LensRule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """What leaves the prescription: categories, band, focal kind, and the article behind each category."""

    right: LensCategory | None
    left: LensCategory | None
    band: Band | None
    focal: Focal
    articles: tuple[str, ...]


def read_lens_rules(body: bytes) -> LensRules:
    """Reads a rules file; raises InvalidConfiguration."""
    try:
        return msgspec.toml.decode(body, type=LensRules)
    except msgspec.MsgspecError as error:
        raise InvalidConfiguration(f"lens rules: {error}") from None


def lens_category(eye: Eye, focal: Focal, rules: LensRules) -> tuple[LensCategory, str]:
    """Returns the category of one lens and its article; raises InvalidConfiguration unless one rule holds."""
    lens = eye.plus_cylinder()
    held = [rule for rule in rules.rule if rule.holds(lens, focal)]
    if len(held) != 1:
        raise InvalidConfiguration(f"{len(held)} lens rules hold where one must")
    return held[0].category, held[0].article


def classify(prescription: Prescription, rules: LensRules) -> Classification:
    """Classifies both lenses; an absent eye gives None and no band."""
    focal = prescription.focal
    found = [
        None if eye is None else lens_category(eye, focal, rules) for eye in (prescription.right, prescription.left)
    ]
    right, left = (None if category is None else category[0] for category in found)
    return Classification(
        right=right, left=left, band=None if right is None or left is None else band_of(right, left), focal=focal,
        articles=tuple(category[1] for category in found if category is not None),
    )  # fmt: skip


def _within(
    value: int, least: Decimal | None, most: Decimal | None, above: Decimal | None, below: Decimal | None
) -> bool:
    return (
        (least is None or value >= quarters(least))
        and (most is None or value <= quarters(most))
        and (above is None or value > quarters(above))
        and (below is None or value < quarters(below))
    )
