"""Counting the requests of an application, and writing the counts down from time to time (protocol.md 13)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from starlette.types import ASGIApp, Receive, Scope, Send

from paravent.access.logs import log_event
from paravent.access.quotas import HOUR_SECONDS
from paravent.access.tally import ANSWERED, Counted, Tally
from paravent.access.tally_store import TallyStore
from paravent.errors import ParaventError, TechnicalFailure

TALLY_SECONDS = 10
CODE_STATE = "refused_code"
"""Where the handler of errors leaves the code of what it answers, in the state of the request."""


class CountRequests:
    """Wraps an application: each request is counted once it is answered, by the name of its handler."""

    def __init__(self, app: ASGIApp, tally: Tally) -> None:
        """Counts into ``tally``."""
        self._app, self._tally = app, tally

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, and counts it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, code = time.monotonic(), TechnicalFailure.code
        try:
            await self._app(scope, receive, send)
            code = scope.get("state", {}).get(CODE_STATE, ANSWERED)
        finally:
            self._tally.count(
                hour=int(time.time()) // HOUR_SECONDS, code=code, seconds=time.monotonic() - started,
                action=getattr(scope.get("endpoint"), "__name__", "none"),
            )  # fmt: skip


async def write_tally(tally: Tally, store: TallyStore, commit: Callable[[], AbstractContextManager[None]]) -> None:
    """Writes the counts down every few seconds, until cancelled; what could not be written waits for the next time."""
    try:
        while True:
            await asyncio.sleep(TALLY_SECONDS)
            _write(tally.take(), tally, store, commit)
    finally:
        _write(tally.take(), tally, store, commit)


def _write(
    counted: list[Counted], tally: Tally, store: TallyStore, commit: Callable[[], AbstractContextManager[None]]
) -> None:
    if not counted:
        return
    try:
        with commit():
            store.add(counted)
    except ParaventError as error:
        tally.put_back(counted)
        log_event("tally-failed", code=error.code)
