"""Security bulletins over HTTP, and who has read them (docs/protocol.md section 11)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paravent.access.app import json_response
from paravent.hub import bulletins
from paravent.hub.serving_app import now, serving
from paravent.wire.bulletins import BULLETINS_BYTES_MAX


async def publish_bulletins(request: Request) -> Response:
    """Takes bulletins of the breach desk."""
    hub = serving(request)
    received = await hub.signed(request, BULLETINS_BYTES_MAX)
    upload = bulletins.read_upload(received, hub.directory, hub.identity, now())
    return json_response(await hub.commits.run(lambda: bulletins.publish(upload, hub.store, hub.directory)))


async def serve_bulletins(request: Request) -> Response:
    """Serves bulletins after a number to anybody."""
    return json_response(bulletins.serve(request.path_params["after"], serving(request).store))


async def acknowledge(request: Request) -> Response:
    """Notes that a shop has read a bulletin."""
    hub = serving(request)
    received = await hub.signed(request)
    admitted = bulletins.admit_acknowledgement(received, hub.store, hub.identity, now())
    return json_response(await hub.commits.run(lambda: bulletins.acknowledge(admitted, hub.store)))


async def count_acknowledgements(request: Request) -> Response:
    """Tells the breach desk how many have read each bulletin."""
    hub = serving(request)
    received = await hub.signed(request)
    return json_response(bulletins.counts(received, hub.store, hub.directory, hub.identity, now()))


ROUTES = (
    Route("/v1/bulletins", publish_bulletins, methods=["POST"]),
    Route("/v1/bulletins/{after:int}", serve_bulletins, methods=["GET"]),
    Route("/v1/bulletins/acknowledgements", acknowledge, methods=["POST"]),
    Route("/v1/bulletins/counts", count_acknowledgements, methods=["POST"]),
)
