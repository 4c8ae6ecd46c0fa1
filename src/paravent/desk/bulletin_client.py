"""Fetching bulletins and acknowledging them, with the device's key (docs/protocol.md section 11)."""

from __future__ import annotations

from paravent.access.bulletin_client import fetch_bulletins
from paravent.access.client import SignedClient
from paravent.desk.store import Store
from paravent.wire.bulletins import Acknowledgement, AcknowledgementTaken
from paravent.wire.statements import Directory


async def refresh_bulletins(directory: Directory, store: Store, client: SignedClient) -> int:
    """Fetches, verifies and keeps the bulletins that are new; returns how many.

    Raises ProofFailure or StaleData when the list goes back, forks or has a gap: then nothing is kept.
    """
    known = store.bulletins.known()
    found = await fetch_bulletins(known, directory, client)
    if found is None:
        return 0
    store.keep_bulletins(found.head, known.count + 1, found.bulletins)
    return len(found.bulletins)


async def acknowledge(number: int, now: int, directory: Directory, store: Store, client: SignedClient) -> bool:
    """Says to the hub that this shop has read a bulletin; returns whether it is the first desk of the shop to."""
    hub = directory.hub
    taken = await client.post(
        hub.name, hub.address, "/v1/bulletins/acknowledgements", Acknowledgement(number=number), AcknowledgementTaken
    )
    store.keep_acknowledged(number, now)
    return taken.first
