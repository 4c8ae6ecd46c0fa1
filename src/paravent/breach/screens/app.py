"""The console of the breach desk over HTTP, on loopback (docs/screens.md): routes, nothing else.

A process of its own beside the verbs: it reads the home anew for each page. What it writes is what ``decide``,
``filed``, ``close`` and ``alarms`` write, by the same functions; all else is a command that a page shows.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from paravent.access.app import application, read_body
from paravent.access.services import independence, watched_heads
from paravent.access.services_client import ServiceWatch
from paravent.breach.instants import local
from paravent.breach.registers.contracts import faults
from paravent.breach.registers.measures import tally
from paravent.breach.screens import acts
from paravent.breach.screens.alarms_app import AlarmPages, Ask
from paravent.breach.screens.committee_app import CommitteePages, Counts
from paravent.breach.screens.files import kept_as, media_type
from paravent.breach.screens.readings import CaseReading, CaseState, overdue, to_do, urgency
from paravent.breach.screens.readings_store import Reader, day_of
from paravent.errors import BadInput
from paravent.pages.screens.console_app import Action, Console
from paravent.pages.screens.entrance_app import Handler
from paravent.pages.screens.forms import Form

TEMPLATES = Path(__file__).parent / "templates"
FORM_BYTES_MAX = 32_768
NEXT_SHOWN = 12


def build(
    reader: Reader, watch: ServiceWatch, counts: Counts, ask: Ask, *, operator: str, port: int
) -> tuple[Starlette, Console]:
    """Builds the console; its entrance gives the address to open. ``ask`` asks verifiers for their alarms."""
    console = Console(
        name="breach", port=port, templates=TEMPLATES, known=partial(_known, reader, watch), drill=reader.drill,
        read_body=partial(read_body, bytes_max=FORM_BYTES_MAX),
    )  # fmt: skip
    pages = CasePages(reader, watch, console)
    committee, alarms = CommitteePages(reader, counts, console, operator), AlarmPages(reader, ask, console)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        visits = asyncio.create_task(watch.work())
        yield
        visits.cancel()

    shown = {**pages.shown(), **alarms.shown(), **committee.shown()}
    routes = console.routes(shown, {**pages.actions(), **alarms.actions()})
    return application("breach-console", routes, lifespan=lifespan, answer_error=console.problem), console


def _known(reader: Reader, watch: ServiceWatch) -> Mapping[str, object]:
    """Gives what every console shows: services, the heads of logs, the desk's own first, independence."""
    own, _ = reader.head(_now())
    return {
        "services": watch.services, "started_at": watch.started_at,
        "heads": [own, *watched_heads(reader.directory, watch.services, {})],
        "declared": independence(reader.directory, watch.services), "directory_version": reader.directory.version,
    }  # fmt: skip


def _now() -> int:
    return int(time.time())


class CasePages:
    """The pages of cases and registers, and the three things that are written from them."""

    def __init__(self, reader: Reader, watch: ServiceWatch, console: Console) -> None:
        """Reads by ``reader``; shows by ``console``."""
        self._reader, self._watch, self._console = reader, watch, console
        self._names = {entry.amc: entry.name for entry in reader.directory.insurers}

    def shown(self) -> dict[str, Handler]:
        """Lists the pages by their address."""
        return {
            "/": self._overview, "/cases": self._cases, "/cases/{case}": self._case,
            "/cases/{case}/filing": self._filing, "/cases/{case}/decision": self._decision,
            "/cases/{case}/closing": self._closing, "/cases/{case}/documents/{number:int}": self._document,
            "/registers": self._registers,
        }  # fmt: skip

    def actions(self) -> dict[str, Action]:
        """Lists what the forms are sent to."""
        return {
            "/cases/{case}/filing": self._file, "/cases/{case}/decision": self._decide,
            "/cases/{case}/closing": self._close,
        }  # fmt: skip

    # --- pages ----------------------------------------------------------------------------------

    async def _overview(self, request: Request) -> Response:
        now = _now()
        cases = self._reader.cases(now)
        # What an exercise owes is shown on its own page: here it would hide what is truly due.
        real = (clock for case in cases if case.state is CaseState.OPEN for clock in case.clocks)
        clocks = sorted((one for one in real if one.done_at is None and one.at is not None), key=urgency)
        _, uncovered = self._reader.head(now)
        return self._console.page(
            request, "overview.html", cases=cases, clocks=clocks[:NEXT_SHOWN], late=sum(one.late for one in clocks),
            services=self._watch.services, suspended=self._reader.suspended(), uncovered=uncovered,
            overdue=overdue(self._reader.contracts(), day_of(now)), measures=to_do(self._reader.measures(now)),
        )  # fmt: skip

    async def _cases(self, request: Request) -> Response:
        return self._console.page(request, "cases.html", cases=self._reader.cases(_now()))

    async def _case(self, request: Request) -> Response:
        return self._console.page(request, "case.html", found=self._found(request), names=self._names)

    async def _document(self, request: Request) -> Response:
        name, content = self._reader.document(request.path_params["case"], request.path_params["number"])
        headers = {**self._console.screens.headers, **kept_as(name)}
        return Response(content, 200, headers, media_type=media_type(name))

    async def _registers(self, request: Request) -> Response:
        now, contracts = _now(), self._reader.contracts()
        standings, day = self._reader.measures(now), day_of(now)
        return self._console.page(
            request, "registers.html", contracts=contracts, overdue=overdue(contracts, day),
            faults=faults(contracts, day), counts=tally(standings), measures=to_do(standings),
        )  # fmt: skip

    # --- what is written --------------------------------------------------------------------------

    async def _filing(self, request: Request) -> Response:
        return self._form(request, "filing.html", Form(values={
            "duty": request.query_params.get("duty", ""), "filed_at": local(_now()), "stage": "initial",
        }))  # fmt: skip

    async def _file(self, request: Request, form: Form) -> Response:
        now, found = _now(), self._found(request)
        form = acts.checked_filing(form, _duties(found), now)
        if form.errors:
            return self._form(request, "filing.html", form)
        self._reader.record(found.case, acts.filing_of(form, now), role=form["role"], now=now)
        return self._back(found)

    async def _decision(self, request: Request) -> Response:
        return self._form(request, "decision.html", Form(values={"duty": request.query_params.get("duty", "")}))

    async def _decide(self, request: Request, form: Form) -> Response:
        found = self._found(request)
        form = acts.checked_decision(form, _duties(found))
        if form.errors:
            return self._form(request, "decision.html", form)
        self._reader.record(found.case, acts.decision_of(form), role=form["role"], now=_now())
        return self._back(found)

    async def _closing(self, request: Request) -> Response:
        return self._form(request, "closing.html", Form())

    async def _close(self, request: Request, form: Form) -> Response:
        found, form = self._found(request), acts.checked_closing(form)
        if form.errors:
            return self._form(request, "closing.html", form)
        self._reader.close(found.case, form["reason"], role=form["role"], now=_now())
        return self._back(found)

    def _found(self, request: Request) -> CaseReading:
        return self._reader.case(request.path_params["case"], _now())

    def _form(self, request: Request, template: str, form: Form) -> Response:
        status = BadInput.status if form.errors else 200
        return self._console.page(request, template, status, found=self._found(request), form=form)

    def _back(self, found: CaseReading) -> Response:
        return RedirectResponse(f"/cases/{found.case}", 303, self._console.screens.headers)


def _duties(found: CaseReading) -> set[str]:
    return {clock.name for clock in found.clocks if clock.duty}
