"""Fetching the list of security bulletins from the hub, whole before it is judged (docs/protocol.md section 11)."""

from __future__ import annotations

from dataclasses import dataclass

from paravent.access.client import SignedClient
from paravent.errors import EpochNotLive, ProofFailure, StaleData
from paravent.wire.bulletins import (
    BULLETINS_BYTES_MAX,
    BULLETINS_MAX,
    BulletinHead,
    BulletinList,
    KnownList,
    open_list,
)
from paravent.wire.codec import decode
from paravent.wire.statements import Directory, Signed


@dataclass(frozen=True, slots=True, kw_only=True)
class Continued:
    """A verified head, and the bulletins that it has beyond those known."""

    head: Signed
    bulletins: tuple[bytes, ...]


async def fetch_bulletins(known: KnownList, directory: Directory, client: SignedClient) -> Continued | None:
    """Fetches and verifies what continues a known list; None when the breach desk has published nothing yet.

    Raises ProofFailure, StaleData when the hub serves less than is known, or Unreachable.
    """
    if directory.breach_desk is None:
        return None
    try:
        found = await _pages(known, directory, client)
    except EpochNotLive:
        if known.issued_at:
            raise StaleData("the hub says that there is no bulletin: this machine has some") from None
        return None
    open_list(found.head, found.bulletins, known, directory)
    return found


async def _pages(known: KnownList, directory: Directory, client: SignedClient) -> Continued:
    hub, found = directory.hub, list[bytes]()
    while True:
        address = f"{hub.address}/v1/bulletins/{known.count + len(found)}"
        page = await client.get(hub.name, address, BulletinList, bytes_max=BULLETINS_BYTES_MAX)
        found += page.bulletins
        # How many there are is the hub's word so far: it only says when to stop asking.
        if not page.bulletins or known.count + len(found) >= decode(page.head.payload, BulletinHead).count:
            return Continued(head=page.head, bulletins=tuple(found))
        if len(found) > BULLETINS_MAX:
            raise ProofFailure("the list of bulletins does not end", culprit=hub.name)
