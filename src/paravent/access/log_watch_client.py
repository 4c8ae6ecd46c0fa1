"""Watching the logs of key servers and cosigning them, at another key server or at the hub (protocol.md section 12)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager
from typing import TypeVar

from paravent.access.log_memory_store import LogMemory
from paravent.access.log_watch import Cosigner, Seen, cosigned, take_checkpoint
from paravent.access.logs import log_event, where
from paravent.access.peer_client import Addressed, PeerClient
from paravent.crypto.checkpoint import Checkpoint
from paravent.errors import ParaventError, ProofFailure
from paravent.wire.log import CheckpointAnswer, CheckpointRequest, CosignedCheckpoint, Taken
from paravent.wire.statements import KeyServerEntry

Keep = Callable[[KeyServerEntry, Checkpoint], Awaitable[None]]
"""What is done with a checkpoint once it is believed, and before it is cosigned: a copy of the leaves, say."""
P = TypeVar("P", bound=Addressed)


class LogWatch:
    """Visits servers: believes what extends what was seen, records it, and hands the cosignature back."""

    def __init__(
        self, cosigner: Cosigner, memory: LogMemory, commit: Callable[[], AbstractContextManager[None]],
        client: PeerClient,
    ) -> None:  # fmt: skip
        """Cosigns as ``cosigner``; ``commit`` makes a write durable."""
        self._cosigner = cosigner
        self._memory = memory
        self._commit = commit
        self._client = client

    async def watch(self, server: KeyServerEntry, keep: Keep | None = None) -> None:
        """Visits a server once; raises ProofFailure naming it, or what it answered."""
        seen = self._memory.seen(server.name)
        asked = CheckpointRequest(old=seen.size)
        answer = await self._client.post(server, "/v1/log/checkpoint", asked, CheckpointAnswer)
        checkpoint, note = take_checkpoint(answer, server, seen)
        if keep is not None:
            await keep(server, checkpoint)
        # On disk before it is signed: what was cosigned is never forgotten.
        with self._commit():
            self._memory.see(server.name, Seen(size=checkpoint.size, root=checkpoint.root, note=note.encode()))
        handed = CosignedCheckpoint(note=cosigned(checkpoint, note, self._cosigner, int(time.time())).encode())
        await self._client.post(server, "/v1/log/cosignatures", handed, Taken)

    async def work(self, servers: Iterable[KeyServerEntry], seconds: int) -> None:
        """Visits every server, time after time, until cancelled."""
        while True:
            await asyncio.gather(*(visited(server, self.watch) for server in servers))
            await asyncio.sleep(seconds)


async def visited(party: P, visit: Callable[[P], Awaitable[None]]) -> None:
    """Visits a party: whatever it answers stops neither who visits nor the visits of others."""
    try:
        await visit(party)
    except ProofFailure as error:
        log_event("peer-log-wrong", party=party.name, code=error.code)
    except ParaventError as error:
        log_event("peer-not-watched", party=party.name, code=error.code)
    except Exception as fault:  # noqa: BLE001 - a party must not end the watch, whatever it found to send
        log_event("peer-not-watched", party=party.name, code=type(fault).__name__, where=where(fault.__traceback__))
