"""The key server over HTTP: routes and the group commit, nothing else (docs/protocol.md sections 3, 7, 12)."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar, cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paravent.access.app import application, json_response, read_body, read_signed
from paravent.errors import ParaventError, StorageDown
from paravent.keyserver import deal, evaluation, opening
from paravent.keyserver.state import ServerIdentity
from paravent.keyserver.store import Store
from paravent.wire.codec import Message, Name, Natural, decode
from paravent.wire.deal import DealBox
from paravent.wire.statements import Directory

R = TypeVar("R")

COMMIT_REQUESTS_MAX = 32
QUEUE_REQUESTS_MAX = 512


class ServerStatus(Message):
    """What anybody may know of a key server."""

    name: Name
    log_size: Natural


@dataclass(slots=True)
class _Pending:
    write: Callable[[], object]
    done: asyncio.Future[object]


class GroupCommit:
    """Gathers the writes of concurrent requests into one durable commit; no answer leaves before it."""

    def __init__(self, store: Store) -> None:
        """Commits to ``store``."""
        self._store = store
        self._queue: asyncio.Queue[_Pending] = asyncio.Queue(QUEUE_REQUESTS_MAX)

    async def run(self, write: Callable[[], R]) -> R:
        """Runs a write inside a commit and returns its result once that commit is on disk."""
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        try:
            self._queue.put_nowait(_Pending(write, done))
        except asyncio.QueueFull:
            raise StorageDown("this key server is overloaded") from None
        return cast("R", await done)

    async def work(self) -> None:
        """Commits group after group until cancelled."""
        while True:
            group = [await self._queue.get()]
            # Requests that arrived together are committed together; a lone one never waits.
            await asyncio.sleep(0)
            while len(group) < COMMIT_REQUESTS_MAX and not self._queue.empty():
                group.append(self._queue.get_nowait())
            self._commit(group)

    def _commit(self, group: list[_Pending]) -> None:
        results: list[tuple[_Pending, object]] = []
        try:
            with self._store.commit():
                for pending in group:
                    results.append((pending, self._attempt(pending)))
        except ParaventError as error:
            results = [(pending, error) for pending in group]
        for pending, result in results:
            if pending.done.cancelled():
                continue
            if isinstance(result, ParaventError):
                pending.done.set_exception(result)
            else:
                pending.done.set_result(result)

    def _attempt(self, pending: _Pending) -> object:
        try:
            with self._store.request():
                return pending.write()
        except ParaventError as error:
            return error


def build(identity: ServerIdentity, directory: Directory, store: Store) -> Starlette:
    """Builds the application of one key server."""
    commits = GroupCommit(store)

    async def evaluations(request: Request) -> Response:
        now = _now()
        admitted = evaluation.admit(await read_signed(request, identity.base_url), identity, store, now)
        await commits.run(lambda: evaluation.spend(admitted, store, now))
        return json_response(evaluation.answer(admitted, identity, os.urandom))

    async def openings(request: Request) -> Response:
        now = _now()
        admitted = opening.admit(await read_signed(request, identity.base_url), identity, store, now)
        position = await commits.run(lambda: opening.witness(admitted, identity, store, now))
        return json_response(opening.answer(admitted, position, identity))

    async def epochs(request: Request) -> Response:
        box = decode(await read_body(request), DealBox)
        return json_response(deal.take_epoch(box, identity, directory, store))

    async def batches(request: Request) -> Response:
        box = decode(await read_body(request), DealBox)
        return json_response(deal.take_batch(box, identity, directory, store))

    async def status(_: Request) -> Response:
        return json_response(ServerStatus(name=identity.name, log_size=store.log_size()))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        store.forget(_now())
        worker = asyncio.create_task(commits.work())
        yield
        worker.cancel()
        store.close()

    routes = [
        Route("/v1/evaluations", evaluations, methods=["POST"]),
        Route("/v1/openings", openings, methods=["POST"]),
        Route("/v1/epochs", epochs, methods=["POST"]),
        Route("/v1/batches", batches, methods=["POST"]),
        Route("/v1/status", status, methods=["GET"]),
    ]
    return application(identity.name, routes, lifespan=lifespan)


def _now() -> int:
    return int(time.time())
