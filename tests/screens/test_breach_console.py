"""The console of the breach desk: what is overdue stands first, what is written there is an entry, nobody is named."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from paravent.drill.platform import Platform, free_ports
from tests.browser import served
from tests.screens.breach import DRILL, BreachDesk, breach_desk
from tests.screens.consoles import Running, enter, started

Picture = Callable[[Page, str], Awaitable[Path]]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BreachDesk]:
    with breach_desk(tmp_path_factory.mktemp("breach"), int(time.time())) as made:
        yield made


@pytest.fixture
def console(desk: BreachDesk) -> Iterator[Running]:
    port = free_ports(1)[0]
    app, pages = desk.console(port)
    with served(app, port) as base:
        yield Running(base=base, opens=pages.entrance.address(base))


@pytest.fixture(scope="module")
def home(platform: Platform, desk: BreachDesk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of the platform's own breach desk, with the cases of the other one, and its log cosigned by the hub."""
    made = tmp_path_factory.mktemp("desk") / "breach-desk"
    shutil.copytree(platform.home / "breach-desk", made)
    platform.command(
        "breach", "init", "--home", made, "--name", "breach-desk", "--operator", "Opérateur de démonstration"
    )
    platform.command(
        "breach", "join", "--home", made, "--directory", platform.pin["file"], "--signer", platform.pin["signer"],
        "--key", platform.pin["key"],
    )  # fmt: skip
    for name in ("breach.db", "registers.db"):
        with sqlite3.connect(desk.home / name) as source, sqlite3.connect(made / name) as copy:
            source.backup(copy)
    with sqlite3.connect(made / "breach.db") as copied:
        copied.execute("DELETE FROM checkpoint")
    written, note = made / "checkpoint.json", made / "cosigned.note"
    platform.command("breach", "checkpoint", "--home", made, "--out", written)
    platform.command("hub", "cosign", written, "--home", platform.home / "hub", "--out", note)
    platform.command("breach", "checkpoint", "--home", made, "--cosigned", note)
    return made


async def test_the_verb_serves_it_beside_a_platform_that_works(
    platform: Platform, home: Path, page: Page, picture: Picture
) -> None:
    assert platform.processes
    with started(("breach", "serve"), home, "--drill", DRILL) as console:
        await enter(page, console)
        await expect(page.get_by_text("Fonctionne")).to_have_count(4, timeout=90_000)
        await picture(page, "breach-console")
        await page.get_by_role("link", name="Témoins").click()
        log = page.get_by_role("table", name="Contresignatures : breach-desk")
        await expect(log.get_by_role("row").filter(has_text="hub")).not_to_contain_text("aucune")
        await expect(log.get_by_role("row").filter(has_text="keyserver-1")).to_contain_text("aucune")
        await page.get_by_role("link", name="Indépendance").click()
        await expect(page.get_by_text("Non indépendants")).to_be_visible()


async def test_what_is_overdue_stands_first(console: Running, page: Page) -> None:
    await enter(page, console)
    await expect(page.get_by_text("échéances sont dépassées")).to_be_visible()
    await expect(page.get_by_role("table").first.get_by_role("row").nth(1)).to_contain_text("en retard de")


async def test_a_filing_is_recorded_where_it_is_due(desk: BreachDesk, console: Running, page: Page) -> None:
    await enter(page, console)
    await page.goto(f"{console.base}/cases/{desk.by_hand}")
    await page.get_by_role("link", name="Inscrire ce qui a été fait pour rgpd-33-2").first.click()
    await page.get_by_label("Référence").fill("Courriel du 2 90 01 14 118 025 58")
    await page.get_by_label("Fonction de qui l'a fait").fill("DPO")
    await page.get_by_role("button", name="Inscrire un dépôt").click()
    await expect(page.get_by_role("alert")).to_contain_text("numéro de sécurité sociale")
    await page.get_by_label("Référence").fill("<b>AR-1</b>")
    await page.get_by_role("button", name="Inscrire un dépôt").click()
    await page.wait_for_url(f"{console.base}/cases/{desk.by_hand}")
    await expect(page.get_by_role("table", name="Dépôts inscrits")).to_contain_text("<b>AR-1</b>")


async def test_the_committee_sees_the_figures_of_the_command(
    console: Running, page: Page, picture: Picture
) -> None:  # fmt: skip
    await enter(page, console)
    await page.goto(f"{console.base}/committee")
    await expect(page.locator("figure table")).not_to_have_count(0)
    await picture(page, "committee")
    await page.get_by_role("link", name="Version publique").click()
    await expect(page.get_by_role("rowheader", name="Dossiers d'incident").locator("xpath=..")).to_contain_text("< 10")
