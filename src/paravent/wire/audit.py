"""Messages of the medical audit: seeds committed and revealed, what a drawn claim opens (protocol.md section 11)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from paravent.wire.claims import Month
from paravent.wire.codec import Amc, Bytes16, Bytes32, Message, Natural

RatePerMille = Annotated[int, msgspec.Meta(ge=1, le=1_000)]


class AuditMonth(Message, frozen=True, kw_only=True):
    """The audit of one month: how many claims in a thousand, for whose eyes, and the seed, hidden until revealed."""

    month: Month
    rate_per_mille: RatePerMille
    officer_key: bytes
    commitment: Bytes32
    seed: Bytes32 | None


class AuditBook(Message, frozen=True, kw_only=True):
    """Every month that an insurer has committed to, oldest first: months are added and revealed, never changed."""

    insurer: Amc
    counter: Natural
    issued_at: Natural
    months: tuple[AuditMonth, ...]


class AuditOpening(Message, frozen=True, kw_only=True):
    """What a drawn claim opens, sealed to the medical officer: the document prescribed and the salt."""

    claim_id: Bytes16
    document: bytes
    salt: Bytes32

    def __repr__(self) -> str:
        return "AuditOpening(REDACTED)"
