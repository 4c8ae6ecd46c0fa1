"""What a thief tries beyond asking for true hits: each is one attack on a platform of its own, with a small quota."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from paravent.access.group_commit import GroupCommit
from paravent.access.requests import HttpRequest
from paravent.desk.epoch import VerifiedServer
from paravent.desk.number_lane import Opening
from paravent.drill.credentials.attacker import Attacker, Hit
from paravent.drill.credentials.scene import DAY, Scene
from paravent.drill.simulation.parties import SimulatedServer
from paravent.errors import Refusal
from paravent.keyserver import opening
from paravent.wire.number_lane import OpeningAnswer

Strategy = Callable[[Scene], None]


def known(scene: Scene) -> list[Hit]:
    """Looks up as many as the quota allows, opening nobody yet."""
    found: list[Hit] = []
    with suppress(Refusal):
        for hit in scene.hits:
            scene.attacker.look_up(hit)
            found.append(hit)
    return found


def spread(scene: Scene) -> None:
    """Asks whichever servers are least used: what the other attacks are compared with."""
    scene.attacker.drain(scene.hits)


def one_subset(scene: Scene) -> None:
    """Asks the same t servers for everybody, each set of t in turn."""
    attacker = scene.attacker
    for index in scene.platform.servers:
        attacker.preferred = set(scene.platform.servers) - {index}
        attacker.drain(scene.hits)
    attacker.preferred.clear()
    attacker.drain(scene.hits)


def together(scene: Scene) -> None:
    """Sends the openings of everybody at once, to one server after another: they share group commits."""
    attacker, found = scene.attacker, known(scene)
    half = scene.platform.shape.server_limits.openings_per_day_max // 2
    for turn, server in enumerate(scene.honest):
        # Each server lets its quota through, from another place of the list: so that they overlap in pairs.
        asked = [found[(turn * half + place) % len(found)] for place in range(len(found))]
        verified = [attacker.begin(hit).record.epoch.servers[server.index] for hit in asked]
        signed = [
            attacker.opening_request(attacker.begin(hit), to, attacker.devices[0])
            for hit, to in zip(asked, verified, strict=True)
        ]
        answers = asyncio.run(_burst(server, [request for request, _ in signed], scene.platform.now))
        for hit, to, (_, caller), answer in zip(asked, verified, signed, answers, strict=True):
            if isinstance(answer, OpeningAnswer):
                attacker.begin(hit).take(to, answer, caller.nonce, caller.digest)
                attacker.finish(hit)
    attacker.drain(scene.hits)


async def _burst(
    server: SimulatedServer, requests: Sequence[HttpRequest], now: int
) -> list[OpeningAnswer | BaseException]:
    """Lets a server answer many requests at once, by the group commit that its service runs."""
    commits = GroupCommit(server.store)
    worker = asyncio.create_task(commits.work())
    scribe = server.scribe
    if scribe is None:
        raise RuntimeError("this server has joined no directory")

    async def one(request: HttpRequest) -> OpeningAnswer:
        admitted = opening.admit(request, server.identity, server.store, now)
        position = await commits.run(lambda: opening.witness(admitted, scribe, server.store, now))
        return opening.answer(admitted, position, server.identity)

    answers = await asyncio.gather(*map(one, requests), return_exceptions=True)
    worker.cancel()
    return answers


def midnight(scene: Scene) -> None:
    """Asks in the last second of a day, in the first of the next, and in the last of the same 24 hours."""
    platform, attacker = scene.platform, scene.attacker
    start = platform.now - platform.now % DAY + DAY - 1
    for moment in (start, start + 1, start + DAY - 1):
        platform.now = moment
        attacker.drain(scene.hits)


def replays(scene: Scene) -> None:
    """Sends every request three times; the copies are free and say nothing new."""
    send = scene.attacker.send

    def thrice(name: str, path: str, request: HttpRequest) -> bytes:
        answers = [send(name, path, request) for _ in range(3)]
        return answers[-1]

    scene.attacker.send = thrice
    scene.attacker.drain(scene.hits)


def repeats(scene: Scene) -> None:
    """Opens again whoever is open, which is free, all day long, and then asks for others."""
    attacker, platform = scene.attacker, scene.platform
    attacker.drain(scene.hits)
    for _ in range(4):
        platform.now += 3_600
        for person in list(attacker.opened):
            for server in attacker.known[person].epoch.servers.values():
                ask(attacker, attacker.begun[person], server)
        attacker.drain(scene.hits)


def ask(attacker: Attacker, started: Opening, server: VerifiedServer, nonce: str | None = None) -> None:
    """Asks one server for one record, whatever it answers."""
    request, caller = attacker.opening_request(started, server, attacker.devices[0], nonce)
    with suppress(Refusal):
        attacker.take_opening(started, server, request, caller)
