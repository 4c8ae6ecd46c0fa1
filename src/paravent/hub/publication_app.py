"""Publications and statements of insurers over HTTP (docs/protocol.md section 6)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paravent.access.app import json_response
from paravent.errors import EpochNotLive, StaleData, UnknownInsurer
from paravent.hub import publication, statements
from paravent.hub.serving_app import now, serving
from paravent.optics.months import month_of
from paravent.wire.codec import decode
from paravent.wire.publication import CHUNK_BYTES_MAX, OpenedPublication, Publication, PublicationState, from_records
from paravent.wire.statements import STATEMENT_BYTES_MAX, EpochBundle, ManifestHead, Signed


async def bundle(request: Request) -> Response:
    """Serves what is live of an insurer."""
    hub, amc = serving(request), request.path_params["amc"]
    manifest = hub.store.newest(amc)
    if manifest is None:
        if hub.directory.insurer(amc) is None:
            raise UnknownInsurer("no insurer of the directory has this AMC number")
        raise EpochNotLive("this insurer has nothing live here: it has not published, or its epoch has ended")
    return json_response(manifest.bundle)


async def statement(request: Request) -> Response:
    """Serves a statement of an insurer."""
    kind = request.path_params["kind"]
    known = kind in statements.SERVED
    signed = serving(request).store.statement(request.path_params["amc"], kind) if known else None
    if signed is None:
        raise EpochNotLive("this insurer has published no such statement")
    return json_response(signed)


async def take_statement(request: Request) -> Response:
    """Takes a statement that follows the one that is served."""
    hub, kind = serving(request), request.path_params["kind"]
    entry, received = await hub.of_insurer(request, STATEMENT_BYTES_MAX)
    signed = decode(received.body, Signed, bytes_max=STATEMENT_BYTES_MAX)
    counter = statements.verify_statement(signed, kind, entry)
    statements.verify_follows(signed, kind, hub.store.statement(entry.amc, kind), month_of(now()))
    if not hub.store.keep_statement(entry.amc, kind, counter, signed):
        raise StaleData("a statement with this counter or a higher one is already served")
    return json_response(PublicationState(rows=0, live=True))


async def open_publication(request: Request) -> Response:
    """Opens a publication, of everything or of what changed."""
    hub = serving(request)
    entry, received = await hub.of_insurer(request, STATEMENT_BYTES_MAX)
    announced = decode(received.body, Publication, bytes_max=STATEMENT_BYTES_MAX)
    current = hub.store.newest(entry.amc)
    epoch, head = publication.verify_publication(
        announced, entry, hub.directory, None if current is None else current.head
    )
    number = hub.store.open_publication(
        EpochBundle(epoch=announced.epoch, batches=announced.batches, head=announced.head), head, announced.base
    )
    return json_response(OpenedPublication(number=number, epoch=epoch.epoch))


async def add_rows(request: Request) -> Response:
    """Stages the next rows of a publication; those that are staged already are told, not stored again."""
    hub = serving(request)
    entry, received = await hub.of_insurer(request, CHUNK_BYTES_MAX)
    number = request.path_params["number"]
    staged = hub.store.staged(number, entry.amc)
    head, stored = decode(staged.bundle.head.payload, ManifestHead), staged.rows
    chunk = list(from_records(received.body, entry.amc, head.epoch))
    publication.check_batches(chunk, head, staged.base)
    if request.path_params["first"] == stored:
        hub.store.add_rows(number, stored, chunk)
        stored += len(chunk)
    return json_response(PublicationState(rows=stored, live=False))


async def go_live(request: Request) -> Response:
    """Serves a publication, once the tree of its rows has the signed root."""
    hub = serving(request)
    entry, _ = await hub.of_insurer(request)
    number = request.path_params["number"]
    staged = hub.store.staged(number, entry.amc)
    head = decode(staged.bundle.head.payload, ManifestHead)
    if staged.base is not None:
        number = hub.store.merge(number, head, staged.base)
    levels = await publication.rebuild_tree(hub.store.staged_digests(number, head), head)
    hub.store.go_live(number, head, levels)
    return json_response(PublicationState(rows=head.count, live=True))


async def close(request: Request) -> Response:
    """Takes the closing of an epoch."""
    hub = serving(request)
    entry, received = await hub.of_insurer(request)
    closing = publication.verify_closing(decode(received.body, Signed), entry)
    if closing.batch is None:
        hub.store.keep_closing(closing.insurer, closing.epoch, closing.deletes_at)
        hub.store.delete_ended(now())
    return json_response(PublicationState(rows=0, live=False))


ROUTES = (
    Route("/v1/insurers/{amc}/epoch", bundle, methods=["GET"]),
    Route("/v1/insurers/{amc}/{kind}", statement, methods=["GET"]),
    Route("/v1/statements/{kind}", take_statement, methods=["POST"]),
    Route("/v1/publications", open_publication, methods=["POST"]),
    Route("/v1/publications/{number:int}/rows/{first:int}", add_rows, methods=["POST"]),
    Route("/v1/publications/{number:int}/live", go_live, methods=["POST"]),
    Route("/v1/closings", close, methods=["POST"]),
)
