"""Requests in turn, and those beyond what can be answered in time refused at once (docs/protocol.md section 13.5).

A server that is asked for more than it can do does what it can, for those who still wait for the answer. Some
requests are in progress, as many as one group commit holds; a few wait; every other one is told when to
come back, before anything of it is verified, and mostly before it is parsed (``door_app``). No answer is given that its
asker has given up waiting for.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paravent.access.door import INSIDE_MAX, Door
from paravent.access.door_app import ENTRANCE_STATE, Entrance
from paravent.access.group_commit import ANSWER_BY
from paravent.access.tally import ANSWERED
from paravent.access.tally_app import CODE_STATE
from paravent.errors import Overloaded, RequestNotAuthentic, UnknownDevice
from paravent.wire.codec import encode
from paravent.wire.problem import MEDIA_TYPE, to_problem

IN_PROGRESS_MAX = INSIDE_MAX
"""As many as the door lets in: what is whole there waits at the door, and for no turn."""
WAITING_MAX = 128
WAIT_SECONDS_MAX = 1.0
"""An asker waits 5 seconds (``access.client.TIMEOUT_SECONDS``): what waited so long here has time left to be done."""
ANSWER_SECONDS_MAX = 4.0
"""From a request's arrival to its answer: a second of the asker's five is for the way and for what is not seen."""
FIRST_PIECE_SECONDS_MAX = 30.0
"""As long as a body may take (``access.app.BODY_SECONDS_MAX``): who sends nothing holds a connection, and no turn."""
SIGNED_STATE = "signed"
"""Where ``access.app.read_signed`` leaves that a handler took a request as signed: answered, it was."""
_NO_ENTRANCE = Entrance(door=Door())
"""By which an application is asked that no server listens for."""
_NOT_AUTHENTIC = frozenset({RequestNotAuthentic.code, UnknownDevice.code})


@dataclass(slots=True)
class Turns:
    """Who is in progress, and who waits, the first come first, for ``wait_seconds`` at most."""

    wait_seconds: float = WAIT_SECONDS_MAX
    in_progress: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)

    async def take(self) -> None:
        """Waits for a turn; raises Overloaded at once when too many wait, or when none came in time."""
        if self.in_progress < IN_PROGRESS_MAX:
            self.in_progress += 1
            return
        if len(self.waiting) >= WAITING_MAX:
            raise Overloaded("too many requests wait here already: nothing of this one was done")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append(turn)
        try:
            async with asyncio.timeout(self.wait_seconds):
                await turn
        except TimeoutError:
            self._leave(turn)
            raise Overloaded("this request waited too long here: nothing of it was done") from None
        except asyncio.CancelledError:
            self._leave(turn)
            raise

    def _leave(self, turn: asyncio.Future[None]) -> None:
        """Gives up waiting; a turn that came just then goes to the next."""
        if turn.done() and not turn.cancelled():
            self.give()
        with suppress(ValueError):
            self.waiting.remove(turn)

    def give(self) -> None:
        """Ends a turn: the next who still waits has it."""
        self.in_progress -= 1
        while self.waiting:
            turn = self.waiting.popleft()
            if not turn.done():
                self.in_progress += 1
                turn.set_result(None)
                return


class InTurn:
    """Wraps an application: each request has its turn, or is refused.

    A request has a turn once its body is here: who sends slowly, or nothing, keeps nobody waiting. Bodies that come in
    several pieces have turns of their own.
    """

    def __init__(self, app: ASGIApp, turns: Turns | None = None) -> None:
        """Lets requests through to ``app``."""
        self._app, self._turns, self._in_pieces = app, turns or Turns(), Turns()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on in its turn."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(FIRST_PIECE_SECONDS_MAX):
                first = await receive()
        except TimeoutError:
            await _refuse(Overloaded("nothing of the body of this request came"), scope, send, whole=False)
            return
        held_seconds = scope.get("state", {}).get(ENTRANCE_STATE, _NO_ENTRANCE).held_seconds
        token = ANSWER_BY.set(asyncio.get_running_loop().time() + ANSWER_SECONDS_MAX - held_seconds)
        try:
            await self._answer(first, scope, receive, send)
        finally:
            ANSWER_BY.reset(token)

    async def _answer(self, first: Message, scope: Scope, receive: Receive, send: Send) -> None:
        turns = self._in_pieces if first.get("more_body") else self._turns
        try:
            await turns.take()
        except Overloaded as error:
            await _refuse(error, scope, send, whole=not first.get("more_body"))
            return
        try:
            await self._app(scope, _after(first, receive), send)
            _judge(scope.get("state", {}))
        finally:
            turns.give()


def _judge(state: MutableMapping[str, Any]) -> None:
    """Tells the door whether a request was signed by the key that it named there."""
    entrance = state.get(ENTRANCE_STATE, _NO_ENTRANCE)
    code = state.get(CODE_STATE, ANSWERED)
    if code in _NOT_AUTHENTIC:
        entrance.door.forget(entrance.claimed)
    elif code == ANSWERED and state.get(SIGNED_STATE):
        entrance.door.know(entrance.claimed)


def _after(first: Message, receive: Receive) -> Receive:
    """Gives what was received already, then the rest."""
    pieces = [first]

    async def following() -> Message:
        return pieces.pop() if pieces else await receive()

    return following


def retry_after(state: MutableMapping[str, Any]) -> int:
    """Says in how many seconds who is refused for want of time may come back: at the pace of answers to others."""
    door: Door = state.get(ENTRANCE_STATE, _NO_ENTRANCE).door
    return door.returns.retry_after(asyncio.get_running_loop().time())


async def _refuse(error: Overloaded, scope: Scope, send: Send, *, whole: bool) -> None:
    """Answers; unless the request was read to its end, the connection is closed, its body with it."""
    state = scope.setdefault("state", {})
    state[CODE_STATE] = error.code
    body = encode(to_problem(error))
    headers = [
        (b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"), (b"retry-after", b"%d" % retry_after(state)),
        *([] if whole else [(b"connection", b"close")]),
    ]  # fmt: skip
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
