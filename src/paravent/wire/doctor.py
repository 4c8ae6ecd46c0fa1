"""What a party says of its own state: checks with what was seen, dated and signed (docs/protocol.md section 16)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from paravent.wire.codec import Message, Name, Natural

Seen = Annotated[str, msgspec.Meta(max_length=600)]
RESULTS_MAX = 64


class Outcome(StrEnum):
    """What a check found; what could not be seen is never taken for right."""

    OK = "ok"
    WRONG = "wrong"
    NOT_KNOWN = "not known"


class CheckResult(Message, frozen=True, kw_only=True):
    """One check: what it found, what was seen, what to do when it is not right."""

    check: Name
    outcome: Outcome
    seen: Seen
    advice: Seen


class Setting(Message, frozen=True, kw_only=True):
    """One public line of a party's configuration, as records of processing need it."""

    name: Name
    value: Seen


class DoctorReport(Message, frozen=True, kw_only=True):
    """The checks of one party at an instant; ``rules`` is the day of the file of limits that judged them."""

    party: Name
    kind: Name
    at: Natural
    rules: Name
    results: Annotated[tuple[CheckResult, ...], msgspec.Meta(max_length=RESULTS_MAX)]
    settings: Annotated[tuple[Setting, ...], msgspec.Meta(max_length=RESULTS_MAX)]
