"""Rows, acts and decisions over HTTP: what desks ask, what insurers answer (docs/protocol.md 7.4, 11 and 18)."""

from __future__ import annotations

import os

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paravent.access.app import json_response
from paravent.hub import follow_up, returns, rows
from paravent.hub.serving_app import now, serving
from paravent.wire.claims import ACT_BYTES_MAX, PullRequest
from paravent.wire.codec import decode
from paravent.wire.recovery import RETURNS_BYTES_MAX


async def row(request: Request) -> Response:
    """Answers a row of a manifest, once its look-up is spent and durable."""
    hub = serving(request)
    received = await hub.signed(request)
    at = now()
    admitted = rows.admit(received, hub.identity, hub.store, at)

    def spend() -> None:
        if rows.spend(admitted, hub.store, at):
            rows.count(admitted, hub.store, hub.detectors, at)

    await hub.commits.run(spend)
    return json_response(rows.answer(admitted, hub.store))


async def act(request: Request) -> Response:
    """Decides an act of a shop."""
    hub = serving(request)
    received = await hub.signed(request, ACT_BYTES_MAX)
    at = now()
    admitted = hub.adjudicator.admit(received, hub.store, at)
    return json_response(await hub.commits.run(lambda: hub.adjudicator.decide(admitted, hub.store, at, os.urandom)))


async def insurer_act(request: Request) -> Response:
    """Decides an act of an insurer."""
    hub = serving(request)
    received = await hub.signed(request, ACT_BYTES_MAX)
    at = now()
    admitted = hub.insurer_adjudicator.admit(received, at)
    return json_response(
        await hub.commits.run(lambda: hub.insurer_adjudicator.decide(admitted, hub.store, at, os.urandom))
    )


async def decisions(request: Request) -> Response:
    """Tells a shop what became of its acts."""
    hub = serving(request)
    received = await hub.signed(request, ACT_BYTES_MAX)
    device, asked = follow_up.admit(received, hub.store, hub.identity, now())
    return json_response(follow_up.answer(device, asked, hub.store.claims, hub.identity, os.urandom))


async def pull(request: Request) -> Response:
    """Hands an insurer its events after a number."""
    hub = serving(request)
    entry, received = await hub.of_insurer(request)
    return json_response(hub.store.claims.events(entry.amc, decode(received.body, PullRequest).after))


async def give_back(request: Request) -> Response:
    """Takes back decisions of before a loss."""
    hub = serving(request)
    received = await hub.signed(request, RETURNS_BYTES_MAX)
    taken = returns.admit(received, hub.returns, hub.store, now())
    return json_response(await hub.commits.run(lambda: returns.take(taken, hub.returns, hub.store, now(), os.urandom)))


async def recovery(request: Request) -> Response:
    """Says what a hub that was restored waits for."""
    return json_response(serving(request).store.recovery.state())


ROUTES = (
    Route("/v1/rows", row, methods=["POST"]),
    Route("/v1/acts", act, methods=["POST"]),
    Route("/v1/insurer-acts", insurer_act, methods=["POST"]),
    Route("/v1/decisions", decisions, methods=["POST"]),
    Route("/v1/events", pull, methods=["POST"]),
    Route("/v1/returns", give_back, methods=["POST"]),
    Route("/v1/recovery", recovery, methods=["GET"]),
)
