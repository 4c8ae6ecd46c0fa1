"""Judging an entitlement in front of its holder (docs/protocol.md sections 4 and 8): pure.

The same checks serve both lanes; only where E and D come from differs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from paravent.crypto import status
from paravent.crypto.entitlement import DeskPart, HubPart, verify_desk_part, verify_entitlement
from paravent.crypto.labels import Label
from paravent.crypto.sealing import OpenLabel
from paravent.crypto.signing import VerifyKey
from paravent.errors import (
    EntitlementRevoked,
    MalformedMessage,
    OutsideValidity,
    ProofFailure,
    StaleData,
    UnreadableCard,
)
from paravent.person.bindings import verify_binding, verify_holder
from paravent.person.identity import Holder
from paravent.wire.statements import Directory, Signed, StatusList, open_statement

STATUS_AGE_SECONDS_NORMAL = 24 * 3_600
LISTS_KEPT_OPEN = 16


class Lane(StrEnum):
    """How an entitlement reached the desk."""

    CARD = "card"
    NUMBER = "number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitled:
    """An entitlement that was checked; ``degraded`` when its status list is older than a day."""

    lane: Lane
    entitlement: bytes
    part: HubPart
    status_age_seconds: int
    degraded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What an entitlement is judged with; ``status_list`` gives the newest list kept of an insurer."""

    directory: Directory
    status_list: Callable[[str], Signed | None]
    now: int
    degraded_days_max: int


def judge_row(
    parts: tuple[bytes, bytes], holder: Holder, insurer: str, label: OpenLabel, judgement: Judgement
) -> Entitled:
    """Judges what a row of an insurer held: 1. signature; 2. desk part, bound to the row's label; then as a card.

    Raises UnknownInsurer, ProofFailure, HolderMismatch, OutsideValidity, EntitlementRevoked, StaleData.
    """
    part, desk = _verified(parts, label, judgement)
    if part.insurer != insurer:
        raise ProofFailure("the row holds an entitlement of another insurer", culprit=f"insurer {insurer}")
    return _judged(Lane.NUMBER, parts[0], part, desk, holder, judgement)


def judge_card(parts: tuple[bytes, bytes], holder: Holder, judgement: Judgement) -> Entitled:
    """Judges what a QR code held; an altered card is unreadable, never refused.

    Raises UnreadableCard, UnknownInsurer, HolderMismatch, OutsideValidity, EntitlementRevoked, StaleData.
    """
    try:
        part, desk = _verified(parts, None, judgement)
    except (ProofFailure, MalformedMessage) as error:
        raise UnreadableCard("the card's QR code was altered: its signature does not verify") from error
    return _judged(Lane.CARD, parts[0], part, desk, holder, judgement)


def _verified(parts: tuple[bytes, bytes], label: OpenLabel | None, judgement: Judgement) -> tuple[HubPart, DeskPart]:
    # 1. signature
    part = verify_entitlement(parts[0], judgement.directory.issuers())
    # 2. desk part and binding
    desk = verify_desk_part(part, parts[1])
    verify_binding(desk, label, part.insurer)
    return part, desk


def _judged(
    lane: Lane, entitlement: bytes, part: HubPart, desk: DeskPart, holder: Holder, judgement: Judgement
) -> Entitled:
    # 3. holder
    verify_holder(desk, holder)
    # 4. dates
    if not part.valid_from <= judgement.now < part.valid_until:
        raise OutsideValidity("the entitlement is not valid today")
    # 5. status list
    age = _status_age(part, judgement)
    degraded = age > STATUS_AGE_SECONDS_NORMAL
    return Entitled(lane=lane, entitlement=entitlement, part=part, status_age_seconds=age, degraded=degraded)


@lru_cache(LISTS_KEPT_OPEN)
def opened_status_list(signed: Signed, insurer: str, issuer: VerifyKey) -> StatusList:
    """Opens a status list under the key of its insurer, once: it has megabits, and each check asks of one.

    Raises ProofFailure or MalformedMessage, each time.
    """
    return open_statement(signed, StatusList, Label.STATUS_LIST, insurer, issuer)


def _status_age(part: HubPart, judgement: Judgement) -> int:
    entry = judgement.directory.insurer(part.insurer)
    signed = judgement.status_list(part.insurer)
    if signed is None or entry is None:
        raise StaleData("no status list of this insurer was ever fetched")
    statuses = opened_status_list(signed, part.insurer, VerifyKey(entry.issuer_key))
    age = max(0, judgement.now - statuses.issued_at)
    if age > judgement.degraded_days_max * 86_400:
        raise StaleData(f"the status list is more than {judgement.degraded_days_max} days old")
    if part.status_index >= len(statuses.bits) * 8:
        raise StaleData("the status list is of before this entitlement: the insurer has more members since")
    if status.is_revoked(statuses.bits, part.status_index):
        raise EntitlementRevoked("the insurer revoked this entitlement")
    return age
