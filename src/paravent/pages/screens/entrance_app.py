"""The way into pages served on loopback: a token shown once on the terminal of who started the service.

The token stands in the fragment of an address, which no browser sends: a script of the page, or a hand, puts it in
a form, and it is exchanged once for the cookie of a session. Whoever reads the address afterwards, in a history or
over a shoulder, has nothing. It knows no person, and does not decide what a session may see.
"""

from __future__ import annotations

import asyncio
import hmac
import os
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from functools import wraps
from typing import Generic, TypeVar

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from paravent.errors import SessionRequired
from paravent.pages.screens.app import Screens, Sessions, read_form, require_own_page
from paravent.pages.screens.catalogue import marked
from paravent.pages.screens.forms import Form

ENTRANCE_PATH = "/open"
TOKEN_BYTES = 32
WRONG_TOKENS_MAX = 10
ENTRANCE_SECONDS_MAX = 10
ENTRANCE_BYTES_MAX = 4_096

S = TypeVar("S")
Handler = Callable[[Request], Awaitable[Response]]


class Entrance(Generic[S]):
    """Exchanges a token, once, for a session; ``about`` says what the party knows of who opens it."""

    def __init__(
        self, screens: Screens, sessions: Sessions[S], *, hosts: Collection[str], about: Callable[[], S]
    ) -> None:
        """Answers under the names ``hosts`` only."""
        self._screens, self._sessions = screens, sessions
        self._hosts, self._about = hosts, about
        self._token, self._wrong = "", 0

    def address(self, base_url: str) -> str:
        """Draws a token in the place of any earlier one; returns the address to open, which is a secret until used."""
        self._token, self._wrong = os.urandom(TOKEN_BYTES).hex(), 0
        return f"{base_url}{ENTRANCE_PATH}#{self._token}"

    def routes(self) -> list[Route]:
        """Lists the page of the token and its exchange."""
        return [
            Route(ENTRANCE_PATH, self._page, methods=["GET"]),
            Route(ENTRANCE_PATH, self._exchange, methods=["POST"]),
        ]

    def guarded(self, handler: Handler) -> Handler:
        """Wraps a handler: it is called for a request of an open session, under this machine's own name."""

        @wraps(handler)
        async def inside(request: Request) -> Response:
            require_own_page(request, self._hosts)
            self._sessions.find(request)
            return await handler(request)

        return inside

    async def _page(self, request: Request) -> Response:
        return self._screens.page(request, "entrance.html", form=Form())

    async def _exchange(self, request: Request) -> Response:
        require_own_page(request, self._hosts)
        form = read_form(await _beginning(request))
        if not self._taken(form["token"]):
            wrong = Form().wrong(token=marked("Ce jeton n'est pas celui affiché, ou il a déjà servi."))
            return self._screens.page(request, "entrance.html", status=SessionRequired.status, form=wrong)
        answer = RedirectResponse("/", 303)
        self._sessions.open(request, answer, self._about())
        return answer

    def _taken(self, token: str) -> bool:
        """Takes the token; it is gone once it served, or was tried wrongly too often."""
        right = bool(self._token) and hmac.compare_digest(token.encode(), self._token.encode())
        self._wrong += not right
        if right or self._wrong >= WRONG_TOKENS_MAX:
            self._token = ""
        return right


async def _beginning(request: Request) -> bytes:
    """Reads what a form of this page can be long, and no more: nobody is known yet; what comes too late is nothing."""
    body = b""
    with suppress(TimeoutError):
        async with asyncio.timeout(ENTRANCE_SECONDS_MAX):
            async for piece in request.stream():
                body += piece
                if len(body) > ENTRANCE_BYTES_MAX:
                    break
    return body[:ENTRANCE_BYTES_MAX]
