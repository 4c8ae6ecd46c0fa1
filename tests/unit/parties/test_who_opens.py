"""Which key servers a desk asks: those that evaluated open (7.5), others instead of them, and who has just started."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.crypto.mutation import edited
from tests.unit.parties.world import AMC, World

from paravent.access import client as client_module
from paravent.access.client import SignedClient
from paravent.access.requests import HttpRequest, authority_of
from paravent.desk import client as desk_module
from paravent.desk.client import DeskClient
from paravent.desk.config import DeskConfig
from paravent.desk.epoch import VerifiedServer
from paravent.desk.store import Store
from paravent.errors import TooFewServers, Unreachable, WitnessNotReady
from paravent.person.bindings import lookup_input
from paravent.wire.codec import encode

EVALUATIONS, OPENINGS = "/v1/evaluations", "/v1/openings"
CHECKS = 9
"""No more of one person: a record is opened ten times a day at most."""


@dataclass(slots=True)
class Network:
    """Brings each request to the party's own functions; a server can be away for one of the two steps."""

    world: World
    away: set[tuple[str, str]] = field(default_factory=set)
    starting: Counter[str] = field(default_factory=Counter)
    asked: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    async def send(
        self, party: str, method: str, url: str, body: bytes, headers: Mapping[str, str], _bytes_max: int
    ) -> bytes:
        """Answers as the party would."""
        world = self.world
        if url.endswith("/epoch"):
            return encode(world.bundle())
        base_url, path = url.removesuffix(url[url.index("/v1/") :]), url[url.index("/v1/") :]
        request = HttpRequest(
            method=method, authority=authority_of(base_url), target_uri=url, headers=headers, body=body
        )
        if party == world.hub.name:
            return encode(world.fetched(request))
        self.asked[path][party] += 1
        if self.starting[party]:
            self.starting[party] -= 1
            raise WitnessNotReady(f"{party} has just started")
        if (party, path) in self.away:
            raise Unreachable(f"{party} does not answer")
        server = next(one for one in world.servers.values() if one.identity.name == party)
        return encode(world.evaluated(server, request) if path == EVALUATIONS else world.opened(server, request))


@pytest.fixture
def network(world: World, monkeypatch: pytest.MonkeyPatch) -> Network:
    made = Network(world)
    clock = SimpleNamespace(monotonic=time.monotonic, time=lambda: world.now)
    monkeypatch.setattr(client_module, "time", clock)
    monkeypatch.setattr(desk_module, "time", clock)
    monkeypatch.setattr(SignedClient, "_send", lambda _, *asked: made.send(*asked))
    return made


def check(network: Network, folder: Path, turns: range) -> None:
    """Evaluates, fetches and opens at a desk, two persons by turns."""
    world = network.world
    settings = DeskConfig(professional=world.device.professional, shop=world.device.shop, port=8_123)
    numbers = [lookup_input(AMC, world.epoch().epoch, world.covered(place)) for place in (0, 2)]

    async def run() -> None:
        client = SignedClient(world.device_key, world.rng)
        desk = DeskClient(settings, world.device_key, world.directory, store, client)
        for turn in turns:
            record = await desk._evaluate(await desk._epoch(AMC), numbers[turn % 2])
            assert await desk._open(record, await desk._fetch(record, 0))

    folder.mkdir(exist_ok=True)
    with Store(folder) as store:
        asyncio.run(run())


def test_who_evaluates_opens(network: Network, tmp_path: Path) -> None:
    """So each server sees as many openings as look-ups, and the third learns of no check at all."""
    for turn in range(2 * CHECKS):
        network.asked.clear()
        check(network, tmp_path / str(turn), range(turn, turn + 1))
        assert network.asked[EVALUATIONS] == network.asked[OPENINGS]
        assert len(network.asked[OPENINGS]) == 2


def test_every_server_has_its_turn(network: Network, tmp_path: Path) -> None:
    check(network, tmp_path, range(2 * CHECKS))
    assert len(network.asked[OPENINGS]) == 3


def test_who_did_not_evaluate_is_not_asked_to_open_while_two_have(network: Network, tmp_path: Path) -> None:
    network.away = {("keyserver-2", EVALUATIONS)}
    check(network, tmp_path, range(CHECKS))
    assert network.asked[EVALUATIONS]["keyserver-2"] > 0
    assert network.asked[OPENINGS] == {"keyserver-1": CHECKS, "keyserver-3": CHECKS}


def test_who_does_not_open_is_replaced_by_the_third(network: Network, tmp_path: Path) -> None:
    network.away = {("keyserver-2", OPENINGS)}
    check(network, tmp_path, range(CHECKS))
    assert network.asked[OPENINGS].pop("keyserver-2") == network.asked[EVALUATIONS]["keyserver-2"] > 0
    assert network.asked[OPENINGS] == {"keyserver-1": CHECKS, "keyserver-3": CHECKS}


def test_a_desk_that_draws_again_is_found_out(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DeskClient, "_open", edited(DeskClient, "_open", ", first=record.evaluators", ""))
    with pytest.raises(AssertionError):
        test_who_evaluates_opens(network, tmp_path)


SERVERS = ("keyserver-1", "keyserver-2", "keyserver-3")


def two_that_have_just_started_answer(network: Network, folder: Path) -> None:
    """A customer stands at the counter while an operator restarts two servers: they are ready in a moment."""
    for turn, (restarted, refusals) in enumerate(((SERVERS[:2], 1), (SERVERS[1:], 2), (SERVERS, 1))):
        network.starting = Counter(dict.fromkeys(restarted, refusals))
        check(network, folder / str(turn), range(turn, turn + 1))


def test_two_that_have_just_started_answer(network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_module, "STARTING_SECONDS", 0.01)
    two_that_have_just_started_answer(network, tmp_path)


def in_order(servers: list[VerifiedServer], first: frozenset[int] = frozenset()) -> list[VerifiedServer]:
    return sorted(servers, key=lambda server: (server.index not in first, server.index))


async def no_pause(_: float) -> None:
    raise AssertionError("nobody waits for a server that has just started while another is left to ask")


def test_a_third_is_asked_at_once_instead_of_one_that_has_just_started(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DeskClient, "_shuffled", lambda _, *asked, **first: in_order(*asked, **first))
    monkeypatch.setattr(desk_module, "asyncio", SimpleNamespace(gather=asyncio.gather, sleep=no_pause))
    network.starting = Counter({"keyserver-2": 1})
    check(network, tmp_path, range(1))
    assert network.asked[EVALUATIONS] == dict.fromkeys(SERVERS, 1)
    assert network.asked[OPENINGS] == {"keyserver-1": 1, "keyserver-3": 1}


def test_who_had_just_started_is_left_to_ask_when_another_lies(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A third server answers before it: where that answer is wrong, the one that started opens the row."""
    monkeypatch.setattr(desk_module, "STARTING_SECONDS", 0.01)
    world, asked = network.world, Counter[int]()
    settings = DeskConfig(professional=world.device.professional, shop=world.device.shop, port=8_123)
    servers: Any = [SimpleNamespace(index=index) for index in (1, 2, 3)]

    async def ask(server: Any) -> None:
        asked[server.index] += 1
        if server.index < 3 and asked[server.index] == 1:
            raise WitnessNotReady("it has just started")

    async def run() -> list[Any]:
        client = SignedClient(world.device_key, world.rng)
        desk = DeskClient(settings, world.device_key, world.directory, SimpleNamespace(), client)  # type: ignore[arg-type]
        return list(await desk._ask_enough(servers, 2, ask))

    # The third, and one of the two after a pause; the other is left.
    assert [server.index for server in asyncio.run(run())] == [2]
    assert asked == {1: 2, 2: 1, 3: 1}


def test_who_stays_at_its_start_is_waited_for_no_longer(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_module, "STARTING_SECONDS", 0.01)
    network.starting = Counter(dict.fromkeys(SERVERS[:2], 100))
    with pytest.raises(TooFewServers, match="has just started"):
        check(network, tmp_path, range(1))
    asked = network.asked[EVALUATIONS]
    assert asked["keyserver-1"] + asked["keyserver-2"] == 2 + 2 * desk_module.STARTING_PAUSES_MAX


def test_a_desk_that_gives_up_on_who_has_just_started_is_found_out(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up = edited(DeskClient, "_ask_enough", "good, pauses = 0, 0", "good, pauses = 0, STARTING_PAUSES_MAX")
    monkeypatch.setattr(DeskClient, "_ask_enough", given_up)
    with pytest.raises(TooFewServers):
        two_that_have_just_started_answer(network, tmp_path)
