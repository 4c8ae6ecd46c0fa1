"""The steering committee's page on the console: the figures of ``watch committee`` (docs/watch.md section 10)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from paravent.breach.committee.figures import Committee
from paravent.breach.committee.printed import printed
from paravent.breach.committee.published import published
from paravent.breach.committee.shown import charts, figures, note
from paravent.breach.screens.files import kept_as, media_type
from paravent.breach.screens.readings_store import Reader
from paravent.pages.screens.app import language_of
from paravent.pages.screens.catalogue import Language
from paravent.pages.screens.console_app import Console
from paravent.pages.screens.entrance_app import Handler
from paravent.pages.screens.store import scenario_names
from paravent.wire.bulletins import BulletinCounts

COUNTS_SECONDS = 60
"""For how long what the hub counted is shown without asking it again."""


@dataclass(slots=True)
class Counts:
    """How many shops the hub counted, as it said last."""

    ask: Callable[[], Awaitable[BulletinCounts | None]]
    kept: BulletinCounts | None = None
    asked_at: float = float("-inf")

    async def newest(self) -> BulletinCounts | None:
        """Asks the hub, unless it was just asked; None when it does not answer."""
        if time.monotonic() - self.asked_at > COUNTS_SECONDS:
            self.kept, self.asked_at = await self.ask(), time.monotonic()
        return self.kept


@dataclass(frozen=True, slots=True)
class CommitteePages:
    """The page as it is, and as it may be published; each on a screen and as PDF."""

    reader: Reader
    counts: Counts
    console: Console
    operator: str
    names: Mapping[Language, Callable[[str], str]] = field(default_factory=scenario_names)

    def shown(self) -> dict[str, Handler]:
        """Lists the pages by their address."""
        return {
            "/committee": self._whole, "/committee/published": self._published,
            "/committee.pdf": self._whole_file, "/committee/published.pdf": self._published_file,
        }  # fmt: skip

    async def _whole(self, request: Request) -> Response:
        return self._page(request, await self._computed())

    async def _published(self, request: Request) -> Response:
        return self._page(request, published(await self._computed()))

    async def _whole_file(self, request: Request) -> Response:
        return await self._file(request, await self._computed())

    async def _published_file(self, request: Request) -> Response:
        return await self._file(request, published(await self._computed()))

    async def _computed(self) -> Committee:
        return self.reader.committee(await self.counts.newest(), int(time.time()))

    def _page(self, request: Request, page: Committee) -> Response:
        language = language_of(request)
        return self.console.page(
            request, "committee.html", public=page.public, figures=list(figures(page, language)),
            note=note(page, language), charts=charts(page, language, self.names[language]),
            drilled=bool(page.exposure),
        )  # fmt: skip

    async def _file(self, request: Request, page: Committee) -> Response:
        language = language_of(request)
        content = await asyncio.to_thread(printed, page, language, self.operator, self.names[language])
        name = f"committee-{'published' if page.public else 'internal'}-{language}.pdf"
        headers = {**self.console.screens.headers, **kept_as(name)}
        return Response(content, 200, headers, media_type=media_type(name))
