"""The hub over HTTP: its routes put together, and what works beside them (docs/protocol.md sections 6, 7, 11)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paravent.access.alarm_app import Sentry, alarm_route
from paravent.access.alarms import AlarmPolicy
from paravent.access.app import application, forget_hourly, json_response
from paravent.access.door import Door
from paravent.access.enrolment_app import enrolment_routes
from paravent.access.files.look_client import LookClient
from paravent.access.group_commit import GroupCommit
from paravent.access.log_memory_app import seen_route
from paravent.access.log_watch_client import LogWatch
from paravent.access.openid_config import Enrolment
from paravent.access.peer_client import PeerClient
from paravent.access.quota_app import quota_route
from paravent.access.suspension import Verifier
from paravent.access.suspension_app import suspension_route
from paravent.access.tally import Tally
from paravent.access.tally_app import write_tally
from paravent.hub import acts_app, boxes_app, bulletins_app, publication_app, statements
from paravent.hub.acts import Adjudicator
from paravent.hub.insurer_acts import InsurerAdjudicator
from paravent.hub.returns import Returns
from paravent.hub.serving_app import Serving, now, serving
from paravent.hub.shards_app import settle_and_sweep
from paravent.hub.state import HubIdentity
from paravent.hub.store import Store
from paravent.optics.store import every_shipped_rules
from paravent.watch.judging import HUB_SIGNS, Detectors
from paravent.wire.alarm import ALARM_BOOK, KeptAlarm
from paravent.wire.statements import Cosigned, Directory
from paravent.wire.status import RELEASE, HubStatus


def build(
    identity: HubIdentity, directory: Directory, signed_directory: Cosigned, store: Store,
    enrolment: Enrolment | None = None, watch_seconds: int = 20, policy: AlarmPolicy | None = None,
) -> Starlette:  # fmt: skip
    """Builds the application of the hub."""
    tally, policy = Tally(), policy or AlarmPolicy()
    hub = Serving(
        identity=identity, directory=directory, signed_directory=signed_directory, store=store,
        commits=GroupCommit(store),
        detectors=Detectors.of(HUB_SIGNS, policy.false_alarms_a_year, policy.professionals),
        adjudicator=Adjudicator(identity=identity, directory=directory, rules=every_shipped_rules()),
        insurer_adjudicator=InsurerAdjudicator(identity=identity, directory=directory),
        returns=Returns(identity=identity, directory=directory),
    )  # fmt: skip
    verifier = Verifier(name=identity.name, base_url=identity.base_url, signing_key=identity.signing_key)
    sentry = Sentry(verifier, store, hub.commits, policy, hub.detectors, tally, LookClient("hub", store.home))
    routes = [
        *acts_app.ROUTES, *publication_app.ROUTES, *boxes_app.ROUTES, *bulletins_app.ROUTES,
        Route("/v1/directory", serve_directory, methods=["GET"]),
        Route("/v1/status", status, methods=["GET"]),
        *_routes_of_every_verifier(hub, verifier, sentry, enrolment),
    ]  # fmt: skip
    app = application(identity.name, routes, lifespan=_lifespan(hub, sentry, tally, watch_seconds), tally=tally)
    app.state.hub = hub
    app.state.door = Door.knowing(device.keyid for device in store.devices.every_device())
    return app


def _routes_of_every_verifier(
    hub: Serving, verifier: Verifier, sentry: Sentry, enrolment: Enrolment | None
) -> Sequence[Route]:
    """Builds the routes that key servers have too; alarms reach insurers by a book that the hub carries."""
    store, base_url = hub.store, hub.identity.base_url

    def carried(amc: str, after: int) -> tuple[KeptAlarm, ...]:
        return statements.carried_alarms(store.statement(amc, ALARM_BOOK), after)

    return (
        seen_route(base_url, hub.directory, store.memory),
        quota_route(base_url, store),
        suspension_route(verifier, hub.directory, store, hub.commits),
        alarm_route(verifier, hub.directory, sentry, carried),
        *enrolment_routes(enrolment, store, hub.commits),
    )


def _lifespan(
    hub: Serving, sentry: Sentry, tally: Tally, watch_seconds: int
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """What works beside the routes, from the first request to the last."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        store, key = hub.store, hub.identity.signing_key
        watch = LogWatch(hub.identity, store.memory, store.commit, PeerClient(key, os.urandom))
        works = (
            hub.commits.work(), forget_hourly(store, now), watch.work(hub.directory.keyservers, watch_seconds),
            write_tally(tally, store.tally, store.commit), sentry.work(), settle_and_sweep(store, hub.commits),
        )  # fmt: skip
        workers = [asyncio.create_task(work) for work in works]
        yield
        for worker in workers:
            worker.cancel()
        # The last counts are written before the store closes.
        await asyncio.gather(*workers, return_exceptions=True)
        sentry.close()
        store.close()

    return lifespan


async def serve_directory(request: Request) -> Response:
    """Serves the signed directory."""
    return json_response(serving(request).signed_directory)


async def status(request: Request) -> Response:
    """Says which release this is, and how much it serves."""
    hub = serving(request)
    manifests, count = hub.store.sizes()
    return json_response(HubStatus(name=hub.identity.name, release=RELEASE, manifests=manifests, rows=count))
