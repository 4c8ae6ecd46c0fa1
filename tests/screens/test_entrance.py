"""The way into pages on loopback: one token, once, from the service's own page (pages/screens/entrance_app.py)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from paravent.access.app import application
from paravent.errors import ParaventError
from paravent.pages.screens.app import Screens, Sessions
from paravent.pages.screens.entrance_app import WRONG_TOKENS_MAX, Entrance
from tests.browser import axe, fits, served

HOST = "testserver"
HOME = '{% extends "layout.html" %}{% block title %}{{ about }}{% endblock %}'


@asynccontextmanager
async def _nothing(_: Starlette) -> AsyncIterator[None]:
    yield


class Party:
    """A service with one page behind its entrance."""

    def __init__(self, folder: Path, hosts: tuple[str, ...] = (HOST,)) -> None:
        (folder / "home.html").write_text(HOME, encoding="utf-8")
        self.hosts = list(hosts)
        screens, sessions = Screens(templates=folder), Sessions[str]("party-session")
        self.entrance = Entrance(screens, sessions, hosts=self.hosts, about=lambda: "inside")

        async def home(request: Request) -> Response:
            return screens.page(request, "home.html", about=sessions.find(request).about)

        def problem(request: Request, error: ParaventError) -> Response:
            return screens.problem(request, error)

        routes = [Route("/", home), *self.entrance.routes(), *screens.routes()]
        self.app = application("party", routes, lifespan=_nothing, answer_error=problem)


@pytest.fixture
def party(tmp_path: Path) -> Party:
    return Party(tmp_path)


def _exchanged(client: TestClient, token: str, origin: str = f"http://{HOST}") -> int:
    return client.post(
        "/open", data={"token": token}, headers={"origin": origin}, follow_redirects=False
    ).status_code  # fmt: skip


def test_a_token_opens_one_session_and_no_second(party: Party) -> None:
    token = party.entrance.address(f"http://{HOST}").partition("#")[2]
    client, late = TestClient(party.app), TestClient(party.app)
    assert client.get("/").status_code == 403
    assert _exchanged(client, token) == 303
    assert client.get("/").status_code == 200
    assert _exchanged(late, token) == 403
    assert late.get("/").status_code == 403


def test_no_token_opens_nothing_before_one_is_drawn(party: Party) -> None:
    assert _exchanged(TestClient(party.app), "") == 403


def test_a_page_of_elsewhere_cannot_exchange_a_token(party: Party) -> None:
    token = party.entrance.address(f"http://{HOST}").partition("#")[2]
    assert _exchanged(TestClient(party.app), token, "http://elsewhere.invalid") == 403
    assert _exchanged(TestClient(party.app, base_url="http://rebound.invalid"), token, "http://rebound.invalid") == 403
    assert _exchanged(TestClient(party.app), token) == 303


def test_a_token_is_gone_after_too_many_wrong_ones(party: Party) -> None:
    token = party.entrance.address(f"http://{HOST}").partition("#")[2]
    for _ in range(WRONG_TOKENS_MAX):
        assert _exchanged(TestClient(party.app), "0" * 64) == 403
    assert _exchanged(TestClient(party.app), token) == 403


async def test_the_address_opens_the_session_and_keeps_no_token(page: Page, tmp_path: Path) -> None:
    party = Party(tmp_path)
    with served(party.app) as base:
        party.hosts.append(base.removeprefix("http://"))
        await page.goto(f"{base}/open")
        await axe(page)
        await fits(page)
        address = party.entrance.address(base)
        await page.goto(address)
        await expect(page.get_by_role("heading", name="inside")).to_be_visible()
        assert page.url == f"{base}/"
        await page.go_back()
        assert address.partition("#")[2] not in page.url
