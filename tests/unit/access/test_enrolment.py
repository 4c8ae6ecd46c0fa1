"""Enrolment at one verifier, step by step, and what must not become a device (docs/protocol.md section 9)."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.unit.access.provider import NOW, PARTY, PROFESSIONAL, SHOP, claims, key_list, sector, token
from tests.unit.crypto.mutation import edited

from paravent.access import devices as device_rules
from paravent.access import enrolment, openid
from paravent.access.devices import BarReason, Device, authenticate
from paravent.access.enrolment import (
    ENROLMENT_SECONDS_MAX,
    LIMITED_SECONDS,
    WAITING_SECONDS,
    Begun,
    Enroller,
    EnrolmentKey,
    new_shop_code,
    shop_code_hash,
)
from paravent.access.enrolment_store import (
    CASE_SCHEMA,
    DEVICE_SCHEMA,
    SHOP_CODE_SECONDS_MAX,
    SHOP_CODE_TRIES_MAX,
    DeviceLedger,
)
from paravent.access.openid import ProviderAnswer, from_base64url, to_base64url
from paravent.access.requests import HttpRequest, authority_of, new_nonce, sign_request
from paravent.access.sqlite_store import connect
from paravent.crypto.signing import SigningKey, key_id
from paravent.desk.enrolment import Attempt
from paravent.errors import (
    DevicePending,
    DeviceSuspended,
    EnrolmentRefused,
    MalformedMessage,
    ParaventError,
    ProofFailure,
    RequestNotAuthentic,
    UnknownDevice,
)
from paravent.wire.codec import Message, encode
from paravent.wire.enrolment import (
    DEVICE_ACTS_PATH,
    DEVICES_PATH,
    FINISH_PATH,
    START_PATH,
    DeviceAct,
    DeviceActKind,
    DeviceListRequest,
    DeviceState,
    EnrolledDevice,
    EnrolmentStarted,
)
from paravent.wire.suspension import LANES, SubjectKind

HOUR = 3_600
DAY = 24 * HOUR
PORT = 40_000


def register() -> DeviceLedger:
    """An empty register."""
    connection = connect(Path(":memory:"))
    connection.create(DEVICE_SCHEMA + CASE_SCHEMA)
    return DeviceLedger(connection)


@dataclass(slots=True, kw_only=True)
class Scene:
    """One verifier with its register, and what a desk and a browser do with it."""

    now: int = NOW
    rng: Callable[[int], bytes] = field(default_factory=lambda: random.Random(1).randbytes)
    ledger: DeviceLedger = field(default_factory=register)
    name: str = "keyserver-1"

    @property
    def enroller(self) -> Enroller:
        base_url = f"https://{self.name}.example"
        return Enroller(name=self.name, base_url=base_url, key=EnrolmentKey(b"k" * 32), party=PARTY)

    def signed(self, key: SigningKey, path: str, message: Message) -> HttpRequest:
        """Signs a message to this verifier."""
        base_url, body = self.enroller.base_url, encode(message)
        headers, _ = sign_request(
            method="POST", base_url=base_url, path=path, body=body, key=key, now=self.now, nonce=new_nonce(self.rng)
        )
        return HttpRequest(
            method="POST", authority=authority_of(base_url), target_uri=base_url + path, headers=headers, body=body
        )

    def attempt(self, key: SigningKey) -> Attempt:
        return Attempt(verifier=self.name, address=self.enroller.base_url, key=key, salt=self.rng(32))

    def start(self, attempt: Attempt, shop: str = SHOP) -> tuple[Begun, EnrolmentStarted]:
        request = self.signed(attempt.key, START_PATH, attempt.start(shop, PORT))
        begun = enrolment.begin(request, self.enroller, self.now, self.rng)
        return begun, enrolment.started(begun, self.enroller, "https://provider.example/authorize")

    def answer(self, begun: Begun, professional: str = PROFESSIONAL, **changes: Any) -> ProviderAnswer:
        """What the provider hands over when a professional logs in for an enrolment."""
        nonce = enrolment.nonce_of(begun, self.enroller)
        body = claims(**{"nonce": nonce, "iat": self.now, "exp": self.now + 300, "auth_time": self.now} | changes)
        return ProviderAnswer(id_token=token(body), userinfo=json.dumps(sector(SubjectNameID=professional)).encode())

    def log_in(self, begun: Begun, professional: str = PROFESSIONAL) -> bytes:
        """Logs in for an enrolment; returns what the browser is handed."""
        state = enrolment.authorization_parameters(begun, self.enroller)["state"]
        read = enrolment.read_state(state, self.enroller, self.now)
        found = enrolment.identification(
            read, self.enroller, self.answer(read, professional), key_list(), self.ledger, self.now
        )
        self.ledger.identify(found)
        return bytes.fromhex(parse_qs(urlsplit(enrolment.proof_address(read, self.enroller)).query)["proof"][0])

    def finish(self, attempt: Attempt, started: EnrolmentStarted, proof: bytes, code: str | None) -> EnrolledDevice:
        """Finishes as the routes do."""
        request = self.signed(attempt.key, FINISH_PATH, attempt.finish(started, proof, code))
        return self.settled(request)

    def settled(self, request: HttpRequest) -> EnrolledDevice:
        admitted = enrolment.admit_finish(request, self.enroller, self.ledger, self.now)
        settled = enrolment.settle(admitted, self.ledger, self.now)
        if isinstance(settled, EnrolmentRefused):
            raise settled
        return settled

    def enrolled(self, key: SigningKey, code: str | None = None, professional: str = PROFESSIONAL) -> EnrolledDevice:
        """Runs a whole enrolment."""
        attempt = self.attempt(key)
        begun, started = self.start(attempt)
        return self.finish(attempt, started, self.log_in(begun, professional), code)

    def key(self) -> SigningKey:
        return SigningKey.generate(self.rng)

    def code(self, shop: str = SHOP) -> str:
        """Prints a code for a shop."""
        code = new_shop_code(self.rng)
        self.ledger.keep_shop_code(shop, shop_code_hash(self.enroller, shop, code), self.now)
        return code

    def ask(self, key: SigningKey) -> Device:
        """Sends a signed request of a device."""
        request = self.signed(key, DEVICES_PATH, DeviceListRequest())
        return authenticate(request, self.ledger, authority=authority_of(self.enroller.base_url), now=self.now)[0]

    def act(self, key: SigningKey, kind: DeviceActKind, other: SigningKey) -> EnrolledDevice:
        request = self.signed(key, DEVICE_ACTS_PATH, DeviceAct(kind=kind, keyid=key_id(other.public)))
        return enrolment.act_on(request, self.enroller, self.ledger, self.now)


@pytest.fixture
def scene() -> Scene:
    return Scene()


# --- the three ways ------------------------------------------------------------------------------


def test_with_the_code_of_the_shop_a_device_is_active_at_once(scene: Scene) -> None:
    key = scene.key()
    told = scene.enrolled(key, scene.code())
    assert (told.state, told.professional, told.shop) == (DeviceState.ACTIVE, PROFESSIONAL, SHOP)
    assert scene.ask(key).keyid == told.keyid
    assert scene.ledger.limited_until(told.keyid) == 0


def test_without_it_a_device_waits_72_hours_and_is_limited_for_30_days(scene: Scene) -> None:
    key = scene.key()
    told = scene.enrolled(key)
    assert told.state is DeviceState.PENDING
    scene.now = NOW + 72 * HOUR - 1
    with pytest.raises(DevicePending, match="2027-01-18 08:00 UTC"):
        scene.ask(key)
    scene.now = NOW + 72 * HOUR
    assert scene.ask(key).keyid == told.keyid
    assert scene.ledger.limited_until(told.keyid) == NOW + 72 * HOUR + 30 * DAY
    assert (WAITING_SECONDS, LIMITED_SECONDS) == (72 * HOUR, 30 * DAY)


@pytest.mark.parametrize("professional", [PROFESSIONAL, "810000000002"])
def test_countersigned_by_an_active_device_it_is_active_and_limited(scene: Scene, professional: str) -> None:
    first, second = scene.key(), scene.key()
    scene.enrolled(first, scene.code())
    scene.enrolled(second, professional=professional)
    told = scene.act(first, DeviceActKind.COUNTERSIGN, second)
    assert (told.state, told.limited_until) == (DeviceState.ACTIVE, NOW + 30 * DAY)
    scene.ask(second)


def test_a_device_that_waits_is_seen_by_the_others_and_can_be_refused_by_them(scene: Scene) -> None:
    first, second = scene.key(), scene.key()
    scene.enrolled(first, scene.code())
    scene.enrolled(second)
    request = scene.signed(first, DEVICES_PATH, DeviceListRequest())
    seen = enrolment.list_devices(request, scene.enroller, scene.ledger, scene.now).devices
    assert {device.keyid: device.state for device in seen} == {
        key_id(first.public): DeviceState.ACTIVE, key_id(second.public): DeviceState.PENDING,
    }  # fmt: skip
    assert scene.act(first, DeviceActKind.OBJECT, second).state is DeviceState.WITHDRAWN
    scene.now += 4 * DAY
    with pytest.raises(UnknownDevice, match="objection"):
        scene.ask(second)


def test_a_lost_answer_is_told_again(scene: Scene) -> None:
    attempt = scene.attempt(scene.key())
    begun, started = scene.start(attempt)
    proof, code = scene.log_in(begun), scene.code()
    assert scene.finish(attempt, started, proof, code) == scene.finish(attempt, started, proof, code)


# --- what must not become a device -------------------------------------------------------------------


def a_start_signed_by_another_key(scene: Scene) -> None:
    attempt = scene.attempt(scene.key())
    request = scene.signed(scene.key(), START_PATH, attempt.start(SHOP, PORT))
    enrolment.begin(request, scene.enroller, scene.now, scene.rng)


def a_state_of_another_verifier(scene: Scene) -> None:
    begun, _ = Scene(name="keyserver-2").start(scene.attempt(scene.key()))
    state = enrolment.authorization_parameters(begun, Scene(name="keyserver-2").enroller)["state"]
    enrolment.read_state(state, scene.enroller, scene.now)


def a_state_that_somebody_changed(scene: Scene) -> None:
    begun, _ = scene.start(scene.attempt(scene.key()))
    state = enrolment.authorization_parameters(begun, scene.enroller)["state"]
    content = from_base64url(state).replace(SHOP.encode(), b"580000009")
    enrolment.read_state(to_base64url(content), scene.enroller, scene.now)


def an_old_login(scene: Scene) -> None:
    begun, _ = scene.start(scene.attempt(scene.key()))
    scene.now += ENROLMENT_SECONDS_MAX
    scene.log_in(begun)


def a_login_for_another_key(scene: Scene) -> None:
    """The professional logs in on their own desk; a verifier that lies presents the token for the thief's key."""
    mine, _ = scene.start(scene.attempt(scene.key()))
    theirs, _ = scene.start(scene.attempt(scene.key()))
    answer = scene.answer(mine)
    enrolment.identification(theirs, scene.enroller, answer, key_list(), scene.ledger, scene.now)


def a_login_at_another_verifier(scene: Scene) -> None:
    other = Scene(name="keyserver-2", rng=random.Random(1).randbytes)
    attempt = scene.attempt(scene.key())
    begun, _ = other.start(attempt)
    enrolment.identification(begun, scene.enroller, other.answer(begun), key_list(), scene.ledger, scene.now)


def the_same_login_twice(scene: Scene) -> None:
    begun, _ = scene.start(scene.attempt(scene.key()))
    scene.log_in(begun)
    scene.log_in(begun)


def a_finish_without_login(scene: Scene) -> None:
    attempt = scene.attempt(scene.key())
    _, started = scene.start(attempt)
    scene.finish(attempt, started, bytes(32), None)


def a_finish_too_late(scene: Scene) -> None:
    attempt = scene.attempt(scene.key())
    begun, started = scene.start(attempt)
    proof = scene.log_in(begun)
    scene.now += ENROLMENT_SECONDS_MAX
    scene.finish(attempt, started, proof, None)


def a_finish_of_another_key(scene: Scene) -> None:
    attempt = scene.attempt(scene.key())
    begun, started = scene.start(attempt)
    request = scene.signed(scene.key(), FINISH_PATH, attempt.finish(started, scene.log_in(begun), None))
    scene.settled(request)


def a_finish_with_another_salt(scene: Scene) -> None:
    attempt = scene.attempt(scene.key())
    begun, started = scene.start(attempt)
    other = Attempt(verifier=scene.name, address=attempt.address, key=attempt.key, salt=bytes(32))
    scene.finish(other, started, scene.log_in(begun), None)


def a_finish_on_another_challenge(scene: Scene) -> None:
    attempt = scene.attempt(scene.key())
    begun, started = scene.start(attempt)
    other = EnrolmentStarted(
        enrolment=started.enrolment, challenge=bytes(32), authorization_url="", expires_at=started.expires_at
    )
    scene.finish(attempt, other, scene.log_in(begun), None)


def a_finish_without_the_browser(scene: Scene) -> None:
    """Somebody was sent a link and logged in on their own machine: the thief has all but what it was handed."""
    attempt = scene.attempt(scene.key())
    begun, started = scene.start(attempt)
    scene.log_in(begun)
    scene.finish(attempt, started, bytes(32), None)


def an_enrolment_of_a_suspended_professional(scene: Scene) -> None:
    scene.ledger.suspend(SubjectKind.PROFESSIONAL, PROFESSIONAL, BarReason.INQUIRY, scene.now)
    scene.enrolled(scene.key())


def the_key_of_somebody_else(scene: Scene) -> None:
    key = scene.key()
    scene.enrolled(key, scene.code())
    scene.enrolled(key, professional="810000000002")


def a_wrong_code(scene: Scene) -> None:
    scene.code()
    scene.enrolled(scene.key(), "0000-0000-0000-0000")


def the_code_of_another_shop(scene: Scene) -> None:
    scene.enrolled(scene.key(), scene.code("580000009"))


def a_code_used_twice(scene: Scene) -> None:
    code = scene.code()
    scene.enrolled(scene.key(), code)
    scene.enrolled(scene.key(), code)


def an_old_code(scene: Scene) -> None:
    code = scene.code()
    scene.now += SHOP_CODE_SECONDS_MAX
    scene.enrolled(scene.key(), code)


def a_second_small_quota(scene: Scene) -> None:
    """One phished login after another: each new device would bring a small quota of its own."""
    scene.enrolled(scene.key())
    scene.now += 80 * HOUR
    scene.enrolled(scene.key())


def a_chain_of_new_devices(scene: Scene) -> None:
    first, second, third = scene.key(), scene.key(), scene.key()
    scene.enrolled(first, scene.code())
    scene.enrolled(second)
    scene.act(first, DeviceActKind.COUNTERSIGN, second)
    scene.enrolled(third, professional="810000000002")
    scene.act(second, DeviceActKind.COUNTERSIGN, third)


def an_objection_by_a_waiting_device(scene: Scene) -> None:
    first, second = scene.key(), scene.key()
    scene.enrolled(first)
    scene.enrolled(second, professional="810000000002")
    scene.act(first, DeviceActKind.OBJECT, second)


def a_countersignature_by_a_stranger(scene: Scene) -> None:
    stranger, key = scene.key(), scene.key()
    scene.ledger.enrol(Device(public=stranger.public, professional="810000000009", shop="580000009"), scene.now)
    scene.enrolled(key)
    scene.act(stranger, DeviceActKind.COUNTERSIGN, key)


def an_objection_to_an_active_device(scene: Scene) -> None:
    first, second = scene.key(), scene.key()
    scene.enrolled(first, scene.code())
    scene.enrolled(second, scene.code())
    scene.act(first, DeviceActKind.OBJECT, second)


Property = Callable[[Scene], None]
OF_THE_KEY_GIVEN = (
    "verify_request(request, key=VerifyKey(message.device_key), authority=authority_of(enroller.base_url), now=now)"
)
Edit = tuple[object, str, str, str]

# What is refused, as which error, and where taking which text out lets it through.
REFUSED: list[tuple[Property, type[ParaventError], Edit]] = [
    (a_start_signed_by_another_key, RequestNotAuthentic,
     (enrolment, "begin", OF_THE_KEY_GIVEN, "None")),
    (a_state_of_another_verifier, EnrolmentRefused,
     (enrolment, "read_state", "not hmac.compare_digest(mac, _state_mac(payload, enroller))", "False")),
    (a_state_that_somebody_changed, EnrolmentRefused,
     (enrolment, "read_state", "not hmac.compare_digest(mac, _state_mac(payload, enroller))", "False")),
    (an_old_login, EnrolmentRefused,
     (enrolment, "read_state", " < begun.begun_at + ENROLMENT_SECONDS_MAX", " < 2**62")),
    (a_login_for_another_key, EnrolmentRefused,
     (openid, "verify_login",
      "not hmac.compare_digest(claims.nonce.encode(), nonce.encode())", "False")),
    (a_login_at_another_verifier, EnrolmentRefused,
     (openid, "verify_login",
      "not hmac.compare_digest(claims.nonce.encode(), nonce.encode())", "False")),
    (a_finish_too_late, EnrolmentRefused,
     (enrolment, "admit_finish", " or now >= login.identified_at + ENROLMENT_SECONDS_MAX", "")),
    (a_finish_of_another_key, RequestNotAuthentic,
     (enrolment, "admit_finish", "verify_request(request, key=key, authority=authority_of(enroller.base_url), now=now)",
      "None")),
    (a_finish_with_another_salt, EnrolmentRefused,
     (enrolment, "admit_finish", "not hmac.compare_digest(salt_commitment(message.salt), login.salt_commitment)",
      "False")),
    (a_finish_on_another_challenge, EnrolmentRefused,
     (enrolment, "admit_finish",
      "verify(key, message.possession, Label.ENROL_POSSESSION, *fields, culprit=key_id(key))", "pass")),
    (a_finish_without_the_browser, EnrolmentRefused,
     (enrolment, "admit_finish",
      "not hmac.compare_digest(message.browser_proof, enroller.derive(Label.ENROL_RETURN, message.enrolment))",
      "False")),
    (an_enrolment_of_a_suspended_professional, DeviceSuspended,
     (enrolment, "admit_finish", "raise_bar(register.standing(device).bar)", "pass")),
    (the_key_of_somebody_else, EnrolmentRefused, (enrolment, "settle", "known == device", "True")),
    (a_wrong_code, EnrolmentRefused, (DeviceLedger, "try_shop_code", "row[0] != code_hash", "False")),
    (a_code_used_twice, EnrolmentRefused,
     (DeviceLedger, "try_shop_code", 'self._connection.execute("DELETE FROM shop_code WHERE shop = ?", (shop,))',
      "pass")),
    (an_old_code, EnrolmentRefused, (DeviceLedger, "try_shop_code", "now - SHOP_CODE_SECONDS_MAX", "0")),
    (a_second_small_quota, EnrolmentRefused,
     (enrolment, "settle", "register.waited_limited_until(device.professional, now)", "False")),
    (a_chain_of_new_devices, EnrolmentRefused,
     (enrolment, "act_on", "register.limited_until(asker.keyid) > now", "False")),
    (an_objection_by_a_waiting_device, DevicePending,
     (device_rules, "authenticate", "check_standing(register.standing(device), now)", "pass")),
    (a_countersignature_by_a_stranger, EnrolmentRefused,
     (enrolment, "act_on", " or not _near(device, asker)", "")),
    (an_objection_to_an_active_device, EnrolmentRefused,
     (enrolment, "act_on", " or register.standing(device).state(now) is not DeviceState.PENDING", "")),
]  # fmt: skip


@pytest.mark.parametrize(("attempt", "error"), [case[:2] for case in REFUSED], ids=lambda value: value.__name__)
def test_is_refused(scene: Scene, attempt: Property, error: type[ParaventError]) -> None:
    with pytest.raises(error):
        attempt(scene)


@pytest.mark.parametrize(("attempt", "edit"), [(case[0], case[2]) for case in REFUSED], ids=lambda value: getattr(
    value, "__name__", ""))  # fmt: skip
def test_without_its_check_it_passes(
    scene: Scene, attempt: Property, edit: Edit, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, name, old, new = edit
    changed = edited(owner, name, old, new)
    monkeypatch.setattr(owner, name, changed)
    if name in {"authenticate", "identify"}:
        # These came to the module under their own names.
        monkeypatch.setattr(enrolment, name, changed)
    attempt(scene)


@pytest.mark.parametrize("attempt", [the_same_login_twice, a_finish_without_login, the_code_of_another_shop])
def test_is_refused_by_more_than_one_check(scene: Scene, attempt: Property) -> None:
    with pytest.raises(EnrolmentRefused):
        attempt(scene)


# --- codes, suspensions, ledger ------------------------------------------------------------------


def test_a_wrong_code_costs_a_try_and_five_are_all(scene: Scene) -> None:
    code = scene.code()
    for _ in range(SHOP_CODE_TRIES_MAX):
        with pytest.raises(EnrolmentRefused, match="wrong"):
            scene.enrolled(scene.key(), "0000-0000-0000-0000")
    with pytest.raises(EnrolmentRefused, match="no code"):
        scene.enrolled(scene.key(), code)


def test_a_code_has_80_bits_and_may_be_typed_as_it_is_read(scene: Scene) -> None:
    codes = {new_shop_code(scene.rng) for _ in range(100)}
    assert len(codes) == 100
    assert all(len(code.replace("-", "")) * 5 == 80 for code in codes)
    assert new_shop_code(lambda size: b"\x00\x44\x32\x14\xc7\x42\x54\xb6\x35\xcf"[:size]) == "0123-4567-89AB-CDEF"
    same = {shop_code_hash(scene.enroller, SHOP, code) for code in ("01AB-CDEF", "o1ab cdef", "0LABCDEF", "0Iab-cdef")}
    assert len(same) == 1


@pytest.mark.parametrize("kind", sorted(set(SubjectKind) - LANES))
def test_a_suspension_holds_at_once_and_ends_a_withdrawal_does_not(scene: Scene, kind: SubjectKind) -> None:
    key = scene.key()
    told = scene.enrolled(key, scene.code())
    subject = {SubjectKind.DEVICE: told.keyid, SubjectKind.PROFESSIONAL: PROFESSIONAL, SubjectKind.SHOP: SHOP}[kind]
    assert scene.ledger.suspend(kind, subject, BarReason.STOLEN, scene.now)
    assert not scene.ledger.suspend(kind, subject, BarReason.LOST, scene.now)
    with pytest.raises(DeviceSuspended, match=f"the {kind} is suspended here since 2027-01-15 08:00 UTC.*stolen"):
        scene.ask(key)
    assert scene.ledger.resume(kind, subject, scene.now)
    scene.ask(key)
    assert scene.ledger.withdraw(kind, subject, BarReason.COMPROMISED, scene.now)
    assert not scene.ledger.resume(kind, subject, scene.now)
    assert not scene.ledger.withdraw(kind, subject, BarReason.COMPROMISED, scene.now)
    with pytest.raises(UnknownDevice, match="withdrawn"):
        scene.ask(key)


@pytest.mark.parametrize("kind", sorted(set(SubjectKind) - LANES))
def test_a_case_suspends_beside_the_operator(scene: Scene, kind: SubjectKind) -> None:
    key = scene.key()
    told = scene.enrolled(key, scene.code())
    subject = {SubjectKind.DEVICE: told.keyid, SubjectKind.PROFESSIONAL: PROFESSIONAL, SubjectKind.SHOP: SHOP}[kind]
    assert [device.keyid for device in scene.ledger.devices_of(kind, subject)] == [told.keyid]
    assert scene.ledger.suspend_for("C-1", kind, subject, scene.now)
    assert not scene.ledger.suspend_for("C-1", kind, subject, scene.now)
    assert scene.ledger.suspend_for("C-2", kind, subject, scene.now)
    assert scene.ledger.suspensions_of("C-2") == [(kind, subject)]
    with pytest.raises(DeviceSuspended, match=f"the {kind} is suspended here since 2027-01-15 08:00 UTC.*inquiry"):
        scene.ask(key)
    assert not scene.ledger.resume(kind, subject, scene.now)
    assert scene.ledger.resume_for("C-1", kind, subject, scene.now)
    assert not scene.ledger.resume_for("C-1", kind, subject, scene.now)
    assert (scene.ledger.suspended_for("C-1", kind, subject), scene.ledger.suspended_for("C-2", kind, subject)) == (
        False, True,
    )  # fmt: skip
    with pytest.raises(DeviceSuspended):
        scene.ask(key)
    scene.ledger.resume_for("C-2", kind, subject, scene.now)
    scene.ask(key)


def test_standing_is_told_to_nobody_but_the_key(scene: Scene) -> None:
    key, thief = scene.key(), scene.key()
    told = scene.enrolled(key, scene.code())
    scene.ledger.suspend(SubjectKind.DEVICE, told.keyid, BarReason.STOLEN, scene.now)
    request = scene.signed(thief, DEVICES_PATH, DeviceListRequest())
    forged = request.headers["signature-input"].replace(key_id(thief.public), told.keyid)
    altered = HttpRequest(
        method="POST", authority=request.authority, target_uri=request.target_uri, body=request.body,
        headers=dict(request.headers) | {"signature-input": forged},
    )  # fmt: skip
    with pytest.raises(RequestNotAuthentic):
        authenticate(altered, scene.ledger, authority=request.authority, now=scene.now)


def test_each_change_is_a_row_of_the_ledger(scene: Scene) -> None:
    first, second, third = scene.key(), scene.key(), scene.key()
    scene.enrolled(first, scene.code())
    scene.enrolled(second)
    scene.act(first, DeviceActKind.COUNTERSIGN, second)
    scene.enrolled(third, professional="810000000002")
    scene.act(first, DeviceActKind.OBJECT, third)
    scene.ledger.suspend(SubjectKind.SHOP, SHOP, BarReason.INQUIRY, scene.now + 1)
    scene.ledger.resume(SubjectKind.SHOP, SHOP, scene.now + 2)
    rows = [(row.event, row.kind, row.reason) for row in scene.ledger.events()]
    own = key_id(first.public)
    assert rows == [
        ("code-issued", "shop", ""), ("code-used", "shop", ""), ("enrolled", "device", "code"),
        ("enrolled", "device", "waited"), ("countersigned", "device", own), ("enrolled", "device", "waited"),
        ("withdrawn", "device", "objection"), ("objected", "device", own), ("suspended", "shop", "inquiry"),
        ("resumed", "shop", ""),
    ]  # fmt: skip
    assert [row.happened_at for row in scene.ledger.events()][-2:] == [NOW + 1, NOW + 2]


def test_nothing_is_written_before_a_login(scene: Scene) -> None:
    for _ in range(50):
        scene.start(scene.attempt(scene.key()))
    assert list(scene.ledger.events()) == []
    assert scene.ledger.identification(bytes(16)) is None


def test_identifications_are_forgotten_after_24_hours(scene: Scene) -> None:
    begun, _ = scene.start(scene.attempt(scene.key()))
    scene.log_in(begun)
    scene.ledger.forget(scene.now + DAY - 1)
    assert scene.ledger.identification(begun.enrolment) is not None
    scene.ledger.forget(scene.now + DAY)
    assert scene.ledger.identification(begun.enrolment) is None


# --- what the desk checks ------------------------------------------------------------------------


def test_the_desk_refuses_to_log_in_for_another_key_or_elsewhere(scene: Scene) -> None:
    attempt = scene.attempt(scene.key())
    begun, started = scene.start(attempt)
    good = {name: [value] for name, value in enrolment.authorization_parameters(begun, scene.enroller).items()}
    attempt.check_url(started, good)
    for name, value in (
        ("nonce", hashlib.sha256(b"").hexdigest()), ("redirect_uri", "https://keyserver-2.example/v1/enrolments/callback"),
        ("response_type", "token"), ("code_challenge_method", "plain"),
    ):  # fmt: skip
        with pytest.raises(ProofFailure, match=scene.name):
            attempt.check_url(started, good | {name: [value]})
        with pytest.raises(ProofFailure):
            attempt.check_url(started, {other: found for other, found in good.items() if other != name})


def test_a_return_port_is_one_that_needs_no_privilege(scene: Scene) -> None:
    attempt = scene.attempt(scene.key())
    request = scene.signed(attempt.key, START_PATH, attempt.start(SHOP, 80))
    with pytest.raises(MalformedMessage):
        enrolment.begin(request, scene.enroller, scene.now, scene.rng)
