"""Devices: the Ed25519 key of one optician's machine, enrolled at each verifier (docs/protocol.md section 9).

How a device is enrolled is ``enrolment``; here is what a verifier asks of one at every request.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from paravent.access.quotas import Charge, QuotaKind
from paravent.access.requests import Authenticated, HttpRequest, claimed_keyid, verify_request
from paravent.crypto.signing import VerifyKey, key_id
from paravent.errors import DevicePending, DeviceSuspended, LaneSuspended, RequestNotAuthentic, UnknownDevice
from paravent.wire.codec import Bytes32, Message, Name
from paravent.wire.enrolment import DeviceState
from paravent.wire.suspension import SubjectKind


class Device(Message, frozen=True, kw_only=True):
    """One enrolled device: whose it is and in which shop; no secret in it."""

    public: Bytes32
    professional: Name
    shop: Name

    @property
    def keyid(self) -> str:
        """The name of the device's key."""
        return key_id(VerifyKey(self.public))


class BarReason(StrEnum):
    """Why a device, a professional or a shop is barred: the reason code of the ledger."""

    LOST = "lost"
    STOLEN = "stolen"
    COMPROMISED = "compromised"
    DEPARTURE = "departure"
    INQUIRY = "inquiry"
    OBJECTION = "objection"
    OPERATOR = "operator"
    DETECTION = "detection"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A suspension, or a withdrawal when it is final."""

    kind: SubjectKind
    since: int
    reason: BarReason
    final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a verifier knows of an enrolled device beyond whose it is; times are Unix seconds.

    ``active_from`` is 0 for a device that has nothing to wait for, whatever its verifier's clock does;
    ``limited_until`` is 0 for one without the small quota of new ones.
    """

    active_from: int
    limited_until: int
    bar: Bar | None

    def state(self, now: int) -> DeviceState:
        """Says what the device may do now."""
        if self.bar is not None:
            return DeviceState.WITHDRAWN if self.bar.final else DeviceState.SUSPENDED
        return DeviceState.ACTIVE if self.active_from <= now else DeviceState.PENDING


class DeviceRegister(Protocol):
    """Where a verifier finds its enrolled devices."""

    def device(self, keyid: str) -> Device | None:
        """Returns an enrolled device, whatever its standing, or None."""

    def standing(self, device: Device) -> Standing:
        """Returns the standing of an enrolled device."""

    def limited_until(self, keyid: str) -> int:
        """Returns until when a device has the small quota of new ones; 0 when it has not."""

    def lane_closed_since(self, insurer: str) -> int | None:
        """Returns since when the number lane of an insurer is closed, None when it is open."""

    def canary_key(self, keyid: str) -> bytes | None:
        """Returns the public key of a canary credential, or None."""

    def canary_used(self, keyid: str) -> None:
        """Notes that a canary credential was used: an alarm follows (9.14)."""


def authenticate(
    request: HttpRequest, register: DeviceRegister, *, authority: str, now: int
) -> tuple[Device, Authenticated]:
    """Returns the active device that signed a request.

    Raises UnknownDevice, RequestNotAuthentic, DevicePending or DeviceSuspended; the last two only to
    whoever holds the key.
    """
    keyid = claimed_keyid(request)
    device = register.device(keyid)
    if device is None:
        _notice_canary(request, register, keyid, authority=authority, now=now)
        raise UnknownDevice("this device is not enrolled at this server, or was withdrawn")
    caller = verify_request(request, key=VerifyKey(device.public), authority=authority, now=now)
    check_standing(register.standing(device), now)
    return device, caller


def _notice_canary(request: HttpRequest, register: DeviceRegister, keyid: str, *, authority: str, now: int) -> None:
    """Notes the use of a canary credential by whoever holds it; the answer is that of any device that is not known."""
    public = register.canary_key(keyid)
    if public is None:
        return
    with suppress(RequestNotAuthentic):
        verify_request(request, key=VerifyKey(public), authority=authority, now=now)
        register.canary_used(keyid)


def require_open_lane(register: DeviceRegister, insurer: str) -> None:
    """Raises LaneSuspended while a case closes the number lane of an insurer, or of all."""
    since = register.lane_closed_since(insurer)
    if since is not None:
        raise LaneSuspended(f"the number lane is closed here since {date_text(since)}; cards are still read")


def charge_of(kind: QuotaKind, device: Device, insurer: str, subject: bytes, request: bytes) -> Charge:
    """Builds the charge of one request of a device."""
    return Charge(
        kind=kind, professional=device.professional, shop=device.shop, keyid=device.keyid, insurer=insurer,
        subject=subject, request=request,
    )  # fmt: skip


def check_standing(standing: Standing, now: int) -> None:
    """Raises UnknownDevice, DeviceSuspended or DevicePending when the device is not active now."""
    match standing.state(now):
        case DeviceState.ACTIVE:
            return
        case DeviceState.PENDING:
            raise DevicePending(f"this device is active from {date_text(standing.active_from)}")
        case DeviceState.SUSPENDED | DeviceState.WITHDRAWN:
            raise_bar(standing.bar)


def raise_bar(bar: Bar | None) -> None:
    """Raises what a bar means, when there is one: UnknownDevice once withdrawn, else DeviceSuspended."""
    if bar is None:
        return
    since = f"the {bar.kind.value} is {{}} here since {date_text(bar.since)}, reason {bar.reason.value}"
    if bar.final:
        raise UnknownDevice(since.format("withdrawn"))
    raise DeviceSuspended(since.format("suspended"))


def date_text(at: int) -> str:
    """Writes a moment for people: date and time, UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
