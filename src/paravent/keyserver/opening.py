"""Opening one row's lock: recompute, witness, then reveal (docs/protocol.md section 7, step 7.5).

The server recomputes the handle from the handle key and the label from the handle: a label is never
accepted as bytes, so nobody opens what they cannot already name.
"""

from __future__ import annotations

from dataclasses import dataclass

from paravent.access.devices import Device, authenticate, charge_of, require_open_lane
from paravent.access.quotas import QuotaKind
from paravent.access.requests import Authenticated, HttpRequest, authority_of
from paravent.crypto import hpke
from paravent.crypto.hpke import Recipient
from paravent.crypto.labels import Label
from paravent.crypto.replicated import opening_value
from paravent.crypto.sealing import Handle, OpenLabel, handle_of, open_label
from paravent.crypto.signing import VerifyKey, verify
from paravent.errors import EpochNotLive, ProofFailure, RequestNotAuthentic
from paravent.keyserver.state import BatchKeys, KeyServerStore, LeafPosition, ServerIdentity
from paravent.keyserver.witness import Scribe
from paravent.wire.codec import decode, encode
from paravent.wire.number_lane import (
    OpeningAnswer,
    OpeningContent,
    OpeningRequest,
    OpeningValueEntry,
    auth_fields,
    box_context,
)
from paravent.wire.statements import sign_statement


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmittedOpening:
    """A verified request, ready to be charged, witnessed and then answered."""

    device: Device
    caller: Authenticated
    message: OpeningRequest
    handle: Handle
    label: OpenLabel
    batch: BatchKeys
    recipient: Recipient


def admit(request: HttpRequest, identity: ServerIdentity, store: KeyServerStore, now: int) -> AdmittedOpening:
    """Verifies a request; raises what is wrong with it, having spent nothing.

    1. device and signature; 2. form, and the lane is open; 3. epoch and batch live; 4. handle and label recomputed;
    5. proof of knowledge of the handle key.
    """
    # 1. device and signature
    device, caller = authenticate(request, store, authority=authority_of(identity.base_url), now=now)
    # 2. form
    message = decode(request.body, OpeningRequest)
    recipient = hpke.read_public_key(message.answer_key)
    require_open_lane(store, message.insurer)
    # 3. epoch and batch live, or ended since the check began
    share = store.share(message.insurer, message.epoch)
    batch = store.batch(message.insurer, message.epoch, message.batch)
    if share is None or batch is None or not share.not_before <= now < batch.deletes_at:
        raise EpochNotLive("this batch is not live at this server")
    # 4. handle and label recomputed from the key itself
    public = VerifyKey(message.handle_key)
    handle = handle_of(message.insurer, message.epoch, public)
    label = open_label(message.insurer, message.epoch, message.batch, handle)
    # 5. proof of knowledge
    fields = auth_fields(identity.name, caller.nonce, label, device.keyid, message.answer_key)
    try:
        verify(public, message.proof, Label.AUTH, *fields, culprit=device.keyid)
    except ProofFailure as error:
        raise RequestNotAuthentic("the request does not prove knowledge of the record it asks for") from error
    return AdmittedOpening(
        device=device, caller=caller, message=message, handle=handle, label=label, batch=batch,
        recipient=recipient,
    )  # fmt: skip


def witness(admitted: AdmittedOpening, scribe: Scribe, store: KeyServerStore, now: int) -> LeafPosition:
    """Spends the quota and appends the leaf, in one transaction; an identical request keeps its leaf."""
    caller = admitted.caller
    if not store.first_time(caller, now):
        known = store.witnessed(caller.digest)
        if known is not None:
            return known
    # Distinct (professional, handle), never the label: a re-publication is not a second person.
    insurer = admitted.message.insurer
    charge = charge_of(QuotaKind.OPENING, admitted.device, insurer, admitted.handle, caller.digest)
    names = store.spend(charge, now)
    return scribe.opening(admitted.device, insurer, admitted.label, caller.digest, names, store, now)


def answer(admitted: AdmittedOpening, position: LeafPosition, identity: ServerIdentity) -> OpeningAnswer:
    """Reveals this server's opening values, signed and sealed to the fresh key; called once the leaf is durable."""
    message = admitted.message
    values = tuple(
        OpeningValueEntry(servers=members, value=opening_value(key, admitted.label))
        for members, key in sorted(admitted.batch.keys.items())
    )
    content = OpeningContent(
        server=identity.name, request=admitted.caller.digest, values=values,
        leaf_index=position.index, leaf_hash=position.leaf_hash,
    )  # fmt: skip
    signed = sign_statement(content, Label.OPENING, identity.name, identity.signing_key)
    context = box_context(identity.name, message.insurer, message.epoch, admitted.caller.nonce)
    box = hpke.seal(admitted.recipient, encode(signed), Label.OPENING_BOX, *context)
    return OpeningAnswer(box=box)
