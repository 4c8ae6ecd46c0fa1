"""What a hub on shards does beside serving: settles records there, and sweeps dropped manifests (docs/scaling.md)."""

from __future__ import annotations

import asyncio
import time

from paravent.access.group_commit import GroupCommit
from paravent.access.logs import log_event
from paravent.errors import ParaventError
from paravent.hub.store import Store

SETTLED_PER_COMMIT = 64
_PAUSE_SECONDS, _SWEEP_SECONDS = 1.0, 60.0


async def settle_and_sweep(store: Store, commits: GroupCommit) -> None:
    """Settles until cancelled; a shard that is away is tried again later, and nothing waits for it meanwhile."""
    swept_at = float("-inf")
    while store.database.spread:
        try:
            full = await commits.run(lambda: store.claims.settle(SETTLED_PER_COMMIT)) == SETTLED_PER_COMMIT
            # One piece at a time: requests are answered between two.
            if time.monotonic() - swept_at > _SWEEP_SECONDS and not store.database.sweep():
                swept_at = time.monotonic()
            await asyncio.sleep(0 if full else _PAUSE_SECONDS)
        except ParaventError as error:
            log_event("shard-away", code=error.code)
            await asyncio.sleep(_PAUSE_SECONDS)
