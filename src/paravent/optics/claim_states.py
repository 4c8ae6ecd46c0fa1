"""The life of a right and of its claims at the hub: one table of states and transitions (docs/protocol.md section 11).

A check promises nothing; a reservation (PEC) is bound to a shop for 60 days; consuming pays once per renewal
period and opens a claim; cancelling frees. The shop corrects its claim within a few days; the insurer disputes,
upholds or reverses it within thirty, or releases a reservation. Reversing gives the right back as it was before.
The shop is a keyed hash, the holder. A reservation lasts until the midnight (legal time of France) that ends its
last day. One that has ended is free, and no act need write it. Reserving again by the same holder renews the 60
days. Who holds nothing can neither consume nor cancel; while somebody else holds the right, the refusal says so.
The months of paid equipment are kept as long as they can matter. Messages and records carry months as YYYYMM
integers.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from msgspec.structs import replace

from paravent.errors import AlreadyReserved, ClaimClosed, NoReservation, RenewalNotDue, StorageDown, TooLate
from paravent.optics.months import Month, end_of_day
from paravent.wire import claims
from paravent.wire.claims import ActKind
from paravent.wire.codec import Cents, Message, Natural

_DAY_SECONDS = 86_400
RESERVATION_DAYS = 60
RESERVATION_SECONDS = RESERVATION_DAYS * _DAY_SECONDS
CORRECTION_DAYS = 3
CORRECTION_SECONDS = CORRECTION_DAYS * _DAY_SECONDS
REVERSAL_DAYS = 30
REVERSAL_SECONDS = REVERSAL_DAYS * _DAY_SECONDS
PAID_KEPT_MAX = 8


class RightState(StrEnum):
    """Where a right stands; one that is free may have been consumed before, and keeps its months."""

    FREE = "free"
    RESERVED = "reserved"
    CONSUMED = "consumed"


class ClaimState(StrEnum):
    """Where an accepted claim stands."""

    ACCEPTED = "accepted"
    CORRECTED = "corrected"
    DISPUTED = "disputed"
    REVERSED = "reversed"


State = RightState | ClaimState

TRANSITIONS: Final[Mapping[tuple[State, ActKind], State]] = MappingProxyType({
    # the right: by the shop, then by the insurer
    (RightState.FREE, ActKind.RESERVE): RightState.RESERVED,
    (RightState.RESERVED, ActKind.RESERVE): RightState.RESERVED,
    (RightState.RESERVED, ActKind.CONSUME): RightState.CONSUMED,
    (RightState.RESERVED, ActKind.CANCEL): RightState.FREE,
    (RightState.CONSUMED, ActKind.RESERVE): RightState.RESERVED,
    (RightState.RESERVED, ActKind.RELEASE): RightState.FREE,
    (RightState.CONSUMED, ActKind.REVERSE): RightState.FREE,
    (RightState.RESERVED, ActKind.REVERSE): RightState.RESERVED,
    (RightState.FREE, ActKind.REVERSE): RightState.FREE,
    # its claim: consuming opens one, and a correction opens another in its place
    (ClaimState.ACCEPTED, ActKind.CORRECT): ClaimState.CORRECTED,
    (ClaimState.ACCEPTED, ActKind.DISPUTE): ClaimState.DISPUTED,
    (ClaimState.DISPUTED, ActKind.UPHOLD): ClaimState.ACCEPTED,
    (ClaimState.ACCEPTED, ActKind.REVERSE): ClaimState.REVERSED,
    (ClaimState.DISPUTED, ActKind.REVERSE): ClaimState.REVERSED,
})  # fmt: skip
"""Every allowed transition; reserving and consuming need a month in which equipment is payable."""


class Paid(Message, frozen=True, kw_only=True):
    """One equipment paid: its month (YYYYMM), and whether it was an early renewal."""

    month: claims.Month
    early: bool


class RightRecord(Message, frozen=True, kw_only=True):
    """A right: its state, who reserved it (a keyed hash), until when (Unix seconds), what was paid, oldest first."""

    state: RightState = RightState.FREE
    holder: bytes | None = None
    reserved_until: Natural | None = None
    paid: tuple[Paid, ...] = ()

    def __post_init__(self) -> None:
        """Checks that the fields agree with the state; raises StorageDown: such a record was never written."""
        _require_agreement(self)

    @property
    def consumed_month(self) -> int | None:
        """The month (YYYYMM) of the last paid equipment."""
        return max((paid.month for paid in self.paid), default=None)

    @property
    def early_month(self) -> int | None:
        """The month (YYYYMM) of the last early renewal."""
        return max((paid.month for paid in self.paid if paid.early), default=None)


class ClaimRecord(Message, frozen=True, kw_only=True):
    """An accepted claim: its state, what it counts as, its amount, when it and the first of its corrections were."""

    state: ClaimState
    paid: Paid
    amc_cents: Cents
    decided_at: Natural
    first_decided_at: Natural


class Request(Message, frozen=True, kw_only=True):
    """An act of a shop on a right: what, by whom, when, and the terms of its entitlement."""

    kind: ActKind
    holder: bytes
    now: int
    month: int
    free_from: int
    renewal_months: int
    early_renewal: bool


def _require_agreement(record: RightRecord) -> None:
    reserved = record.state is RightState.RESERVED
    if (record.holder is not None, record.reserved_until is not None) != (reserved, reserved):
        raise StorageDown("the record of a right has a reservation that its state denies, or lacks one")
    if record.state is RightState.CONSUMED and not record.paid:
        raise StorageDown("the record of a consumed right has no month")


# --- the right ---------------------------------------------------------------------------------


def apply(record: RightRecord | None, request: Request) -> RightRecord:
    """Applies an act of a shop to a right, None being one never used.

    1. a reservation that has ended is free; 2. nobody else holds the right; 3. the table allows the act;
    4. equipment is payable in this month, or its renewal is early: at the claim as at the reservation, so
    that a claim of an early renewal says that it is one. Raises AlreadyReserved, NoReservation, RenewalNotDue.
    """
    # 1. expiry
    current = _expire(record or RightRecord(), request.now)
    # 2. holder
    if current.state is RightState.RESERVED and current.holder != request.holder:
        raise AlreadyReserved("another shop holds the prise en charge of this right")
    # 3. table
    target = TRANSITIONS.get((current.state, request.kind))
    if target is None:
        raise NoReservation("there is no prise en charge of this shop to consume or cancel")
    # 4. month
    early = target is not RightState.FREE and require_due(
        current, month=Month(number=request.month), free_from=request.free_from,
        renewal_months=request.renewal_months, early_renewal=request.early_renewal,
    )  # fmt: skip
    return _record_in(target, current, request, early=early)


def release(record: RightRecord, now: int) -> RightRecord:
    """Frees a right that a shop holds, for its insurer; raises NoReservation when no shop does."""
    current = _expire(record, now)
    if (current.state, ActKind.RELEASE) not in TRANSITIONS:
        raise NoReservation("no shop holds this right any more")
    return _released(current)


def give_back(record: RightRecord, paid: Paid, now: int) -> RightRecord:
    """Takes a paid equipment out of a right, whose claim is reversed: what was paid before counts again.

    A renewal that is reserved meanwhile stays. One that is no longer kept has not mattered for long.
    """
    current = _expire(record, now)
    rest = list(current.paid)
    if paid in rest:
        rest.remove(paid)
    return replace(current, state=TRANSITIONS[current.state, ActKind.REVERSE], paid=tuple(rest))


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


def _record_in(target: State, current: RightRecord, request: Request, *, early: bool) -> RightRecord:
    """Writes the record of a state that was reached."""
    if target is RightState.FREE:
        return _released(current)
    if target is RightState.RESERVED:
        until = end_of_day(request.now + RESERVATION_SECONDS)
        return replace(current, state=RightState.RESERVED, holder=request.holder, reserved_until=until)
    paid = (*current.paid, Paid(month=request.month, early=early))
    return RightRecord(state=RightState.CONSUMED, paid=paid[-PAID_KEPT_MAX:])


def _expire(record: RightRecord, now: int) -> RightRecord:
    ended = record.reserved_until is not None and now >= record.reserved_until
    return _released(record) if ended else record


def _released(record: RightRecord) -> RightRecord:
    """Frees a right, without forgetting the months of its paid equipment."""
    return RightRecord(paid=record.paid)


# --- its claims --------------------------------------------------------------------------------


def change_claim(record: ClaimRecord, kind: ActKind, now: int) -> ClaimRecord:
    """Applies an act to an accepted claim; raises ClaimClosed or TooLate.

    1. the table allows the act; 2. it is in time: a correction within 3 days of the first decision, a dispute or a
    reversal within 30 days of the last one. A dispute is upheld or reversed at any time.
    """
    # 1. table
    target = TRANSITIONS.get((record.state, kind))
    if not isinstance(target, ClaimState):
        raise ClaimClosed(f"this claim is {record.state}: it cannot be the object of this act: {kind}")
    # 2. time
    if kind is ActKind.CORRECT and now >= record.first_decided_at + CORRECTION_SECONDS:
        raise TooLate(f"a claim is corrected within {CORRECTION_DAYS} days of its first decision")
    if record.state is ClaimState.ACCEPTED and now >= record.decided_at + REVERSAL_SECONDS:
        raise TooLate(f"a claim is disputed or reversed within {REVERSAL_DAYS} days of its decision")
    return replace(record, state=target)


# --- the diagram -------------------------------------------------------------------------------


def diagram() -> str:
    """Draws the table as a Mermaid state diagram: the right with the expiry of reservations, and its claims."""
    expiry = f"{RightState.RESERVED.value} --> {RightState.FREE.value}: after {RESERVATION_DAYS} days"
    right = [f"[*] --> {RightState.FREE.value}", *_arrows(RightState), expiry]
    claim = [f"[*] --> {ClaimState.ACCEPTED.value}: {ActKind.CONSUME} or {ActKind.CORRECT}", *_arrows(ClaimState)]
    return "\n".join([
        "stateDiagram-v2", "    state right {", *(f"        {line}" for line in right), "    }",
        "    state claim {", *(f"        {line}" for line in claim), "    }",
    ]) + "\n"  # fmt: skip


def _arrows(kind: type[State]) -> list[str]:
    return [
        f"{before.value} --> {after.value}: {act.value}" for (before, act), after in TRANSITIONS.items()
        if isinstance(before, kind)
    ]  # fmt: skip
