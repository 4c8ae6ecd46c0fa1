"""Pages that check a customer, by card or by number (docs/screens.md)."""

from __future__ import annotations

from asyncio import Semaphore
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from paravent.access.app import json_response, read_body
from paravent.desk.card_picture import PICTURE_BYTES_MAX, read_picture
from paravent.desk.departures import Departure, recorded
from paravent.desk.entitled import Entitled, Lane
from paravent.desk.scanned import as_printed
from paravent.desk.screens.counter_app import Counter
from paravent.desk.screens.dossier import Dossier
from paravent.desk.screens.sent import planned, shown
from paravent.desk.session import NumberCheck
from paravent.errors import (
    HolderMismatch,
    InvalidIdentity,
    InvalidNir,
    ParaventError,
    UnreadableCard,
)
from paravent.pages.screens.app import language_of, require_own_page, telling
from paravent.pages.screens.catalogue import marked
from paravent.pages.screens.entrance_app import ENTRANCE_PATH
from paravent.pages.screens.forms import CSRF_FIELD, Form, require_csrf
from paravent.person.identity import BirthDate, Holder
from paravent.wire.bulletins import Bulletin, BulletinText
from paravent.wire.codec import Message

_CSRF_HEADER = "x-csrf"
_NEEDED: Final = {
    "card": marked("Scannez la carte, ou lisez-en une image."),
    "name": marked("Saisissez le nom et le prénom, comme sur la carte."),
    "birth_date": marked("Saisissez la date de naissance, jour/mois/année."),
    "nir": marked("Saisissez les 13 caractères du numéro et sa clé."),
    "insurer": marked("Choisissez l'organisme."),
}
_NUMBER_WRONG: Final = marked("Ce numéro est mal recopié : sa clé ne correspond pas, ou il y manque un caractère.")
_IDENTITY_WRONG: Final = marked("Le nom ou la date ne peut pas être lu : lettres latines, et une date JJ/MM/AAAA.")
_HOLDER_WRONG: Final = marked("Le nom ou la date n'est pas celui de la carte : recopiez-les exactement.")
_CARD_WRONG: Final = marked("Cette carte n'a pas pu être lue en entier : scannez-la de nouveau.")
_CARD_STEP: Final = marked("Contrôle par la carte")
_NUMBER_STEP: Final = marked("Contrôle par le numéro")


class CardRead(Message, frozen=True, kw_only=True):
    """The text of the card of a picture."""

    card: str


@dataclass(frozen=True, slots=True)
class CheckPages:
    """Both ways to check a customer; the first page shows the bulletin to read first."""

    counter: Counter
    newest_bulletin: Callable[[Request], Awaitable[tuple[Bulletin, BulletinText] | None]]
    one_picture: Semaphore = field(default_factory=lambda: Semaphore(1))

    def routes(self) -> list[Route]:
        """Lists the addresses."""
        return [
            Route("/", self.card, methods=["GET"]),
            Route("/", self.check_card, methods=["POST"]),
            Route("/number", self.number, methods=["GET"]),
            Route("/number", self.check_number, methods=["POST"]),
            Route("/card-pictures", self.picture, methods=["POST"]),
        ]

    async def card(self, request: Request) -> Response:
        """Shows the check by card; without a session, the way in."""
        require_own_page(request, self.counter.hosts)
        if not self.counter.inside(request):
            return RedirectResponse(ENTRANCE_PATH, 303, {"cache-control": "no-store"})
        return await self._card_page(request, Form())

    async def number(self, request: Request) -> Response:
        """Shows the check by number."""
        self.counter.enter(request)
        return await self._number_page(request, Form(values={"rank": "1"}))

    async def check_card(self, request: Request) -> Response:
        """Checks a card; a page that came back has everything that was typed."""
        form = await self.counter.form(request)
        form = form.filled(card=as_printed(form["card"]))
        lacking = _lacking(form, "card", "name", "birth_date")
        if lacking.errors:
            return await self._card_page(request, lacking, status=400)

        async def check() -> Entitled:
            holder = Holder.from_card(name=form["name"], birth_date=form["birth_date"])
            return self.counter.desk.check_card(form["card"], holder)

        return await self._checked(request, form, _CARD_STEP, check, self._card_page)

    async def check_number(self, request: Request) -> Response:
        """Checks by number; the customer's number stays in this form and this process."""
        form = await self.counter.form(request)
        lacking = _lacking(form, "insurer", "nir", "name", "birth_date")
        if lacking.errors:
            return await self._number_page(request, lacking, status=400)

        async def check() -> Entitled:
            asked = NumberCheck(
                insurer=form["insurer"], nir=form["nir"], birth_date=form["birth_date"], name=form["name"],
                rank=int(form["rank"]) if form["rank"] in set("123456789") else 1,
            )  # fmt: skip
            return await self.counter.desk.check_number(asked.insurer, asked.person())

        return await self._checked(request, form, _NUMBER_STEP, check, self._number_page)

    async def picture(self, request: Request) -> Response:
        """Reads the card of a picture, sent by a script of the page from a file or the camera."""
        session = self.counter.enter(request)
        require_csrf(Form(values={CSRF_FIELD: request.headers.get(_CSRF_HEADER, "")}), session.csrf)
        content = await read_body(request, PICTURE_BYTES_MAX)
        # In a thread: a picture of a telephone takes seconds, and the counter goes on; one at a time, for its memory.
        async with self.one_picture:
            return json_response(CardRead(card=await run_in_threadpool(read_picture, content)))

    # --- pages --------------------------------------------------------------------------------

    async def _checked(
        self, request: Request, form: Form, step: str, check: Callable[[], Awaitable[Entitled]],
        again: Callable[..., Awaitable[Response]],
    ) -> Response:  # fmt: skip
        with recorded() as departures:
            try:
                entitled = await check()
            except ParaventError as error:
                self.counter.look_again()
                return await again(request, _pointed(form, error), status=error.status, error=error, sent=departures)
        dossier = Dossier(
            check=self.counter.checks.keep(entitled), customer=form["name"], entitled=entitled,
            born=BirthDate.parse(form["birth_date"]).day(),
        ).recalled(self.counter.found_again(entitled.part))  # fmt: skip
        self.counter.keep(dossier.stepped(step, departures))
        if entitled.lane is Lane.NUMBER:
            self.counter.look_again()
        return RedirectResponse(f"/customers/{dossier.check}", 303, {"cache-control": "no-store"})

    async def _card_page(
        self, request: Request, form: Form, *, status: int = 200, error: ParaventError | None = None,
        sent: list[Departure] | None = None,
    ) -> Response:  # fmt: skip
        return await self._page(request, "card.html", form, status, error, sent)

    async def _number_page(
        self, request: Request, form: Form, *, status: int = 200, error: ParaventError | None = None,
        sent: list[Departure] | None = None,
    ) -> Response:  # fmt: skip
        return await self._page(request, "number.html", form, status, error, sent)

    async def _page(
        self, request: Request, template: str, form: Form, status: int, error: ParaventError | None,
        sent: list[Departure] | None,
    ) -> Response:  # fmt: skip
        told = None if error is None else telling(error, language_of(request))
        values: Mapping[str, object] = {
            "form": form, "error": told, "condition": await self.counter.condition(),
            "bulletin": await self.newest_bulletin(request),
            "limit_cents": self.counter.settings.degraded_cents_max, "picture_bytes_max": PICTURE_BYTES_MAX,
            "insurers": [(entry.amc, f"{entry.name} ({entry.amc})") for entry in self.counter.directory.insurers],
            "waiting": self.counter.waiting(), "waiting_cents_max": self.counter.settings.waiting_cents_max,
            "forgotten": self.counter.forgotten(), "started_at": self.counter.started_at,
            "planned": planned(), "sent": None if sent is None else [shown(departure, {}) for departure in sent],
        }  # fmt: skip
        return self.counter.page(request, template, status=status, **values)


def _lacking(form: Form, *names: str) -> Form:
    """Says which fields were left empty."""
    return form.wrong(**{name: _NEEDED[name] for name in names if not form[name]})


def _pointed(form: Form, error: ParaventError) -> Form:
    """Points at the field that an error is about."""
    match error:
        case InvalidNir():
            return form.wrong(nir=_NUMBER_WRONG)
        case HolderMismatch():
            return form.wrong(name=_HOLDER_WRONG)
        case InvalidIdentity():
            return form.wrong(name=_IDENTITY_WRONG)
        case UnreadableCard():
            return form.wrong(card=_CARD_WRONG)
        case _:
            return form
