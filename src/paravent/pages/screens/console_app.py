"""A console on loopback: the entrance, the pages that every console has, and those of its party (docs/screens.md).

What is shown of services, logs and key servers is given by the party, which knows how to ask; nothing here is of a
person, and no page of a console takes anything but the token that opens it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paravent.errors import ParaventError
from paravent.pages.screens.app import Screens, Sessions, language_of, telling
from paravent.pages.screens.drill_store import latest_drill
from paravent.pages.screens.entrance_app import Entrance, Handler

Known = Callable[[], Mapping[str, object]]


class Console:
    """The pages of one console; ``known`` gives what its shared pages show at the moment it is called."""

    def __init__(self, *, name: str, port: int, templates: Path, known: Known, drill: Path) -> None:
        """Answers on loopback at ``port``; ``drill`` is the file of the latest drill, which may not exist."""
        self._known, self._drill = known, drill
        self.screens = Screens(templates=templates)
        self.hosts = [f"127.0.0.1:{port}", f"localhost:{port}"]
        sessions = Sessions[str](f"{name}-console")
        self.entrance = Entrance(self.screens, sessions, hosts=self.hosts, about=lambda: name)

    def page(self, request: Request, template: str, **values: object) -> Response:
        """Answers a page with the instant at which it was read."""
        return self.screens.page(request, template, status=200, now=int(time.time()), **values)

    def problem(self, request: Request, error: ParaventError) -> Response:
        """Answers an error as a page."""
        return self.screens.problem(request, error)

    def routes(self, own: Mapping[str, Handler]) -> list[Route]:
        """Lists the pages of a party by their address, those that every console has, and the entrance."""
        pages = {
            **own, "/services": self._services, "/witnesses": self._witnesses, "/independence": self._independence,
            "/drill": self._drill_page,
        }  # fmt: skip
        guarded = [Route(path, self.entrance.guarded(handler), methods=["GET"]) for path, handler in pages.items()]
        return [*guarded, *self.entrance.routes(), *self.screens.routes()]

    async def _services(self, request: Request) -> Response:
        return self.page(request, "console-services.html", **self._known())

    async def _witnesses(self, request: Request) -> Response:
        return self.page(request, "console-witnesses.html", **self._known())

    async def _independence(self, request: Request) -> Response:
        return self.page(request, "console-independence.html", **self._known())

    async def _drill_page(self, request: Request) -> Response:
        try:
            found, fault = latest_drill(self._drill), None
        except ParaventError as error:
            found, fault = None, telling(error, language_of(request))
        table, written_at = found or (None, 0)
        return self.page(request, "console-drill.html", drill=table, drill_at=written_at, fault=fault)
