"""Quotas: how many look-ups and openings one has in a sliding 24 hours (docs/protocol.md section 10).

A request about somebody already in the window is free, and moves that charge to its own time: the charges
in a window are exactly the distinct persons in it. The decision is pure; the counting and the spending are
one transaction of the ledger (``store``), durable before anything is revealed. Pseudonyms are keyed by the
day: yesterday's key and today's cover every window, and older keys are destroyed. A professional and a
device newly enrolled are counted to the second; a shop, an insurer and the whole server by clock hours,
which counts up to 25 of them and so never too little.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import StrEnum

from paravent.crypto.labels import Label, enc
from paravent.crypto.secret import Secret
from paravent.errors import QuotaExceeded
from paravent.wire.codec import Message, Natural

WINDOW_SECONDS = 86_400
HOUR_SECONDS = 3_600


class QuotaKind(StrEnum):
    """What is counted, each apart: look-ups, openings, and at the hub the acts of the trade."""

    LOOKUP = "lookup"
    OPENING = "opening"
    ACT = "act"


class Seen(StrEnum):
    """What a request turned out to be, counted by day for the detectors alone: it spends nothing."""

    CLOSED_HOURS = "closed-hours"
    ROW = "row"
    CLAIM = "claim"
    EARLY_RENEWAL = "early-renewal"


class Scope(StrEnum):
    """Whose requests an hourly count adds up."""

    SHOP = "shop"
    INSURER = "insurer"
    SERVER = "server"


class QuotaLimits(Message, frozen=True, kw_only=True):
    """Limits at one server over 24 hours; those of device, shop, insurer and server are for each kind alike."""

    lookups_per_day_max: Natural = 40
    openings_per_day_max: Natural = 40
    acts_per_day_max: Natural = 200
    repeats_per_day_max: Natural = 10
    new_device_per_day_max: Natural = 10
    shop_per_day_max: Natural = 200
    insurer_per_day_max: Natural = 1_000_000
    server_per_day_max: Natural = 3_000_000

    def of(self, kind: QuotaKind) -> int:
        """Returns the limit of a professional for a kind."""
        match kind:
            case QuotaKind.LOOKUP:
                return self.lookups_per_day_max
            case QuotaKind.OPENING:
                return self.openings_per_day_max
            case QuotaKind.ACT:
                return self.acts_per_day_max

    def of_scope(self, scope: Scope) -> int:
        """Returns the limit of a scope."""
        match scope:
            case Scope.SHOP:
                return self.shop_per_day_max
            case Scope.INSURER:
                return self.insurer_per_day_max
            case Scope.SERVER:
                return self.server_per_day_max


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One request to be counted: by whom, about which insurer and subject; ``limited`` for a new device."""

    kind: QuotaKind
    professional: str
    shop: str
    keyid: str
    insurer: str
    subject: bytes
    request: bytes
    limited: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What the window already holds: charges of a professional, of a device; requests for a subject; hourly counts."""

    professional: int
    device: int
    repeats: int
    scopes: tuple[tuple[Scope, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pseudonyms:
    """The day's names of a professional and of what was asked: what a log leaf carries (section 12)."""

    professional: bytes
    subject: bytes


class DailyKey(Secret):
    """The quota key of one day, 32 bytes, destroyed after 48 hours."""

    __slots__ = ()


def professional_pseudonym(key: DailyKey, professional: str) -> bytes:
    """Names a professional for one day, 32 bytes."""
    return hmac.digest(key.reveal(), enc(Label.QUOTA_PROFESSIONAL, professional), "sha256")


def subject_pseudonym(key: DailyKey, professional: str, subject: bytes) -> bytes:
    """Names what a professional opened for one day, 32 bytes."""
    return hmac.digest(key.reveal(), enc(Label.QUOTA_SUBJECT, professional, subject), "sha256")


def device_pseudonym(key: DailyKey, keyid: str) -> bytes:
    """Names a device for one day, 32 bytes."""
    return hmac.digest(key.reveal(), enc(Label.QUOTA_DEVICE, keyid), "sha256")


def scope_pseudonym(key: DailyKey, scope: Scope, name: str) -> bytes:
    """Names a shop or an insurer for one day, 32 bytes."""
    return hmac.digest(key.reveal(), enc(Label.QUOTA_SCOPE, scope.value, name), "sha256")


def nonce_pseudonym(key: DailyKey, keyid: str, nonce: str) -> bytes:
    """Names a nonce of a device for one day, 32 bytes: a stolen table does not say which device asked."""
    return hmac.digest(key.reveal(), enc(Label.NONCE, keyid, nonce), "sha256")


def request_pseudonym(key: DailyKey, digest: bytes) -> bytes:
    """Names a request for one day, 32 bytes: tables cannot be joined on the request they record."""
    return hmac.digest(key.reveal(), enc(Label.REQUEST, digest), "sha256")


def require_quota(charge: Charge, spent: Spent, limits: QuotaLimits) -> bool:
    """Says whether a request is about somebody new in the window (True), or repeats (False); raises QuotaExceeded."""
    if spent.repeats > limits.repeats_per_day_max:
        raise QuotaExceeded("the same record was opened too often in 24 hours")
    if spent.repeats:
        return False
    if spent.professional >= limits.of(charge.kind):
        raise QuotaExceeded(f"{limits.of(charge.kind)} {charge.kind.value}s in 24 hours are spent at this server")
    if charge.limited and spent.device >= limits.new_device_per_day_max:
        raise QuotaExceeded(f"a new device has {limits.new_device_per_day_max} {charge.kind.value}s in 24 hours")
    for scope, count in spent.scopes:
        if count >= limits.of_scope(scope):
            raise QuotaExceeded(f"the {charge.kind.value}s of this {scope.value} in 24 hours are spent at this server")
    return True
