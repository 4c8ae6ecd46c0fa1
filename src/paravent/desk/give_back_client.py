"""Giving a hub that was put back what it had decided for this desk (docs/protocol.md section 18.2)."""

from __future__ import annotations

from paravent.access.client import SignedClient
from paravent.crypto.signing import VerifyKey
from paravent.desk.config import DeskConfig
from paravent.desk.store import Store
from paravent.wire.claims import Act, ActDetail
from paravent.wire.codec import decode, encode
from paravent.wire.recovery import RETURNS_OVERLAP_SECONDS, Recovery, ReturnedAct, ReturnsTaken, in_requests
from paravent.wire.statements import Directory, Signed


async def give_back(
    config: DeskConfig, device_key: VerifyKey, directory: Directory, store: Store, client: SignedClient
) -> int:
    """Gives back the acts decided since the backup, once for a restoration; returns how many.

    Raises Unreachable or what the hub answered: nothing is lost, it is tried again at the next refresh.
    """
    hub = directory.hub
    recovery = await client.get(hub.name, f"{hub.address}/v1/recovery", Recovery)
    since, restored_at = recovery.wanted_since, recovery.restored_at
    if since is None or restored_at is None or store.has_given_back(restored_at):
        return 0
    kept = [_returned(config, device_key, *one) for one in store.decided_since(since - RETURNS_OVERLAP_SECONDS)]
    for acts in in_requests(kept):
        await client.post(hub.name, hub.address, "/v1/returns", acts, ReturnsTaken)
    store.keep_given_back(restored_at)
    return len(kept)


def _returned(config: DeskConfig, device_key: VerifyKey, body: bytes, decision: Signed) -> ReturnedAct:
    detail = ActDetail(
        act=decode(body, Act), device_key=device_key, professional=config.professional, shop=config.shop,
        decision=decision, padding="",
    )  # fmt: skip
    return ReturnedAct(number=None, detail=encode(detail))
