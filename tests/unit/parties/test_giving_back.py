"""How an insurer gives a hub back what it had decided: a request at a time, and on from where it stopped (18.2)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import pytest
from tests.unit.parties.life import Insurer
from tests.unit.parties.shop import Shop
from tests.unit.parties.world import AMC, World

from paravent.access.client import SignedClient
from paravent.errors import ParaventError, Unreachable
from paravent.insurer import client as giving
from paravent.insurer.config import InsurerConfig
from paravent.insurer.exchange_store import Exchange
from paravent.wire.recovery import Recovery, ReturnedActs, ReturnsTaken

M = TypeVar("M")
RESTORED_AT = 2_000_000_000


@dataclass
class Hub:
    """A hub that was put back; after ``answers`` requests it is away."""

    answers: int
    restored_at: int = RESTORED_AT
    taken: list[ReturnedActs] = field(default_factory=list)

    async def get(self, *_: object) -> Recovery:
        """Says what it asks back."""
        return Recovery(deciding=False, wanted_since=0, restored_at=self.restored_at)

    async def post(self, _: str, __: str, path: str, message: ReturnedActs, kind: type[M]) -> M:
        """Takes acts back."""
        assert (path, kind) == ("/v1/returns", ReturnsTaken)
        if len(self.taken) >= self.answers:
            raise Unreachable("the hub does not answer")
        self.taken.append(message)
        return cast("M", ReturnsTaken(taken=len(message.acts), known=0, refused=0, conflicting=0))


def numbers(hub: Hub) -> list[int | None]:
    return [act.number for message in hub.taken for act in message.acts]


def give_back(world: World, hub: Hub) -> int:
    party = world.insurers[AMC]
    config = cast("InsurerConfig", SimpleNamespace(amc=AMC))
    client = cast("SignedClient", hub)
    return asyncio.run(giving.give_back(config, party.keys, world.directory, party.store, client))


@pytest.fixture
def pulled(world: World, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """An insurer that pulled five events, and gives back two at a time; their numbers."""
    monkeypatch.setattr(giving, "RETURNS_PER_REQUEST_MAX", 2)
    for position in range(5):
        shop = Shop.of(world, world.covered(position))
        shop.send(shop.reservation())
    Insurer(world).pull()
    party = world.insurers[AMC]
    found: Any = world.hub_store.claims.events(AMC, 0).events
    for event in found:
        party.store.exchange.keep_event(event.number, event.detail)
    return [event.number for event in found]


def a_broken_return_goes_on(world: World, pulled: list[int]) -> None:
    """Nothing is given twice of what was answered, nothing is left out, and completeness is said last."""
    broken = Hub(answers=1)
    with pytest.raises(ParaventError):
        give_back(world, broken)
    again = Hub(answers=9)
    give_back(world, again)
    assert numbers(broken) + numbers(again) == pulled
    assert [message.complete for message in (*broken.taken, *again.taken)] == [False, False, True]
    assert all(len(message.acts) <= 2 for message in again.taken)
    assert give_back(world, Hub(answers=0)) == 0


def test_a_broken_return_goes_on(world: World, pulled: list[int]) -> None:
    a_broken_return_goes_on(world, pulled)


def test_after_another_restoration_everything_is_given_again(world: World, pulled: list[int]) -> None:
    with pytest.raises(ParaventError):
        give_back(world, Hub(answers=1))
    later = Hub(answers=9, restored_at=RESTORED_AT + 1)
    assert give_back(world, later) == len(pulled)
    assert numbers(later) == pulled


@pytest.mark.parametrize("place", [0, 5], ids=["never kept", "kept too early"])
def test_a_wrong_place_is_noticed(place: int, world: World, pulled: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Exchange, "giving_back", lambda *_: place)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        a_broken_return_goes_on(world, pulled)
