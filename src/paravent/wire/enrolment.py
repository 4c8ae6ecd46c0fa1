"""Messages of the enrolment of a device, and of what devices say of one another (docs/protocol.md section 9)."""

from __future__ import annotations

import base64
import hashlib
from enum import StrEnum
from typing import Annotated

import msgspec

from paravent.crypto.labels import Label, enc
from paravent.wire.codec import Bytes16, Bytes32, Bytes64, Message, Name, Natural

START_PATH = "/v1/enrolments"
CALLBACK_PATH = "/v1/enrolments/callback"
FINISH_PATH = "/v1/enrolments/finish"
DEVICES_PATH = "/v1/devices"
DEVICE_ACTS_PATH = "/v1/devices/acts"
RETURN_PATH = "/enrolled"

KeyId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
Port = Annotated[int, msgspec.Meta(ge=1_024, le=65_535)]


class EnrolmentStart(Message, frozen=True, kw_only=True):
    """A device asks to be enrolled; signed with the very key it gives. The port is its own, on loopback."""

    device_key: Bytes32
    shop: Name
    salt_commitment: Bytes32
    return_port: Port


class EnrolmentStarted(Message, frozen=True, kw_only=True):
    """Where the professional logs in, and the challenge that the device signs afterwards."""

    enrolment: Bytes16
    challenge: Bytes32
    authorization_url: Annotated[str, msgspec.Meta(max_length=4_096)]
    expires_at: Natural


class EnrolmentFinish(Message, frozen=True, kw_only=True):
    """The device proves its key, reveals its salt, and gives what its browser was handed."""

    enrolment: Bytes16
    salt: Bytes32
    browser_proof: Bytes32
    possession: Bytes64
    shop_code: Annotated[str, msgspec.Meta(max_length=40)] | None


class DeviceState(StrEnum):
    """What a device may do here: everything, nothing yet, nothing for now, nothing ever again."""

    ACTIVE = "active"
    PENDING = "pending"
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"


class EnrolledDevice(Message, frozen=True, kw_only=True):
    """One device as a verifier knows it; dates are Unix seconds, 0 when there is none."""

    keyid: KeyId
    professional: Name
    shop: Name
    state: DeviceState
    active_from: Natural
    limited_until: Natural


class DeviceList(Message, frozen=True, kw_only=True):
    """The devices of the asker's professional and shop, so that an unknown one is seen while it waits."""

    devices: tuple[EnrolledDevice, ...]


class DeviceListRequest(Message, frozen=True, kw_only=True):
    """An active device asks which devices its professional and its shop have."""


class DeviceActKind(StrEnum):
    """What an active device says of one that waits."""

    COUNTERSIGN = "countersign"
    OBJECT = "object"


class DeviceAct(Message, frozen=True, kw_only=True):
    """An active device vouches for a waiting one, or has it withdrawn; the signed request is the signature."""

    kind: DeviceActKind
    keyid: KeyId


def salt_commitment(salt: bytes) -> bytes:
    """Commits to the salt of an enrolment, 32 bytes."""
    return hashlib.sha256(enc(Label.ENROL_SALT, salt)).digest()


def enrolment_nonce(verifier: str, device_key: bytes, commitment: bytes, enrolment: bytes) -> str:
    """Computes the nonce of the ID token: it commits to one key, at one verifier, in one enrolment."""
    digest = hashlib.sha256(enc(Label.ENROL_NONCE, verifier, device_key, commitment, enrolment)).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def possession_fields(verifier: str, enrolment: bytes, challenge: bytes, salt: bytes) -> tuple[str | bytes, ...]:
    """Lists what the device signs to prove that it holds its key."""
    return verifier, enrolment, challenge, salt
