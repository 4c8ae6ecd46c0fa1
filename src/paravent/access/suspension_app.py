"""The route by which the breach desk suspends at a verifier (docs/protocol.md section 9)."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paravent.access import suspension
from paravent.access.app import json_response, read_signed
from paravent.access.group_commit import GroupCommit
from paravent.access.logs import log_event
from paravent.access.store import VerifierStore
from paravent.access.suspension import Verifier
from paravent.wire.statements import Directory
from paravent.wire.suspension import SUSPENSIONS_PATH


def suspension_route(verifier: Verifier, directory: Directory, store: VerifierStore, commits: GroupCommit) -> Route:
    """Builds the route; it answers whatever the state of the verifier's log and of its provider."""

    async def suspend(request: Request) -> Response:
        received = await read_signed(request, verifier.base_url)
        now = int(time.time())
        admitted = suspension.admit(received, directory, verifier, now)
        report = await commits.run(lambda: suspension.carry_out(admitted, verifier, store, now))
        log_event("breach-desk-asked", party=verifier.name, action=admitted.asked.measure.value)
        return json_response(report)

    return Route(SUSPENSIONS_PATH, suspend, methods=["POST"])
