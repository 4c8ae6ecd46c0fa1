"""What the breach desk can and cannot do at a verifier, each a function that fails when it is not so."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec.structs import replace as changed
from tests.unit.parties.world import AMC, DAY, OTHER_AMC, World

from paravent.access import suspension
from paravent.access.devices import BarReason, check_standing
from paravent.access.requests import Authenticated, HttpRequest
from paravent.access.suspension import Verifier
from paravent.breach import suspension as desk
from paravent.crypto.signing import SigningKey
from paravent.errors import (
    BadInput,
    DeviceSuspended,
    LaneSuspended,
    ProofFailure,
    RequestNotAuthentic,
    UnknownDevice,
    UnknownInsurer,
    UnknownParty,
)
from paravent.wire.statements import Signed
from paravent.wire.suspension import (
    LANES,
    NUMBER_LANE,
    SUSPENSIONS_PATH,
    Measure,
    SubjectKind,
    SuspensionReport,
    SuspensionRequest,
)

CASE, OTHER_CASE = "2026-014", "2026-015"


def asked(
    world: World, measure: Measure, kind: SubjectKind = SubjectKind.DEVICE, case: str = CASE
) -> SuspensionRequest:
    """A measure about the world's device, its professional or its shop."""
    device = world.device
    subject = {SubjectKind.DEVICE: device.keyid, SubjectKind.PROFESSIONAL: device.professional,
               SubjectKind.SHOP: device.shop, SubjectKind.INSURER: AMC,
               SubjectKind.LANE: NUMBER_LANE}[kind]  # fmt: skip
    return SuspensionRequest(case=case, measure=measure, kind=kind, subject=subject)


def verifier(world: World) -> Verifier:
    identity = world.hub
    return Verifier(name=identity.name, base_url=identity.base_url, signing_key=identity.signing_key)


def request(
    world: World, message: SuspensionRequest, key: SigningKey | None = None
) -> tuple[HttpRequest, Authenticated]:
    """The signed request of the breach desk to the hub."""
    return world.signed(verifier(world).base_url, SUSPENSIONS_PATH, message, key=key or world.breach_key)


def sent(world: World, received: HttpRequest) -> Signed:
    """Hands a request to the hub."""
    store = world.hub_store
    admitted = suspension.admit(received, world.directory, verifier(world), world.now)
    with store.commit():
        return suspension.carry_out(admitted, verifier(world), store, world.now)


def carried_out(world: World, message: SuspensionRequest) -> SuspensionReport:
    """Has a measure carried out, and reads the report."""
    received, caller = request(world, message)
    return desk.read_report(sent(world, received), world.directory.hub, caller)


def _ask(world: World) -> None:
    """What every request of a device meets."""
    check_standing(world.hub_store.standing(world.device), world.now)


# --- properties ----------------------------------------------------------------------------------


def a_measure_holds_at_once_and_ends_with_its_case(world: World) -> None:
    """Whatever is named, the device is refused from the next request on, and answered again after it."""
    for kind in set(SubjectKind) - LANES:
        looked = carried_out(world, asked(world, Measure.LOOK, kind))
        assert (looked.changed, looked.suspended, looked.devices, looked.active) == (False, False, 1, 1)
        done = carried_out(world, asked(world, Measure.SUSPEND, kind))
        assert (done.changed, done.suspended, done.devices, done.active) == (True, True, 1, 0)
        with pytest.raises(DeviceSuspended, match="inquiry"):
            _ask(world)
        assert carried_out(world, asked(world, Measure.RESUME, kind)).active == 1
        _ask(world)


def _carried_out_at(world: World, index: int, message: SuspensionRequest) -> None:
    """Has a measure carried out at a key server."""
    server = world.servers[index]
    at = Verifier(
        name=server.identity.name, base_url=server.identity.base_url, signing_key=server.identity.signing_key
    )  # fmt: skip
    received, _ = world.signed(at.base_url, SUSPENSIONS_PATH, message, key=world.breach_key)
    with server.store.commit():
        suspension.carry_out(suspension.admit(received, world.directory, at, world.now), at, server.store, world.now)


def a_closed_lane_opens_nothing_and_bars_no_device(world: World) -> None:
    """Look-ups, rows and openings of an insurer stop, or of all; the device stays active, and it ends with the case."""
    known = {amc: world.known(world.covered(amc=amc), amc) for amc in (AMC, OTHER_AMC)}
    started = world.opening(known[AMC])
    for kind, open_ones in ((SubjectKind.INSURER, [OTHER_AMC]), (SubjectKind.LANE, [])):
        assert carried_out(world, asked(world, Measure.LOOK, kind)).active == 1
        done = carried_out(world, asked(world, Measure.SUSPEND, kind))
        assert (done.changed, done.suspended, done.devices, done.active) == (True, True, 1, 0)
        _carried_out_at(world, 1, asked(world, Measure.SUSPEND, kind))
        _ask(world)
        with pytest.raises(LaneSuspended):
            world.open_at(started, 1)
        for amc, record in known.items():
            for act in (
                lambda amc=amc: world.evaluate(world.blind(world.covered(amc=amc), amc), 1),
                lambda record=record: world.fetch(record),
            ):  # fmt: skip
                if amc in open_ones:
                    act()
                    continue
                with pytest.raises(LaneSuspended, match="cards are still read"):
                    act()
        carried_out(world, asked(world, Measure.RESUME, kind))
        _carried_out_at(world, 1, asked(world, Measure.RESUME, kind))
        world.fetch(known[AMC])
        world.open_at(started, 1)


def a_lane_is_of_an_insurer_of_the_directory_or_of_all(world: World) -> None:
    """A mistyped lane is refused, and nothing is closed."""
    for kind, subject, error in (
        (SubjectKind.INSURER, "99999999", UnknownInsurer), (SubjectKind.LANE, AMC, BadInput),
    ):  # fmt: skip
        received, _ = request(world, changed(asked(world, Measure.SUSPEND, kind), subject=subject))
        with pytest.raises(error):
            sent(world, received)


def only_the_breach_desk_suspends(world: World) -> None:
    """No other party does, nor a directory without one."""
    others = [world.hub.signing_key, world.device_key, world.servers[2].identity.signing_key, *(
        insurer.keys.issuer for insurer in world.insurers.values())]  # fmt: skip
    for key in others:
        received, _ = request(world, asked(world, Measure.SUSPEND), key)
        with pytest.raises(UnknownParty):
            sent(world, received)
    received, _ = request(world, asked(world, Measure.SUSPEND))
    with pytest.raises(UnknownParty):
        suspension.admit(received, changed(world.directory, breach_desk=None), verifier(world), world.now)
    _ask(world)


def a_measure_is_for_one_verifier_and_one_body(world: World) -> None:
    """What was signed for another verifier, or is altered on the way, is refused."""
    received, _ = request(world, asked(world, Measure.SUSPEND))
    other = replace(verifier(world), base_url=world.servers[2].identity.base_url)
    with pytest.raises(RequestNotAuthentic):
        suspension.admit(received, world.directory, other, world.now)
    altered = replace(received, body=received.body.replace(b"suspend", b"resume!"))
    with pytest.raises(RequestNotAuthentic):
        sent(world, altered)


def a_replay_does_not_undo_what_was_decided_since(world: World) -> None:
    """A suspension sent again after the resumption suspends nothing."""
    received, caller = request(world, asked(world, Measure.SUSPEND))
    sent(world, received)
    carried_out(world, asked(world, Measure.RESUME))
    again = desk.read_report(sent(world, received), world.directory.hub, caller)
    assert (again.changed, again.suspended) == (False, False)
    _ask(world)


def cases_and_operators_stand_apart(world: World) -> None:
    """The end of one suspension ends no other one: of another case, or of the operator."""
    ledger = world.hub_store.devices
    carried_out(world, asked(world, Measure.SUSPEND))
    carried_out(world, asked(world, Measure.SUSPEND, SubjectKind.SHOP, OTHER_CASE))
    with world.hub_store.commit():
        ledger.suspend(SubjectKind.PROFESSIONAL, world.device.professional, BarReason.LOST, world.now)
    assert not carried_out(world, asked(world, Measure.RESUME, case=OTHER_CASE)).changed
    carried_out(world, asked(world, Measure.RESUME))
    with pytest.raises(DeviceSuspended):
        _ask(world)
    with world.hub_store.commit():
        ledger.resume(SubjectKind.PROFESSIONAL, world.device.professional, world.now)
    with pytest.raises(DeviceSuspended, match="the shop is suspended"):
        _ask(world)
    carried_out(world, asked(world, Measure.RESUME, SubjectKind.SHOP, OTHER_CASE))
    _ask(world)


def a_resumption_ends_no_withdrawal(world: World) -> None:
    """The breach desk withdraws one device, for good; a professional or a shop it cannot withdraw."""
    for kind in set(SubjectKind) - {SubjectKind.DEVICE}:
        received, _ = request(world, asked(world, Measure.WITHDRAW, kind))
        with pytest.raises(BadInput):
            sent(world, received)
    assert carried_out(world, asked(world, Measure.WITHDRAW)).active == 0
    carried_out(world, asked(world, Measure.RESUME))
    with pytest.raises(UnknownDevice, match="withdrawn"):
        _ask(world)


def every_measure_is_a_row_with_its_case(world: World) -> None:
    """The ledger of devices says what was done, and for which case."""
    carried_out(world, asked(world, Measure.SUSPEND))
    carried_out(world, asked(world, Measure.SUSPEND))
    carried_out(world, asked(world, Measure.RESUME))
    carried_out(world, asked(world, Measure.WITHDRAW))
    rows = [(row.event, row.subject, row.reason) for row in world.hub_store.devices.events()][-3:]
    keyid = world.device.keyid
    assert rows == [(event, keyid, f"case {CASE}") for event in ("suspended", "resumed", "withdrawn")]


def a_report_is_on_one_request_by_one_verifier(world: World) -> None:
    """A report kept from before, or of another verifier, says nothing of this request."""
    received, caller = request(world, asked(world, Measure.SUSPEND))
    signed = sent(world, received)
    _, later = request(world, asked(world, Measure.SUSPEND))
    for entry, said in ((world.directory.hub, later), (world.entry(2), caller), (world.entry(1), caller)):
        with pytest.raises(ProofFailure):
            desk.read_report(signed, entry, said)


def a_measure_lasts(world: World) -> None:
    """Time ends no suspension."""
    carried_out(world, asked(world, Measure.SUSPEND))
    world.now += 400 * DAY
    with pytest.raises(DeviceSuspended):
        _ask(world)
