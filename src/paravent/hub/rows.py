"""Serving a row to whoever already knows whose it is (docs/protocol.md section 7, step 7.4).

The hub recomputes the handle from the handle key that the desk proves it holds. Presence and absence
are both proved, in answers of one length.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from paravent.access.alarms import Detectors
from paravent.access.devices import Device, authenticate, charge_of, require_open_lane
from paravent.access.quotas import QuotaKind, Seen
from paravent.access.requests import Authenticated, HttpRequest, authority_of
from paravent.crypto.labels import Label
from paravent.crypto.merkle import path_length_max, path_positions
from paravent.crypto.sealing import Handle, handle_of
from paravent.crypto.signing import VerifyKey, verify
from paravent.errors import EpochNotLive, ProofFailure, RequestNotAuthentic
from paravent.hub.state import HubIdentity, HubStore, Manifest, PlacedRow
from paravent.wire.codec import decode, encode
from paravent.wire.number_lane import Leaf, RowAnswer, RowRequest, StoredRow, answer_padding, fetch_fields

# Longest answer but for the head and the paths: a row and its leaf, or two leaves, rounded up.
_LEAF_ROOM_BYTES = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmittedFetch:
    """A verified request, ready to be charged and then answered."""

    device: Device
    caller: Authenticated
    handle: Handle
    manifest: Manifest


def admit(request: HttpRequest, identity: HubIdentity, store: HubStore, now: int) -> AdmittedFetch:
    """Verifies a request; raises what is wrong with it, having spent nothing."""
    device, caller = authenticate(request, store, authority=authority_of(identity.base_url), now=now)
    message = decode(request.body, RowRequest)
    require_open_lane(store, message.insurer)
    public = VerifyKey(message.handle_key)
    try:
        verify(
            public, message.proof, Label.FETCH, *fetch_fields(identity.name, caller.nonce, device.keyid),
            culprit=device.keyid,
        )  # fmt: skip
    except ProofFailure as error:
        raise RequestNotAuthentic("the request does not prove knowledge of the record it asks for") from error
    manifest = store.manifest(message.insurer, message.epoch)
    if manifest is None:
        raise EpochNotLive("the hub has no live manifest of this epoch")
    handle = handle_of(message.insurer, message.epoch, public)
    return AdmittedFetch(device=device, caller=caller, handle=handle, manifest=manifest)


def spend(admitted: AdmittedFetch, store: HubStore, now: int) -> bool:
    """Spends one look-up at the hub too; False for an identical signed request, which is free."""
    if not store.first_time(admitted.caller, now):
        return False
    digest = admitted.caller.digest
    insurer = admitted.manifest.head.insurer
    store.spend(charge_of(QuotaKind.LOOKUP, admitted.device, insurer, digest, digest), now)
    return True


def count(admitted: AdmittedFetch, store: HubStore, detectors: Detectors, now: int) -> None:
    """Counts, for the detectors, whether a look-up found somebody; who it was is not counted (9.14)."""
    professional = admitted.device.professional
    found = store.row(admitted.manifest, admitted.handle) is not None
    if found:
        store.see(Seen.ROW, professional, now)
    before = store.alarms.tried(professional)
    after = detectors.tried(before, unknown=not found)
    if after != before:
        store.alarms.keep_tried(professional, after)


def answer(admitted: AdmittedFetch, store: HubStore) -> RowAnswer:
    """Builds the answer, padded to the one length of its manifest."""
    # A publication may have replaced the manifest while the spending was committed.
    manifest = store.manifest(admitted.manifest.head.insurer, admitted.manifest.head.epoch) or admitted.manifest
    found = store.row(manifest, admitted.handle)
    placed = [found] if found is not None else store.neighbours(manifest, admitted.handle)
    # Each desk has counted the cosignatures of this head when it read the epoch: they are not sent again.
    head = manifest.bundle.head.alone()
    unpadded = RowAnswer(
        head=head,
        row=None if found is None else StoredRow(batch=found.row.batch, stored=found.row.stored),
        leaves=tuple(_leaf(manifest, entry, store) for entry in placed),
        padding="",
    )
    room = len(encode(head)) + _LEAF_ROOM_BYTES
    padding = answer_padding(len(encode(unpadded)), path_length_max(manifest.head.count), room)
    return msgspec.structs.replace(unpadded, padding=padding)


def _leaf(manifest: Manifest, placed: PlacedRow, store: HubStore) -> Leaf:
    path = store.nodes(manifest, path_positions(placed.position, manifest.head.count))
    return Leaf(index=placed.position, handle=placed.row.handle, row_digest=placed.row.digest(), path=path)
