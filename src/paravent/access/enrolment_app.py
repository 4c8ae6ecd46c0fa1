"""The routes by which a verifier enrols devices, the same at key servers and hub (docs/protocol.md section 9)."""

from __future__ import annotations

import asyncio
import os
import time
import urllib.parse

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from paravent.access import enrolment, openid
from paravent.access.app import json_response, read_signed
from paravent.access.enrolment import Begun
from paravent.access.group_commit import GroupCommit
from paravent.access.logs import log_event
from paravent.access.openid_config import Enrolment
from paravent.access.store import VerifierStore
from paravent.errors import EnrolmentRefused, ParaventError
from paravent.wire.enrolment import CALLBACK_PATH, DEVICE_ACTS_PATH, DEVICES_PATH, FINISH_PATH, START_PATH

PROVIDER_REQUESTS_MAX = 8
DETAIL_CHARACTERS_MAX = 300


def enrolment_routes(setting: Enrolment | None, store: VerifierStore, commits: GroupCommit) -> list[Route]:
    """Lists the routes of enrolment; none when no provider is set."""
    if setting is None:
        return []
    openid.preload()
    enroller, provider = setting.enroller, setting.provider
    # The provider is slower than this server: what waits for it takes few threads.
    places = asyncio.Semaphore(PROVIDER_REQUESTS_MAX)

    async def start(request: Request) -> Response:
        received = await read_signed(request, enroller.base_url, known=False)
        begun = enrolment.begin(received, enroller, _now(), os.urandom)
        parameters = enrolment.authorization_parameters(begun, enroller)
        async with places:
            url = await asyncio.to_thread(provider.authorization_url, parameters)
        return json_response(enrolment.started(begun, enroller, url))

    async def callback(request: Request) -> Response:
        begun = enrolment.read_state(request.query_params.get("state", ""), enroller, _now())
        try:
            await log_in(begun, request.query_params.get("code"))
        except ParaventError as error:
            # The browser goes back to the device whatever happened: the desk says it in two languages.
            log_event("enrolment-refused", party=enroller.name, code=error.code)
            detail = urllib.parse.quote(str(error)[:DETAIL_CHARACTERS_MAX])
            return _redirect(f"{enrolment.return_address(begun, 'error', error.code)}&detail={detail}")
        return _redirect(enrolment.proof_address(begun, enroller))

    async def log_in(begun: Begun, code: str | None) -> None:
        if not code:
            raise EnrolmentRefused("the professional or the provider refused the login")
        async with places:
            answer = await asyncio.to_thread(provider.exchange, code, enrolment.code_verifier(begun, enroller))
            keys = await asyncio.to_thread(provider.keys, answer.id_token)
        found = enrolment.identification(begun, enroller, answer, keys, store.devices, _now())
        await commits.run(lambda: store.devices.identify(found))

    async def finish(request: Request) -> Response:
        received = await read_signed(request, enroller.base_url, known=False)
        now = _now()
        admitted = enrolment.admit_finish(received, enroller, store.devices, now)
        settled = await commits.run(lambda: enrolment.settle(admitted, store.devices, now))
        if isinstance(settled, EnrolmentRefused):
            raise settled
        log_event("device-enrolled", party=enroller.name, code=settled.state.value)
        return json_response(settled)

    async def devices(request: Request) -> Response:
        received = await read_signed(request, enroller.base_url, known=False)
        return json_response(enrolment.list_devices(received, enroller, store.devices, _now()))

    async def device_act(request: Request) -> Response:
        received = await read_signed(request, enroller.base_url, known=False)
        now = _now()
        return json_response(await commits.run(lambda: enrolment.act_on(received, enroller, store.devices, now)))

    return [
        Route(START_PATH, start, methods=["POST"]),
        Route(CALLBACK_PATH, callback, methods=["GET"]),
        Route(FINISH_PATH, finish, methods=["POST"]),
        Route(DEVICES_PATH, devices, methods=["POST"]),
        Route(DEVICE_ACTS_PATH, device_act, methods=["POST"]),
    ]


def _redirect(address: str) -> Response:
    # The address holds the browser's proof: no page that comes after it is told where it came from.
    return RedirectResponse(address, 303, {"cache-control": "no-store", "referrer-policy": "no-referrer"})


def _now() -> int:
    return int(time.time())
