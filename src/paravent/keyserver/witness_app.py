"""The witness log over HTTP, and the worker that watches the other servers' logs (docs/protocol.md section 12)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paravent.access.app import json_response, read_body, read_signed
from paravent.access.log_memory_app import seen_route
from paravent.access.log_watch_client import LogWatch, visited
from paravent.access.logs import log_event
from paravent.access.parties import authenticate_party
from paravent.access.peer_client import PeerClient
from paravent.crypto.checkpoint import Checkpoint, parse_checkpoint
from paravent.crypto.log import verify_inclusion
from paravent.crypto.merkle import leaf_hash
from paravent.crypto.note import parse_note
from paravent.errors import LogRolledBack, ParaventError, ProofFailure, UnknownParty, WitnessNotReady
from paravent.keyserver import cosigning
from paravent.keyserver.config import WatchSettings
from paravent.keyserver.restoring import keeper_of
from paravent.keyserver.state import ServerIdentity
from paravent.keyserver.store import Store
from paravent.wire.codec import decode
from paravent.wire.log import (
    LEAVES_PER_ANSWER_MAX,
    CheckpointAnswer,
    CheckpointRequest,
    CopyAnswer,
    CosignedCheckpoint,
    LeavesAnswer,
    LeavesRequest,
    LoggedLeaf,
    SeenAnswer,
    Taken,
    concerns,
)
from paravent.wire.statements import Directory, HubEntry, KeyServerEntry

START_SECONDS = 0.5
COPY_REST = 3.0
"""After each piece of a log, so many times as long as it took to come: copying takes a quarter of whoever is asked."""
COPY_REST_SECONDS_MAX = 1.0
CHECKPOINT_SHARE = 0.75
"""A checkpoint is handed out for this share of the time between two visits of a server."""


class Witness:
    """One server's log towards the others: answers them, watches them, and says whether it may answer desks."""

    def __init__(
        self, identity: ServerIdentity, directory: Directory, store: Store, client: PeerClient, watch: WatchSettings,
    ) -> None:  # fmt: skip
        """Watches the other key servers of the directory."""
        self._watch_seconds = watch.seconds
        self._stamper = watch.stamper
        self._stamp_seconds = watch.stamp_seconds
        self._next_stamp = 0.0
        self._identity = identity
        self._directory = directory
        self._store = store
        self._client = client
        self._peers = [entry for entry in directory.keyservers if entry.name != identity.name]
        self._cosigners = [party for party in directory.watchers() if party.name != identity.name]
        self._log_watch = LogWatch(identity, store.memory, store.commit, client)
        self._failure: ParaventError | None = WitnessNotReady("no other key server has answered yet, nor the hub")
        self._checkpoint_at = 0.0

    @property
    def ready(self) -> bool:
        """Says whether this server answers desks."""
        return self._failure is None

    def require_ready(self) -> None:
        """Raises WitnessNotReady or LogRolledBack while this server may not answer desks."""
        if self._failure is not None:
            raise self._failure

    # --- answers -----------------------------------------------------------------------------------

    def routes(self) -> list[Route]:
        """Lists the routes of the log; they answer while this server itself is still starting."""
        return [
            Route("/v1/log/checkpoint", self.checkpoint, methods=["POST"]),
            Route("/v1/log/cosignatures", self.cosignature, methods=["POST"]),
            seen_route(self._identity.base_url, self._directory, self._store.memory),
            Route("/v1/log/leaves", self.leaves, methods=["POST"]),
            Route("/v1/log/copy", self.copy, methods=["POST"]),
        ]

    async def checkpoint(self, request: Request) -> Response:
        """Hands out one checkpoint for some seconds, so that cosignatures gather under it."""
        asked = decode(await read_body(request), CheckpointRequest)
        log = self._store.log
        note = log.checkpoint()
        if note is None or time.monotonic() - self._checkpoint_at > self._watch_seconds * CHECKPOINT_SHARE:
            note = self._renew(note)
        # The note is this server's own: nothing under it is verified again for whoever asks.
        size = parse_checkpoint(parse_note(note).text).size
        return json_response(CheckpointAnswer(note=note, proof=log.consistency(asked.old, size)))

    def _renew(self, former: bytes | None) -> bytes:
        self._checkpoint_at = time.monotonic()
        note = cosigning.own_checkpoint(self._identity, self._store.log)
        if former is not None and former.startswith(note.text.encode()):
            return former
        with self._store.commit():
            self._store.log.keep_checkpoint(note.encode())
        return note.encode()

    async def cosignature(self, request: Request) -> Response:
        """Takes the cosignature of another server under the checkpoint handed out."""
        received = await read_signed(request, self._identity.base_url)
        name = authenticate_party(received, self._directory, base_url=self._identity.base_url, now=_now())
        peer = self._cosigner(name)
        handed, own = decode(received.body, CosignedCheckpoint), self._store.log.checkpoint()
        if own is not None:
            merged = cosigning.take_cosignature(handed.note, own, peer, _now())
            with self._store.commit():
                self._store.log.keep_checkpoint(merged)
        return json_response(Taken())

    async def leaves(self, request: Request) -> Response:
        """Gives leaves with their paths: all of them to a key server or the hub, its own to an insurer."""
        received = await read_signed(request, self._identity.base_url)
        party = authenticate_party(received, self._directory, base_url=self._identity.base_url, now=_now())
        asked, log = decode(received.body, LeavesRequest), self._store.log
        found = log.entries(asked.start, LEAVES_PER_ANSWER_MAX) if asked.start < asked.size else []
        inside = [(index, entry) for index, entry in found if index < asked.size]
        insurer = self._directory.insurer(party) is not None
        shown = [(index, entry) for index, entry in inside if not insurer or concerns(entry, party)]
        paths = log.inclusions((index for index, _ in shown), asked.size)
        leaves = tuple(
            LoggedLeaf(index=index, entry=entry, path=path) for (index, entry), path in zip(shown, paths, strict=True)
        )
        return json_response(LeavesAnswer(next=inside[-1][0] + 1 if inside else asked.size, leaves=leaves))

    async def copy(self, request: Request) -> Response:
        """Gives a server back what was copied here of its own log."""
        received = await read_signed(request, self._identity.base_url)
        party = authenticate_party(received, self._directory, base_url=self._identity.base_url, now=_now())
        asked = decode(received.body, LeavesRequest)
        found = self._store.log.copies(party, asked.start, min(LEAVES_PER_ANSWER_MAX, max(0, asked.size - asked.start)))
        return json_response(CopyAnswer(entries=tuple(entry for _, entry in found)))

    def _cosigner(self, name: str) -> KeyServerEntry | HubEntry:
        for party in self._cosigners:
            if party.name == name:
                return party
        raise UnknownParty("only another key server or the hub cosigns")

    # --- the worker ---------------------------------------------------------------------------------

    async def work(self) -> None:
        """Asks what the others remember until one answers, then watches them until cancelled."""
        while True:
            await asyncio.gather(*(visited(party, self._ask) for party in self._cosigners))
            if isinstance(self._failure, WitnessNotReady):
                await asyncio.sleep(START_SECONDS)
                continue
            await asyncio.gather(*(visited(peer, self._watch) for peer in self._peers))
            await self._stamp()
            await asyncio.sleep(self._watch_seconds)

    async def _ask(self, peer: KeyServerEntry | HubEntry) -> None:
        """Asks what a cosigner remembers: one that remembers more stops this server, even long after its start."""
        answer = await self._client.post(peer, "/v1/log/seen", Taken(), SeenAnswer)
        try:
            cosigning.require_not_rolled_back(answer, peer.name, self._identity, self._store.log)
        except LogRolledBack as error:
            # Nothing is answered from here on until an operator has looked.
            self._failure = error
            log_event("log-rolled-back", party=self._identity.name, code=error.code)
            return
        if isinstance(self._failure, WitnessNotReady):
            self._failure = None

    async def _watch(self, peer: KeyServerEntry) -> None:
        await self._log_watch.watch(peer, self._copy if self._is_ward(peer) else None)

    async def _stamp(self) -> None:
        """Has the newest checkpoint stamped when it is time to."""
        note = self._store.log.checkpoint()
        if self._stamper is None or note is None or time.monotonic() < self._next_stamp:
            return
        try:
            stamp = await self._stamper.stamp(note)
        except ParaventError as error:
            log_event("not-stamped", party=self._identity.name, code=error.code)
            return
        self._next_stamp = time.monotonic() + self._stamp_seconds
        with self._store.commit():
            self._store.log.keep_stamp(note, stamp)

    def _is_ward(self, peer: KeyServerEntry) -> bool:
        """Each server keeps a copy of the log of the one before it in the directory."""
        return keeper_of(peer.name, self._directory).name == self._identity.name

    async def _copy(self, peer: KeyServerEntry, checkpoint: Checkpoint) -> None:
        start, size, root = self._store.log.copied(peer.name), checkpoint.size, checkpoint.root
        while start < size:
            asked, asked_at = LeavesRequest(start=start, size=size), time.monotonic()
            answer = await self._client.post(peer, "/v1/log/leaves", asked, LeavesAnswer)
            took = time.monotonic() - asked_at
            _require_run(answer.leaves, start, peer.name)
            for leaf in answer.leaves:
                verify_inclusion(
                    leaf_hash(leaf.entry), index=leaf.index, size=size, root=root, path=leaf.path, culprit=peer.name
                )
            with self._store.commit():
                self._store.log.copy(peer.name, [(leaf.index, leaf.entry) for leaf in answer.leaves])
            start = answer.next
            if start < size:
                await asyncio.sleep(min(took * COPY_REST, COPY_REST_SECONDS_MAX))


def _require_run(leaves: Iterable[LoggedLeaf], start: int, culprit: str) -> None:
    found = [leaf.index for leaf in leaves]
    if not found or found != list(range(start, start + len(found))):
        raise ProofFailure("it did not give the leaves that follow", culprit=culprit)


def _now() -> int:
    return int(time.time())
