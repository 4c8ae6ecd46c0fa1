"""The rules of a date: bands, class A limits, AMO part, from a dated file with its sources (CSS R.871-2 3°)."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

import msgspec

from paravent.errors import InvalidConfiguration
from paravent.wire.codec import Cents, Message
from paravent.wire.optics_terms import Band, LensCategory

Status = Literal["verified", "secondary", "illustrative"]
Percent = Annotated[int, msgspec.Meta(ge=0, le=100)]


class AmoRules(Message, frozen=True, kw_only=True):
    """What the compulsory scheme pays."""

    rate_percent: Percent
    class_b_base_cents: Cents
    class_a_base_percent: Percent
    source: str
    status: Status


class ClassARules(Message, frozen=True, kw_only=True):
    """Price limits (PLV) of class A."""

    frame_limit_cents: Cents
    frame_source: str
    frame_status: Status
    lens_limit_cents: dict[LensCategory, Cents]
    lens_source: str
    lens_status: Status


class BandRules(Message, frozen=True, kw_only=True):
    """Floors and ceilings of class B cover under a contrat responsable."""

    frame_max_cents: Cents
    source: str
    status: Status
    floor_cents: dict[Band, Cents]
    ceiling_cents: dict[Band, Cents]


class RulesFile(Message, frozen=True, kw_only=True):
    """A dated rules file."""

    valid_from: str
    valid_to: str | None = None
    amo: AmoRules
    class_a: ClassARules
    bands: BandRules


class Rules(Message, frozen=True, kw_only=True):
    """Rules with the version that claims quote: the date and the first 8 hexadecimal digits of the file's SHA-256."""

    version: str
    content: RulesFile


def read_rules(body: bytes) -> Rules:
    """Reads a rules file; raises InvalidConfiguration saying what is wrong."""
    try:
        content = msgspec.toml.decode(body, type=RulesFile)
    except msgspec.MsgspecError as error:
        raise InvalidConfiguration(f"rules file: {error}") from None
    tables = (content.bands.floor_cents, content.bands.ceiling_cents, content.class_a.lens_limit_cents)
    if any(set(table) != set(kind) for table, kind in zip(tables, (Band, Band, LensCategory), strict=True)):
        raise InvalidConfiguration("rules file: every band and every category has an amount")
    return Rules(version=f"{content.valid_from}-{hashlib.sha256(body).hexdigest()[:8]}", content=content)
