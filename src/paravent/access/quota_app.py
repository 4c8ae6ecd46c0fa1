"""A device reads its remaining quota at a verifier (docs/protocol.md section 10)."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paravent.access.app import json_response, read_signed
from paravent.access.devices import authenticate
from paravent.access.quotas import QuotaKind
from paravent.access.requests import authority_of
from paravent.access.store import VerifierStore
from paravent.wire.codec import decode
from paravent.wire.quota import QuotaAnswer, QuotaRequest


def quota_route(base_url: str, store: VerifierStore) -> Route:
    """Builds the route."""

    async def quota(request: Request) -> Response:
        received = await read_signed(request, base_url)
        now = int(time.time())
        device, _ = authenticate(received, store, authority=authority_of(base_url), now=now)
        decode(received.body, QuotaRequest)
        with store.commit():
            left = [store.remaining(kind, device, now) for kind in (QuotaKind.LOOKUP, QuotaKind.OPENING)]
        return json_response(QuotaAnswer(lookups=left[0], openings=left[1]))

    return Route("/v1/quota", quota, methods=["POST"])
