"""More requests than a server can answer: some in progress, a few that wait, the others refused at once (13.5)."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp
from tests.unit.crypto.mutation import edited

from paravent.access import app as app_module
from paravent.access.admission_app import IN_PROGRESS_MAX, WAITING_MAX, InTurn, Turns
from paravent.access.app import application
from paravent.access.door import RETRY_SECONDS_MAX, RETRY_SECONDS_MIN, Door
from paravent.access.door_app import ENTRANCE_STATE, Entrance
from paravent.access.group_commit import ANSWER_BY
from paravent.errors import Overloaded

pytestmark = pytest.mark.anyio


async def settle() -> None:
    """Lets every task go on as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def full(wait_seconds: float = 600) -> tuple[Turns, list[asyncio.Task[None]]]:
    """Turns of which every one is taken, and everybody else waits."""
    turns = Turns(wait_seconds=wait_seconds)
    for _ in range(IN_PROGRESS_MAX):
        await turns.take()
    waiting = [asyncio.ensure_future(turns.take()) for _ in range(WAITING_MAX)]
    await settle()
    return turns, waiting


async def test_whoever_comes_when_too_many_wait_is_refused_at_once() -> None:
    turns, waiting = await full()
    with pytest.raises(Overloaded, match="too many"):
        await turns.take()
    assert not any(task.done() for task in waiting)
    for task in waiting:
        task.cancel()


async def test_turns_are_given_in_the_order_of_coming() -> None:
    turns, waiting = await full()
    for task in waiting:
        turns.give()
        await settle()
        assert task.done()
    assert turns.in_progress == IN_PROGRESS_MAX
    for _ in range(IN_PROGRESS_MAX):
        turns.give()
    assert (turns.in_progress, len(turns.waiting)) == (0, 0)


async def test_who_waited_too_long_is_refused_and_the_next_has_the_turn() -> None:
    turns, waiting = await full(wait_seconds=0)
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(one) for one in ended} == {Overloaded}
    assert len(turns.waiting) == 0
    turns.wait_seconds = 600
    late = asyncio.ensure_future(turns.take())
    await settle()
    turns.give()
    await late
    assert turns.in_progress == IN_PROGRESS_MAX


async def test_who_leaves_while_waiting_takes_no_turn_with_it() -> None:
    turns, waiting = await full()
    turns.give()  # the first has a turn, and leaves before it knows
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert turns.in_progress == IN_PROGRESS_MAX - 1
    await turns.take()


async def answered(application: ASGIApp, **scope: Any) -> list[dict[str, Any]]:
    """Asks an application, and returns what it sent."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    pieces = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        # A request that is refused is not read beyond its first piece.
        return pieces.pop()

    await application({"type": "http", **scope}, receive, send)
    return sent


async def test_a_refusal_says_when_to_come_back_and_reads_nothing() -> None:
    turns, waiting = await full()

    async def app(*_: object) -> None:
        raise AssertionError("it has no turn")

    start, body = await answered(InTurn(app, turns))
    headers = dict(start["headers"])
    assert start["status"] == 503
    assert RETRY_SECONDS_MIN <= int(headers[b"retry-after"]) <= RETRY_SECONDS_MAX
    assert b"overloaded" in body["body"]
    for task in waiting:
        task.cancel()


async def refused_inside(seconds: int) -> list[int]:
    """What is said to one after another who had a turn and waited in vain for a commit that takes so long."""

    async def handler(_: Request) -> Response:
        refusal = Overloaded("this request waited too long to be written: nothing was done")
        refusal.retry_seconds = seconds
        raise refusal

    served = application("hub", [Route("/v1/rows", handler)], lifespan=_nothing)
    entrance, said = Entrance(door=Door()), []
    for _ in range(600):
        scope = {"method": "GET", "path": "/v1/rows", "query_string": b"", "headers": []}
        start, body = await answered(served, **scope, state={ENTRANCE_STATE: entrance})
        assert start["status"] == 503
        assert b"overloaded" in body["body"]
        said.append(int(dict(start["headers"])[b"retry-after"]))
    return said


async def they_come_back_one_after_another() -> None:
    said = await refused_inside(1)
    assert (said[0], said) == (RETRY_SECONDS_MIN, sorted(said))
    assert said[0] < said[-1] <= RETRY_SECONDS_MAX


async def test_who_is_refused_inside_comes_back_with_those_refused_at_the_door() -> None:
    await they_come_back_one_after_another()


async def test_nobody_comes_back_into_the_same_slow_commit() -> None:
    assert set(await refused_inside(7)) == {7}


async def test_another_pace_for_who_is_refused_inside_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    paced = edited(app_module, "_as_problem", "isinstance(error, Overloaded)", "False")
    monkeypatch.setattr(app_module, "_as_problem", paced)
    monkeypatch.setattr(app_module.application, "__defaults__", (paced, None))
    with pytest.raises(AssertionError):
        await they_come_back_one_after_another()


@asynccontextmanager
async def _nothing(_: Starlette) -> AsyncIterator[None]:
    yield


async def test_who_sends_slowly_keeps_nobody_waiting() -> None:
    answers: list[int] = []

    async def app(_: object, receive: Any, __: object) -> None:
        while (await receive())["more_body"]:
            pass
        answers.append(1)

    def sender(*pieces: dict[str, object]) -> Any:
        left = list(pieces)

        async def receive() -> Any:
            return left.pop(0) if left else await asyncio.Event().wait()

        return receive

    async def send(_: Any) -> None:
        """Takes what is answered."""

    application = InTurn(app)
    silent = [sender() for _ in range(IN_PROGRESS_MAX + WAITING_MAX)]
    slow = [sender({"body": b"{", "more_body": True}) for _ in range(IN_PROGRESS_MAX + WAITING_MAX)]
    tasks = [asyncio.ensure_future(application({"type": "http"}, one, send)) for one in silent + slow]
    await settle()
    await asyncio.wait_for(application({"type": "http"}, sender({"body": b"{}", "more_body": False}), send), 30)
    assert answers == [1]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_turn_ends_however_its_request_does() -> None:
    turns = Turns()

    async def failing(*_: object) -> None:
        raise ZeroDivisionError

    for _ in range(IN_PROGRESS_MAX):
        with pytest.raises(ZeroDivisionError):
            await answered(InTurn(failing, turns))
    assert turns.in_progress == 0


async def test_the_deadline_of_a_request_is_its_own_and_ends_with_it() -> None:
    seen: list[float] = []

    async def app(*_: object) -> None:
        seen.append(ANSWER_BY.get())
        raise ZeroDivisionError

    before = ANSWER_BY.get()
    with pytest.raises(ZeroDivisionError):
        await answered(InTurn(app))
    assert seen[0] < before
    assert ANSWER_BY.get() == before


async def test_a_deadline_that_outlives_its_request_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    before = ANSWER_BY.set(math.inf)
    monkeypatch.setattr(InTurn, "__call__", edited(InTurn, "__call__", "ANSWER_BY.reset(token)", "pass"))
    with pytest.raises(AssertionError):
        await test_the_deadline_of_a_request_is_its_own_and_ends_with_it()
    ANSWER_BY.reset(before)


async def test_a_turn_that_is_never_given_back_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Turns, "give", edited(Turns, "give", "self.in_progress -= 1", "pass"))
    with pytest.raises(AssertionError):
        await test_a_turn_ends_however_its_request_does()
