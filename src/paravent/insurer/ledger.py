"""What the insurer writes of each event of the hub, and its five states (docs/protocol.md section 11, step 11.6): pure.

A line is added for every event and never removed; a later event may change the state of an earlier line: a claim
is disputed, upheld or reversed, or a correction takes its place. Money is promised by ``payable`` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from paravent.wire.claims import ActKind


class LedgerState(StrEnum):
    """What the insurer makes of an event: to pay, to note, refused by the hub, looked into, or given back."""

    PAYABLE = "payable"
    NOTED = "noted"
    REFUSED = "refused"
    DISPUTED = "disputed"
    REVERSED = "reversed"


CHANGES: Final[Mapping[tuple[LedgerState, ActKind], LedgerState]] = MappingProxyType({
    (LedgerState.PAYABLE, ActKind.DISPUTE): LedgerState.DISPUTED,
    # What recomputing disputed, the hub still holds as accepted: the insurer disputes it by name before it upholds it.
    (LedgerState.DISPUTED, ActKind.DISPUTE): LedgerState.DISPUTED,
    (LedgerState.DISPUTED, ActKind.UPHOLD): LedgerState.PAYABLE,
    (LedgerState.PAYABLE, ActKind.REVERSE): LedgerState.REVERSED,
    (LedgerState.DISPUTED, ActKind.REVERSE): LedgerState.REVERSED,
})  # fmt: skip
"""Every change of a line that an act of the insurer makes; a reversed line is final."""

CORRECTED = "corrected"
"""The reason of a reversed line whose correction is another line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerChange:
    """What an event changes in the line of an earlier one: its new state, and why."""

    number: int
    state: LedgerState
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedClaim:
    """An event as the insurer judged it after recomputing; ``number`` is the hub's.

    ``claimed_cents`` is the part asked of the insurer in a claim, whatever became of it, and ``payable_cents`` the
    same as long as it is to be paid. ``month`` (YYYYMM) and ``early`` are what the equipment counts as for the
    right: a correction counts as what it corrects. A claim can be corrected before ``correctable_until`` (Unix
    seconds): settled before, it may have to be settled again. ``content`` is the claim as its device signed it, once,
    payable or disputed: the medical audit draws from these. ``act`` is the idempotency key of the act of this insurer
    that the event answers: one act has one event.
    """

    number: int
    decision: bytes
    claim: bytes | None
    member: str | None
    professional: str
    shop: str
    kind: str
    state: LedgerState
    reason: str
    claimed_cents: int
    payable_cents: int
    month: int
    early: bool
    decided_at: int
    correctable_until: int
    content: bytes | None = None
    act: bytes | None = None
    change: LedgerChange | None = None
