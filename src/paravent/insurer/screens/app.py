"""The insured person's space as an HTTP application (docs/protocol.md section 17; docs/decisions, page on the space).

It has a port of its own and none of the insurer's long-lived keys. It reads the insurer's database, and writes two
things there: a member's choice of the number lane, and that a card is blocked. A complaint letter goes from the form to
the browser through memory alone. A page shows what is of the member who signed in, whatever the address says.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paravent.access.app import application, json_response
from paravent.errors import ParaventError, SessionRequired, UnknownAddress
from paravent.insurer.card import Shape, card_content, card_pdf, day_of, qr_svg
from paravent.insurer.screens import letter, view
from paravent.insurer.screens.space_app import Space
from paravent.insurer.space_config import RETURN_PATH
from paravent.optics.months import FRANCE
from paravent.pages.pdf import Language as PdfLanguage
from paravent.pages.screens.app import language_of
from paravent.pages.screens.catalogue import Language, marked
from paravent.pages.screens.forms import Form
from paravent.wire.problem import title_en, title_fr

_SHAPES = {"paper": Shape.PAPER, "telephone": Shape.TELEPHONE}


def build_space(home: Path) -> Starlette:
    """Builds the space of one insurer; raises InvalidConfiguration when none is configured."""
    space = Space(home)

    async def welcome(request: Request) -> Response:
        return space.welcome(request)

    async def sign_in(_: Request) -> Response:
        return await space.sign_in.begin(space.screens.headers)

    async def signed_in(request: Request) -> Response:
        return await space.enter(request)

    async def sign_out(request: Request) -> Response:
        await space.form(request)
        answer = space.back("/")
        space.sessions.close(request, answer)
        return answer

    async def journal(request: Request) -> Response:
        own = space.own(request)
        return space.page(request, "journal.html", openings=own.openings())

    async def journal_csv(request: Request) -> Response:
        return space.file(view.as_csv(space.own(request).openings()), "text/csv", "journal.csv")

    async def own_data(request: Request) -> Response:
        answer = json_response(space.own(request).everything())
        answer.headers["content-disposition"] = 'attachment; filename="paravent.json"'
        return answer

    async def claims(request: Request) -> Response:
        reason = title_fr if language_of(request) is Language.FRENCH else title_en
        return space.page(request, "claims.html", claims=space.own(request).claims(), reason=reason)

    async def number_lane(request: Request) -> Response:
        return space.page(request, "number-lane.html", lane=space.own(request).number_lane())

    async def choose(request: Request) -> Response:
        form = await space.form(request)
        space.own(request).choose(on=form["wanted"] == "on")
        return space.back("/number-lane")

    async def incidents(request: Request) -> Response:
        return space.page(request, "incidents.html", incidents=space.store.incidents.all())

    async def incident(request: Request) -> Response:
        own, told = space.own(request), space.incident(request)
        concerned = own.concerned(told.case)
        # Both pages are always written, so that neither the time nor the length of an answer says which one it is.
        written = [space.page(request, "incident.html", told=told, concerned=answer) for answer in (True, False)]
        body = view.same_size((bytes(written[0].body), bytes(written[1].body)), first=concerned)
        return space.answer(body)

    async def fill_letter(request: Request) -> Response:
        told = space.incident(request)
        form = letter.suggested(space.own(request).who, space.settings.name, _today())
        return space.page(request, "letter.html", told=told, form=form)

    async def make_letter(request: Request) -> Response:
        told, form = space.incident(request), letter.checked(await space.form(request))
        if form.errors:
            return space.page(request, "letter.html", status=422, told=told, form=form)
        made = await asyncio.to_thread(letter.letter_pdf, told, form, space.settings.name, _today(), int(time.time()))
        return space.file(made, "application/pdf", "lettre-plainte.pdf")

    async def scams(request: Request) -> Response:
        return space.page(request, "scams.html")

    async def rights(request: Request) -> Response:
        return space.page(request, "rights.html")

    def card_page(request: Request, form: Form, *, status: int = 200) -> Response:
        found, settings = space.own(request).card(), space.settings
        shown = None if found is None else card_content(settings.amc, settings.name, settings.card, found) | {
            "first_day": day_of(found.valid_from), "last_day": day_of(found.valid_until),
        }  # fmt: skip
        return space.page(request, "card.html", status=status, card=shown, form=form)

    async def card(request: Request) -> Response:
        return card_page(request, Form())

    async def block_card(request: Request) -> Response:
        form = await space.form(request)
        if form["sure"] != "yes":
            return card_page(request, form.wrong(sure=marked("Cochez cette case pour bloquer la carte.")), status=422)
        space.own(request).block_card()
        return space.back("/card")

    async def card_code(request: Request) -> Response:
        return space.file(qr_svg(space.own(request).card_in_use().text).encode(), "image/svg+xml", None)

    async def card_file(request: Request) -> Response:
        found, settings = space.own(request).card_in_use(), space.settings
        shape = _SHAPES.get(request.path_params["shape"])
        if shape is None:
            raise UnknownAddress("a card has no such shape")
        language = PdfLanguage(language_of(request).value)
        made = await asyncio.to_thread(
            card_pdf, settings.amc, settings.name, settings.card, found, language, shape
        )  # fmt: skip
        return space.file(made, "application/pdf", "carte.pdf")

    def problem(request: Request, error: ParaventError) -> Response:
        # Whoever has no session is shown the way in, not an error: the session may just have ended.
        if isinstance(error, SessionRequired) and request.method == "GET":
            return space.back("/")
        return space.screens.problem(request, error)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        space.store.close()

    routes = [
        Route("/", welcome, methods=["GET"]),
        Route("/sign-in", sign_in, methods=["GET"]),
        Route(RETURN_PATH, signed_in, methods=["GET"]),
        Route("/sign-out", sign_out, methods=["POST"]),
        Route("/journal", journal, methods=["GET"]),
        Route("/journal.csv", journal_csv, methods=["GET"]),
        Route("/own-data.json", own_data, methods=["GET"]),
        Route("/claims", claims, methods=["GET"]),
        Route("/number-lane", number_lane, methods=["GET"]),
        Route("/number-lane", choose, methods=["POST"]),
        Route("/incidents", incidents, methods=["GET"]),
        Route("/incidents/{case}", incident, methods=["GET"]),
        Route("/incidents/{case}/letter", fill_letter, methods=["GET"]),
        Route("/incidents/{case}/letter", make_letter, methods=["POST"]),
        Route("/scams", scams, methods=["GET"]),
        Route("/rights", rights, methods=["GET"]),
        Route("/card", card, methods=["GET"]),
        Route("/card", block_card, methods=["POST"]),
        Route("/card/code.svg", card_code, methods=["GET"]),
        Route("/card/{shape}.pdf", card_file, methods=["GET"]),
        *space.screens.routes(),
    ]
    return application(space.settings.amc, routes, lifespan=lifespan, answer_error=problem)


def _today() -> date:
    return datetime.now(FRANCE).date()
