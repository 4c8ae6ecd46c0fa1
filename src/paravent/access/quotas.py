"""Quotas: how many look-ups and openings one professional has in a sliding 24 hours (docs/protocol.md section 10).

The decision is pure; the counting and the spending are one transaction of the ledger (``store``),
durable before anything is revealed. Pseudonyms are keyed by the day: yesterday's key and today's
cover every window, and older keys are destroyed.
"""

from __future__ import annotations

import hmac
from enum import StrEnum

from paravent.crypto.labels import Label, enc
from paravent.crypto.secret import Secret
from paravent.errors import QuotaExceeded
from paravent.wire.codec import Message, Natural

WINDOW_SECONDS = 86_400


class QuotaKind(StrEnum):
    """What is counted; look-ups and openings are counted apart."""

    LOOKUP = "lookup"
    OPENING = "opening"


class QuotaLimits(Message, frozen=True, kw_only=True):
    """Limits of one professional at one server over 24 hours."""

    lookups_per_day_max: Natural = 40
    openings_per_day_max: Natural = 40
    repeats_per_day_max: Natural = 10

    def of(self, kind: QuotaKind) -> int:
        """Returns the limit of a kind."""
        return self.lookups_per_day_max if kind is QuotaKind.LOOKUP else self.openings_per_day_max


class DailyKey(Secret):
    """The quota key of one day, 32 bytes, destroyed after 48 hours."""

    __slots__ = ()


def professional_pseudonym(key: DailyKey, professional: str) -> bytes:
    """Names a professional for one day, 32 bytes."""
    return hmac.digest(key.reveal(), enc(Label.QUOTA_PROFESSIONAL, professional), "sha256")


def subject_pseudonym(key: DailyKey, professional: str, subject: bytes) -> bytes:
    """Names what a professional opened for one day, 32 bytes."""
    return hmac.digest(key.reveal(), enc(Label.QUOTA_SUBJECT, professional, subject), "sha256")


def charge(kind: QuotaKind, *, spent: int, repeats: int, limits: QuotaLimits) -> bool:
    """Says whether one more request is charged (True) or a free repeat (False).

    ``spent`` counts distinct subjects in the window, ``repeats`` how often this one was seen in it.
    Raises QuotaExceeded.
    """
    if repeats > limits.repeats_per_day_max:
        raise QuotaExceeded("the same record was opened too often in 24 hours")
    if repeats:
        return False
    if spent >= limits.of(kind):
        raise QuotaExceeded(f"{limits.of(kind)} {kind.value}s in 24 hours are spent at this server")
    return True
