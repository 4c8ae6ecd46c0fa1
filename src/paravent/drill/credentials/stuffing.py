"""What a thief sends beside true hits: two requests in one nonce, invented keys, other people's labels."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import msgspec

from paravent.access.requests import new_nonce
from paravent.crypto.signing import SigningKey, key_id
from paravent.desk.epoch import VerifiedServer
from paravent.desk.number_lane import KnownRecord, Opening
from paravent.drill.credentials.attacker import Attacker
from paravent.drill.credentials.scene import Scene
from paravent.drill.credentials.strategies import ask, known
from paravent.drill.simulation.parties import OPENINGS
from paravent.errors import Refusal


def one_nonce(scene: Scene) -> None:
    """Signs two requests with one nonce: the second person is to be free."""
    attacker, found = scene.attacker, known(scene)
    for pair in zip(found[::2], found[1::2], strict=False):
        for server in attacker.look_up(pair[0]).epoch.servers.values():
            nonce = new_nonce(attacker.rng)
            for hit in pair:
                ask(attacker, attacker.begin(hit), server, nonce)
                attacker.finish(hit)
    attacker.drain(scene.hits)


def stuffing(scene: Scene) -> None:
    """Fills the logs before it opens anybody: one server only, invented keys, other people's labels."""
    attacker = scene.attacker
    for hit in known(scene)[: scene.platform.shape.server_limits.openings_per_day_max]:
        started = attacker.begin(hit)
        record = started.record
        server = record.epoch.servers[max(record.epoch.servers)]
        invented = replace(record, handle_key=SigningKey.generate(attacker.rng))
        ask(attacker, Opening(record=invented, row=started.row, answer_key=started.answer_key), server)
        _claim(attacker, started, invented, server)
        ask(attacker, started, server)
    attacker.drain(scene.hits)


def _claim(attacker: Attacker, started: Opening, invented: KnownRecord, server: VerifiedServer) -> None:
    """Names somebody else's handle key, with a proof made by another."""
    nonce, device = new_nonce(attacker.rng), attacker.devices[0]
    message = Opening(record=invented, row=started.row, answer_key=started.answer_key).message(
        server, nonce, key_id(device.public)
    )
    named = msgspec.structs.replace(message, handle_key=started.record.handle_key.public)
    request, caller = attacker.signed(server, OPENINGS, named, device, nonce)
    with suppress(Refusal):
        attacker.take_opening(started, server, request, caller)
