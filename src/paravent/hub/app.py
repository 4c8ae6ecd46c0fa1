"""The hub over HTTP: routes and the group commit, nothing else (docs/protocol.md sections 6, 7, 11)."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paravent.access.alarm_app import Sentry, alarm_route
from paravent.access.alarms import AlarmPolicy
from paravent.access.app import application, forget_hourly, json_response, read_signed
from paravent.access.devices import authenticate
from paravent.access.door import Door
from paravent.access.enrolment_app import enrolment_routes
from paravent.access.files.look_client import LookClient
from paravent.access.group_commit import GroupCommit
from paravent.access.log_memory_app import seen_route
from paravent.access.log_watch_client import LogWatch
from paravent.access.openid_config import Enrolment
from paravent.access.parties import authenticate_insurer
from paravent.access.peer_client import PeerClient
from paravent.access.quota_app import quota_route
from paravent.access.requests import authority_of
from paravent.access.suspension import Verifier
from paravent.access.suspension_app import suspension_route
from paravent.access.tally import Tally
from paravent.access.tally_app import write_tally
from paravent.errors import EpochNotLive, StaleData, UnknownInsurer
from paravent.hub import acts, boxes, bulletins, follow_up, insurer_acts, publication, returns, rows, statements
from paravent.hub.shards_app import settle_and_sweep
from paravent.hub.state import HubIdentity
from paravent.hub.store import Store
from paravent.optics.months import month_of
from paravent.optics.store import every_shipped_rules
from paravent.watch.judging import HUB_SIGNS, Detectors
from paravent.wire.alarm import ALARM_BOOK
from paravent.wire.boxes import BOX_BODY_BYTES_MAX, BoxesRequest
from paravent.wire.bulletins import BULLETINS_BYTES_MAX
from paravent.wire.claims import ACT_BYTES_MAX, PullRequest
from paravent.wire.codec import decode
from paravent.wire.publication import CHUNK_BYTES_MAX, OpenedPublication, Publication, PublicationState, from_records
from paravent.wire.recovery import RETURNS_BYTES_MAX
from paravent.wire.statements import (
    STATEMENT_BYTES_MAX,
    Cosigned,
    Directory,
    EpochBundle,
    ManifestHead,
    Signed,
)
from paravent.wire.status import RELEASE, HubStatus


def build(
    identity: HubIdentity, directory: Directory, signed_directory: Cosigned, store: Store,
    enrolment: Enrolment | None = None, watch_seconds: int = 20, policy: AlarmPolicy | None = None,
) -> Starlette:  # fmt: skip
    """Builds the application of the hub."""
    commits, tally = GroupCommit(store), Tally()
    policy = policy or AlarmPolicy()
    detectors = Detectors.of(HUB_SIGNS, policy.false_alarms_a_year, policy.professionals)
    adjudicator = acts.Adjudicator(identity=identity, directory=directory, rules=every_shipped_rules())
    insurer_adjudicator = insurer_acts.InsurerAdjudicator(identity=identity, directory=directory)

    returning = returns.Returns(identity=identity, directory=directory)
    verifier = Verifier(name=identity.name, base_url=identity.base_url, signing_key=identity.signing_key)
    sentry = Sentry(verifier, store, commits, policy, detectors, tally, LookClient("hub", store.home))

    async def row(request: Request) -> Response:
        received = await read_signed(request, identity.base_url)
        now = _now()
        admitted = rows.admit(received, identity, store, now)
        await commits.run(lambda: spend_row(admitted, now))
        return json_response(rows.answer(admitted, store))

    def spend_row(admitted: rows.AdmittedFetch, now: int) -> None:
        if rows.spend(admitted, store, now):
            rows.count(admitted, store, detectors, now)

    async def act(request: Request) -> Response:
        received = await read_signed(request, identity.base_url, ACT_BYTES_MAX)
        now = _now()
        admitted = adjudicator.admit(received, store, now)
        return json_response(await commits.run(lambda: adjudicator.decide(admitted, store, now, os.urandom)))

    async def insurer_act(request: Request) -> Response:
        received = await read_signed(request, identity.base_url, ACT_BYTES_MAX)
        now = _now()
        admitted = insurer_adjudicator.admit(received, now)
        return json_response(await commits.run(lambda: insurer_adjudicator.decide(admitted, store, now, os.urandom)))

    async def decisions(request: Request) -> Response:
        received = await read_signed(request, identity.base_url, ACT_BYTES_MAX)
        device, asked = follow_up.admit(received, store, identity, _now())
        return json_response(follow_up.answer(device, asked, store.claims, identity, os.urandom))

    async def bundle(request: Request) -> Response:
        manifest = store.newest(request.path_params["amc"])
        if manifest is None:
            if directory.insurer(request.path_params["amc"]) is None:
                raise UnknownInsurer("no insurer of the directory has this AMC number")
            raise EpochNotLive("this insurer has nothing live here: it has not published, or its epoch has ended")
        return json_response(manifest.bundle)

    async def statement(request: Request) -> Response:
        kind = request.path_params["kind"]
        signed = store.statement(request.path_params["amc"], kind) if kind in statements.SERVED else None
        if signed is None:
            raise EpochNotLive("this insurer has published no such statement")
        return json_response(signed)

    async def take_statement(request: Request) -> Response:
        received = await read_signed(request, identity.base_url, STATEMENT_BYTES_MAX)
        entry, _ = authenticate_insurer(received, directory, base_url=identity.base_url, now=_now())
        signed = decode(received.body, Signed, bytes_max=STATEMENT_BYTES_MAX)
        kind = request.path_params["kind"]
        counter = statements.verify_statement(signed, kind, entry)
        statements.verify_follows(signed, kind, store.statement(entry.amc, kind), month_of(_now()))
        if not store.keep_statement(entry.amc, kind, counter, signed):
            raise StaleData("a statement with this counter or a higher one is already served")
        return json_response(PublicationState(rows=0, live=True))

    async def open_publication(request: Request) -> Response:
        received = await read_signed(request, identity.base_url, STATEMENT_BYTES_MAX)
        entry, _ = authenticate_insurer(received, directory, base_url=identity.base_url, now=_now())
        announced = decode(received.body, Publication, bytes_max=STATEMENT_BYTES_MAX)
        current = store.newest(entry.amc)
        epoch, head = publication.verify_publication(
            announced, entry, directory, None if current is None else current.head
        )
        number = store.open_publication(
            EpochBundle(epoch=announced.epoch, batches=announced.batches, head=announced.head), head, announced.base
        )
        return json_response(OpenedPublication(number=number, epoch=epoch.epoch))

    async def add_rows(request: Request) -> Response:
        received = await read_signed(request, identity.base_url, CHUNK_BYTES_MAX)
        entry, _ = authenticate_insurer(received, directory, base_url=identity.base_url, now=_now())
        number = request.path_params["number"]
        staged = store.staged(number, entry.amc)
        head, stored = decode(staged.bundle.head.payload, ManifestHead), staged.rows
        chunk = list(from_records(received.body, entry.amc, head.epoch))
        publication.check_batches(chunk, head, staged.base)
        if request.path_params["first"] == stored:
            store.add_rows(number, stored, chunk)
            stored += len(chunk)
        return json_response(PublicationState(rows=stored, live=False))

    async def go_live(request: Request) -> Response:
        received = await read_signed(request, identity.base_url)
        entry, _ = authenticate_insurer(received, directory, base_url=identity.base_url, now=_now())
        number = request.path_params["number"]
        staged = store.staged(number, entry.amc)
        head = decode(staged.bundle.head.payload, ManifestHead)
        if staged.base is not None:
            number = store.merge(number, head, staged.base)
        levels = await publication.rebuild_tree(store.staged_digests(number, head), head)
        store.go_live(number, head, levels)
        return json_response(PublicationState(rows=head.count, live=True))

    async def close(request: Request) -> Response:
        received = await read_signed(request, identity.base_url)
        now = _now()
        entry, _ = authenticate_insurer(received, directory, base_url=identity.base_url, now=now)
        closing = publication.verify_closing(decode(received.body, Signed), entry)
        if closing.batch is None:
            store.keep_closing(closing.insurer, closing.epoch, closing.deletes_at)
            store.delete_ended(now)
        return json_response(PublicationState(rows=0, live=False))

    async def pull(request: Request) -> Response:
        received = await read_signed(request, identity.base_url)
        entry, _ = authenticate_insurer(received, directory, base_url=identity.base_url, now=_now())
        return json_response(store.claims.events(entry.amc, decode(received.body, PullRequest).after))

    async def box(request: Request) -> Response:
        received = await read_signed(request, identity.base_url, BOX_BODY_BYTES_MAX)
        now = _now()
        admitted = boxes.admit(received, store, directory, identity, now)
        return json_response(await commits.run(lambda: boxes.keep(admitted, store, identity, now)))

    async def pull_boxes(request: Request) -> Response:
        received = await read_signed(request, identity.base_url)
        entry, _ = authenticate_insurer(received, directory, base_url=identity.base_url, now=_now())
        asked = decode(received.body, BoxesRequest)
        return json_response(await commits.run(lambda: boxes.hand_over(entry.amc, asked, store)))

    async def shop_box(request: Request) -> Response:
        received = await read_signed(request, identity.base_url, BOX_BODY_BYTES_MAX)
        now = _now()
        letter = boxes.admit_letter(received, directory, identity, now)
        return json_response(await commits.run(lambda: boxes.keep_letter(letter, store, identity, now)))

    async def pull_shop_boxes(request: Request) -> Response:
        received = await read_signed(request, identity.base_url)
        device, _ = authenticate(received, store, authority=authority_of(identity.base_url), now=_now())
        after = decode(received.body, PullRequest).after
        return json_response(store.boxes.of_shop(identity.database_key.letterbox(device.shop), after))

    async def publish_bulletins(request: Request) -> Response:
        received = await read_signed(request, identity.base_url, BULLETINS_BYTES_MAX)
        upload = bulletins.read_upload(received, directory, identity, _now())
        return json_response(await commits.run(lambda: bulletins.publish(upload, store, directory)))

    async def serve_bulletins(request: Request) -> Response:
        return json_response(bulletins.serve(request.path_params["after"], store))

    async def acknowledge(request: Request) -> Response:
        received = await read_signed(request, identity.base_url)
        admitted = bulletins.admit_acknowledgement(received, store, identity, _now())
        return json_response(await commits.run(lambda: bulletins.acknowledge(admitted, store)))

    async def count_acknowledgements(request: Request) -> Response:
        received = await read_signed(request, identity.base_url)
        return json_response(bulletins.counts(received, store, directory, identity, _now()))

    async def give_back(request: Request) -> Response:
        received = await read_signed(request, identity.base_url, RETURNS_BYTES_MAX)
        taken = returns.admit(received, returning, store, _now())
        return json_response(await commits.run(lambda: returns.take(taken, returning, store, _now(), os.urandom)))

    async def recovery(_: Request) -> Response:
        return json_response(store.recovery.state())

    async def serve_directory(_: Request) -> Response:
        return json_response(signed_directory)

    async def status(_: Request) -> Response:
        manifests, count = store.sizes()
        return json_response(HubStatus(name=identity.name, release=RELEASE, manifests=manifests, rows=count))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        watch = LogWatch(identity, store.memory, store.commit, PeerClient(identity.signing_key, os.urandom))
        works = (
            commits.work(), forget_hourly(store, _now), watch.work(directory.keyservers, watch_seconds),
            write_tally(tally, store.tally, store.commit),
            sentry.work(), settle_and_sweep(store, commits),
        )  # fmt: skip
        workers = [asyncio.create_task(work) for work in works]
        yield
        for worker in workers:
            worker.cancel()
        # The last counts are written before the store closes.
        await asyncio.gather(*workers, return_exceptions=True)
        sentry.close()
        store.close()

    routes = [
        Route("/v1/rows", row, methods=["POST"]),
        Route("/v1/acts", act, methods=["POST"]),
        Route("/v1/insurer-acts", insurer_act, methods=["POST"]),
        Route("/v1/decisions", decisions, methods=["POST"]),
        Route("/v1/directory", serve_directory, methods=["GET"]),
        Route("/v1/insurers/{amc}/epoch", bundle, methods=["GET"]),
        Route("/v1/insurers/{amc}/{kind}", statement, methods=["GET"]),
        Route("/v1/statements/{kind}", take_statement, methods=["POST"]),
        Route("/v1/publications", open_publication, methods=["POST"]),
        Route("/v1/publications/{number:int}/rows/{first:int}", add_rows, methods=["POST"]),
        Route("/v1/publications/{number:int}/live", go_live, methods=["POST"]),
        Route("/v1/closings", close, methods=["POST"]),
        Route("/v1/events", pull, methods=["POST"]),
        Route("/v1/boxes", box, methods=["POST"]),
        Route("/v1/boxes/pull", pull_boxes, methods=["POST"]),
        Route("/v1/shop-boxes", shop_box, methods=["POST"]),
        Route("/v1/shop-boxes/pull", pull_shop_boxes, methods=["POST"]),
        Route("/v1/bulletins", publish_bulletins, methods=["POST"]),
        Route("/v1/bulletins/{after:int}", serve_bulletins, methods=["GET"]),
        Route("/v1/bulletins/acknowledgements", acknowledge, methods=["POST"]),
        Route("/v1/bulletins/counts", count_acknowledgements, methods=["POST"]),
        Route("/v1/returns", give_back, methods=["POST"]),
        Route("/v1/recovery", recovery, methods=["GET"]),
        Route("/v1/status", status, methods=["GET"]),
        seen_route(identity.base_url, directory, store.memory),
        quota_route(identity.base_url, store),
        suspension_route(verifier, directory, store, commits),
        alarm_route(
            verifier,
            directory,
            sentry,
            lambda amc, after: statements.carried_alarms(store.statement(amc, ALARM_BOOK), after),
        ),
        *enrolment_routes(enrolment, store, commits),
    ]
    app = application(identity.name, routes, lifespan=lifespan, tally=tally)
    app.state.door = Door.knowing(device.keyid for device in store.devices.every_device())
    return app


def _now() -> int:
    return int(time.time())
