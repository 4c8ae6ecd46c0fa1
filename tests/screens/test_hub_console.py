"""The hub's console on a running platform: every page, what is down and since when, and no page without its token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from paravent.access.devices import BarReason
from paravent.drill.platform import Platform
from paravent.drill.population import Population
from paravent.hub.screens.readings import REASONS
from tests.browser import visit
from tests.screens.consoles import Running, enter, started
from tests.system.customers import adults, particulars

DRILL = Path(__file__).parents[2] / "docs" / "reports" / "drill.jsonl"
NAMES = {"name": "screen.css"}
VERB = ("hub", "console")
Picture = Callable[[Page, str], Awaitable[Path]]


@pytest.fixture
def console(platform: Platform) -> Iterator[Running]:
    with started(VERB, platform.home / "hub", "--drill", DRILL) as running:
        yield running


def test_every_reason_of_a_measure_has_its_words() -> None:
    assert set(REASONS) == set(BarReason)


async def test_the_figures_are_those_of_the_platform(
    platform: Platform, population: Population, console: Running, page: Page, picture: Picture
) -> None:
    assert platform.desk("/v1/checks/number", particulars(adults(population)[7]))[0] == 200
    await enter(page, console)
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
    await enter(page, console)
    await expect(page.get_by_text("Fonctionne")).to_have_count(4, timeout=90_000)
    await page.goto(f"{console.base}/services")
    platform.stop("keyserver-3")
    try:
        # The page is not asked for again: it brings itself up to date.
        await expect(page.get_by_text("1 service ne répond pas")).to_be_visible(timeout=90_000)
        await expect(page.get_by_text("keyserver-3 : constaté depuis le")).to_be_visible()
    finally:
        platform.start("keyserver-3")


async def test_a_database_that_does_not_answer_is_told_and_the_services_are_shown(
    platform: Platform, chromium: Browser, tmp_path: Path
) -> None:
    home = tmp_path / "hub"
    home.mkdir()
    for name in ("config.toml", "directory.json"):
        (home / name).write_bytes((platform.home / "hub" / name).read_bytes())
    (home / "hub.db").write_bytes(b"this is no database" * 100)
    with started(VERB, home) as console:
        async with visit(chromium, "en") as page:
            await enter(page, console)
            await expect(page.get_by_role("alert")).to_contain_text("Technical failure")
            await expect(page.get_by_text("Noticed since")).to_be_visible()
            await expect(page.get_by_text("Works")).to_have_count(4, timeout=90_000)
