"""The key server over HTTP: routes and the group commit, nothing else (docs/protocol.md sections 3, 7, 12)."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paravent.access.alarm_app import Sentry, alarm_route
from paravent.access.alarms import AlarmPolicy
from paravent.access.app import application, forget_hourly, json_response, read_signed
from paravent.access.door import Door
from paravent.access.enrolment_app import enrolment_routes
from paravent.access.files.look_client import LookClient
from paravent.access.group_commit import GroupCommit
from paravent.access.logs import log_event
from paravent.access.openid_config import Enrolment
from paravent.access.peer_client import PeerClient
from paravent.access.quota_app import quota_route
from paravent.access.suspension import Verifier
from paravent.access.suspension_app import suspension_route
from paravent.access.tally import Tally
from paravent.access.tally_app import write_tally
from paravent.crypto.hpke import BoxPublicKey
from paravent.errors import ParaventError
from paravent.keyserver import deal, evaluation, opening
from paravent.keyserver.config import WatchSettings
from paravent.keyserver.state import ServerIdentity
from paravent.keyserver.store import Store
from paravent.keyserver.witness import Scribe
from paravent.keyserver.witness_app import Witness
from paravent.watch.judging import KEY_SERVER_SIGNS, Detectors
from paravent.wire.statements import Directory, Signed
from paravent.wire.status import RELEASE, ServerStatus

DELETION_SECONDS = 60


def build(
    identity: ServerIdentity,
    directory: Directory,
    store: Store,
    enrolment: Enrolment | None = None,
    watch: WatchSettings | None = None,
    policy: AlarmPolicy | None = None,
) -> Starlette:
    """Builds the application of one key server."""
    commits = GroupCommit(store)
    policy = policy or AlarmPolicy()
    detectors = Detectors.of(KEY_SERVER_SIGNS, policy.false_alarms_a_year, policy.professionals)
    tally = Tally()
    scribe = Scribe(server=identity.name, witness_key=identity.witness_key, directory=directory, rng=os.urandom)
    witness = Witness(
        identity, directory, store, PeerClient(identity.signing_key, os.urandom), watch or WatchSettings()
    )

    verifier = Verifier(name=identity.name, base_url=identity.base_url, signing_key=identity.signing_key)
    sentry = Sentry(verifier, store, commits, policy, detectors, tally, LookClient("keyserver", store.home))

    async def evaluations(request: Request) -> Response:
        witness.require_ready()
        received = await read_signed(request, identity.base_url)
        now = _now()
        admitted = evaluation.admit(received, identity, store, now)
        await commits.run(lambda: evaluation.spend(admitted, store, now))
        return json_response(evaluation.answer(admitted, identity, os.urandom))

    async def openings(request: Request) -> Response:
        witness.require_ready()
        received = await read_signed(request, identity.base_url)
        now = _now()
        admitted = opening.admit(received, identity, store, now)
        position = await commits.run(lambda: opening.witness(admitted, scribe, store, now))
        return json_response(opening.answer(admitted, position, identity))

    async def epochs(request: Request) -> Response:
        received, now = await read_signed(request, identity.base_url), _now()
        box = deal.admit_box(received, identity, directory, now)
        return json_response(deal.take_epoch(box, identity, directory, store, now))

    async def batches(request: Request) -> Response:
        box = deal.admit_box(await read_signed(request, identity.base_url), identity, directory, _now())
        return json_response(deal.take_batch(box, identity, directory, store))

    async def closings(request: Request) -> Response:
        signed = deal.admit_statement(await read_signed(request, identity.base_url), identity, directory, _now())
        cosignature = deal.take_closing(signed, identity, directory, store)
        store.delete_ended(_now())
        return json_response(cosignature)

    async def heads(request: Request) -> Response:
        received, now = await read_signed(request, identity.base_url), _now()
        signed = deal.admit_statement(received, identity, directory, now)
        return json_response(deal.cosign_head(signed, identity, directory, store, now))

    async def cosigned_heads(_: Request) -> Response:
        return json_response(store.heads())

    @lru_cache(maxsize=1)
    def stated(public: BoxPublicKey, now: int) -> Signed:
        # Anybody may ask for it: however many do, it is signed once a second.
        return deal.box_key(identity, public, now)

    async def box_key(_: Request) -> Response:
        return json_response(stated(store.box_key.public, _now()))

    async def status(_: Request) -> Response:
        return json_response(
            ServerStatus(name=identity.name, release=RELEASE, log_size=store.log_size(), ready=witness.ready)
        )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        missing = store.recount(_now())
        if missing:
            log_event("counts-restored", party=identity.name, count=missing)
        work = (
            commits.work(), forget_hourly(store, _now), witness.work(), delete_ended(store), sentry.work(),
            write_tally(tally, store.tally, store.commit),
        )  # fmt: skip
        workers = [asyncio.create_task(task) for task in work]
        yield
        for worker in workers:
            worker.cancel()
        # What a worker does last is done on a store that is still open.
        await asyncio.gather(*workers, return_exceptions=True)
        sentry.close()
        store.close()

    routes = [
        Route("/v1/evaluations", evaluations, methods=["POST"]),
        Route("/v1/openings", openings, methods=["POST"]),
        Route("/v1/epochs", epochs, methods=["POST"]),
        Route("/v1/batches", batches, methods=["POST"]),
        Route("/v1/closings", closings, methods=["POST"]),
        Route("/v1/heads", heads, methods=["POST"]),
        Route("/v1/heads/cosigned", cosigned_heads, methods=["POST"]),
        Route("/v1/box-key", box_key, methods=["GET"]),
        Route("/v1/status", status, methods=["GET"]),
        quota_route(identity.base_url, store),
        suspension_route(verifier, directory, store, commits),
        alarm_route(verifier, directory, sentry),
        *witness.routes(),
        *enrolment_routes(enrolment, store, commits),
    ]
    app = application(identity.name, routes, lifespan=lifespan, tally=tally)
    app.state.door = Door.knowing(device.keyid for device in store.devices.every_device())
    return app


async def delete_ended(store: Store) -> None:
    """Deletes what was dealt and has ended, at the start and every minute, until cancelled."""
    while True:
        try:
            store.delete_ended(_now())
        except ParaventError as error:
            log_event("deletion-failed", code=error.code)
        await asyncio.sleep(DELETION_SECONDS)


def _now() -> int:
    return int(time.time())
