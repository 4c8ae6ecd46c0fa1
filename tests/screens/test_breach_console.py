"""The console of the breach desk: what is overdue stands first, what is written there is an entry, nobody is named."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from msgspec import structs
from playwright.async_api import Browser, Page, expect
from starlette.routing import Route

from paravent.breach.alarms import take_alarm
from paravent.breach.entries import (
    Category,
    Closed,
    Decided,
    Documented,
    Filed,
    Noted,
    Opened,
    Origin,
    Requested,
    Stage,
    Switched,
)
from paravent.breach.opening import open_case
from paravent.breach.registers.measures import Answer, Kind
from paravent.breach.registers.store import Store as Registers
from paravent.breach.store import Store
from paravent.drill.platform import Platform, free_ports
from paravent.pages.chart import bars
from paravent.pages.screens.catalogue import Language
from paravent.pages.screens.drawing import drawn
from paravent.wire.alarm import AlarmSubject, Sign
from tests.browser import COMFORT, addresses, judge_every_page, served
from tests.screens.applications import exchange
from tests.screens.breach import DRILL, BreachDesk, alarm, breach_desk
from tests.screens.consoles import Running, enter, started

SCRIPT = "\"'><script>window.attacked=1</script><img src=x onerror=window.attacked=1>"
DUTY = "rgpd-33-2:99000001"
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
        await page.get_by_role("link", name="Alarmes").click()
        await page.get_by_role("button", name="Relever les alarmes").click()
        await expect(page.get_by_text("Toutes les sources d'alarmes ont répondu")).to_be_visible()
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


def test_what_has_passed_is_never_what_is_next(desk: BreachDesk) -> None:
    now = int(time.time())
    cases = desk.reader().cases(now)
    nexts = [one for one in (case.next_at(now) for case in cases) if one is not None]
    assert nexts
    assert min(nexts) >= now
    # The control: the desk's own targets passed in one of them, which is neither overdue nor next.
    assert any(clock.missed(now) for case in cases for clock in case.clocks)


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


async def test_a_false_alarm_is_closed_and_a_breach_is_not(desk: BreachDesk, console: Running, page: Page) -> None:
    await enter(page, console)
    for case in (desk.by_hand, desk.worked):
        await page.goto(f"{console.base}/cases/{case}")
        await expect(page.get_by_role("link", name="Clore une fausse alerte")).to_have_count(0)
        await page.goto(f"{console.base}/cases/{case}/closing")
        await expect(page.get_by_text("Ce dossier ne peut pas être clos")).to_be_visible()
    await page.goto(f"{console.base}/alarms")
    await page.get_by_role("link", name=desk.alarmed).click()
    await page.get_by_role("link", name="Clore une fausse alerte").click()
    await page.get_by_label("Motif").fill("L'opticien faisait un inventaire.")
    await page.get_by_label("Fonction de qui décide").fill("DPO")
    await page.get_by_role("button", name="Clore le dossier").click()
    await expect(page.get_by_role("alert")).to_contain_text("Confirmez")
    await page.get_by_label("L'alarme a été vérifiée et n'a rien établi.").check()
    await page.get_by_role("button", name="Clore le dossier").click()
    await expect(page.get_by_text("plus aucune échéance ne court")).to_be_visible()
    await expect(page.get_by_text("L'opticien faisait un inventaire.")).to_be_visible()
    await expect(page.get_by_role("table", name="Échéances de ce dossier")).not_to_contain_text("(dans")
    await page.goto(f"{console.base}/cases")
    await expect(page.get_by_role("row").filter(has_text=desk.alarmed)).to_contain_text("clos : fausse alerte")


async def test_the_button_takes_what_verifiers_tell_once(desk: BreachDesk, console: Running, page: Page) -> None:
    now = int(time.time())
    told = [alarm(desk.hub, n, now - 60, subject="9042", kind=AlarmSubject.SHOP) for n in (1, 2)]
    desk.verifiers.told, desk.verifiers.down = [signed for signed, _ in told], {"keyserver-2"}
    await enter(page, console)
    await page.get_by_role("link", name="Alarmes").click()
    button = page.get_by_role("button", name="Relever les alarmes")
    await button.click()
    status = page.locator("#live").get_by_role("status")
    await expect(status).to_contain_text("1 source d'alarmes n'a pas tout dit")
    await expect(status).to_contain_text("2 nouvelles alarmes, 1 dossier ouvert.")
    await expect(status.get_by_role("listitem")).to_contain_text("keyserver-2")
    await expect(page.get_by_role("row").filter(has_text="9042")).to_have_count(2)
    desk.verifiers.down.clear()
    for _ in range(2):
        await button.click()
        await expect(status).to_contain_text("Toutes les sources d'alarmes ont répondu")
        await expect(status).to_contain_text("aucune nouvelle alarme, aucun dossier ouvert.")
    await expect(page.get_by_role("row").filter(has_text="9042")).to_have_count(2)


async def test_a_correction_of_the_opening_tells_what_was_due_before(
    desk: BreachDesk, console: Running, page: Page
) -> None:
    with Store(desk.home) as store:
        first = store.entries(desk.by_hand)[0].entry
        assert isinstance(first.said, Opened)
        later = structs.replace(first.said, aware_at=first.said.aware_at + 86_400)
        store.add(desk.by_hand, later, role="dpo", now=int(time.time()), supersedes=0)
    await enter(page, console)
    await page.goto(f"{console.base}/cases/{desk.by_hand}")
    cnil = page.get_by_role("row").filter(has_text="rgpd-33-1:99000002")
    await expect(cnil.first).to_contain_text("avant que l'ouverture du dossier soit corrigée")
    await expect(page.get_by_role("table", name="Inscriptions remplacées par une autre")).to_contain_text("opened")


async def test_the_committee_sees_the_figures_of_the_command(
    console: Running, page: Page, picture: Picture
) -> None:  # fmt: skip
    await enter(page, console)
    await page.goto(f"{console.base}/committee")
    await expect(page.locator("figure table")).not_to_have_count(0)
    await picture(page, "committee")
    await page.get_by_role("link", name="Version publique").click()
    await expect(page.get_by_role("rowheader", name="Dossiers d'incident").locator("xpath=..")).to_contain_text("< 10")
    for name in ("committee", "committee/published"):
        answer = await page.request.get(f"{console.base}/{name}.pdf")
        assert (answer.headers["content-type"], (await answer.body())[:5]) == ("application/pdf", b"%PDF-")


async def test_a_desk_with_something_of_everything_is_comfortable(
    desk: BreachDesk, console: Running, chromium: Browser
) -> None:  # fmt: skip
    """Fuller pages than those of the platform's own desk: deadlines of a case that was worked, overdue contracts."""
    app, _ = desk.console(1)
    name, value = exchange(console.opens)

    async def enter(page: Page) -> None:
        await page.context.add_cookies([{"name": name, "value": value, "url": console.base}])

    pages = [one for one in app.routes if isinstance(one, Route) and "documents" not in one.path]
    values = {"case": desk.worked, "name": "screen.css"}
    judged = await judge_every_page(
        chromium, console.base, pages, values=values, enter=enter, languages=["fr"], also=COMFORT
    )
    assert judged >= {
        "/",
        "/alarms",
        "/registers",
        "/committee",
        f"/cases/{desk.worked}",
        f"/cases/{desk.worked}/filing",
    }


# --- what somebody else wrote ------------------------------------------------------------------------


@pytest.fixture
def hostile(tmp_path: Path, desk: BreachDesk) -> Iterator[tuple[Running, list[str]]]:
    """A console whose every free text is a script, and the addresses of its pages."""
    now = int(time.time())
    other = replace(desk, home=tmp_path)
    with Store(tmp_path) as store:
        said = Opened(title=SCRIPT, facts=SCRIPT, origin=Origin.DETECTOR, aware_at=now - 1, aware_role=SCRIPT)
        case = open_case(store, said, [
            Noted(category=Category.FACT, text=SCRIPT), Decided(duty=DUTY, decision=SCRIPT, reason=SCRIPT),
            Filed(duty=DUTY, stage=Stage.INITIAL, filed_at=now - 1, reference=SCRIPT, delay_reason=SCRIPT),
            Requested(authority=SCRIPT, basis=SCRIPT, due_at=now, text=SCRIPT), Closed(reason=SCRIPT),
            Documented(name=f"../{SCRIPT}.html", sha256=store.keep_file(SCRIPT.encode())),
            Switched(target=f"suspend shop {SCRIPT}", effect=SCRIPT, sha256=bytes(32)),
        ], now).entry.case  # fmt: skip
        # Every sign about every kind of subject has its words.
        for number, (sign, kind) in enumerate(product(Sign, AlarmSubject), start=1):
            take_alarm(store, *alarm(desk.hub, number, now, subject=SCRIPT, kind=kind, sign=sign), now, os.urandom)
    with Registers(tmp_path) as registers:
        registers.add([Answer(reference="anssi-1", kind=Kind.NO, owner=SCRIPT, at=now, kept_at=now)])
    port = free_ports(1)[0]
    app, pages = other.console(port)
    found = addresses(app.routes, {"name": "screen.css", "case": case, "number": "6"})
    with served(app, port) as base:
        yield Running(base=base, opens=pages.entrance.address(base)), found


async def test_no_text_of_a_case_runs_on_any_page(hostile: tuple[Running, list[str]], page: Page) -> None:
    console, found = hostile
    await enter(page, console)
    shown = 0
    for address in found:
        answer = await page.request.get(f"{console.base}{address}")
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        await page.goto(f"{console.base}{address}?duty={SCRIPT}")
        assert await page.evaluate("window.attacked") is None, address
        assert await page.locator("script:not([src]), img[src=x]").count() == 0, address
        shown += await page.get_by_text(SCRIPT).count()
    # They are read as they were written: what was not shown would prove nothing.
    assert shown >= 15


async def test_a_document_is_kept_and_never_opened_as_a_page(
    hostile: tuple[Running, list[str]], page: Page
) -> None:  # fmt: skip
    console, found = hostile
    await enter(page, console)
    (address,) = [one for one in found if "/documents/" in one]
    answer = await page.request.get(f"{console.base}{address}")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    name = re.fullmatch(r'attachment; filename="([A-Za-z0-9._-]+)"', answer.headers["content-disposition"])
    assert name is not None
    assert not name[1].startswith(".")
    for number in ("0", "1", "999"):
        refused = await page.request.get(f"{console.base}{address.rsplit('/', 1)[0]}/{number}")
        assert refused.status == 404, number


def test_no_label_of_a_chart_is_markup() -> None:
    drawing = drawn(bars("c", SCRIPT, SCRIPT, SCRIPT, SCRIPT, {SCRIPT: 1}), Language.FRENCH)
    assert "<script" not in drawing.svg
    assert "<img" not in drawing.svg
