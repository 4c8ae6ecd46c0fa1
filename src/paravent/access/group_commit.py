"""Group commit: many requests, one durable transaction, no answer before it (docs/protocol.md section 10).

What could not be answered in time any more is not written: whoever asked has left (13.5).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol, TypeVar, cast

from paravent.access.door import RETRY_SECONDS_MAX
from paravent.access.logs import log_event, where
from paravent.errors import Overloaded, ParaventError, StorageDown

R = TypeVar("R")

COMMIT_REQUESTS_MAX = 128
"""As many as a server has in progress (``access.door.INSIDE_MAX``): pages that all of them change are written once."""
QUEUE_REQUESTS_MAX = 512
ANSWER_BY: ContextVar[float] = ContextVar("ANSWER_BY", default=math.inf)
"""Until when, on the clock of the loop, an answer is of use to who asked."""


class DurableStore(Protocol):
    """A store that commits groups of requests."""

    def commit(self) -> AbstractContextManager[None]:
        """One durable transaction."""

    def request(self) -> AbstractContextManager[None]:
        """One request inside it, undone alone when it fails."""


@dataclass(slots=True, eq=False)
class _Pending:
    write: Callable[[], object]
    done: asyncio.Future[object]
    answer_by: float


class GroupCommit:
    """Gathers the writes of concurrent requests into one durable commit; no answer leaves before it."""

    def __init__(self, store: DurableStore) -> None:
        """Commits to ``store``."""
        self._store = store
        self._queue: asyncio.Queue[_Pending] = asyncio.Queue(QUEUE_REQUESTS_MAX)
        self._commit_seconds = 0.0

    async def run(self, write: Callable[[], R]) -> R:
        """Runs a write inside a commit and returns its result once that commit is on disk."""
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        try:
            self._queue.put_nowait(_Pending(write, done, ANSWER_BY.get()))
        except asyncio.QueueFull:
            raise Overloaded("too many requests wait to be written here") from None
        return cast("R", await done)

    async def work(self) -> None:
        """Commits group after group until cancelled."""
        while True:
            group = [await self._queue.get()]
            # Requests that arrived together are committed together; a lone one never waits.
            arrived = -1
            while arrived < self._queue.qsize() < COMMIT_REQUESTS_MAX:
                arrived = self._queue.qsize()
                await asyncio.sleep(0)
            while len(group) < COMMIT_REQUESTS_MAX and not self._queue.empty():
                group.append(self._queue.get_nowait())
            in_time = self._in_time(group)
            if in_time:
                self._commit(in_time)

    def _in_time(self, group: list[_Pending]) -> list[_Pending]:
        """Refuses what would be answered late if this commit took as long as the one before it.

        Where that is all of them, one that is not late yet is written: how long a commit takes now is known by trying.
        """
        now = asyncio.get_running_loop().time()
        in_time = [pending for pending in group if now + self._commit_seconds <= pending.answer_by]
        if not in_time:
            in_time = [pending for pending in group if now <= pending.answer_by][-1:]
        for pending in {*group} - {*in_time}:
            if not pending.done.cancelled():
                refusal = Overloaded("this request waited too long to be written: nothing was done")
                refusal.retry_seconds = min(math.ceil(self._commit_seconds), RETRY_SECONDS_MAX)
                pending.done.set_exception(refusal)
        return in_time

    def _commit(self, group: list[_Pending]) -> None:
        clock = asyncio.get_running_loop().time
        started = clock()
        try:
            with self._store.commit():
                results = [self._attempt(pending) for pending in group]
        except ParaventError as error:
            results = [error for _ in group]
        except Exception as fault:  # noqa: BLE001 - whatever it was, nothing was committed, and the next group must be
            log_event("commit-failed", code=type(fault).__name__, where=where(fault.__traceback__))
            results = [StorageDown("nothing was committed: an unforeseen fault, which was logged") for _ in group]
        self._commit_seconds = clock() - started
        for pending, result in zip(group, results, strict=True):
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
