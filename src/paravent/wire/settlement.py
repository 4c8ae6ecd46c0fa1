"""Messages of payment: bank details of a shop, remittance, reconciliation (docs/protocol.md section 11)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from paravent.wire.claims import Month
from paravent.wire.codec import Amc, Bytes16, Cents, Message, Name, Natural
from paravent.wire.statements import Signed

LINES_PER_REMITTANCE_MAX = 500
Total = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
Day = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")]
IbanText = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}\Z")]


def fingerprint(signed: Signed) -> str:
    """Writes 64 bits of the hash of what was signed, to be read aloud: both sides compute it."""
    digits = signed.digest()[:8].hex()
    return " ".join(digits[start : start + 4] for start in range(0, 16, 4))


class LineKind(StrEnum):
    """A decision is paid once, and taken back at most once."""

    PAYMENT = "payment"
    DEDUCTION = "deduction"


class BankDetails(Message, frozen=True, kw_only=True):
    """Where a shop is paid, sealed to an insurer's payments key; signed by the device that says so.

    ``letterbox`` is the box key of that device: remittances are sealed to it.
    """

    insurer: Amc
    professional: Name
    shop: Name
    account_holder: Annotated[str, msgspec.Meta(min_length=1, max_length=70)]
    iban: IbanText
    letterbox: bytes
    signed_at: Natural

    def __repr__(self) -> str:
        return "BankDetails(REDACTED)"


class AccountNotice(Message, frozen=True, kw_only=True):
    """Says to the desks of a shop that an insurer received bank details for it; no account number."""

    insurer: Amc
    shop: Name
    fingerprint: Name
    received_at: Natural
    usable_from: Natural


class AccountConfirmation(Message, frozen=True, kw_only=True):
    """Says that a person of the insurer compared an account with its shop; kept beside it, verified before it pays."""

    insurer: Amc
    number: Natural
    shop: Name
    fingerprint: Name
    usable_from: Natural


class RemittanceLine(Message, frozen=True, kw_only=True):
    """One decision paid, or one taken back because it was reversed after it had been paid."""

    kind: LineKind
    decision_id: Bytes16
    claim_id: Bytes16
    professional: Name
    month: Month
    cents: Cents


class Remittance(Message, frozen=True, kw_only=True):
    """What one transfer to a shop pays; ``reference`` stands in the transfer too."""

    insurer: Amc
    number: Natural
    reference: Name
    shop: Name
    issued_at: Natural
    account_ends: Annotated[str, msgspec.Meta(max_length=4)]
    lines: Annotated[tuple[RemittanceLine, ...], msgspec.Meta(min_length=1, max_length=LINES_PER_REMITTANCE_MAX)]
    total_cents: Total


class BalanceLine(Message, frozen=True, kw_only=True):
    """Where the cents decided on one day for one shop have gone; ``to_take_back_cents`` are a part of those paid."""

    day: Day
    shop: Annotated[str, msgspec.Meta(max_length=120)]
    decided_cents: Total
    paid_cents: Total
    deducted_cents: Total
    pending_cents: Total
    refused_cents: Total
    disputed_cents: Total
    reversed_cents: Total
    to_take_back_cents: Total


class Reconciliation(Message, frozen=True, kw_only=True):
    """The books of an insurer at an instant: each day and shop, and every break by decision."""

    insurer: Amc
    made_at: Natural
    balances: tuple[BalanceLine, ...]
    breaks: tuple[str, ...]
