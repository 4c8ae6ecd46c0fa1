"""The desk's service for shop software and screens: loopback only, one token (docs/operating.md)."""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paravent.access.app import application, json_response, problem_response, read_body
from paravent.access.client import SignedClient
from paravent.access.config import read_directory
from paravent.desk import bulletin_client, config, departures, trade
from paravent.desk.box_client import received_remittances
from paravent.desk.checks_store import Checks
from paravent.desk.client import DeskClient
from paravent.desk.fhir.app import FhirDesk, is_fhir, outcome_response
from paravent.desk.screens.act_app import ActPages
from paravent.desk.screens.books_app import BookPages
from paravent.desk.screens.bulletins_app import BulletinPages
from paravent.desk.screens.check_app import CheckPages
from paravent.desk.screens.counter_app import Counter
from paravent.desk.screens.order_app import CustomerPages
from paravent.desk.session import (
    ActRequest,
    CardCheck,
    ClaimRequest,
    CorrectionRequest,
    DecisionResult,
    DecisionsResult,
    NumberCheck,
    PendingAct,
    PendingActs,
    QuotaLeft,
    QuoteRequest,
    QuoteResult,
    ResendRequest,
    ScreensLink,
    check_result,
)
from paravent.desk.store import Store
from paravent.errors import BadInput, LocalTokenRequired, ParaventError
from paravent.optics.grounds import ground_fr
from paravent.optics.store import shipped_rules_at
from paravent.person.store import shipped_lens_rules
from paravent.wire.claims import Act, Decision, DecisionsRequest
from paravent.wire.codec import Message, decode
from paravent.wire.problem import title_fr
from paravent.wire.settlement import Remittance

M = TypeVar("M", bound=Message)

BODY_BYTES_MAX = 200_000


def build(home: Path) -> Starlette:
    """Builds the desk's application."""
    settings = config.load(home)
    directory = read_directory(home, settings.directory)
    key, token = config.device_key(home), config.token(home)
    store, http = Store(home), SignedClient(key, os.urandom, observer=departures.note)
    desk = DeskClient(settings, key, directory, store, http)
    checks = Checks()
    hosts = {f"127.0.0.1:{settings.port}", f"localhost:{settings.port}"}

    def require_local(request: Request) -> None:
        # A page of another site can reach loopback: the host name and the token keep it out.
        shown = request.headers.get("authorization", "").removeprefix("Bearer ")
        if request.headers.get("host") not in hosts or not hmac.compare_digest(shown.encode(), token.encode()):
            raise LocalTokenRequired("the desk answers its own machine with its token only")

    async def body(request: Request, kind: type[M]) -> M:
        require_local(request)
        return decode(await read_body(request, BODY_BYTES_MAX), kind, bytes_max=BODY_BYTES_MAX)

    async def card(request: Request) -> Response:
        asked = await body(request, CardCheck)
        entitled = desk.check_card(asked.card, asked.holder())
        return json_response(check_result(checks.keep(entitled), entitled))

    async def number(request: Request) -> Response:
        asked = await body(request, NumberCheck)
        entitled = await desk.check_number(asked.insurer, asked.person())
        return json_response(check_result(checks.keep(entitled), entitled))

    async def quote(request: Request) -> Response:
        asked = await body(request, QuoteRequest)
        taken, quoted = _quoted(desk, checks, asked, settings.degraded_cents_max)
        found = taken.classification
        return json_response(
            QuoteResult(right=found.right, left=found.left, band=found.band, focal=found.focal, quote=quoted.quote)
        )

    async def reservation(request: Request) -> Response:
        asked = await body(request, ActRequest)
        act = trade.reservation(checks.find(asked.check), early_renewal=asked.early_renewal, rng=os.urandom)
        return json_response(_result(act, await desk.act(act)))

    async def cancellation(request: Request) -> Response:
        asked = await body(request, ActRequest)
        act = trade.cancellation(checks.find(asked.check), os.urandom)
        return json_response(_result(act, await desk.act(act)))

    async def claim(request: Request) -> Response:
        asked = await body(request, ClaimRequest)
        taken, quoted = _quoted(desk, checks, asked, settings.degraded_cents_max)
        act, kept = trade.claim(
            checks.find(asked.check),
            quoted,
            taken,
            settings.payee(),
            early_renewal=asked.early_renewal,
            key=key,
            rng=os.urandom,
        )
        return json_response(_result(act, await desk.act(act, kept)))

    async def correction(request: Request) -> Response:
        asked = await body(request, CorrectionRequest)
        taken, quoted = _quoted(desk, checks, asked, settings.degraded_cents_max)
        act, kept = trade.claim(
            checks.find(asked.check), quoted, taken, settings.payee(), early_renewal=asked.early_renewal, key=key,
            rng=os.urandom, corrects=asked.corrects,
        )  # fmt: skip
        return json_response(_result(act, await desk.act(act, kept)))

    async def decisions(request: Request) -> Response:
        found = await desk.decisions(await body(request, DecisionsRequest))
        return json_response(DecisionsResult(decisions=tuple(_result(None, decision) for decision in found)))

    async def resend(request: Request) -> Response:
        asked = await body(request, ResendRequest)
        kept = store.act(asked.idempotency_key)
        if kept is None:
            raise BadInput("no act of this desk has this key")
        act = decode(kept[0], Act)
        return json_response(_result(act, await desk.act(act)))

    async def pending(request: Request) -> Response:
        await body(request, Nothing)
        acts = (PendingAct(idempotency_key=act.idempotency_key, kind=act.kind.value) for act in desk.undecided())
        return json_response(PendingActs(acts=tuple(acts)))

    async def quota(request: Request) -> Response:
        await body(request, Nothing)
        persons, servers = await desk.quota()
        return json_response(QuotaLeft(persons=persons, servers=dict(servers)))

    async def refresh(request: Request) -> Response:
        await body(request, Nothing)
        await desk.refresh_all()
        return json_response(Nothing())

    async def screens(request: Request) -> Response:
        await body(request, Nothing)
        return json_response(ScreensLink(link=counter.link()))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        store.forget()
        async with http:
            yield
        store.close()

    posts: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "/v1/checks/card": card, "/v1/checks/number": number, "/v1/quotes": quote,
        "/v1/reservations": reservation, "/v1/cancellations": cancellation, "/v1/claims": claim,
        "/v1/corrections": correction, "/v1/decisions": decisions,
        "/v1/resends": resend, "/v1/pending": pending, "/v1/quota": quota, "/v1/refreshes": refresh,
        "/v1/screens": screens,
    }  # fmt: skip
    routes = [Route(path, handler, methods=["POST"]) for path, handler in posts.items()]

    async def remittances() -> list[Remittance]:
        letterbox = config.letterbox_key(home, os.urandom)
        return await received_remittances(settings.shop, letterbox, directory, store.letters, http)

    fhir = FhirDesk(
        desk=desk, checks=checks, store=store, settings=settings, key=key, require_local=require_local,
        remittances=remittances,
    )  # fmt: skip

    counter = Counter(desk=desk, checks=checks, store=store, settings=settings, directory=directory, home=home)

    def answer_error(request: Request, error: ParaventError) -> Response:
        if is_fhir(request):
            return outcome_response(error)
        return problem_response(error) if request.url.path.startswith("/v1/") else counter.problem(request, error)

    async def refresh_bulletins() -> int:
        return await bulletin_client.refresh_bulletins(directory, store, http)

    async def acknowledge(number: int) -> bool:
        return await bulletin_client.acknowledge(number, int(time.time()), directory, store, http)

    bulletins = BulletinPages(counter, refresh_bulletins, acknowledge)
    customers = CustomerPages(counter)
    screens_routes = (
        *CheckPages(counter, bulletins.newest).routes(), *customers.routes(),
        *ActPages(counter, key, customers).routes(), *BookPages(counter, remittances).routes(),
        *bulletins.routes(), *counter.routes(),
    )  # fmt: skip
    app = application("desk", [*routes, *fhir.routes(), *screens_routes], lifespan=lifespan, answer_error=answer_error)
    app.state.counter = counter
    return app


class Nothing(Message, frozen=True, kw_only=True):
    """An empty object."""


def _quoted(
    desk: DeskClient, checks: Checks, asked: QuoteRequest | ClaimRequest | CorrectionRequest, degraded_cents_max: int
) -> tuple[trade.Prescribed, trade.Quoted]:
    entitled = checks.find(asked.check)
    taken = trade.prescribed(asked.prescription.encode(), shipped_lens_rules())
    tables = desk.guarantees(entitled.part.insurer)
    return taken, trade.quote(
        asked.basket,
        taken,
        entitled,
        tables,
        shipped_rules_at(int(time.time())),
        degraded_cents_max,
        desk.class_a_tariff(),
    )


def _result(act: Act | None, decision: Decision) -> DecisionResult:
    return DecisionResult(
        idempotency_key=None if act is None else act.idempotency_key, kind=decision.kind.value,
        outcome=decision.outcome.value, reason=decision.reason, detail=decision.detail,
        reason_fr=title_fr(decision.reason), claim_id=decision.claim_id, ground=decision.ground,
        ground_fr=ground_fr(decision.ground), amc_cents=decision.amc_cents, reserved_until=decision.reserved_until,
        payable_from=decision.payable_from, decided_at=decision.decided_at, decision_id=decision.decision_id,
    )  # fmt: skip
