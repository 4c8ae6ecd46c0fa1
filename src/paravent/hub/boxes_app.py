"""Sealed boxes between shops and insurers over HTTP; the hub opens none (docs/protocol.md section 11)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paravent.access.app import json_response
from paravent.access.devices import authenticate
from paravent.access.requests import authority_of
from paravent.hub import boxes
from paravent.hub.serving_app import now, serving
from paravent.wire.boxes import BOX_BODY_BYTES_MAX, BoxesRequest
from paravent.wire.claims import PullRequest
from paravent.wire.codec import decode


async def box(request: Request) -> Response:
    """Keeps a box of a shop for an insurer."""
    hub = serving(request)
    received = await hub.signed(request, BOX_BODY_BYTES_MAX)
    at = now()
    admitted = boxes.admit(received, hub.store, hub.directory, hub.identity, at)
    return json_response(await hub.commits.run(lambda: boxes.keep(admitted, hub.store, hub.identity, at)))


async def pull_boxes(request: Request) -> Response:
    """Hands an insurer its boxes."""
    hub = serving(request)
    entry, received = await hub.of_insurer(request)
    asked = decode(received.body, BoxesRequest)
    return json_response(await hub.commits.run(lambda: boxes.hand_over(entry.amc, asked, hub.store)))


async def shop_box(request: Request) -> Response:
    """Keeps a letter of an insurer for a shop."""
    hub = serving(request)
    received = await hub.signed(request, BOX_BODY_BYTES_MAX)
    at = now()
    letter = boxes.admit_letter(received, hub.directory, hub.identity, at)
    return json_response(await hub.commits.run(lambda: boxes.keep_letter(letter, hub.store, hub.identity, at)))


async def pull_shop_boxes(request: Request) -> Response:
    """Hands a shop its letters after a number."""
    hub = serving(request)
    received = await hub.signed(request)
    device, _ = authenticate(received, hub.store, authority=authority_of(hub.identity.base_url), now=now())
    after = decode(received.body, PullRequest).after
    return json_response(hub.store.boxes.of_shop(hub.identity.database_key.letterbox(device.shop), after))


ROUTES = (
    Route("/v1/boxes", box, methods=["POST"]),
    Route("/v1/boxes/pull", pull_boxes, methods=["POST"]),
    Route("/v1/shop-boxes", shop_box, methods=["POST"]),
    Route("/v1/shop-boxes/pull", pull_shop_boxes, methods=["POST"]),
)
