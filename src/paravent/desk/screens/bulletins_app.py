"""The breach desk's bulletins at the counter: read, and said to be read (docs/screens.md)."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from paravent.access.logs import log_event
from paravent.desk.bulletins import ShownBulletins, shown
from paravent.desk.screens.counter_app import Counter
from paravent.errors import BadInput, ParaventError, Unreachable
from paravent.pages.screens.app import language_of
from paravent.pages.screens.catalogue import Language
from paravent.wire.bulletins import Bulletin, BulletinText

ASKED_EVERY_SECONDS = 600


@dataclass(slots=True)
class BulletinPages:
    """The bulletins, fetched at most every ten minutes; what is kept is shown when the hub does not answer."""

    counter: Counter
    refresh: Callable[[], Awaitable[object]]
    acknowledge: Callable[[int], Awaitable[object]]
    _asked_at: float | None = None

    def routes(self) -> list[Route]:
        """Lists the addresses."""
        return [Route("/bulletins", self.page, methods=["GET"]), Route("/bulletins", self.read, methods=["POST"])]

    async def newest(self, request: Request) -> tuple[Bulletin, BulletinText] | None:
        """Gives the bulletin that a counter should see first, in the language of the page."""
        newest = (await self._shown()).newest
        return None if newest is None else (newest, text_of(newest, language_of(request)))

    async def page(self, request: Request) -> Response:
        """Shows every bulletin, the newest first."""
        self.counter.enter(request)
        found, language = await self._shown(), language_of(request)
        bulletins = [(one, text_of(one, language), read_at) for one, read_at in found.bulletins]
        return self.counter.page(
            request, "bulletins.html", bulletins=bulletins, stale=found.stale, confirmed_at=found.confirmed_at
        )

    async def read(self, request: Request) -> Response:
        """Says to the hub that this shop has read a bulletin."""
        form = await self.counter.form(request)
        number = int(form["number"]) if form["number"].isdecimal() and len(form["number"]) < 5 else 0
        if not 1 <= number <= self.counter.store.bulletins.known().count:
            raise BadInput("this desk has no bulletin of this number")
        await self.acknowledge(number)
        return RedirectResponse("/bulletins", 303, {"cache-control": "no-store"})

    async def _shown(self) -> ShownBulletins:
        now = time.monotonic()
        if self._asked_at is None or now - self._asked_at > ASKED_EVERY_SECONDS:
            self._asked_at = now
            with suppress(Unreachable):
                await self._fetch()
        return shown(self.counter.store.bulletins, int(time.time()))

    async def _fetch(self) -> None:
        try:
            await self.refresh()
        except Unreachable:
            raise
        except ParaventError as error:
            # A list that goes back or forks: nothing of it is kept, and what was known stays on the screen.
            log_event("bulletins-refused", party="desk", code=error.code)


def text_of(bulletin: Bulletin, language: Language) -> BulletinText:
    """Gives the words of a bulletin in a language."""
    return bulletin.fr if language is Language.FRENCH else bulletin.en
