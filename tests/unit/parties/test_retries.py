"""When a party is asked again: never before it said, and never more than the budget has (13.5)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.browser import served
from tests.unit.crypto.mutation import edited
from tests.unit.parties.shop import Shop
from tests.unit.parties.world import World

from paravent.access import client as client_module
from paravent.access.client import SignedClient
from paravent.access.retries import (
    REQUESTS_PER_RETRY,
    RETRIES_MAX,
    RETRY_AFTER_SECONDS_MAX,
    SECONDS_PER_RETRY,
    RetryBudget,
    seconds_of,
)
from paravent.crypto.signing import SigningKey
from paravent.desk import client as desk_module
from paravent.desk.client import DeskClient
from paravent.desk.config import DeskConfig
from paravent.desk.store import Store
from paravent.errors import Overloaded, TooFewServers
from paravent.wire.codec import encode
from paravent.wire.problem import to_problem
from paravent.wire.status import HubStatus

STATUS = HubStatus(name="hub", release="0", manifests=0, rows=0)
_PATH = "/v1/status"


def retries_of(per_second: int, seconds: int) -> int:
    """How many retries a client has whose requests all fail, at a rate."""
    budget, retries = RetryBudget(), 0
    for number in range(per_second * seconds):
        now = number / per_second
        budget.asked(now)
        if budget.may_ask_again(now):
            budget.asked(now)
            retries += 1
    return retries


def test_a_tenth_of_what_is_asked_is_asked_again_at_most() -> None:
    earned = RETRIES_MAX + 600 / SECONDS_PER_RETRY + 20 * 600 / REQUESTS_PER_RETRY
    # A retry is a request too.
    assert retries_of(20, 600) <= earned / (1 - 1 / REQUESTS_PER_RETRY)


def test_who_asks_little_may_ask_again_each_time() -> None:
    budget = RetryBudget()
    for minute in range(600):
        budget.asked(minute * 60.0)
        assert all(budget.may_ask_again(minute * 60.0) for _ in range(3))


def test_a_party_is_left_alone_as_long_as_it_said_and_somewhat_longer() -> None:
    budget = RetryBudget()
    budget.leave_alone("hub", 10, 100.0, 0.0)
    assert (budget.wait("hub", 109.0), budget.wait("hub", 110.0), budget.wait("ks1", 100.0)) == (1.0, 0.0, 0.0)
    budget.leave_alone("hub", 10, 100.0, 1.0)
    assert budget.wait("hub", 110.0) == 5.0
    budget.leave_alone("hub", 1e9, 100.0, 0.0)
    assert budget.wait("hub", 100.0) == RETRY_AFTER_SECONDS_MAX


@pytest.mark.parametrize(
    ("field", "seconds"), [("7", 7.0), (None, 0.0), ("Fri, 27 Nov 2026 10:00:00 GMT", 0.0), ("-3", 0.0), ("²", 0.0)]
)
def test_a_retry_after_is_read_in_seconds_alone(field: str | None, seconds: float) -> None:
    assert seconds_of(field) == seconds


def overloaded_once(seconds: str) -> tuple[list[str], Starlette]:
    """A party that refuses the first request, and answers the others."""
    heard: list[str] = []

    async def answer(request: Request) -> Response:
        heard.append(request.url.path)
        if len(heard) > 1:
            return Response(encode(STATUS))
        return Response(encode(to_problem(Overloaded("too much"))), 503, {"retry-after": seconds})

    return heard, Starlette(routes=[Route(_PATH, answer)])


def a_client(world: World) -> SignedClient:
    return SignedClient(SigningKey.generate(world.rng), world.rng)


def leaves_alone(world: World) -> None:
    """Asks an overloaded party twice, and another once: the second is not sent, and says when it may be."""
    heard, party = overloaded_once("9")

    async def ask(address: str) -> None:
        async with a_client(world) as client:
            for _ in range(2):
                with pytest.raises(Overloaded):
                    await client.get("hub", address + _PATH, HubStatus)
            assert len(heard) == 1
            with pytest.raises(Overloaded, match=r"ask it again in (9|1[0-4]) seconds"):
                await client.get("hub", address + _PATH, HubStatus)
            assert await client.get("ks1", address + _PATH, HubStatus) == STATUS

    with served(party) as address:
        asyncio.run(ask(address))


def test_an_overloaded_party_is_not_asked_before_its_time(world: World) -> None:
    leaves_alone(world)


def test_a_client_that_hears_no_retry_after_is_found_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        SignedClient, "_noted", edited(SignedClient, "_noted", "isinstance(error, Overloaded) and seconds", "False")
    )
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        leaves_alone(world)


def desk_of(world: World, client: SignedClient, store: Store) -> DeskClient:
    """A desk of a shop, on that client."""
    shop = Shop.of(world, world.covered())
    settings = DeskConfig(professional=shop.device.professional, shop=shop.device.shop, port=8_123)
    return DeskClient(settings, shop.key, world.directory, store, client)


@pytest.mark.parametrize(("seconds", "waited", "asked"), [("2", True, 2), ("15", False, 1)])
def test_a_check_waits_for_a_hub_that_comes_back_soon_and_says_so_otherwise(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: str, waited: bool, asked: int
) -> None:
    heard, party = overloaded_once(seconds)
    slept: list[float] = []
    clock = SimpleNamespace(now=1_000.0)

    async def sleep(for_seconds: float) -> None:
        slept.append(for_seconds)
        clock.now += for_seconds

    moving = SimpleNamespace(monotonic=lambda: clock.now, time=lambda: 0.0)
    monkeypatch.setattr(client_module, "time", moving)
    monkeypatch.setattr(desk_module, "time", moving)
    monkeypatch.setattr(desk_module, "asyncio", SimpleNamespace(sleep=sleep))

    async def ask(address: str) -> None:
        with Store(tmp_path) as store:
            async with a_client(world) as client:
                desk = desk_of(world, client, store)
                once = desk._patiently("hub", lambda: client.get("hub", address + _PATH, HubStatus))
                if waited:
                    assert await once == STATUS
                else:
                    with pytest.raises(Overloaded):
                        await once

    with served(party) as address:
        asyncio.run(ask(address))
    assert (len(heard), len(slept)) == (asked, int(waited))
    assert all(2.0 <= one <= 3.0 for one in slept)


def failing_over(world: World, folder: Path) -> int:
    """How many servers a desk asks that checks a hundred times in no time, when every server is overloaded."""
    asked: list[object] = []

    async def overloaded(server: Any) -> None:
        asked.append(server)
        raise Overloaded("too much")

    async def check() -> None:
        with Store(folder) as store:
            desk = desk_of(world, a_client(world), store)
            ask: Callable[[Any], Awaitable[None]] = overloaded
            for _ in range(100):
                with pytest.raises(TooFewServers):
                    await desk._ask_enough([object()] * 4, 2, ask)  # type: ignore[list-item]

    asyncio.run(check())
    return len(asked)


def test_a_desk_asks_other_servers_as_far_as_its_budget_goes(world: World, tmp_path: Path) -> None:
    """Two hundred first requests; without a budget there are as many again."""
    assert 200 <= failing_over(world, tmp_path) <= 200 + RETRIES_MAX + 10


def test_a_desk_without_a_budget_is_found_out(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RetryBudget, "may_ask_again", edited(RetryBudget, "may_ask_again", "self.left < 1", "False"))
    with pytest.raises(AssertionError):
        test_a_desk_asks_other_servers_as_far_as_its_budget_goes(world, tmp_path)
