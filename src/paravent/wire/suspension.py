"""Messages between the breach desk and every verifier: who is suspended for a case (docs/protocol.md section 9)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from paravent.wire.codec import NOT_A_NIR, Bytes32, Message, Name, Natural

SUSPENSIONS_PATH = "/v1/suspensions"

CaseNumber = Annotated[str, msgspec.Meta(pattern=rf"^{NOT_A_NIR}[A-Za-z0-9][A-Za-z0-9._/-]{{0,39}}\Z")]
"""The number that the breach desk gives to an incident: no name of a person fits in it by accident."""


class SubjectKind(StrEnum):
    """What can be suspended: a device, every device of a professional or of a shop, the number lane or an insurer's."""

    DEVICE = "device"
    PROFESSIONAL = "professional"
    SHOP = "shop"
    INSURER = "insurer"
    LANE = "lane"


LANES = frozenset({SubjectKind.INSURER, SubjectKind.LANE})
"""What closes the number lane and bars no device: the subject is an AMC number, or ``NUMBER_LANE``."""

NUMBER_LANE = "number"


class Measure(StrEnum):
    """What the breach desk asks of a verifier: look changes nothing; withdraw is for good, and for one device."""

    LOOK = "look"
    SUSPEND = "suspend"
    RESUME = "resume"
    WITHDRAW = "withdraw"


class SuspensionRequest(Message, frozen=True, kw_only=True):
    """The breach desk asks for a measure in a case; the signed request is the signature."""

    case: CaseNumber
    measure: Measure
    kind: SubjectKind
    subject: Name


class SuspensionReport(Message, frozen=True, kw_only=True):
    """What a verifier did, signed by it: ``request`` is the hash of the request, counts are of the moment after.

    ``active`` are the devices of the subject that are answered here now, of so many professionals in so many shops.
    """

    verifier: Name
    request: Bytes32
    changed: bool
    suspended: bool
    devices: Natural
    active: Natural
    professionals: Natural
    shops: Natural
    reported_at: Natural
