"""The life of a right at the hub: one table of states and transitions (docs/protocol.md section 11).

A check promises nothing; a reservation (PEC) is bound to a shop and device for 60 days; consuming pays
once per renewal period; cancelling frees. Months are YYYYMM integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from paravent.errors import AlreadyReserved, NoReservation, RenewalNotDue
from paravent.wire.claims import ActKind

RESERVATION_SECONDS = 60 * 86_400


class RightState(StrEnum):
    """Where a right stands."""

    FREE = "free"
    RESERVED = "reserved"
    CONSUMED = "consumed"


TRANSITIONS: dict[tuple[RightState, ActKind], RightState] = {
    (RightState.FREE, ActKind.RESERVE): RightState.RESERVED,
    (RightState.RESERVED, ActKind.RESERVE): RightState.RESERVED,
    (RightState.RESERVED, ActKind.CONSUME): RightState.CONSUMED,
    (RightState.RESERVED, ActKind.CANCEL): RightState.FREE,
    (RightState.CONSUMED, ActKind.RESERVE): RightState.RESERVED,
}
"""Every allowed transition; reserving again by the same holder renews, reserving a consumed right needs its month."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RightRecord:
    """A right: its state, who reserved it (a keyed hash), until when (Unix seconds), last month consumed."""

    state: RightState = RightState.FREE
    holder: bytes | None = None
    reserved_until: int | None = None
    consumed_month: int | None = None


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


def apply(record: RightRecord, request: Request) -> RightRecord:
    """Applies an act; raises AlreadyReserved, NoReservation or RenewalNotDue, with the date when there is one."""
    current = _expire(record, request.now)
    if current.state is RightState.RESERVED and current.holder != request.holder:
        raise AlreadyReserved("another shop or device holds the prise en charge of this right")
    if (current.state, request.kind) not in TRANSITIONS:
        raise NoReservation("there is no prise en charge of this shop and device to consume or cancel")
    if request.kind is ActKind.RESERVE:
        return _reserve(current, request)
    if request.kind is ActKind.CONSUME:
        return RightRecord(state=RightState.CONSUMED, consumed_month=request.month)
    return _released(current)


def payable_from(record: RightRecord, free_from: int, renewal_months: int) -> int:
    """Returns the month from which equipment is payable: max(free_from, month consumed + renewal)."""
    if record.consumed_month is None:
        return free_from
    return max(free_from, plus_months(record.consumed_month, renewal_months))


def plus_months(month: int, months: int) -> int:
    """Adds months to a YYYYMM month."""
    count = (month // 100) * 12 + month % 100 - 1 + months
    return count // 12 * 100 + count % 12 + 1


def diagram() -> str:
    """Draws the table as a Mermaid state diagram."""
    lines = [f"    {before.value} --> {after.value}: {act.value}" for (before, act), after in TRANSITIONS.items()]
    return "\n".join(["stateDiagram-v2", "    [*] --> free", *lines]) + "\n"


def _reserve(current: RightRecord, request: Request) -> RightRecord:
    due = payable_from(current, request.free_from, request.renewal_months)
    if request.month < due and not request.early_renewal:
        raise RenewalNotDue(f"equipment is payable again from {due // 100}-{due % 100:02d}")
    return RightRecord(
        state=RightState.RESERVED, holder=request.holder, reserved_until=request.now + RESERVATION_SECONDS,
        consumed_month=current.consumed_month,
    )  # fmt: skip


def _expire(record: RightRecord, now: int) -> RightRecord:
    if record.state is RightState.RESERVED and now >= (record.reserved_until or 0):
        return _released(record)
    return record


def _released(record: RightRecord) -> RightRecord:
    """Frees a right: it goes back to consumed when it had been, so that its month is not forgotten."""
    state = RightState.FREE if record.consumed_month is None else RightState.CONSUMED
    return RightRecord(state=state, consumed_month=record.consumed_month)
