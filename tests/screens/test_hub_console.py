"""The hub's console on a running platform: every page, what is down and since when, and no page without its token."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright._impl._api_structures import Cookie, SetCookieParam
from playwright.async_api import Browser, Page, expect

from paravent.access.config import read_directory
from paravent.access.services_client import ServiceWatch
from paravent.drill.platform import Platform, free_ports
from paravent.drill.population import Population
from paravent.hub import config
from paravent.hub.screens.app import build
from paravent.hub.screens.readings_store import Reader
from paravent.hub.store import Store
from tests.browser import PageFault, judge_every_page, visit
from tests.system.customers import adults, particulars

DRILL = Path(__file__).parents[2] / "docs" / "reports" / "drill.jsonl"
NAMES = {"name": "screen.css"}
Picture = Callable[[Page, str], Awaitable[Path]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A console that serves: its address, and the address that opens it once."""

    base: str
    opens: str


@contextmanager
def _started(home: Path, *options: str | Path) -> Iterator[Running]:
    """Runs the verb as an operator does, and reads the address that it prints."""
    port = free_ports(1)[0]
    command = [sys.executable, "-m", "paravent", "hub", "console", "--home", home, "--port", str(port), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        yield Running(base=f"http://127.0.0.1:{port}", opens=process.stdout.readline().strip())
    finally:
        process.terminate()
        process.communicate()


@pytest.fixture
def console(platform: Platform) -> Iterator[Running]:
    with _started(platform.home / "hub", "--drill", DRILL) as running:
        yield running


async def _enter(page: Page, console: Running) -> None:
    for _ in range(100):
        try:
            with socket.create_connection(("127.0.0.1", int(console.base.rsplit(":", 1)[1]))):
                break
        except ConnectionRefusedError:
            await page.wait_for_timeout(100)
    await page.goto(console.opens)
    await page.wait_for_url(f"{console.base}/")


async def test_the_figures_are_those_of_the_platform(
    platform: Platform, population: Population, console: Running, page: Page, picture: Picture
) -> None:
    assert platform.desk("/v1/checks/number", particulars(adults(population)[7]))[0] == 200
    await _enter(page, console)
    await expect(page.get_by_text("Fonctionne")).to_have_count(4, timeout=90_000)
    await picture(page, "console")
    await page.get_by_role("link", name="Indépendance").click()
    # The demonstration runs every key server itself, and the console does not hide it.
    await expect(page.get_by_text("Non indépendants")).to_be_visible()
    await expect(page.get_by_text("non indépendant", exact=False).nth(3)).to_be_visible()
    await page.get_by_role("link", name="Témoins").click()
    await expect(page.get_by_role("heading", name="keyserver-1")).to_be_visible()
    await expect(page.get_by_text("aucune", exact=True)).to_have_count(0, timeout=90_000)
    await page.get_by_role("link", name="Exercice").click()
    await expect(page.get_by_text("Aucun vol n'a ouvert plus que la borne publiée")).to_be_visible()
    await picture(page, "drill-chart")
    await page.get_by_role("link", name="Charge").click()
    await expect(page.get_by_role("rowheader", name="row", exact=True)).to_be_visible(timeout=90_000)


async def test_a_service_that_stops_is_named_with_its_time(
    platform: Platform, console: Running, page: Page
) -> None:  # fmt: skip
    await _enter(page, console)
    await expect(page.get_by_text("Fonctionne")).to_have_count(4, timeout=90_000)
    await page.goto(f"{console.base}/services")
    platform.stop("keyserver-3")
    try:
        # The page is not asked for again: it brings itself up to date.
        await expect(page.get_by_text("1 service ne répond pas")).to_be_visible(timeout=90_000)
        await expect(page.get_by_text("keyserver-3 : constaté depuis le")).to_be_visible()
    finally:
        platform.start("keyserver-3")


async def test_every_page_in_both_languages(
    platform: Platform, console: Running, chromium: Browser, tmp_path: Path
) -> None:
    home = platform.home / "hub"
    settings, port = config.load(home), free_ports(1)[0]
    known = read_directory(home, settings.directory)
    reader = Reader(open_store=lambda: Store(home, settings.quotas, bytes), limits=settings.quotas, directory=known)
    app, _ = build(reader, ServiceWatch(known), port=port, drill=tmp_path / "none")
    cookies: list[Cookie] = []

    async def enter(page: Page) -> None:
        if cookies:
            await page.context.add_cookies(
                [SetCookieParam(name=one["name"], value=one["value"], url=console.base) for one in cookies]
            )
        else:
            await _enter(page, console)
            cookies.extend(await page.context.cookies())

    judged = await judge_every_page(chromium, console.base, app.routes, enter=enter, values=NAMES)
    assert {"/", "/services", "/load", "/quotas", "/refusals", "/incidents", "/witnesses", "/drill"} <= judged
    with pytest.raises(PageFault, match="status 403"):
        await judge_every_page(chromium, console.base, app.routes, values=NAMES, languages=["fr"], widths=[1280])


async def test_a_database_that_does_not_answer_is_told_and_the_services_are_shown(
    platform: Platform, chromium: Browser, tmp_path: Path
) -> None:
    home = tmp_path / "hub"
    home.mkdir()
    for name in ("config.toml", "directory.json"):
        (home / name).write_bytes((platform.home / "hub" / name).read_bytes())
    (home / "hub.db").write_bytes(b"this is no database" * 100)
    with _started(home) as console:
        async with visit(chromium, "en") as page:
            await _enter(page, console)
            await expect(page.get_by_role("alert")).to_contain_text("Technical failure")
            await expect(page.get_by_text("Noticed since")).to_be_visible()
            await expect(page.get_by_text("Works")).to_have_count(4, timeout=90_000)
