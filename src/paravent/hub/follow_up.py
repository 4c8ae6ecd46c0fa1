"""What a desk may read of acts already decided: its own, and those on the claims of its shop (protocol.md 11.2).

An act is decided or nothing of it was kept: no decision means that the same bytes can be sent again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paravent.access.devices import Device, DeviceRegister, authenticate
from paravent.access.requests import HttpRequest, authority_of
from paravent.crypto.group import Rng
from paravent.hub.books import Books
from paravent.hub.state import HubIdentity
from paravent.hub.vault import ActId
from paravent.wire.claims import DecisionsAnswer, DecisionsRequest
from paravent.wire.codec import decode

if TYPE_CHECKING:
    from paravent.hub.claim_store import ClaimStore


def admit(
    request: HttpRequest, register: DeviceRegister, identity: HubIdentity, now: int
) -> tuple[Device, DecisionsRequest]:
    """Verifies who asks; raises what authentication and decoding raise."""
    device, _ = authenticate(request, register, authority=authority_of(identity.base_url), now=now)
    return device, decode(request.body, DecisionsRequest)


def answer(
    device: Device, asked: DecisionsRequest, claims: ClaimStore, identity: HubIdentity, rng: Rng
) -> DecisionsAnswer:
    """Lists the decisions on an act of this device or a claim of its shop, oldest first; none for anything else."""
    books = Books(claims, identity.database_key, rng)
    if asked.act is not None:
        return DecisionsAnswer(decisions=tuple(books.decisions(books.key.act(device.keyid, asked.act))))
    kept = books.claim(books.key.claim(asked.claim or b""))
    if kept is None or kept.shop != books.key.holder(device.shop):
        return DecisionsAnswer(decisions=())
    return DecisionsAnswer(decisions=tuple(books.decisions(ActId(kept.opened_by))))
