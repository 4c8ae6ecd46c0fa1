"""Alarms of a verifier: what its detectors found, signed, and how the breach desk asks for them (protocol.md 9.14).

No insured person is in an alarm: it names a professional, a shop, the fleet, a canary credential, or the verifier
itself.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from paravent.wire.codec import Amc, Message, Name, Natural
from paravent.wire.statements import Signed

ALARMS_PATH = "/v1/alarms"
ALARM_BOOK = "alarms"
ALARM_BOOK_PATH = f"/v1/statements/{ALARM_BOOK}"
ALARMS_PER_ANSWER_MAX = 64

Quantity = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,16}(\.[0-9]{1,9})?(e(\+[0-9]{2}|-[0-9]{2,3}))?\Z")]
"""A number that is no count, as decimal text of six digits: signed bytes hold no binary fraction."""


def quantity(number: float) -> str:
    """Writes a number of zero or more as text."""
    return f"{number:.6g}"


class Sign(StrEnum):
    """What a detector saw (docs/detection.md)."""

    VOLUME = "volume"
    UNKNOWN_PERSONS = "unknown-persons"
    EVALUATIONS_WITHOUT_OPENINGS = "evaluations-without-openings"
    OPENINGS_WITHOUT_CLAIMS = "openings-without-claims"
    NEW_DEVICES = "new-devices"
    CLOSED_HOURS = "closed-hours"
    CLAIMS_MIX = "claims-mix"
    FLEET = "fleet"
    REQUEST_FLOOD = "request-flood"
    MASS_REWRITE = "mass-rewrite"
    CANARY_FILE = "canary-file"
    CANARY_CREDENTIAL = "canary-credential"
    TRAP_PERSON = "trap-person"


class AlarmSubject(StrEnum):
    """Whom an alarm is about."""

    PROFESSIONAL = "professional"
    FLEET = "fleet"
    VERIFIER = "verifier"
    DEVICE = "device"
    SHOP = "shop"


class Finding(Message, frozen=True, kw_only=True):
    """What one detector found on one day (counted from 1970, UTC): so many, of so many, where so many are usual.

    ``statistic`` and ``limit`` are those of the test: a level that reached its threshold, or a probability below it.
    """

    sign: Sign
    kind: AlarmSubject
    subject: Name
    day: Natural
    observed: Natural
    whole: Natural
    usual: Quantity
    statistic: Quantity
    limit: Quantity


class Alarm(Message, frozen=True, kw_only=True):
    """A finding as a verifier recorded it; ``budget`` is the false alarms a year that its whole fleet may give.

    ``suspended`` says that the verifier's own policy suspended the professional at once; ``drill`` that whoever
    exercised the trap had said so beforehand.
    """

    verifier: Name
    number: Natural
    raised_at: Natural
    finding: Finding
    budget: Natural
    suspended: bool
    drill: bool


class AlarmsRequest(Message, frozen=True, kw_only=True):
    """The breach desk asks for the alarms after a number; 0 asks for all. The hub has those of an ``insurer`` too."""

    after: Natural
    insurer: Amc | None = None


class KeptAlarm(Message, frozen=True, kw_only=True):
    """A signed alarm, and where a key server's log holds its hash; the hub has no log of its own."""

    signed: Signed
    leaf: Natural | None


class AlarmBook(Message, frozen=True, kw_only=True):
    """Every alarm of an insurer's traps, in the order of their numbers from 1; ``counter`` is how many they are."""

    insurer: Amc
    counter: Natural
    alarms: tuple[Signed, ...]


class AlarmsAnswer(Message, frozen=True, kw_only=True):
    """The next alarms of a verifier, in the order of their numbers; none is the end."""

    alarms: tuple[KeptAlarm, ...]
