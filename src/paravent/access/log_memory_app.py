"""The route by which a key server asks what was cosigned here of its log (docs/protocol.md section 12)."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paravent.access.app import json_response, read_signed
from paravent.access.log_memory_store import LogMemory
from paravent.access.parties import authenticate_party
from paravent.errors import UnknownParty
from paravent.wire.log import SeenAnswer
from paravent.wire.statements import Directory


def seen_route(base_url: str, directory: Directory, memory: LogMemory) -> Route:
    """Builds the route; it answers while the one who remembers is itself still starting."""

    async def seen(request: Request) -> Response:
        received = await read_signed(request, base_url)
        party = authenticate_party(received, directory, base_url=base_url, now=int(time.time()))
        if directory.keyserver(party) is None:
            raise UnknownParty("only a key server asks this")
        return json_response(SeenAnswer(note=memory.seen(party).note))

    return Route("/v1/log/seen", seen, methods=["POST"])
