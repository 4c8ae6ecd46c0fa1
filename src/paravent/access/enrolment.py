"""Enrolment of a device at one verifier: start, login, finish (docs/protocol.md section 9).

Nothing is written before a professional has logged in: what a start says travels in ``state``, under the
verifier's own key. The identity checks are ``openid``; fetching and storing are the rim's.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Protocol

from paravent.access.devices import Device, DeviceRegister, Standing, authenticate, raise_bar
from paravent.access.openid import (
    KeyList,
    ProviderAnswer,
    ProviderProfile,
    RelyingParty,
    code_challenge,
    from_base64url,
    identify,
    to_base64url,
)
from paravent.access.requests import HttpRequest, authority_of, verify_request
from paravent.crypto.group import Rng
from paravent.crypto.labels import Label, enc
from paravent.crypto.secret import Secret
from paravent.crypto.signing import VerifyKey, key_id, verify
from paravent.errors import EnrolmentRefused, MalformedMessage, ProofFailure
from paravent.wire.codec import Bytes16, Bytes32, Message, Name, Natural, decode, encode
from paravent.wire.enrolment import (
    CALLBACK_PATH,
    RETURN_PATH,
    DeviceAct,
    DeviceActKind,
    DeviceList,
    DeviceListRequest,
    DeviceState,
    EnrolledDevice,
    EnrolmentFinish,
    EnrolmentStart,
    EnrolmentStarted,
    Port,
    enrolment_nonce,
    possession_fields,
    salt_commitment,
)

ENROLMENT_SECONDS_MAX = 600
WAITING_SECONDS = 72 * 3_600
LIMITED_SECONDS = 30 * 86_400
SHOP_CODE_BYTES = 10
_MAC_BYTES = 32
_STATE_CHARACTERS_MAX = 4_096
_CODE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE_GROUP = 4


class EnrolmentKey(Secret):
    """The key under which a verifier keeps its enrolments and its shop codes, 32 bytes."""

    __slots__ = ()


class Route(StrEnum):
    """How a device became active, or will."""

    CODE = "code"
    COUNTERSIGNED = "countersigned"
    WAITED = "waited"


class ShopCodeTry(Enum):
    """What came of giving a shop's code."""

    RIGHT = "right"
    WRONG = "wrong"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Enroller:
    """What a verifier enrols with: its name, its own base URL, its key, what it is to its provider."""

    name: str
    base_url: str
    key: EnrolmentKey
    party: RelyingParty[ProviderProfile]

    def derive(self, label: Label, enrolment: bytes) -> bytes:
        """Derives 32 bytes that only this verifier knows of an enrolment."""
        return hmac.digest(self.key.reveal(), enc(label, self.name, enrolment), "sha256")

    @property
    def redirect_uri(self) -> str:
        """Where the provider sends the browser back."""
        return self.base_url + CALLBACK_PATH


class Begun(Message, frozen=True, kw_only=True):
    """An enrolment that was asked for; it travels in ``state`` and is kept nowhere."""

    enrolment: Bytes16
    device_key: Bytes32
    shop: Name
    salt_commitment: Bytes32
    begun_at: Natural
    return_port: Port


@dataclass(frozen=True, slots=True, kw_only=True)
class Identification:
    """Who logged in for an enrolment, and what the device had committed to."""

    enrolment: bytes
    token_hash: bytes
    device_key: bytes
    shop: str
    salt_commitment: bytes
    professional: str
    identified_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmittedFinish:
    """A verified finish, ready to be settled in one transaction."""

    device: Device
    code_hash: bytes | None


class EnrolmentRegister(DeviceRegister, Protocol):
    """The register of devices that an enrolment reads and writes."""

    def enrol(self, device: Device, now: int, *, route: Route, active_from: int, limited_until: int) -> None:
        """Enrols a device; enrolling it again changes nothing."""

    def colleagues(self, device: Device) -> list[Device]:
        """Lists the devices of the same professional or the same shop."""

    def waited_limited_until(self, professional: str, now: int) -> int:
        """Returns until when a device that came by waiting holds a professional's small quota."""

    def activate(self, keyid: str, limited_until: int, now: int, by_keyid: str) -> None:
        """Makes a waiting device active now."""

    def object_to(self, keyid: str, now: int, by_keyid: str) -> None:
        """Withdraws a waiting device to which another device objects."""

    def token_used(self, token_hash: bytes) -> bool:
        """Says whether an ID token was used here."""

    def identification(self, enrolment: bytes) -> Identification | None:
        """Returns who logged in for an enrolment, or None."""

    def try_shop_code(self, shop: str, code_hash: bytes, now: int) -> ShopCodeTry:
        """Spends one try of a shop's code."""


# --- start -------------------------------------------------------------------------------------


def begin(request: HttpRequest, enroller: Enroller, now: int, rng: Rng) -> Begun:
    """Takes the start of an enrolment, signed with the key that it gives; raises RequestNotAuthentic."""
    message = decode(request.body, EnrolmentStart)
    verify_request(request, key=VerifyKey(message.device_key), authority=authority_of(enroller.base_url), now=now)
    return Begun(
        enrolment=rng(16), device_key=message.device_key, shop=message.shop, begun_at=now,
        salt_commitment=message.salt_commitment, return_port=message.return_port,
    )  # fmt: skip


def authorization_parameters(begun: Begun, enroller: Enroller) -> dict[str, str]:
    """Lists what the browser takes to the provider: authorization code flow with PKCE, state and nonce."""
    profile = enroller.party.profile
    return {
        "response_type": "code", "client_id": enroller.party.client_id, "redirect_uri": enroller.redirect_uri,
        "scope": " ".join(profile.scopes), "acr_values": " ".join(enroller.party.acr_accepted),
        "state": _state(begun, enroller), "nonce": nonce_of(begun, enroller),
        "code_challenge": code_challenge(code_verifier(begun, enroller)), "code_challenge_method": "S256",
    }  # fmt: skip


def started(begun: Begun, enroller: Enroller, authorization_url: str) -> EnrolmentStarted:
    """Answers a start."""
    return EnrolmentStarted(
        enrolment=begun.enrolment, challenge=enroller.derive(Label.ENROL_CHALLENGE, begun.enrolment),
        authorization_url=authorization_url, expires_at=begun.begun_at + ENROLMENT_SECONDS_MAX,
    )  # fmt: skip


def nonce_of(begun: Begun, enroller: Enroller) -> str:
    """Computes the nonce that the ID token has to carry."""
    return enrolment_nonce(enroller.name, begun.device_key, begun.salt_commitment, begun.enrolment)


def code_verifier(begun: Begun, enroller: Enroller) -> str:
    """Derives the PKCE verifier of an enrolment (RFC 7636)."""
    return to_base64url(enroller.derive(Label.ENROL_VERIFIER, begun.enrolment))


def _state(begun: Begun, enroller: Enroller) -> str:
    payload = encode(begun)
    return to_base64url(_state_mac(payload, enroller) + payload)


def _state_mac(payload: bytes, enroller: Enroller) -> bytes:
    return hmac.digest(enroller.key.reveal(), enc(Label.ENROL_STATE, enroller.name, payload), "sha256")


# --- login -------------------------------------------------------------------------------------


def read_state(state: str, enroller: Enroller, now: int) -> Begun:
    """Reads what a start said; raises EnrolmentRefused when it is not of this verifier, or too old."""
    if len(state) > _STATE_CHARACTERS_MAX:
        raise EnrolmentRefused("this login was not asked for by this server")
    content = from_base64url(state)
    mac, payload = content[:_MAC_BYTES], content[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _state_mac(payload, enroller)):
        raise EnrolmentRefused("this login was not asked for by this server")
    try:
        begun = decode(payload, Begun)
    except MalformedMessage:
        raise EnrolmentRefused("this login was asked for by another version of this server") from None
    if not begun.begun_at <= now < begun.begun_at + ENROLMENT_SECONDS_MAX:
        raise EnrolmentRefused("the login took more than ten minutes: start the enrolment again")
    return begun


def identification(
    begun: Begun, enroller: Enroller, answer: ProviderAnswer, keys: KeyList, register: EnrolmentRegister, now: int
) -> Identification:
    """Checks who logged in; raises EnrolmentRefused."""
    found = identify(
        answer, keys, enroller.party,
        nonce=nonce_of(begun, enroller), shop=begun.shop, used=register.token_used, now=now,
    )  # fmt: skip
    return Identification(
        enrolment=begun.enrolment, token_hash=found.token_hash, device_key=begun.device_key, shop=begun.shop,
        salt_commitment=begun.salt_commitment, professional=found.professional, identified_at=now,
    )  # fmt: skip


def return_address(begun: Begun, outcome: str, value: str) -> str:
    """Returns where the browser goes next: the machine of the device itself, which is how both are one place.

    Somebody who was sent a link opens it on another machine: what it hands over reaches that one, and
    the device of whoever sent the link cannot finish.
    """
    port, enrolment = begun.return_port, begun.enrolment.hex()
    return f"http://127.0.0.1:{port}{RETURN_PATH}?enrolment={enrolment}&{outcome}={value}"


def proof_address(begun: Begun, enroller: Enroller) -> str:
    """Returns the address that hands the browser's proof to the device."""
    return return_address(begun, "proof", enroller.derive(Label.ENROL_RETURN, begun.enrolment).hex())


# --- finish ------------------------------------------------------------------------------------


def admit_finish(request: HttpRequest, enroller: Enroller, register: EnrolmentRegister, now: int) -> AdmittedFinish:
    """Verifies a finish; raises what is wrong with it, having written nothing.

    1. a login for this enrolment, of the last ten minutes; 2. signed with the key of the start; 3. salt;
    4. possession; 5. browser; 6. nobody concerned is barred.
    """
    message = decode(request.body, EnrolmentFinish)
    # 1. a login for this enrolment
    login = register.identification(message.enrolment)
    if login is None or now >= login.identified_at + ENROLMENT_SECONDS_MAX:
        raise EnrolmentRefused("nobody logged in for this enrolment in the last ten minutes")
    # 2. the key of the start
    key = VerifyKey(login.device_key)
    verify_request(request, key=key, authority=authority_of(enroller.base_url), now=now)
    # 3. salt: whoever finishes is who started
    if not hmac.compare_digest(salt_commitment(message.salt), login.salt_commitment):
        raise EnrolmentRefused("the salt is not the one committed to")
    # 4. possession of the key, on this verifier's own challenge
    challenge = enroller.derive(Label.ENROL_CHALLENGE, message.enrolment)
    fields = possession_fields(enroller.name, message.enrolment, challenge, message.salt)
    try:
        verify(key, message.possession, Label.ENROL_POSSESSION, *fields, culprit=key_id(key))
    except ProofFailure as error:
        raise EnrolmentRefused("the device does not prove that it holds its key") from error
    # 5. the browser that logged in runs on the machine of the device
    if not hmac.compare_digest(message.browser_proof, enroller.derive(Label.ENROL_RETURN, message.enrolment)):
        raise EnrolmentRefused("the login was not made on the machine of this device")
    # 6. nobody concerned is barred
    device = Device(public=login.device_key, professional=login.professional, shop=login.shop)
    raise_bar(register.standing(device).bar)
    return AdmittedFinish(
        device=device,
        code_hash=None if message.shop_code is None else shop_code_hash(enroller, device.shop, message.shop_code),
    )


def settle(admitted: AdmittedFinish, register: EnrolmentRegister, now: int) -> EnrolledDevice | EnrolmentRefused:
    """Enrols the device in one transaction: active with the shop's code, otherwise after 72 hours.

    A refusal is returned, not raised, so that the try of a wrong code is kept.
    """
    device = admitted.device
    known = register.device(device.keyid)
    if known is not None:
        # A finish whose answer was lost: the same device is told the same again.
        return describe(known, register, now) if known == device else EnrolmentRefused("this key is another's here")
    if admitted.code_hash is not None:
        match register.try_shop_code(device.shop, admitted.code_hash, now):
            case ShopCodeTry.WRONG:
                return EnrolmentRefused("the code of the shop is wrong")
            case ShopCodeTry.NONE:
                return EnrolmentRefused("there is no code to use for this shop: ask for a new one")
            case ShopCodeTry.RIGHT:
                register.enrol(device, now, route=Route.CODE, active_from=0, limited_until=0)
    else:
        # One at a time: several small quotas would add up to a large one.
        if register.waited_limited_until(device.professional, now):
            return EnrolmentRefused("another device of this professional is new here: give the code of the shop")
        active_from = now + WAITING_SECONDS
        register.enrol(
            device, now, route=Route.WAITED, active_from=active_from, limited_until=active_from + LIMITED_SECONDS
        )
    return describe(device, register, now)


# --- what devices say of one another -------------------------------------------------------------


def list_devices(request: HttpRequest, enroller: Enroller, register: EnrolmentRegister, now: int) -> DeviceList:
    """Answers an active device: the devices of its professional and of its shop."""
    asker, _ = authenticate(request, register, authority=authority_of(enroller.base_url), now=now)
    decode(request.body, DeviceListRequest)
    return DeviceList(devices=tuple(describe(device, register, now) for device in register.colleagues(asker)))


def act_on(request: HttpRequest, enroller: Enroller, register: EnrolmentRegister, now: int) -> EnrolledDevice:
    """Countersigns a waiting device or has it withdrawn, in the caller's transaction; raises EnrolmentRefused.

    1. by an active device; 2. about a waiting one of the same professional or shop; 3. a new device
    vouches for nobody.
    """
    # 1. an active device
    asker, _ = authenticate(request, register, authority=authority_of(enroller.base_url), now=now)
    act = decode(request.body, DeviceAct)
    # 2. a waiting one, near enough to know
    device = register.device(act.keyid)
    if device is None or not _near(device, asker) or register.standing(device).state(now) is not DeviceState.PENDING:
        raise EnrolmentRefused("no device of this professional or this shop waits under this key")
    match act.kind:
        case DeviceActKind.COUNTERSIGN:
            # 3. a chain of new devices must not begin with one phished login
            if register.limited_until(asker.keyid) > now:
                raise EnrolmentRefused("a new device countersigns no other one")
            register.activate(device.keyid, now + LIMITED_SECONDS, now, asker.keyid)
        case DeviceActKind.OBJECT:
            register.object_to(device.keyid, now, asker.keyid)
    return describe(device, register, now)


def describe(device: Device, register: DeviceRegister, now: int) -> EnrolledDevice:
    """Describes a device and its standing."""
    standing: Standing = register.standing(device)
    return EnrolledDevice(
        keyid=device.keyid, professional=device.professional, shop=device.shop, state=standing.state(now),
        active_from=standing.active_from, limited_until=standing.limited_until,
    )  # fmt: skip


def _near(device: Device, asker: Device) -> bool:
    return device.professional == asker.professional or device.shop == asker.shop


# --- shop codes ----------------------------------------------------------------------------------


def new_shop_code(rng: Rng) -> str:
    """Draws a code of 80 bits to be printed: four groups of four characters without look-alikes."""
    number = int.from_bytes(rng(SHOP_CODE_BYTES), "big")
    letters = [_CODE_ALPHABET[number >> shift & 31] for shift in range(8 * SHOP_CODE_BYTES - 5, -1, -5)]
    return "-".join("".join(letters[at : at + _CODE_GROUP]) for at in range(0, len(letters), _CODE_GROUP))


def shop_code_hash(enroller: Enroller, shop: str, code: str) -> bytes:
    """Names a code by a keyed hash; dashes, spaces, case and look-alikes do not count."""
    plain = code.upper().translate(str.maketrans("OIL", "011", "- "))
    return hmac.digest(enroller.key.reveal(), enc(Label.SHOP_CODE, enroller.name, shop, plain), "sha256")
