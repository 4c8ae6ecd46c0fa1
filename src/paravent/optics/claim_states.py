"""The life of a right at the hub: one table of states and transitions (docs/protocol.md section 11).

A check promises nothing; a reservation (PEC) is bound to a shop and device for 60 days; consuming pays
once per renewal period; cancelling frees. The shop and device are one keyed hash, the holder: a stolen
table does not say where anybody buys glasses. A reservation lasts until the end (UTC) of its
last day: its instant would tell, beside other tables, who made it. One that has ended is free, and nobody
need write it. Reserving again by the same holder renews the 60 days. Who holds nothing can neither consume
nor cancel; while somebody else holds the right, the refusal says so. The month of the last paid
equipment is never forgotten. Messages and tables carry months as YYYYMM integers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from paravent.errors import AlreadyReserved, NoReservation, RenewalNotDue, StorageDown
from paravent.optics.months import Month
from paravent.wire.claims import ActKind

RESERVATION_DAYS = 60
_DAY_SECONDS = 86_400
RESERVATION_SECONDS = RESERVATION_DAYS * _DAY_SECONDS


class RightState(StrEnum):
    """Where a right stands."""

    FREE = "free"
    RESERVED = "reserved"
    CONSUMED = "consumed"


TRANSITIONS: Mapping[tuple[RightState, ActKind], RightState] = MappingProxyType({
    (RightState.FREE, ActKind.RESERVE): RightState.RESERVED,
    (RightState.RESERVED, ActKind.RESERVE): RightState.RESERVED,
    (RightState.RESERVED, ActKind.CONSUME): RightState.CONSUMED,
    (RightState.RESERVED, ActKind.CANCEL): RightState.FREE,
    (RightState.CONSUMED, ActKind.RESERVE): RightState.RESERVED,
})  # fmt: skip
"""Every allowed transition; what leads to RESERVED or CONSUMED needs a month in which equipment is payable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RightRecord:
    """A right: its state, who reserved it (a keyed hash), until when (Unix seconds), last months consumed and early."""

    state: RightState = RightState.FREE
    holder: bytes | None = None
    reserved_until: int | None = None
    consumed_month: int | None = None
    early_month: int | None = None

    def __post_init__(self) -> None:
        """Checks that the fields agree with the state; raises StorageDown: such a record was never written."""
        reserved = self.state is RightState.RESERVED
        if (self.holder is not None, self.reserved_until is not None) != (reserved, reserved):
            raise StorageDown("the record of a right has a reservation that its state denies, or lacks one")
        if self.state is RightState.CONSUMED and self.consumed_month is None:
            raise StorageDown("the record of a consumed right has no month")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An act on a right: what, by whom, when, and the terms of its entitlement."""

    kind: ActKind
    holder: bytes
    now: int
    month: int
    free_from: int
    renewal_months: int
    early_renewal: bool


def apply(record: RightRecord | None, request: Request) -> RightRecord:
    """Applies an act to a right, None being one never used; raises AlreadyReserved, NoReservation, RenewalNotDue.

    1. a reservation that has ended is free; 2. nobody else holds the right; 3. the table allows the act;
    4. equipment is payable in this month, or its renewal is early: at the claim as at the reservation, so
    that a claim of an early renewal says that it is one.
    """
    # 1. expiry
    current = _expire(record or RightRecord(), request.now)
    # 2. holder
    if current.state is RightState.RESERVED and current.holder != request.holder:
        raise AlreadyReserved("another shop or device holds the prise en charge of this right")
    # 3. table
    target = TRANSITIONS.get((current.state, request.kind))
    if target is None:
        raise NoReservation("there is no prise en charge of this shop and device to consume or cancel")
    # 4. month
    early = target is not RightState.FREE and require_due(
        current, month=Month(number=request.month), free_from=request.free_from,
        renewal_months=request.renewal_months, early_renewal=request.early_renewal,
    )  # fmt: skip
    return _record_in(target, current, request, early=early)


def payable_from(record: RightRecord, free_from: int, renewal_months: int) -> Month:
    """Returns the month from which equipment is payable: max(free_from, month consumed + renewal)."""
    entitled = Month(number=free_from)
    if record.consumed_month is None:
        return entitled
    return max(entitled, Month(number=record.consumed_month).plus(renewal_months))


def require_due(record: RightRecord, *, month: Month, free_from: int, renewal_months: int, early_renewal: bool) -> bool:
    """Says whether equipment of this month is an early renewal; raises RenewalNotDue when it is not payable.

    A right has one early renewal in a renewal period: a second one is for the insurer to look at.
    """
    due = payable_from(record, free_from, renewal_months)
    if month >= due:
        return False
    if not early_renewal:
        raise RenewalNotDue(f"equipment is payable again from {due}", payable_from=due.number)
    if record.early_month is not None and month < (again := Month(number=record.early_month).plus(renewal_months)):
        detail = f"this right already had an early renewal: the next one is payable from {again}"
        raise RenewalNotDue(detail, payable_from=min(due, again).number)
    return True


def diagram() -> str:
    """Draws the table as a Mermaid state diagram, with the expiry of reservations."""
    lines = [f"    {before.value} --> {after.value}: {act.value}" for (before, act), after in TRANSITIONS.items()]
    expiry = f"    {RightState.RESERVED.value} --> {RightState.FREE.value}: after {RESERVATION_DAYS} days"
    return "\n".join(["stateDiagram-v2", f"    [*] --> {RightState.FREE.value}", *lines, expiry]) + "\n"


def _record_in(target: RightState, current: RightRecord, request: Request, *, early: bool) -> RightRecord:
    """Writes the record of a state that was reached."""
    match target:
        case RightState.FREE:
            return _released(current)
        case RightState.RESERVED:
            until = -(-(request.now + RESERVATION_SECONDS) // _DAY_SECONDS) * _DAY_SECONDS
            return replace(current, state=target, holder=request.holder, reserved_until=until)
        case RightState.CONSUMED:
            early_month = request.month if early else current.early_month
            return RightRecord(state=target, consumed_month=request.month, early_month=early_month)


def _expire(record: RightRecord, now: int) -> RightRecord:
    ended = record.reserved_until is not None and now >= record.reserved_until
    return _released(record) if ended else record


def _released(record: RightRecord) -> RightRecord:
    """Frees a right, without forgetting the months of its last paid equipment."""
    return RightRecord(consumed_month=record.consumed_month, early_month=record.early_month)
