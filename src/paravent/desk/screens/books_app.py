"""What was decided and what was paid: acts without an answer, decisions, remittances (docs/screens.md)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paravent.desk.departures import Departure, recorded
from paravent.desk.remittances import Agreement, agree, claims_decided, read_letters
from paravent.desk.screens.counter_app import Counter
from paravent.desk.screens.order_app import reason_of
from paravent.desk.screens.sent import shown
from paravent.errors import ParaventError
from paravent.pages.screens.app import language_of, telling
from paravent.wire.claims import Decision
from paravent.wire.codec import decode
from paravent.wire.settlement import Remittance
from paravent.wire.statements import STATEMENT_BYTES_MAX

DECISIONS_SHOWN: Final = 100
Pull = Callable[[], Awaitable[object]]
"""Fetches the letters of insurers and keeps them."""


@dataclass(frozen=True, slots=True)
class BookPages:
    """The books of the shop on this desk."""

    counter: Counter
    pull: Pull

    def routes(self) -> list[Route]:
        """Lists the addresses."""
        return [
            Route("/claims", self.books, methods=["GET"]),
            Route("/claims", self.act, methods=["POST"]),
        ]

    async def books(self, request: Request) -> Response:
        """Shows what this desk keeps, without asking anybody."""
        return self._page(request)

    async def act(self, request: Request) -> Response:
        """Sends again what got no answer, or fetches what insurers wrote; both may be done as often as wanted."""
        form = await self.counter.form(request)
        with recorded() as departures:
            try:
                await (self._resend() if form["what"] == "resend" else self.pull())
            except ParaventError as error:
                return self._page(request, error=error, sent=departures)
        return self._page(request, sent=departures)

    async def _resend(self) -> None:
        for act in self.counter.desk.undecided():
            await self.counter.desk.act(act)
        self.counter.recall()

    def _page(
        self, request: Request, *, error: ParaventError | None = None, sent: list[Departure] | None = None
    ) -> Response:
        language = language_of(request)
        decided = [
            decode(signed.payload, Decision, bytes_max=STATEMENT_BYTES_MAX) for signed in self.counter.store.decided()
        ]
        newest = decided[::-1][:DECISIONS_SHOWN]
        return self.counter.page(
            request, "claims.html", status=200 if error is None else error.status,
            error=None if error is None else telling(error, language), dossiers=self.counter.dossiers(),
            waiting=self.counter.waiting(), waiting_cents_max=self.counter.settings.waiting_cents_max,
            decisions=[(one, *reason_of(one, language)) for one in newest],
            remittances=self._remittances(), insurer_name=self.counter.insurer_name,
            sent=None if sent is None else [shown(departure, {}) for departure in sent],
        )  # fmt: skip

    def _remittances(self) -> list[Agreement]:
        store, counter = self.counter.store, self.counter
        read = read_letters(store.letters.letters(), counter.directory, counter.settings.shop)
        decisions = claims_decided(store.decided())
        return [agree(one, decisions) for one in reversed(read.letters) if isinstance(one, Remittance)]
