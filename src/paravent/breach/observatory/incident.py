"""One incident as the observatory keeps it, whatever format it came in (docs/watch.md section 1).

Values stay as their source spells them; what a source does not say is empty, never guessed. Free text on what
happened is not kept: it may name persons.
"""

from __future__ import annotations

from enum import Enum

import msgspec

from paravent.wire.codec import Message


class VictimType(Enum):
    """Who was attacked, in the terms of the health sector."""

    HOSPITAL = "hospital"
    PHARMACY = "pharmacy"
    PRACTITIONER = "practitioner"
    OPTICIAN = "optician"
    PAYER = "payer"
    VENDOR = "vendor"
    OTHER = "other"
    UNKNOWN = "unknown"


class Attack(Enum):
    """What the attack was for those who suffered it; an incident may be several."""

    RANSOMWARE = "ransomware"
    DENIAL_OF_SERVICE = "denial-of-service"
    THEFT = "theft"
    RESALE = "resale"


class Discovery(Message, frozen=True, kw_only=True):
    """Time from the incident to its discovery: a unit of VERIS, and how many when known."""

    unit: str
    value: float | None = None


class Incident(Message, frozen=True, kw_only=True):
    """An incident; ``identifier`` is unique among all sources and begins with the format's name."""

    identifier: str
    source: str = ""
    reference: str = ""
    certainty: str = ""
    organisation: str = ""
    year: int | None = None
    month: int | None = None
    industries: tuple[str, ...] = ()
    victim: VictimType
    countries: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    varieties: tuple[str, ...] = ()
    vectors: tuple[str, ...] = ()
    attacks: tuple[Attack, ...] = ()
    persons: int | None = None
    discovery: Discovery | None = None
    through_partner: bool | None = None
    modified: str = ""


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """A record that was not kept: where it stands, its identifier when it has one, and why."""

    place: str
    identifier: str = ""
    reason: str
