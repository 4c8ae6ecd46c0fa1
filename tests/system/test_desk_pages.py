"""The desk's pages in Chromium, on running processes: checks, quotes, acts, refusals, outages, both languages."""

from __future__ import annotations

import io
import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Page, async_playwright, expect

from paravent.desk.scanned import _TYPED
from paravent.drill.platform import Platform
from paravent.drill.population import Population, SyntheticPerson
from tests import browser as browsers
from tests.browser import axe, fits
from tests.system.conftest import KEYSERVERS
from tests.system.customers import adults, card_of, other_insurer, particulars
from tests.system.desk_pages import PRESCRIPTION, agree, check_number, claim, enter, quote

DESK = "desk-pages"
COVERED, REFUSED, TECHNICAL = ".state.good .kind", ".told.refusal", ".told.technical"


@pytest.fixture(scope="module")
def platform(platform: Platform) -> Platform:
    """A desk of its own, so that its quotas are its own."""
    platform.add_desk(DESK)
    platform.start(DESK)
    platform.desk("/v1/refreshes", {}, DESK)
    return platform


@pytest.fixture(scope="module")
def payable(population: Population) -> Iterator[SyntheticPerson]:
    """Customers whose equipment is payable today, each once."""
    today = datetime.now(UTC)
    return (one for one in adults(population)[60:] if one.free_from <= today.year * 100 + today.month)


@pytest.fixture
def restarted(platform: Platform) -> Iterator[Callable[..., None]]:
    """Stops parties, and starts them again after the test."""
    stopped: list[str] = []

    def stop(*names: str) -> None:
        platform.stop(*names)
        stopped.extend(names)

    yield stop
    platform.start(*stopped)


async def typed(page: Page, person: SyntheticPerson) -> None:
    await page.keyboard.type(person.name)
    await page.keyboard.press("Tab")
    await page.keyboard.type(person.birth_date)
    await page.keyboard.press("Enter")


async def test_a_card_is_checked_from_a_picture(
    page: Page, platform: Platform, payable: Iterator[SyntheticPerson]
) -> None:
    person = next(payable)
    card_of(platform, person)
    await enter(page, platform, DESK)
    await page.set_input_files("#picture", platform.home / f"{person.member_id}.png")
    await expect(page.locator("#card")).to_have_value(re.compile("^PV1:"))
    await expect(page.locator("#name")).to_be_focused()
    await typed(page, person)
    await expect(page.locator(COVERED)).to_contain_text("Couvert")
    await axe(page)
    await page.locator("a[href$='/sent']").click()
    await expect(page.locator("main")).to_contain_text("Rien : ce contrôle se fait en entier sur ce poste.")


async def test_a_card_is_checked_by_keyboard_alone_in_three_steps(
    page: Page, platform: Platform, payable: Iterator[SyntheticPerson]
) -> None:
    """A scanner types what it read, on a French keyboard, then Enter; then two fields; then Enter."""
    person = next(payable)
    card = card_of(platform, person)
    await enter(page, platform, DESK)
    await expect(page.locator("#card")).to_be_focused()
    await page.keyboard.insert_text("".join(_TYPED[character] for character in card))
    await page.keyboard.press("Enter")
    await expect(page.locator("#name")).to_be_focused()
    await typed(page, person)
    await expect(page.locator(COVERED)).to_contain_text("Couvert")


async def test_a_card_is_read_by_the_camera(
    platform: Platform, payable: Iterator[SyntheticPerson], tmp_path: Path
) -> None:
    """Chromium's camera of the tests shows a film of the card; the desk itself reads its frames."""
    if browsers.CHROMIUM is None:
        pytest.skip(browsers.ABSENT)
    person = next(payable)
    card = card_of(platform, person)
    film = tmp_path / "card.mjpeg"
    film.write_bytes(frame(platform.home / f"{person.member_id}.png") * 3)
    arguments = ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}"]
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(
            executable_path=browsers.CHROMIUM, chromium_sandbox=False, args=arguments
        )
        context = await browser.new_context(permissions=["camera"])
        page = await context.new_page()
        await enter(page, platform, DESK)
        await page.locator("#camera").click()
        await expect(page.locator("#card")).to_have_value(card, timeout=90_000)
        await expect(page.locator("#view")).to_be_hidden()
        await browser.close()


def frame(card: Path) -> bytes:
    """Shows a card in the middle of one frame of a film."""
    shown, film = Image.new("RGB", (1280, 720), "white"), io.BytesIO()
    with Image.open(card) as code:
        side = 600
        shown.paste(code.convert("RGB").resize((side, side)), ((1280 - side) // 2, (720 - side) // 2))
    shown.save(film, "JPEG", quality=95)
    return film.getvalue()


async def test_a_name_unlike_the_card_is_to_correct_and_nothing_typed_is_lost(
    page: Page, platform: Platform, payable: Iterator[SyntheticPerson]
) -> None:
    person = next(payable)
    card = card_of(platform, person)
    await enter(page, platform, DESK)
    await page.fill("#card", card)
    await page.fill("#name", "NOBODY Else")
    await page.fill("#birth_date", person.birth_date)
    await page.keyboard.press("Enter")
    await expect(page.locator("#name-error")).to_be_visible()
    assert await page.locator(REFUSED).count() == 0
    assert await page.input_value("#card") == card
    assert await page.input_value("#name") == "NOBODY Else"
    assert await page.get_attribute("#name", "aria-describedby") == "name-hint name-error"
    await axe(page)


async def test_a_number_becomes_a_claim_and_what_left_is_what_was_sent(
    page: Page, platform: Platform, payable: Iterator[SyntheticPerson]
) -> None:
    person = next(payable)
    said = particulars(person)
    await enter(page, platform, DESK)
    planned = await planned_fields(page, platform)
    await check_number(page, platform, DESK, said)
    await expect(page.locator(COVERED)).to_contain_text("Couvert")
    await expect(page.locator("dl.facts")).to_contain_text(re.compile(r"\d+ personnes par le numéro"))
    await quote(page)
    await axe(page)
    await fits(page)
    await expect(page.locator("main")).to_contain_text("R.871-2 3°")
    pdf = await page.request.get(page.url + "/quote.pdf")
    assert (await pdf.body()).startswith(b"%PDF")
    await agree(page)
    await expect(page.locator(".state.good").first).to_contain_text(re.compile("Couvert"))
    await expect(page.locator("main")).to_contain_text("Prise en charge accordée")
    await claim(page)
    await expect(page.locator("main")).to_contain_text("Facture acceptée")

    await page.locator("a[href$='/sent']").click()
    shown = await page.locator("main").inner_text()
    (body,) = sent_claims(platform)
    assert [value for value in leaves(body) if value not in shown] == []
    nir = said["nir"].replace(" ", "")
    # Whole, and without what separates: a short word stands in random base64 by chance.
    letters = person.name.replace(" ", "").upper()
    secrets = [said["nir"], nir[:13], person.name, letters, person.birth_date, person.birth_date.replace("-", "")]
    # What was announced before the check is what its messages hold, to the field; an act holds others.
    checked, sold = page.locator("main > section").nth(0), page.locator("main > section").nth(1)
    assert set(await checked.locator("article > .scroll th code").all_inner_texts()) == planned
    assert set(await sold.locator("article > .scroll th code").all_inner_texts()) - planned
    fields = " ".join(await page.locator("td.sent-value").all_inner_texts())
    assert [secret for secret in secrets if secret in fields] == []
    # The corrections that were typed, in any writing, against the names of fields and their values.
    names = " ".join(await page.locator("th code").all_inner_texts())
    assert not re.search(r"sphere|cylinder|axis|[-+]\d[.,]\d", fields + names)
    await axe(page)

    await check_number(page, platform, DESK, said)
    await expect(page.locator("main")).to_contain_text("Facture acceptée")
    await page.locator("summary", has_text="Demander une autre prise en charge").click()
    await agree(page)
    await expect(page.locator(".state.bad")).to_contain_text("Prise en charge refusée")
    await expect(page.locator(".state.bad")).to_contain_text("Payable dès")
    await axe(page)


async def planned_fields(page: Page, platform: Platform) -> set[str]:
    """Reads what the page of a check by number says will leave, before anything does."""
    await page.goto(f"http://127.0.0.1:{platform.ports[DESK]}/number")
    await page.locator("#planned summary").click()
    await axe(page)
    return set(await page.locator("#planned dt code").all_inner_texts())


def sent_claims(platform: Platform) -> list[dict[str, Any]]:
    """Reads the bytes of the claims that the desk sent, as it keeps them to send them again."""
    with closing(sqlite3.connect(platform.home / DESK / "desk.db")) as kept:
        bodies = [json.loads(body) for (body,) in kept.execute("SELECT body FROM act")]
    return [body for body in bodies if body["claim"] is not None]


def leaves(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for member in value.values():
            yield from leaves(member)
    elif value is not None:
        yield value if isinstance(value, str) else json.dumps(value)


async def test_somebody_unknown_is_refused_and_a_mistyped_number_is_to_correct(
    page: Page, platform: Platform, payable: Iterator[SyntheticPerson]
) -> None:
    person = next(payable)
    said = particulars(person)
    await enter(page, platform, DESK)
    await check_number(page, platform, DESK, said | {"insurer": other_insurer(said["insurer"])})
    await expect(page.locator(REFUSED)).to_contain_text("Personne non couverte par cet organisme")
    assert await page.input_value("#nir") == said["nir"]
    assert await page.locator(TECHNICAL).count() == 0
    await axe(page)
    wrong = said["nir"][:-1] + str((int(said["nir"][-1]) + 1) % 10)
    await check_number(page, platform, DESK, said | {"nir": wrong})
    await expect(page.locator("#nir-error")).to_be_visible()
    assert await page.locator(REFUSED).count() == await page.locator(TECHNICAL).count() == 0
    assert await page.input_value("#name") == person.name


async def test_an_order_with_errors_comes_back_as_it_was_typed(
    page: Page, platform: Platform, payable: Iterator[SyntheticPerson]
) -> None:
    await enter(page, platform, DESK)
    await check_number(page, platform, DESK, particulars(next(payable)))
    await page.locator("a[href$='/order']").click()
    for name, value in (PRESCRIPTION | {"right_sphere": "-2,30", "frame_price": "x", "right_price": "120"}).items():
        await page.fill(f"#{name}", value)
    await page.locator("main form button").first.click()
    await expect(page.locator(".told.input h2")).to_contain_text("3 champs à corriger")
    assert await page.input_value("#right_sphere") == "-2,30"
    assert await page.input_value("#right_axis") == PRESCRIPTION["right_axis"]
    await axe(page)
    await fits(page)


async def test_two_key_servers_down_is_a_technical_failure_and_cards_go_on(
    page: Page, platform: Platform, payable: Iterator[SyntheticPerson], restarted: Callable[..., None]
) -> None:
    person = next(payable)
    card = card_of(platform, person)
    await enter(page, platform, DESK)
    restarted(*KEYSERVERS[:2])
    await check_number(page, platform, DESK, particulars(person))
    await expect(page.locator(TECHNICAL)).to_contain_text("Panne technique")
    assert await page.locator(REFUSED).count() == 0
    assert await page.input_value("#name") == person.name
    await expect(page.locator(".state.technical")).to_contain_text("Trop peu de serveurs de clés répondent")
    await axe(page)
    await page.goto(f"http://127.0.0.1:{platform.ports[DESK]}/")
    await page.fill("#card", card)
    await page.fill("#name", person.name)
    await page.fill("#birth_date", person.birth_date)
    await page.keyboard.press("Enter")
    await expect(page.locator(COVERED)).to_contain_text("Couvert")


async def test_without_the_hub_an_act_waits_and_is_sent_again(
    page: Page, platform: Platform, payable: Iterator[SyntheticPerson]
) -> None:
    person = next(payable)
    card = card_of(platform, person)
    await enter(page, platform, DESK)
    await page.fill("#card", card)
    await page.fill("#name", person.name)
    await page.fill("#birth_date", person.birth_date)
    await page.keyboard.press("Enter")
    await expect(page.locator(COVERED)).to_contain_text("Couvert")
    platform.stop("hub")
    try:
        await agree(page)
        await expect(page.locator(TECHNICAL)).to_be_visible()
        assert await page.locator(".state.bad").count() == await page.locator(REFUSED).count() == 0
        await page.goto(f"http://127.0.0.1:{platform.ports[DESK]}/")
        await expect(page.locator(".state.technical").first).to_contain_text("Le hub ne répond pas")
        await axe(page)
    finally:
        platform.start("hub")
    await page.goto(f"http://127.0.0.1:{platform.ports[DESK]}/claims")
    await expect(page.locator(".state.technical").last).to_contain_text("1 acte sans réponse")
    await axe(page)
    await page.locator("form button", has_text="Renvoyer").click()
    await expect(page.locator("main")).not_to_contain_text("acte sans réponse")
