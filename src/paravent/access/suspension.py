"""Measures of the breach desk at one verifier: verify, carry out, report (docs/protocol.md section 9): pure.

They stand beside what the verifier's own operator decides: neither ends the other's suspensions by mistake.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from paravent.access.devices import BarReason, Device, DeviceRegister
from paravent.access.requests import Authenticated, HttpRequest, authority_of, claimed_keyid, verify_request
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey, VerifyKey, key_id
from paravent.errors import BadInput, UnknownInsurer, UnknownParty
from paravent.wire.codec import decode
from paravent.wire.enrolment import DeviceState
from paravent.wire.statements import Directory, Signed, sign_statement
from paravent.wire.suspension import LANES, NUMBER_LANE, Measure, SubjectKind, SuspensionReport, SuspensionRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """Who carries a measure out: its name, its own base URL, the key that signs its report."""

    name: str
    base_url: str
    signing_key: SigningKey


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmittedMeasure:
    """A measure whose request was verified."""

    asked: SuspensionRequest
    caller: Authenticated


class SuspensionLedger(Protocol):
    """The register of devices as measures need it; every method runs in the caller's transaction."""

    def suspend_for(self, case: str, kind: SubjectKind, subject: str, now: int) -> bool:
        """Suspends for a case; False when this case suspends it already."""

    def resume_for(self, case: str, kind: SubjectKind, subject: str, now: int) -> bool:
        """Ends what a case suspended; False when there is nothing to end."""

    def suspended_for(self, case: str, kind: SubjectKind, subject: str) -> bool:
        """Says whether a case suspends it."""

    def withdraw(
        self, kind: SubjectKind, subject: str, reason: BarReason, now: int, *, case: str | None = None
    ) -> bool:
        """Withdraws for good; False when it was withdrawn already."""

    def lane_closed_since(self, insurer: str) -> int | None:
        """Returns since when the number lane of an insurer is closed, None when it is open."""

    def devices_of(self, kind: SubjectKind, subject: str) -> Sequence[Device]:
        """Lists the devices of a subject."""


class SuspensionStore(DeviceRegister, Protocol):
    """The store of a verifier as measures need it."""

    @property
    def devices(self) -> SuspensionLedger:
        """The register of devices."""

    def first_time(self, caller: Authenticated, now: int) -> bool:
        """Records a nonce: True the first time."""


def admit(request: HttpRequest, directory: Directory, verifier: Verifier, now: int) -> AdmittedMeasure:
    """Verifies a measure: the breach desk of the directory signed it for this verifier.

    Raises UnknownParty, RequestNotAuthentic, MalformedMessage, UnknownInsurer for the lane of nobody, or BadInput for
    a withdrawal of more than one device.
    """
    desk = directory.breach_desk
    if desk is None or claimed_keyid(request) != key_id(VerifyKey(desk.verify_key)):
        raise UnknownParty("only the breach desk of the directory asks this")
    caller = verify_request(request, key=VerifyKey(desk.verify_key), authority=authority_of(verifier.base_url), now=now)
    asked = decode(request.body, SuspensionRequest)
    if asked.measure is Measure.WITHDRAW and asked.kind is not SubjectKind.DEVICE:
        raise BadInput("the breach desk withdraws one device; a professional or a shop is suspended, or its operator's")
    if asked.kind is SubjectKind.INSURER and directory.insurer(asked.subject) is None:
        raise UnknownInsurer("the directory has no such insurer")
    if asked.kind is SubjectKind.LANE and asked.subject != NUMBER_LANE:
        raise BadInput(f"the lane that is suspended is written {NUMBER_LANE}")
    return AdmittedMeasure(asked=asked, caller=caller)


def carry_out(admitted: AdmittedMeasure, verifier: Verifier, store: SuspensionStore, now: int) -> Signed:
    """Carries a measure out inside the caller's transaction, and signs what it did; a replay changes nothing."""
    asked, ledger = admitted.asked, store.devices
    # A request seen before is answered as things stand: it must not undo what was decided since.
    changed = store.first_time(admitted.caller, now) and _change(asked, ledger, now)
    devices = ledger.devices_of(asked.kind, asked.subject)
    # A device that is barred from no request asks in vain while its lane is closed.
    closed = asked.kind in LANES and ledger.lane_closed_since(asked.subject) is not None
    answered = () if closed else devices
    active = [device for device in answered if store.standing(device).state(now) is DeviceState.ACTIVE]
    report = SuspensionReport(
        verifier=verifier.name, request=admitted.caller.digest, changed=changed,
        suspended=ledger.suspended_for(asked.case, asked.kind, asked.subject), devices=len(devices),
        active=len(active), professionals=len({device.professional for device in active}),
        shops=len({device.shop for device in active}), reported_at=now,
    )  # fmt: skip
    return sign_statement(report, Label.SUSPENSION, verifier.name, verifier.signing_key)


def _change(asked: SuspensionRequest, ledger: SuspensionLedger, now: int) -> bool:
    match asked.measure:
        case Measure.LOOK:
            return False
        case Measure.SUSPEND:
            return ledger.suspend_for(asked.case, asked.kind, asked.subject, now)
        case Measure.RESUME:
            return ledger.resume_for(asked.case, asked.kind, asked.subject, now)
        case Measure.WITHDRAW:
            return ledger.withdraw(asked.kind, asked.subject, BarReason.COMPROMISED, now, case=asked.case)
