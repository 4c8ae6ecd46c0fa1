"""The operator's console of the hub over HTTP, on loopback (docs/screens.md): routes, nothing else.

A process of its own, beside the hub: it works while the hub, its database or a key server does not, and says so.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from paravent.access.app import application
from paravent.access.logs import log_event, where
from paravent.access.services import independence, watched_heads
from paravent.access.services_client import ServiceWatch
from paravent.errors import ParaventError, StorageDown
from paravent.hub.screens.readings import REASONS, Readings
from paravent.hub.screens.readings_store import Reader
from paravent.pages.screens.app import language_of, telling
from paravent.pages.screens.console_app import Console
from paravent.pages.screens.entrance_app import Handler

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(slots=True)
class LastReading:
    """The store as it was last read, and since when it does not answer."""

    reader: Reader
    readings: Readings | None = None
    down_since: int | None = None

    def read(self, now: int) -> ParaventError | None:
        """Reads the store; returns what went wrong, the former reading being kept."""
        try:
            self.readings, self.down_since = self.reader.read(now), None
        except Exception as fault:  # noqa: BLE001 - each engine has its own errors, and a console outlives them all
            log_event("store-not-read", code=type(fault).__name__, where=where(fault.__traceback__))
            self.down_since = self.down_since or now
            return fault if isinstance(fault, ParaventError) else StorageDown("the hub's database does not answer")
        return None


def build(reader: Reader, watch: ServiceWatch, *, port: int, drill: Path) -> tuple[Starlette, Console]:
    """Builds the console; its entrance gives the address to open."""
    last = LastReading(reader)

    def known() -> Mapping[str, object]:
        fault = last.read(int(time.time()))
        remembered = dict(last.readings.remembered) if last.readings is not None and fault is None else {}
        return {
            "services": watch.services, "started_at": watch.started_at,
            "heads": watched_heads(reader.directory, watch.services, remembered),
            "declared": independence(reader.directory, watch.services),
            "directory_version": reader.directory.version,
        }  # fmt: skip

    console = Console(name="hub", port=port, templates=TEMPLATES, known=known, drill=drill)

    def page(template: str) -> Handler:
        async def handler(request: Request) -> Response:
            fault = last.read(int(time.time()))
            told = None if fault is None else telling(fault, language_of(request))
            return console.page(
                request, template, fault=told, since=last.down_since, readings=last.readings, services=watch.services,
                started_at=watch.started_at, reasons=REASONS,
            )  # fmt: skip

        return handler

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        visits = asyncio.create_task(watch.work())
        yield
        visits.cancel()

    own = {
        "/": page("overview.html"), "/load": page("load.html"), "/quotas": page("quotas.html"),
        "/refusals": page("refusals.html"), "/incidents": page("incidents.html"),
    }  # fmt: skip
    app = application("hub-console", console.routes(own), lifespan=lifespan, answer_error=console.problem)
    return app, console
