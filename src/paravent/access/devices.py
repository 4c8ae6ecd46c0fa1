"""Devices: the Ed25519 key of one optician's machine, enrolled at each verifier (docs/protocol.md section 9).

This version enrols from a device file that the verifier's operator accepts; enrolment through an
identity provider takes its place without changing what a verifier keeps.
"""

from __future__ import annotations

from typing import Protocol

from paravent.access.quotas import Charge, QuotaKind
from paravent.access.requests import Authenticated, HttpRequest, claimed_keyid, verify_request
from paravent.crypto.signing import VerifyKey, key_id
from paravent.errors import UnknownDevice
from paravent.wire.codec import Bytes32, Message, Name


class Device(Message, frozen=True, kw_only=True):
    """One enrolled device: whose it is and in which shop; no secret in it."""

    public: Bytes32
    professional: Name
    shop: Name

    @property
    def keyid(self) -> str:
        """The name of the device's key."""
        return key_id(VerifyKey(self.public))


class DeviceRegister(Protocol):
    """Where a verifier finds its enrolled devices."""

    def device(self, keyid: str) -> Device | None:
        """Returns an active device, or None."""


def authenticate(
    request: HttpRequest, register: DeviceRegister, *, authority: str, now: int
) -> tuple[Device, Authenticated]:
    """Returns the device that signed a request; raises UnknownDevice or RequestNotAuthentic."""
    device = register.device(claimed_keyid(request))
    if device is None:
        raise UnknownDevice("this device is not enrolled at this server, or was withdrawn")
    return device, verify_request(request, key=VerifyKey(device.public), authority=authority, now=now)


def charge_of(kind: QuotaKind, device: Device, insurer: str, subject: bytes, request: bytes) -> Charge:
    """Builds the charge of one request of a device."""
    return Charge(
        kind=kind, professional=device.professional, shop=device.shop, keyid=device.keyid, insurer=insurer,
        subject=subject, request=request,
    )  # fmt: skip
