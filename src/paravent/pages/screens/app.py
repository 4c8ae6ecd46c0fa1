"""Pages as HTTP answers: language, headers, static files, forms, sessions in memory (docs/operating.md).

A party gives its own templates and its own session; nothing here knows a person or a decision.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, TypeVar
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from paravent.errors import BadInput, ParaventError, Refusal, Retry, SessionRequired, UnknownAddress
from paravent.pages.screens.catalogue import Language
from paravent.pages.screens.forms import Form
from paravent.pages.screens.headers import screen_headers
from paravent.pages.screens.store import environments, static_files
from paravent.pages.typography import no_break

FIELDS_MAX = 200
SESSION_SECONDS_MAX = 12 * 3_600
SESSIONS_MAX = 10_000
PREFERENCE_SECONDS = 365 * 86_400
LANGUAGE_COOKIE, CONTRAST_COOKIE = "language", "contrast"

S = TypeVar("S")
Around = Callable[[Request], Mapping[str, object]]


class Screens:
    """The pages of one party: its templates, its scripts, and what every page has around its content."""

    def __init__(
        self, *, templates: Path, static: Path | None = None, camera: bool = False, around: Around | None = None
    ) -> None:
        """Reads the templates and scripts of a party, beside those that all share.

        ``around`` gives what the party's own layout shows on every page.
        """
        self._around = around or (lambda _: {})
        self._environments = environments(templates)
        self._static = static_files(*([] if static is None else [static]))
        self.headers = screen_headers(camera=camera)

    def page(self, request: Request, template: str, *, status: int = 200, **values: object) -> Response:
        """Answers a page in the language of who reads it; ``values`` are what its template shows."""
        environment = self._environments[language_of(request)]
        around = {"path": request.url.path, "contrast": request.cookies.get(CONTRAST_COOKIE) == "high"}
        text = environment.get_template(template).render({**around, **self._around(request), **values})
        return Response(text, status, self.headers, media_type="text/html")

    def problem(self, request: Request, error: ParaventError, **values: object) -> Response:
        """Answers an error as a page: what happened, whether to retry, what to do."""
        told = telling(error, language_of(request))
        return self.page(request, "problem.html", status=error.status, error=told, **values)

    def routes(self) -> list[Route]:
        """Lists what every party serves beside its own pages."""
        return [
            Route("/static/{name}", self._file),
            Route("/preferences", self._preferences),
            Route("/accessibility", self._accessibility),
        ]

    async def _accessibility(self, request: Request) -> Response:
        return self.page(request, "accessibility.html")

    async def _file(self, request: Request) -> Response:
        found = self._static.get(request.path_params["name"])
        if found is None:
            raise UnknownAddress("there is no such script or style")
        return Response(found[0], 200, self.headers, media_type=found[1])

    async def _preferences(self, request: Request) -> Response:
        answer = RedirectResponse(_own_path(request.query_params.get("back", "/")), 303, self.headers)
        language, contrast = (request.query_params.get(name) for name in (LANGUAGE_COOKIE, CONTRAST_COOKIE))
        if language in set(Language):
            answer.set_cookie(LANGUAGE_COOKIE, str(language), PREFERENCE_SECONDS, httponly=True, samesite="lax")
        if contrast in {"high", "normal"}:
            answer.set_cookie(CONTRAST_COOKIE, str(contrast), PREFERENCE_SECONDS, httponly=True, samesite="lax")
        return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """An error in the words of one language; ``kind`` keeps a technical failure from looking like a refusal."""

    kind: str
    code: str
    title: str
    advice: str
    detail: str
    retry: str


def telling(error: ParaventError, language: Language) -> Telling:
    """Tells an error in a language; the detail is the technical sentence, which is in English."""
    # A refusal that a correction lifts, such as a name unlike the card's, says nothing about anybody's right.
    asks = isinstance(error, BadInput) or error.retry is Retry.AFTER_CORRECTION
    kind = "input" if asks else "refusal" if isinstance(error, Refusal) else "technical"
    title, advice = words_of(type(error), language)
    return Telling(kind=kind, code=error.code, title=title, advice=advice, detail=str(error), retry=error.retry.value)


def words_of(kind: type[ParaventError], language: Language) -> tuple[str, str]:
    """Says what happened and what to do about it, in a language."""
    if language is Language.FRENCH:
        return no_break(kind.title_fr), no_break(kind.advice_fr)
    return kind.title_en, kind.advice_en


def language_of(request: Request) -> Language:
    """Reads the language that somebody chose, else the first known one that the browser asks for, else French."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    asked = (part.strip()[:2].lower() for part in request.headers.get("accept-language", "").split(","))
    return next((Language(name) for name in (chosen, *asked) if name in set(Language)), Language.FRENCH)


def read_form(body: bytes) -> Form:
    """Reads the body of a form (application/x-www-form-urlencoded); raises BadInput."""
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
    except ValueError:
        raise BadInput("the form could not be read") from None
    if len({name for name, _ in pairs}) != len(pairs):
        raise BadInput("a form has each field once")
    return Form(values=dict(pairs))


def require_own_page(request: Request, hosts: Collection[str], *, scheme: str | None = None) -> None:
    """Checks that a request is for this service's own name and, when it acts, from its own pages.

    ``scheme`` is the one that browsers use, when a reverse proxy in between speaks another one to this service.

    A page of elsewhere can point its own name at this machine (DNS rebinding) or send it a form: the name that the
    browser used and the page that it came from say so. Raises SessionRequired.
    """
    host = request.headers.get("host", "")
    if host not in hosts:
        raise SessionRequired("this service answers under its own name only")
    if (
        request.method not in {"GET", "HEAD"}
        and request.headers.get("origin") != f"{scheme or request.url.scheme}://{host}"
    ):
        raise SessionRequired("this service takes forms from its own pages only")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session(Generic[S]):
    """Somebody's visit: the token that its forms show, and what the party knows of it."""

    csrf: str
    about: S
    opened_at: float

    def __repr__(self) -> str:
        return "Session(REDACTED)"


class Sessions(Generic[S]):
    """The visits of one party, in memory only: they are gone with the process.

    The cookie is out of reach of scripts and never sent from another site. Cookies ignore ports: its name holds a
    name of the party, so that two parties on one machine do not overwrite each other's.
    """

    def __init__(
        self, cookie: str, *, samesite: Literal["strict", "lax"] = "strict", seconds_max: int = SESSION_SECONDS_MAX,
        secure: bool = False,
    ) -> None:  # fmt: skip
        """Starts with nobody; ``lax`` where a visit begins with an answer of another site, as after a sign-in.

        ``secure`` unless the pages are served on loopback.
        """
        self.cookie = cookie_name(cookie, secure=secure)
        self._secure, self._samesite = secure, samesite
        self._seconds_max = seconds_max
        self._kept: dict[str, Session[S]] = {}

    def open(self, request: Request, answer: Response, about: S) -> Session[S]:
        """Opens a visit under a name that nobody knew before, and ends the one that the browser came with."""
        self._forget()
        self._kept.pop(request.cookies.get(self.cookie, ""), None)
        value, csrf = os.urandom(32).hex(), os.urandom(32).hex()
        self._kept[value] = Session(csrf=csrf, about=about, opened_at=time.monotonic())
        answer.set_cookie(self.cookie, value, httponly=True, samesite=self._samesite, secure=self._secure)
        return self._kept[value]

    def find(self, request: Request) -> Session[S]:
        """Finds the visit of a request; raises SessionRequired."""
        found = self._kept.get(request.cookies.get(self.cookie, ""))
        if found is None or time.monotonic() - found.opened_at > self._seconds_max:
            raise SessionRequired("this page is of no open session")
        return found

    def close(self, request: Request, answer: Response) -> None:
        """Ends the visit of a request."""
        self._kept.pop(request.cookies.get(self.cookie, ""), None)
        answer.delete_cookie(self.cookie, secure=self._secure, httponly=True, samesite=self._samesite)

    def end(self, ended: Callable[[S], bool]) -> None:
        """Ends every visit of whom it is said."""
        self._kept = {value: session for value, session in self._kept.items() if not ended(session.about)}

    def _forget(self) -> None:
        oldest = time.monotonic() - self._seconds_max
        kept = [(value, session) for value, session in self._kept.items() if session.opened_at > oldest]
        self._kept = dict(kept[-SESSIONS_MAX + 1 :])


def cookie_name(name: str, *, secure: bool) -> str:
    """Names a cookie so that no other host, subdomain or plain connection can have set it (draft RFC 6265bis, 4.1.3.2).

    Browsers take the prefix from a Secure cookie alone, and not all take one of those over plain HTTP on loopback:
    there the name stands without it, and whoever could set the cookie runs on that machine.
    """
    return f"__Host-{name}" if secure else name


def _own_path(path: str) -> str:
    """Keeps a path of this service; anything that could name another becomes the home page."""
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
    return path if plain else "/"
