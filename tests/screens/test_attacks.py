"""Attacks on the pages of every party, on running processes: routes are enumerated, so that a new one is attacked too.

What is refused is refused with a session that is valid: nothing but the attacked check stands in the way.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator

import httpx2 as httpx
import pytest
from starlette.routing import Route

from paravent.breach.alarm_store import Round
from paravent.desk.card_picture import PICTURE_BYTES_MAX
from paravent.drill.platform import free_ports
from paravent.errors import BodyTooLarge, LocalTokenRequired, SessionRequired, UnknownAddress
from paravent.pages.screens.app import Session
from tests.browser import served
from tests.screens.applications import APPLICATIONS, Opened, breach_console, csrf_of, exchange, quoted, routes_of
from tests.screens.insured import Scene

ELSEWHERE = "http://elsewhere.invalid"
REFUSED = SessionRequired.status
# What programs send to a desk is refused for want of its token, which no page and no cookie has.
UNAUTHORISED = {REFUSED, LocalTokenRequired.status}
WAYS_IN = {"/", "/open"}
SCRIPT = "\"'><script>window.attacked=1</script><img src=x onerror=window.attacked=1>"
UP = ["../breach.db", "../../config.toml", "..%2f..%2fconfig.toml", "/etc/passwd", "....//....//etc/passwd", "%00"]


@pytest.fixture(params=list(APPLICATIONS))
def opened(request: pytest.FixtureRequest, applications: dict[str, Opened]) -> Opened:
    return applications[request.param]


def sent(
    client: httpx.Client, opened: Opened, route: Route, *, origin: str | None, csrf: str, host: str | None = None
) -> httpx.Response:  # fmt: skip
    """Sends a form to a route, as a page of somewhere would."""
    headers = {name: value for name, value in (("origin", origin), ("host", host)) if value is not None}
    # A script of the desk's page sends a picture alone, with the token in a field of the head.
    headers["x-csrf"] = csrf
    (method,) = set(route.methods or ()) - {"GET", "HEAD"}
    return client.request(method, opened.address(route), data={"csrf": csrf, "token": "0" * 64}, headers=headers)


def acting(opened: Opened) -> Iterator[Route]:
    """Every route that acts; there is at least the way in or out of each application."""
    found = opened.acting()
    assert found
    yield from found


def test_a_form_of_another_origin_does_nothing(opened: Opened) -> None:
    with opened.client() as client:
        for route, origin in itertools.product(acting(opened), (ELSEWHERE, "null", None, f"{opened.base}.invalid")):
            answer = sent(client, opened, route, origin=origin, csrf=opened.csrf)
            assert answer.status_code in UNAUTHORISED, (route.path, origin)


def test_no_route_acts_without_the_token_of_its_session(opened: Opened) -> None:
    """A page of the same origin that was made to send a form does not know the token."""
    with opened.client() as client:
        for route, csrf in itertools.product(acting(opened), ("", "0" * 64, opened.csrf[::-1])):
            answer = sent(client, opened, route, origin=opened.base, csrf=csrf)
            assert answer.status_code in UNAUTHORISED, (route.path, csrf)


def test_a_name_that_was_rebound_to_this_machine_opens_nothing(opened: Opened) -> None:
    with opened.client() as client:
        for route in opened.pages():
            if route.path in opened.public:
                continue
            answer = client.get(opened.address(route), headers={"host": "rebound.invalid"})
            assert turned_away(answer), route.path
        for route in acting(opened):
            answer = sent(
                client, opened, route, origin="http://rebound.invalid", csrf=opened.csrf, host="rebound.invalid"
            )
            assert answer.status_code in UNAUTHORISED, route.path


def turned_away(answer: httpx.Response) -> bool:
    """Says whether somebody was refused, or sent to the way in."""
    return answer.status_code in UNAUTHORISED or (answer.status_code == 303 and answer.headers["location"] in WAYS_IN)


def test_no_page_is_shown_to_whoever_has_no_session(opened: Opened) -> None:
    with opened.client(inside=False) as client:
        shown = {
            route.path for route in opened.pages()
            if not turned_away(client.get(opened.address(route))) and route.path != "/open"
        }  # fmt: skip
        assert shown <= opened.public, shown - opened.public
        for route in acting(opened):
            assert sent(client, opened, route, origin=opened.base, csrf=opened.csrf).status_code in UNAUTHORISED


def test_the_session_of_one_party_opens_no_other(applications: dict[str, Opened]) -> None:
    for mine, other in itertools.permutations(applications.values(), 2):
        with mine.client(inside=False) as client:
            guarded = next(one for one in mine.pages() if one.path not in mine.public)
            # The cookie as the browser brings it, since cookies ignore ports; and its value under the name of this one.
            for name in (other.cookie[0], mine.cookie[0]):
                client.cookies.clear()
                client.cookies.set(name, other.cookie[1])
                assert turned_away(client.get(mine.address(guarded))), (mine.base, other.base, name)
        with mine.client() as client:
            client.cookies.set(*other.cookie)
            assert client.get(mine.address(guarded)).status_code == 200


def test_a_session_is_not_opened_under_a_name_that_was_planted(applications: dict[str, Opened]) -> None:
    planted = "0" * 64
    for opened in applications.values():
        assert opened.cookie[1] != planted
        with opened.client(inside=False) as client:
            client.cookies.set(opened.cookie[0], planted)
            guarded = next(one for one in opened.pages() if one.path not in opened.public)
            assert turned_away(client.get(opened.address(guarded)))
            if any(route.path == "/open" for route in opened.acting()):
                # A token is spent once; a wrong one opens nothing either.
                answer = client.post("/open", data={"token": planted}, headers={"origin": opened.base})
                assert answer.status_code == REFUSED
                assert "set-cookie" not in answer.headers


def test_a_form_that_is_too_large_is_read_no_further(opened: Opened) -> None:
    body = b"csrf=" + opened.csrf.encode() + b"&text=" + b"a" * (PICTURE_BYTES_MAX + 1_000)
    headers = {"origin": opened.base, "x-csrf": opened.csrf, "content-type": "application/x-www-form-urlencoded"}
    with opened.client() as client:
        for route in acting(opened):
            answer = client.post(opened.address(route), content=body, headers=headers)
            # The way in reads the beginning alone, where there is no token.
            expected = UNAUTHORISED if route.path == "/open" or route.path.startswith(("/v1/", "/fhir")) else set()
            assert answer.status_code in expected | {BodyTooLarge.status}, route.path


def test_no_parameter_of_an_address_reaches_a_file(opened: Opened) -> None:
    with opened.client() as client:
        for route in [one for one in opened.pages() if "{" in one.path]:
            for name, value in itertools.product(re.findall(r"\{(\w+)", route.path), UP):
                answer = client.get(opened.address(route, **{name: quoted(value) if "%" not in value else value}))
                assert answer.status_code in {UnknownAddress.status, 400, 303, REFUSED}, (route.path, value)


def test_nothing_of_an_address_is_written_back_as_it_came(opened: Opened) -> None:
    with opened.client() as client:
        paths = [f"/{quoted(SCRIPT)}", *(opened.address(one) for one in opened.pages() if not one.path.endswith("."))]
        for path in paths:
            answer = client.get(path, params={"duty": SCRIPT, "back": SCRIPT, "language": SCRIPT})
            if answer.headers.get("content-type", "").startswith("text/html"):
                assert "<script>window" not in answer.text, path
                assert "<img src=x" not in answer.text, path


@pytest.mark.parametrize(
    "back", [ELSEWHERE, "//elsewhere.invalid", "/\\elsewhere.invalid", "/a\r\nset-cookie: planted=1", "javascript:1"]
)
def test_a_preference_sends_nobody_elsewhere(opened: Opened, back: str) -> None:
    with opened.client(inside=False) as client:
        answer = client.get("/preferences", params={"language": "en", "back": back})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert "planted" not in answer.headers["set-cookie"]


def test_no_verifier_is_asked_for_its_alarms_by_a_form_of_elsewhere(space: Scene) -> None:
    asked: list[int] = []

    async def ask(now: int) -> Round:
        asked.append(now)
        return Round(alarms=(), cases={}, failed={})

    port = free_ports(1)[0]
    app, console = breach_console(space, port, ask)
    (button,) = [one for one in routes_of(app) if one.path == "/alarms" and "POST" in (one.methods or ())]
    with served(app, port) as base:
        opened = Opened(base=base, routes=[button], cookie=exchange(console.entrance.address(base)))
        csrf = csrf_of(base, opened.cookie, "/alarms")
        wrong = itertools.chain(
            ((True, origin, csrf, None) for origin in (ELSEWHERE, "null", None)),
            ((True, base, token, None) for token in ("", "0" * 64, csrf[::-1])),
            [(True, "http://rebound.invalid", csrf, "rebound.invalid"), (False, base, csrf, None)],
        )
        for inside, origin, token, host in wrong:
            with opened.client(inside=inside) as client:
                answer = sent(client, opened, button, origin=origin, csrf=token, host=host)
                assert (answer.status_code, asked) == (REFUSED, []), (inside, origin, token, host)
        with opened.client() as client:
            # Its own page asks by the button, and never by being looked at.
            assert (client.get("/alarms").status_code, asked) == (200, [])
            answer = sent(client, opened, button, origin=base, csrf=csrf)
            assert (answer.status_code, answer.headers["location"], len(asked)) == (303, "/alarms", 1)


# --- each attack turns red when what it attacks is not there -----------------------------------------------

Attack = Callable[[Opened], None]
SEEDED: dict[str, tuple[str, Attack]] = {
    "origin": ("entrance_app.require_own_page", test_a_form_of_another_origin_does_nothing),
    "host": ("entrance_app.require_own_page", test_a_name_that_was_rebound_to_this_machine_opens_nothing),
    "token": ("console_app.require_csrf", test_no_route_acts_without_the_token_of_its_session),
    "session": ("app.Sessions.find", test_no_page_is_shown_to_whoever_has_no_session),
    "way back": ("app._own_path", lambda opened: test_a_preference_sends_nobody_elsewhere(opened, ELSEWHERE)),
}


@pytest.mark.parametrize("name", SEEDED)
def test_a_check_that_is_gone_turns_its_attack_red(space: Scene, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    place, attack = SEEDED[name]
    port = free_ports(1)[0]
    app, console = breach_console(space, port)
    with served(app, port) as base:
        cookie = exchange(console.entrance.address(base))
        opened = Opened(
            base=base, routes=routes_of(app), cookie=cookie, csrf=csrf_of(base, cookie, f"/cases/{space.case}/filing"),
            values={"case": space.case, "number": "0"},
        )  # fmt: skip
        attack(opened)
        session = Session(csrf=opened.csrf, about="nobody", opened_at=0.0)
        gone = {"app.Sessions.find": lambda *_: session, "app._own_path": lambda path: path}
        monkeypatch.setattr(f"paravent.pages.screens.{place}", gone.get(place, lambda *_, **__: None))
        with pytest.raises(AssertionError):
            attack(opened)
