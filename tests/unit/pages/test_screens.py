"""The screens' common ground: headers, escaping, languages, forms that keep what was typed, own pages only."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient
from tests.unit.pages.screen_texts import templates

from paravent.errors import (
    BadInput,
    HolderMismatch,
    NotCovered,
    ParaventError,
    SessionRequired,
    TechnicalFailure,
    Unreachable,
)
from paravent.pages.screens.app import Screens, Session, Sessions, read_form, require_own_page, telling
from paravent.pages.screens.catalogue import Language
from paravent.pages.screens.drawing import chart_of
from paravent.pages.screens.forms import Form, require_csrf
from paravent.pages.screens.localised import day, instant, money, month, number, percent
from paravent.pages.screens.store import STATIC, environments

HOST = "testserver"
PAGE = """{% extends "base.html" %}{% import "parts.html" as parts with context %}
{% block title %}{{ title }}{% endblock %}
{% block content %}{{ parts.summary(form, {"name": "N"}) }}{{ parts.field(form, "name", "N", hint="H") }}
{{ parts.told(told) }}{{ parts.figure(chart) }}{% endblock %}"""
CHART = chart_of("c", [("a", [0]), ("<b>", [40])], ["V"], title="T", description="D & E", axis="N", unit="V")


def client(folder: Path, **values: object) -> TestClient:
    """A party with one page."""
    (folder / "page.html").write_text(PAGE)
    (folder / "wrong.html").write_text("{{ nothing_of_this_name }}")
    screens = Screens(templates=folder)
    shown: dict[str, Any] = {
        "title": "T",
        "form": Form(),
        "told": telling(BadInput("x"), Language.FRENCH),
        "chart": CHART,
    } | values

    def page(name: str) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            return screens.page(request, name, **shown)

        return answer

    routes = [Route("/page", page("page.html")), Route("/wrong", page("wrong.html")), *screens.routes()]
    return TestClient(Starlette(routes=routes))


def test_a_page_takes_nothing_from_elsewhere_and_is_not_kept(tmp_path: Path) -> None:
    for path in ("/page", "/accessibility", "/static/screen.css", "/preferences"):
        headers = client(tmp_path).get(path, follow_redirects=False).headers
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert policy.pop("default-src") == policy.pop("frame-ancestors") == policy.pop("base-uri") == "'none'"
        assert set(policy.values()) == {"'self'"}
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "same-origin"
        assert "camera=()" in headers["permissions-policy"]


INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:|(?:src|href)=\"(?:https?:)?//")


def test_no_template_script_or_style_is_inline_or_reaches_elsewhere() -> None:
    assert [path.name for path in templates() if INLINE.search(path.read_text("utf-8"))] == []
    files = [path for path in STATIC.iterdir() if path.suffix != ".svg"]
    assert files
    assert [path.name for path in files if re.search(r"https?://|@import|url\(", path.read_text("utf-8"))] == []


@pytest.mark.parametrize(
    "seeded",
    ["<script>x()</script>", '<p style="x">', '<a onclick="x()">', '<img src="//e.example/x">',
     '<a href="javascript:x()">', "<style>"],
)  # fmt: skip
def test_what_is_inline_is_seen(seeded: str) -> None:
    assert INLINE.search(seeded)


def test_everything_shown_is_escaped_and_nothing_unknown_is_silent(tmp_path: Path) -> None:
    hostile = '"><script>x</script>'
    shown = client(tmp_path, title=hostile, form=Form(values={"name": hostile}, errors={"name": hostile})).get("/page")
    assert "<script" not in shown.text
    assert shown.text.count("&lt;script&gt;") >= 4
    with pytest.raises(UndefinedError):
        client(tmp_path).get("/wrong")


def test_a_field_keeps_what_was_typed_and_says_what_is_wrong(tmp_path: Path) -> None:
    text = client(tmp_path, form=Form(values={"name": "typed"}, errors={"name": "Refus"})).get("/page").text
    assert 'value="typed"' in text
    assert 'aria-invalid="true"' in text
    described = re.search(r'aria-describedby="([^"]*)"', text)
    assert described
    assert all(f'id="{name}"' in text for name in described[1].split())
    assert "1 champ à corriger" in text
    sound = client(tmp_path, form=Form(values={"name": "typed"})).get("/page").text
    assert "aria-invalid" not in sound
    assert "champ à corriger" not in sound


def test_somebody_chooses_a_language_and_a_contrast(tmp_path: Path) -> None:
    browser = client(tmp_path)
    french = browser.get("/page").text
    assert '<html lang="fr">' in french
    assert "Aller au contenu" in french
    assert browser.get("/preferences?language=en&contrast=high&back=/page", follow_redirects=False).headers[
        "location"] == "/page"  # fmt: skip
    english = browser.get("/page").text
    assert '<html lang="en" class="high-contrast">' in english
    assert "Go to content" in english
    browser.get("/preferences?language=de&contrast=low&back=/page")
    assert browser.get("/page").text == english


@pytest.mark.parametrize(
    ("asked", "shown"),
    [("", "fr"), ("en-GB", "en"), ("de, EN;q=0.8, fr;q=0.7", "en"), ("fr-CA,en", "fr"), ("de", "fr"), ("*", "fr")],
)
def test_a_browser_asks_for_a_language_and_a_choice_wins(tmp_path: Path, asked: str, shown: str) -> None:
    browser = client(tmp_path)
    assert f'<html lang="{shown}">' in browser.get("/page", headers={"accept-language": asked}).text
    browser.get("/preferences?language=fr&back=/page")
    assert '<html lang="fr">' in browser.get("/page", headers={"accept-language": asked}).text


@pytest.mark.parametrize(
    "elsewhere", ["//e.example", "https://e.example", "/\\e.example", "\\e", "/x%0d%0ay:z", "", "x"]
)
def test_the_choice_leads_nowhere_else(tmp_path: Path, elsewhere: str) -> None:
    answer = client(tmp_path).get(f"/preferences?back={elsewhere}", follow_redirects=False)
    assert answer.headers["location"] == "/"


def request(method: str, **headers: str) -> Request:
    return Request({
        "type": "http", "method": method, "scheme": "http", "path": "/", "query_string": b"", "server": (HOST, 80),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    })  # fmt: skip


@pytest.mark.parametrize(
    ("method", "headers", "passes"),
    [
        ("GET", {"host": HOST}, True),
        ("POST", {"host": HOST, "origin": f"http://{HOST}"}, True),
        ("GET", {"host": "evil.example"}, False),  # a name that was pointed at this machine
        ("GET", {}, False),
        ("POST", {"host": HOST}, False),
        ("POST", {"host": HOST, "origin": "null"}, False),
        ("POST", {"host": HOST, "origin": "http://evil.example"}, False),
        ("POST", {"host": HOST, "origin": f"http://{HOST}:9"}, False),  # another service of this machine
        ("POST", {"host": HOST, "origin": f"https://{HOST}"}, False),
        ("POST", {"host": "evil.example", "origin": "http://evil.example"}, False),
    ],
)
def test_own_pages_only(method: str, headers: dict[str, str], passes: bool) -> None:
    if passes:
        require_own_page(request(method, **headers), {HOST})
        return
    with pytest.raises(SessionRequired):
        require_own_page(request(method, **headers), {HOST})


def opened(sessions: Sessions[Any], cookie: str = "") -> tuple[str, Session[Any]]:
    answer = Response()
    session = sessions.open(request("GET", cookie=cookie), answer, None)
    return answer.headers["set-cookie"], session


def test_a_session_is_found_by_its_cookie_and_ends() -> None:
    sessions: Sessions[None] = Sessions("desk-1")
    cookie, session = opened(sessions)
    assert {"HttpOnly", "SameSite=strict"} <= set(cookie.split("; "))
    value = cookie.split(";")[0]
    assert sessions.find(request("GET", cookie=value)) is session
    assert "REDACTED" in repr(session)
    for other in ("", "desk-1=", "desk-1=0", value.replace("desk-1", "desk-2")):
        with pytest.raises(SessionRequired):
            sessions.find(request("GET", cookie=other))
    sessions.close(request("GET", cookie=value), Response())
    with pytest.raises(SessionRequired):
        sessions.find(request("GET", cookie=value))


def test_a_session_is_never_opened_under_a_name_that_somebody_else_gave() -> None:
    sessions: Sessions[None] = Sessions("desk-1")
    planted = "desk-1=" + "0" * 64
    cookie, _ = opened(sessions, planted)
    assert planted not in cookie
    with pytest.raises(SessionRequired):
        sessions.find(request("GET", cookie=planted))
    # The session that the browser came with ends with the new one.
    former = cookie.split(";")[0]
    opened(sessions, former)
    with pytest.raises(SessionRequired):
        sessions.find(request("GET", cookie=former))


def test_sessions_of_somebody_end_together_and_no_other() -> None:
    sessions: Sessions[str] = Sessions("space")
    kept = {}
    for who in ("first", "second"):
        answer = Response()
        sessions.open(request("GET"), answer, who)
        kept[who] = answer.headers["set-cookie"].split(";")[0]
    sessions.end(lambda about: about == "first")
    assert sessions.find(request("GET", cookie=kept["second"])).about == "second"
    with pytest.raises(SessionRequired):
        sessions.find(request("GET", cookie=kept["first"]))


@pytest.mark.parametrize("secure", [True, False])
def test_under_tls_no_other_host_can_set_the_cookie_of_a_session(secure: bool) -> None:
    cookie, _ = opened(Sessions[None]("space", secure=secure))
    attributes = set(cookie.split("; "))
    assert cookie.startswith("__Host-space=") is secure
    assert ("Secure" in attributes) is secure
    # What browsers ask of the prefix.
    assert "Path=/" in attributes
    assert not any(one.startswith("Domain") for one in attributes)


def test_a_form_shows_the_token_of_its_own_session() -> None:
    sessions: Sessions[None] = Sessions("desk-1")
    (_, mine), (_, other) = opened(sessions), opened(sessions)
    require_csrf(Form(values={"csrf": mine.csrf}), mine.csrf)
    for wrong in (Form(), Form(values={"csrf": ""}), Form(values={"csrf": other.csrf})):
        with pytest.raises(SessionRequired):
            require_csrf(wrong, mine.csrf)
    with pytest.raises(SessionRequired):
        require_csrf(Form(values={"csrf": ""}), "")


def test_a_form_is_read_strictly() -> None:
    form = read_form(b"name=%C3%89lo%C3%AFse+Martin&empty=&x=%26")
    assert (form["name"], form["empty"], form["x"], form["absent"]) == ("Éloïse Martin", "", "&", "")
    assert "lo" not in repr(form)
    for wrong in (b"a=1&a=2", b"a=%ff", b"\xff=1", b"&".join(b"f%d=" % n for n in range(300))):
        with pytest.raises(BadInput):
            read_form(wrong)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BadInput("d"), "input"),
        (HolderMismatch("d"), "input"),
        (NotCovered("d"), "refusal"),
        (TechnicalFailure("d"), "technical"),
    ],
)
def test_a_technical_failure_never_looks_like_a_refusal(tmp_path: Path, error: ParaventError, kind: str) -> None:
    told = telling(error, Language.ENGLISH)
    assert (told.kind, told.title, told.advice) == (kind, error.title_en, error.advice_en)
    text = client(tmp_path, told=told).get("/page").text
    words = {"input": "À corriger", "refusal": "Refus", "technical": "Panne technique"}
    assert [key for key, word in words.items() if f"</span> {word}" in text] == [kind]


def test_figures_are_written_as_each_language_does() -> None:
    french, english = Language.FRENCH, Language.ENGLISH
    assert (money(123_450, french), money(123_450, english)) == ("1\u202f234,50\u00a0€", "€1,234.50")
    assert (number(33_000_000, french), number(1.5, english)) == ("33\u202f000\u202f000", "1.5")
    assert (percent(0.25, french), percent(0.25, english)) == ("25\u00a0%", "25%")
    # 22:30 in Greenwich is already the next day in Paris.
    evening = 1_782_858_600
    assert (day(evening, french), day(evening, english)) == ("1er juillet 2026", "1 July 2026")
    assert "00:30" in instant(evening, french)
    assert (month(202_611, french), month(202_611, english)) == ("novembre 2026", "November 2026")


def test_a_chart_has_its_table_and_escapes_its_words(tmp_path: Path) -> None:
    text = client(tmp_path).get("/page").text
    assert 'aria-labelledby="c-title c-desc"' in text
    assert re.search(r'<th scope="row">&lt;b&gt;</th><td class="amount">40</td>', text)
    assert "<b>" not in text
    assert text.count("D &amp; E") == 2


def test_the_code_of_a_fault_is_shown_with_its_words() -> None:
    french, english = (environments()[language].filters["titled"] for language in Language)
    assert french("unreachable") == "Panne technique\u00a0: service injoignable"
    assert english("unreachable") == Unreachable.title_en
    assert english("of-a-newer-release") == ParaventError.title_en
