"""The one table of applications with pages: how each is opened, on one platform, by the module that builds it.

``test_every_party.py`` looks in the sources for whatever builds an application: one that stands in neither table fails
it, and one that is said to have no page must have no way to make one.
"""

from __future__ import annotations

import ast
import os
import re
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import httpx2 as httpx
from starlette.applications import Starlette
from starlette.routing import Route

from paravent.access.config import read_directory
from paravent.access.services_client import ServiceWatch
from paravent.breach import config as breach_config
from paravent.breach.alarm_client import AlarmClient
from paravent.breach.alarm_store import AlarmRounds
from paravent.breach.entries import Documented
from paravent.breach.log import origin_key
from paravent.breach.screens.alarms_app import Ask
from paravent.breach.screens.app import build as build_breach
from paravent.breach.screens.committee_app import Counts
from paravent.breach.screens.readings_store import Reader as BreachReader
from paravent.breach.store import Store as BreachStore
from paravent.desk.app import build as build_desk
from paravent.hub import config as hub_config
from paravent.hub.screens.app import build as build_hub
from paravent.hub.screens.readings_store import Reader as HubReader
from paravent.hub.store import Store as HubStore
from paravent.insurer.screens.app import build_space
from paravent.pages.screens.console_app import Console
from paravent.wire.bulletins import BulletinCounts
from tests.screens.consoles import await_listening, started
from tests.screens.insured import AMC, Scene, signers
from tests.system.customers import adults, particulars
from tests.system.desk_pages import PRESCRIPTION, PRICES, link

SOURCE = Path(__file__).parents[2] / "src" / "paravent"
SHARED_PUBLIC = frozenset({"/static/{name}", "/preferences", "/accessibility"})
ENTRANCE = frozenset({*SHARED_PUBLIC, "/open"})
_CSRF = re.compile(r'name="csrf" value="([0-9a-f]{64})"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An application that runs, with a session: its routes, values for their parameters, what anybody may ask for.

    ``elsewhere`` are the beginnings of addresses that are no page: what programs ask for, with a token of their own.
    """

    base: str
    routes: Sequence[Route]
    cookie: tuple[str, str]
    csrf: str = ""
    values: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    public: frozenset[str] = ENTRANCE
    elsewhere: tuple[str, ...] = ()

    def address(self, route: Route, **values: str) -> str:
        """Fills in the parameters of a route; raises KeyError for one without a value."""
        known = {"name": "screen.css", **self.values, **values}
        return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: known[found[1]], route.path)

    def pages(self) -> list[Route]:
        """Lists what answers GET to people."""
        return [one for one in self.routes if "GET" in (one.methods or ()) and not one.path.startswith(self.elsewhere)]

    def acting(self) -> list[Route]:
        """Lists everything that takes a form or a message."""
        return [one for one in self.routes if (one.methods or set()) - {"GET", "HEAD"}]

    def client(self, *, inside: bool = True) -> httpx.Client:
        """Somebody who speaks to it by hand, with its session or without."""
        client = httpx.Client(base_url=self.base, timeout=120, trust_env=False)
        if inside:
            client.cookies.set(*self.cookie)
        return client


def routes_of(app: Starlette) -> list[Route]:
    """Lists the routes of an application; raises TypeError for what is none, so that nothing is passed over."""
    for one in app.routes:
        if not isinstance(one, Route):
            raise TypeError(f"{one} is no route: say in this file how its addresses are found")
    return [one for one in app.routes if isinstance(one, Route)]


def exchange(opens: str) -> tuple[str, str]:
    """Exchanges the address that opens a service once for the cookie of its session."""
    address, _, token = opens.partition("#")
    base = address.removesuffix("/open")
    with httpx.Client(timeout=120, trust_env=False) as client:
        answer = client.post(address, data={"token": token}, headers={"origin": base})
        assert answer.status_code == 303, answer.text
        (found,) = client.cookies.jar
    return found.name, str(found.value)


def csrf_of(base: str, cookie: tuple[str, str], path: str) -> str:
    """Reads the token of a session in a page with a form."""
    with httpx.Client(base_url=base, timeout=120, trust_env=False) as client:
        client.cookies.set(*cookie)
        found = _CSRF.search(client.get(path).text)
        assert found is not None, path
        return found[1]


# --- how each is opened ------------------------------------------------------------------------------


@contextmanager
def _desk(space: Scene) -> Iterator[Opened]:
    platform = space.platform
    base = f"http://127.0.0.1:{platform.ports['desk']}"
    cookie = exchange(link(platform, "desk"))
    csrf = csrf_of(base, cookie, "/number")
    yield Opened(
        base=base, routes=routes_of(build_desk(platform.home / "desk")), cookie=cookie, csrf=csrf,
        values={"check": _quoted(space, base, cookie, csrf)}, elsewhere=("/v1/", "/fhir"),
    )  # fmt: skip


def _quoted(space: Scene, base: str, cookie: tuple[str, str], csrf: str) -> str:
    """Checks a customer, makes a quote and prepares an act by the forms of the pages; returns the name of the check."""
    said = particulars(next(one for one in adults(space.population) if one not in {space.concerned, space.spared}))
    with httpx.Client(base_url=base, timeout=120, trust_env=False) as client:
        client.cookies.set(*cookie)
        client.headers["origin"] = base
        checked = client.post("/number", data={**{name: str(value) for name, value in said.items()}, "csrf": csrf})
        assert checked.status_code == 303, checked.text
        address = checked.headers["location"]
        order = client.post(f"{address}/order", data={**_order(client.get(f"{address}/order").text), "csrf": csrf})
        assert order.status_code == 303, order.text
        prepared = client.post(f"{address}/agreement", data={"what": "preview", "csrf": csrf})
        assert prepared.headers.get("location") == f"{address}/preview", prepared.text
    return str(address.rsplit("/", 1)[-1])


def _order(page: str) -> dict[str, str]:
    """Fills in the form of an order: its lists as they stand, then what an optician types."""
    chosen = dict(re.findall(r'<select id="(\w+)".*?<option value="([^"]+)"', page, re.DOTALL))
    return chosen | PRESCRIPTION | PRICES


@contextmanager
def _space(space: Scene) -> Iterator[Opened]:
    # Not one of the two that the tests of the space sign in as: a new sign-in would end this visit.
    person = next(one for one in signers(space.population) if one not in {space.concerned, space.spared})
    space.insurer("card", person.member_id, "--out", space.platform.home / "seen.png")
    visitor = space.inside(person)
    cookie = visitor.cookie("insured")
    yield Opened(
        base=space.address, routes=routes_of(build_space(space.platform.home / f"insurer-{AMC}")),
        cookie=(cookie.name, cookie.value), csrf=visitor.get("/number-lane").csrf(),
        values={"case": space.case, "shape": "paper"},
        public=frozenset({*SHARED_PUBLIC, "/", "/scams", "/rights", "/sign-in", "/sign-in/return"}),
        elsewhere=("/sign-in",),
    )  # fmt: skip


@contextmanager
def _hub_console(space: Scene) -> Iterator[Opened]:
    home = space.platform.home / "hub"
    settings = hub_config.load(home)
    known = read_directory(home, settings.directory)
    reader = HubReader(
        open_store=lambda: HubStore(home, settings.quotas, bytes), limits=settings.quotas, directory=known
    )
    app, _ = build_hub(reader, ServiceWatch(known), port=1, drill=home / "none")
    with started(("hub", "console"), home) as console:
        await_listening(console)
        yield Opened(base=console.base, routes=routes_of(app), cookie=exchange(console.opens))


def breach_console(space: Scene, port: int, ask: Ask | None = None) -> tuple[Starlette, Console]:
    """Builds the console of the breach desk of a platform in this process; ``ask`` in the place of its verifiers."""
    home = space.platform.home / "breach-desk"
    settings, key = breach_config.load(home), breach_config.read_key(home)
    known = read_directory(home, settings.directory)
    reader = BreachReader(home=home, directory=known, log=origin_key(settings.name, key), drill=home / "none")
    rounds = AlarmRounds(home=home, directory=known, client=AlarmClient(known, key, os.urandom), rng=os.urandom)
    counts = Counts(_nobody)
    return build_breach(reader, ServiceWatch(known), counts, ask or rounds.run, operator=settings.operator, port=port)


@contextmanager
def _breach_console(space: Scene) -> Iterator[Opened]:
    home = space.platform.home / "breach-desk"
    app, _ = breach_console(space, 1)
    with BreachStore(home) as store:
        number = next(
            one.entry.number for one in store.entries(space.case) if isinstance(one.entry.said, Documented)
        )  # fmt: skip
    with started(("breach", "serve"), home) as console:
        await_listening(console)
        cookie = exchange(console.opens)
        yield Opened(
            base=console.base, routes=routes_of(app), cookie=cookie,
            csrf=csrf_of(console.base, cookie, f"/cases/{space.case}/filing"),
            values={"case": space.case, "number": str(number)},
        )  # fmt: skip


async def _nobody() -> BulletinCounts | None:
    return None


Opening = Callable[[Scene], AbstractContextManager[Opened]]
APPLICATIONS: Mapping[str, Opening] = MappingProxyType({
    "desk/app.py": _desk,
    "insurer/screens/app.py": _space,
    "hub/screens/app.py": _hub_console,
    "breach/screens/app.py": _breach_console,
})  # fmt: skip
# Those that answer programs alone, and the shared builder. Nothing of them can make a page.
WITHOUT_PAGES = frozenset({
    "access/app.py", "hub/app.py", "keyserver/app.py", "insurer/app.py", "drill/authority.py",
    "drill/conventional/app.py",
})  # fmt: skip


# --- what the sources say ----------------------------------------------------------------------------


def builders(source: Path) -> set[str]:
    """Lists the modules that build an application, by their path in the package."""
    return {str(path.relative_to(source)) for path in sorted(source.rglob("*.py")) if _builds(path)}


def _builds(path: Path) -> bool:
    calls = (node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))
    named = {one.id if isinstance(one, ast.Name) else getattr(one, "attr", "") for one in calls}
    return bool(named & {"application", "Starlette", "FastAPI", "HTTPServer", "ThreadingHTTPServer"})


def makes_pages(text: str) -> bool:
    """Says whether a module has anything that makes a page."""
    return re.search(r"pages\.screens|text/html|HTMLResponse|TemplateResponse|StaticFiles|<html", text) is not None


def quoted(text: str) -> str:
    """Writes a text as a part of an address."""
    return urllib.parse.quote(text, safe="")
