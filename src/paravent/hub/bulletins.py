"""The hub serves the breach desk's bulletins, and counts the shops that acknowledged them (docs/protocol.md 11).

It verifies the list as a desk does, so that it serves none that a desk would refuse. An acknowledgement is counted
once for a shop, under a keyed name; who read what is not kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from paravent.access.devices import DeviceRegister, authenticate
from paravent.access.requests import Authenticated, HttpRequest, authority_of, claimed_keyid, verify_request
from paravent.crypto.labels import Label
from paravent.crypto.signing import VerifyKey, key_id
from paravent.errors import EpochNotLive, MalformedMessage, UnknownParty
from paravent.hub.state import HubIdentity
from paravent.hub.vault import AcknowledgingShop
from paravent.wire.bulletins import (
    BULLETINS_BYTES_MAX,
    BULLETINS_MAX,
    Acknowledgement,
    AcknowledgementTaken,
    BulletinCounts,
    BulletinList,
    BulletinState,
    open_list,
)
from paravent.wire.claims import PullRequest
from paravent.wire.codec import decode
from paravent.wire.statements import Directory, Signed, sign_statement

if TYPE_CHECKING:
    from paravent.hub.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmittedAcknowledgement:
    """An acknowledgement of an active device, by the keyed name of its shop."""

    shop: AcknowledgingShop
    number: int


def authenticate_desk(request: HttpRequest, directory: Directory, identity: HubIdentity, now: int) -> Authenticated:
    """Verifies that the breach desk of the directory asks; raises UnknownParty or RequestNotAuthentic."""
    desk = directory.breach_desk
    if desk is None or claimed_keyid(request) != key_id(VerifyKey(desk.verify_key)):
        raise UnknownParty("only the breach desk of the directory asks this")
    return verify_request(request, key=VerifyKey(desk.verify_key), authority=authority_of(identity.base_url), now=now)


def read_upload(request: HttpRequest, directory: Directory, identity: HubIdentity, now: int) -> BulletinList:
    """Reads bulletins that the breach desk publishes; raises what authentication and decoding raise."""
    authenticate_desk(request, directory, identity, now)
    return decode(request.body, BulletinList, bytes_max=BULLETINS_BYTES_MAX)


def publish(upload: BulletinList, store: Store, directory: Directory) -> BulletinState:
    """Keeps what continues the list, inside the caller's transaction; raises what ``open_list`` raises."""
    known = store.bulletins.known()
    continued, _ = open_list(upload.head, upload.bulletins, known, directory)
    store.bulletins.keep(upload.head, known.count + 1, upload.bulletins)
    return BulletinState(count=continued.count)


def serve(after: int, store: Store) -> BulletinList:
    """Returns the next bulletins after a number; raises MalformedMessage, or EpochNotLive when there is no list yet."""
    if after > BULLETINS_MAX:
        raise MalformedMessage(f"a list has at most {BULLETINS_MAX} bulletins")
    found = store.bulletins.after(after)
    if found is None:
        raise EpochNotLive("the breach desk has published no bulletin here")
    return found


def admit_acknowledgement(
    request: HttpRequest, register: DeviceRegister, identity: HubIdentity, now: int
) -> AdmittedAcknowledgement:
    """Verifies an acknowledgement; raises what authentication and decoding raise."""
    device, _ = authenticate(request, register, authority=authority_of(identity.base_url), now=now)
    number = decode(request.body, Acknowledgement).number
    return AdmittedAcknowledgement(shop=identity.database_key.acknowledging(device.shop), number=number)


def acknowledge(admitted: AdmittedAcknowledgement, store: Store) -> AcknowledgementTaken:
    """Counts a shop once, inside the caller's transaction; raises MalformedMessage for a bulletin that is not there."""
    if not 1 <= admitted.number <= store.bulletins.known().count:
        raise MalformedMessage("there is no bulletin of this number")
    return AcknowledgementTaken(first=store.acknowledgements.keep(admitted.number, admitted.shop))


def counts(
    request: HttpRequest, store: Store, directory: Directory, identity: HubIdentity, now: int
) -> Signed:  # fmt: skip
    """Counts for the breach desk, and signs: shops with a device here, and those that acknowledged each bulletin."""
    caller = authenticate_desk(request, directory, identity, now)
    after = decode(request.body, PullRequest).after
    counted = BulletinCounts(
        request=caller.digest, count=store.bulletins.known().count,
        shops=len({device.shop for device in store.devices.every_device()}),
        acknowledged=store.acknowledgements.counts(after), counted_at=now,
    )  # fmt: skip
    return sign_statement(counted, Label.BULLETIN_COUNTS, identity.name, identity.signing_key)
