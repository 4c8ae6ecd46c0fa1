"""The hub carries boxes between desks and insurers, and reads none (docs/protocol.md section 11).

It says to the insurer whose device a box came from, signed, sealed to the insurer: its own database does not say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from paravent.access.devices import Device, DeviceRegister, authenticate, charge_of
from paravent.access.parties import authenticate_insurer
from paravent.access.quotas import QuotaKind
from paravent.access.requests import Authenticated, HttpRequest, authority_of
from paravent.crypto import hpke
from paravent.crypto.hpke import BOX_OVERHEAD_BYTES, BoxPublicKey
from paravent.crypto.labels import Label
from paravent.errors import MalformedMessage, UnknownInsurer
from paravent.hub.state import HubIdentity
from paravent.wire.boxes import (
    BOX_BODY_BYTES_MAX,
    LETTER_BYTES,
    SENDER_MULTIPLE_BYTES,
    Boxes,
    BoxesRequest,
    BoxSender,
    BoxTaken,
    SentBox,
    ShopBox,
    digest_of,
)
from paravent.wire.codec import decode, encode, encode_padded
from paravent.wire.statements import Directory, InsurerEntry, sign_statement

if TYPE_CHECKING:
    from paravent.hub.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmittedBox:
    """A box of an active device, of the one length of its kind, for an insurer of the directory."""

    device: Device
    caller: Authenticated
    sent: SentBox
    insurer: InsurerEntry


def admit(
    request: HttpRequest, register: DeviceRegister, directory: Directory, identity: HubIdentity, now: int
) -> AdmittedBox:
    """Verifies a box of a desk; raises what authentication raises, UnknownInsurer, or MalformedMessage."""
    device, caller = authenticate(request, register, authority=authority_of(identity.base_url), now=now)
    sent = decode(request.body, SentBox, bytes_max=BOX_BODY_BYTES_MAX)
    insurer = directory.insurer(sent.insurer)
    if insurer is None:
        raise UnknownInsurer("no insurer of the directory has this AMC number")
    if len(sent.box) != sent.kind.box_bytes:
        raise MalformedMessage("a box of this kind has another length")
    return AdmittedBox(device=device, caller=caller, sent=sent, insurer=insurer)


def keep(admitted: AdmittedBox, store: Store, identity: HubIdentity, now: int) -> BoxTaken:
    """Keeps a box inside the caller's transaction, within the quota of acts; the same one again is kept once.

    An identical signed request is free, and brings back no box that its insurer has taken since.
    """
    sent, digest = admitted.sent, admitted.caller.digest
    if not store.first_time(admitted.caller, now):
        return BoxTaken(first=False)
    store.spend(charge_of(QuotaKind.ACT, admitted.device, sent.insurer, digest, digest), now)
    return BoxTaken(first=store.boxes.keep(sent.insurer, sent.kind, _sender(admitted, identity), sent.box))


def _sender(admitted: AdmittedBox, identity: HubIdentity) -> bytes:
    device, amc = admitted.device, admitted.sent.insurer
    sender = BoxSender(
        insurer=amc, digest=digest_of(admitted.sent.box), device_key=device.public, professional=device.professional,
        shop=device.shop, padding="",
    )  # fmt: skip
    sender = decode(encode_padded(sender, SENDER_MULTIPLE_BYTES), BoxSender)
    signed = sign_statement(sender, Label.BOX_SENDER, identity.name, identity.signing_key)
    key = BoxPublicKey(admitted.insurer.claims_key)
    return hpke.seal(key, encode(signed), Label.BOX_SENDER_BOX, identity.name, amc)


def hand_over(amc: str, asked: BoxesRequest, store: Store) -> Boxes:
    """Deletes what an insurer has, and returns what waits, inside the caller's transaction."""
    store.boxes.drop(amc, asked.taken)
    return store.boxes.waiting(amc)


def admit_letter(request: HttpRequest, directory: Directory, identity: HubIdentity, now: int) -> ShopBox:
    """Verifies a box of an insurer for a shop; raises UnknownInsurer, RequestNotAuthentic or MalformedMessage."""
    authenticate_insurer(request, directory, base_url=identity.base_url, now=now)
    letter = decode(request.body, ShopBox, bytes_max=BOX_BODY_BYTES_MAX)
    if len(letter.box) != LETTER_BYTES + BOX_OVERHEAD_BYTES:
        raise MalformedMessage("a box for a shop has another length")
    return letter


def keep_letter(letter: ShopBox, store: Store, identity: HubIdentity, now: int) -> BoxTaken:
    """Keeps a box for a shop inside the caller's transaction."""
    shop = identity.database_key.letterbox(letter.shop)
    return BoxTaken(first=store.boxes.keep_for_shop(shop, letter.box, now, above=store.recovery.events_above))
