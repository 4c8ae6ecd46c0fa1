"""A console on loopback: the entrance, the pages that every console has, and those of its party (docs/screens.md).

What is shown of services, logs and key servers is given by the party, which knows how to ask; nothing here is of a
person. A page that acts is listed apart: it is answered for a form of its own page alone.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paravent.errors import ParaventError
from paravent.pages.screens.app import Screens, Sessions, language_of, read_form, telling
from paravent.pages.screens.drill_store import latest_drill
from paravent.pages.screens.entrance_app import Entrance, Handler
from paravent.pages.screens.forms import Form, require_csrf

Known = Callable[[], Mapping[str, object]]
Action = Callable[[Request, Form], Awaitable[Response]]
Reading = Callable[[Request], Awaitable[bytes]]


class Console:
    """The pages of one console; ``known`` gives what its shared pages show at the moment it is called."""

    def __init__(
        self, *, name: str, port: int, templates: Path, known: Known, drill: Path, read_body: Reading | None = None
    ) -> None:
        """Answers on loopback at ``port``; ``drill`` is the file of the latest drill, which may not exist.

        ``read_body`` reads a form to its limit, for a console that takes any.
        """
        self._known, self._drill, self._read_body = known, drill, read_body or _no_form
        self.screens = Screens(templates=templates)
        self.hosts = [f"127.0.0.1:{port}", f"localhost:{port}"]
        self.sessions = Sessions[str](f"{name}-console")
        self.entrance = Entrance(self.screens, self.sessions, hosts=self.hosts, about=lambda: name)

    def page(self, request: Request, template: str, status: int = 200, /, **values: object) -> Response:
        """Answers a page with the instant at which it was read, and the token that its forms show."""
        csrf = self.sessions.find(request).csrf
        return self.screens.page(request, template, status=status, now=int(time.time()), csrf=csrf, **values)

    def problem(self, request: Request, error: ParaventError) -> Response:
        """Answers an error as a page."""
        return self.screens.problem(request, error)

    def routes(self, own: Mapping[str, Handler], actions: Mapping[str, Action] | None = None) -> list[Route]:
        """Lists the pages of a party by their address, those that every console has, and the entrance.

        ``actions`` answer the forms of pages: none is reached without the token of its session.
        """
        pages = {
            **own, "/services": self._services, "/witnesses": self._witnesses, "/independence": self._independence,
            "/drill": self._drill_page,
        }  # fmt: skip
        guarded = [Route(path, self.entrance.guarded(handler), methods=["GET"]) for path, handler in pages.items()]
        acting = [
            Route(path, self.entrance.guarded(self._acting(action)), methods=["POST"])
            for path, action in (actions or {}).items()
        ]
        return [*guarded, *acting, *self.entrance.routes(), *self.screens.routes()]

    def _acting(self, action: Action) -> Handler:
        @wraps(action)
        async def acted(request: Request) -> Response:
            form = read_form(await self._read_body(request))
            require_csrf(form, self.sessions.find(request).csrf)
            return await action(request, form)

        return acted

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


async def _no_form(_: Request) -> bytes:
    return b""
