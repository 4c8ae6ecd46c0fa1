"""The door of a server, before anything is parsed: ``uvicorn`` with ``access.door`` in front (protocol.md 13.5).

A refusal is bytes made beforehand, on a connection that stays open: a new one costs a server more than an answer.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from paravent.access.door import (
    NOBODY,
    RETRY_SECONDS_MAX,
    RETRY_SECONDS_MIN,
    Door,
    claimed_by,
    is_background,
    rest_of,
)
from paravent.access.quotas import HOUR_SECONDS
from paravent.access.tally import Tally
from paravent.errors import Overloaded
from paravent.wire.codec import encode
from paravent.wire.problem import MEDIA_TYPE, to_problem

ENTRANCE_STATE = "entrance"
"""Where a request carries its ``Entrance``, in its state."""
_ACTION = "door"


def _refusal(seconds: int, *, closes: bool) -> bytes:
    body = encode(to_problem(Overloaded("more is asked here than can be done: nothing of this request was read")))
    head = (
        f"HTTP/1.1 {Overloaded.status} Service Unavailable\r\ncontent-type: {MEDIA_TYPE}\r\n"
        f"content-length: {len(body)}\r\ncache-control: no-store\r\nretry-after: {seconds}\r\n"
        f"connection: {'close' if closes else 'keep-alive'}\r\n\r\n"
    )
    return head.encode() + body


_REFUSALS = {
    (seconds, closes): _refusal(seconds, closes=closes)
    for seconds in range(RETRY_SECONDS_MIN, RETRY_SECONDS_MAX + 1) for closes in (False, True)
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """By which door a request came, which key it named there, and how long it was held before (seconds)."""

    door: Door
    claimed: bytes = NOBODY
    held_seconds: float = 0.0


class DoorProtocol(HttpToolsProtocol):
    """A connection whose requests pass the door one by one; it is in the state of the application."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - those of uvicorn, passed on
        """Stands before the application of the server."""
        super().__init__(*args, **kwargs)
        state = self.config.app.state  # type: ignore[union-attr]
        self._door: Door = state.door
        self._tally: Tally | None = getattr(state, "tally", None)
        self._claimed, self._begun, self._inside, self._skipping = NOBODY, False, 0, 0
        self._held, self._held_at, self._held_seconds = b"", 0.0, 0.0
        self._refusal: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Refuses a request that begins here, or has it parsed."""
        if self._refusal is not None:
            # Another request before the answer to this one: see on_message_begin.
            self.transport.close()
            return
        if self._skipping:
            self._skip(data)
            return
        if not self._begun and not self._answering():
            self._claimed, background, now = claimed_by(data), is_background(data), self.loop.time()
            if not self._door.lets_in(self._claimed, now, background=background):
                rest = rest_of(data)
                if rest == 0 and self._door.holds(self, self._claimed, now, background=background):
                    self._held = data
                self._skipping = len(data) + (rest or 0)
                self._skip(data, closes=rest is None)
                return
            self._held_seconds = 0.0
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Says to the application by which door a request came, under which name."""
        if self._answering():
            raise ValueError("requests that do not wait for the answer before them would pass the door together")
        super().on_message_begin()
        self._begun = True
        self.scope["state"][ENTRANCE_STATE] = Entrance(
            door=self._door, claimed=self._claimed, held_seconds=self._held_seconds
        )

    def on_message_complete(self) -> None:
        """Counts a request from when it is whole: who sends slowly keeps nobody out."""
        super().on_message_complete()
        self._begun = False
        if self._answering():
            self._inside += 1
            self._door.inside += 1

    def on_response_complete(self) -> None:
        """Counts a request no more."""
        self._leave(min(self._inside, 1))
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Counts no more what came on this connection."""
        self._door.drop(self)
        if self._refusal is not None:
            self._refusal.cancel()
        self._leave(self._inside)
        super().connection_lost(exc)

    def _answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _leave(self, count: int) -> None:
        self._inside -= count
        self._door.leave(count)
        while (held := self._door.let_in_held(self.loop.time())) is not None:
            held.let_in()

    def let_in(self) -> None:
        """Has the request parsed that was held, in the place of its refusal."""
        if self._refusal is None or self.transport.is_closing():
            return
        self._held_seconds = self.loop.time() - self._held_at
        self._refusal.cancel()
        self._refusal = None
        self._door.refusals.give_back()
        data, self._held = self._held, b""
        super().data_received(data)

    def _skip(self, data: bytes, *, closes: bool = False) -> None:
        """Passes over a refused request, and answers once it is all here, or when refusals have their turn."""
        self._skipping -= len(data)
        if self._skipping > 0:
            return
        closes = closes or self._skipping < 0
        self._skipping = 0
        wait = self._door.refusal_wait(self.loop.time(), held=bool(self._held))
        if wait > 0:
            if closes:
                self.transport.pause_reading()
            self._held_at = self.loop.time()
            self._refusal = self.loop.call_later(wait, self._refuse, closes)
        else:
            self._refuse(closes)

    def _refuse(self, closes: bool) -> None:  # noqa: FBT001 - called by the loop
        self._door.drop(self)
        self._refusal, self._held = None, b""
        if self.transport.is_closing():
            return
        if self._tally is not None:
            self._tally.count(hour=int(time.time()) // HOUR_SECONDS, action=_ACTION, code=Overloaded.code, seconds=0.0)
        self.transport.write(_REFUSALS[self._door.returns.retry_after(self.loop.time()), closes])
        if closes:
            self.transport.close()
            return
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
