"""What the desk's pages send and keep: read before it goes, corrected, found again after a stop, limited in euros."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.async_api import Page, expect

from paravent.drill.platform import Platform
from paravent.drill.population import Population, SyntheticPerson
from tests.browser import axe, fits
from tests.system.customers import adults, card_of, particulars
from tests.system.desk_pages import agree, check_number, claim, enter, link, order, preview, quote

DESK = "desk-acts"


@pytest.fixture(scope="module")
def platform(platform: Platform) -> Platform:
    """A desk of its own."""
    platform.add_desk(DESK)
    platform.start(DESK)
    platform.desk("/v1/refreshes", {}, DESK)
    return platform


@pytest.fixture(scope="module")
def customers(population: Population) -> Iterator[SyntheticPerson]:
    """Persons that no other module serves, payable today or not."""
    return iter(adults(population)[-20:])


def payable(customers: Iterator[SyntheticPerson], *, now: bool = True) -> SyntheticPerson:
    today = datetime.now(UTC)
    month = today.year * 100 + today.month
    return next(one for one in customers if (one.free_from <= month) == now)


async def check(page: Page, platform: Platform, person: SyntheticPerson) -> None:
    """Checks a customer by card, from the first page."""
    await page.goto(f"http://127.0.0.1:{platform.ports[DESK]}/")
    await page.fill("#card", card_of(platform, person))
    await page.fill("#name", person.name)
    await page.fill("#birth_date", person.birth_date)
    await page.keyboard.press("Enter")
    await expect(page.locator(".state.good .kind").first).to_contain_text("Couvert")


# --- what is shown before is what goes ---------------------------------------------------------------


@contextmanager
def capturing(port: int) -> Iterator[list[bytes]]:
    """Listens where the hub did, keeps the body of every act, and answers nothing of the protocol."""
    bodies: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/v1/acts":
                bodies.append(body)
            self.send_error(503)

        def do_GET(self) -> None:
            self.send_error(503)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield bodies
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def leaves(value: object) -> Iterator[str]:
    """Yields every value of a message as a page writes it."""
    if isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from leaves(member)
    else:
        yield value if isinstance(value, str) else json.dumps(value)


def digest(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


async def told(page: Page) -> tuple[list[str], str]:
    """Reads a previewed message: the values of its own fields, in order, and the digest of its bytes."""
    fields = page.locator("#message table").first.locator("tbody tr")
    shown = []
    for number in range(await fields.count()):
        row = fields.nth(number)
        # What a sealed or signed field holds stands below it, under its name; it is not a field of the message.
        if not re.match(r"entitlement\.|claim\.(?!payload|signer|signature)", await row.locator("th").inner_text()):
            shown.append(await row.locator("td").first.inner_text())
    header = page.locator("#message tr", has=page.locator("th", has_text="content-digest"))
    return shown, await header.locator("td").first.text_content() or ""


async def test_what_is_shown_before_is_what_a_server_receives(
    page: Page, platform: Platform, customers: Iterator[SyntheticPerson]
) -> None:
    """Every value of the message, in its order, and the digest of its bytes; nothing had gone before."""
    await enter(page, platform, DESK)
    await check(page, platform, payable(customers))
    await quote(page)
    await agree(page)
    await expect(page.locator("main")).to_contain_text("Prise en charge accordée")
    platform.stop("hub")
    try:
        with capturing(platform.ports["hub"]) as bodies:
            await preview(page, "claim")
            await axe(page)
            shown = await told(page)
            assert bodies == []
            await page.locator("form[action$='/preview'] button").click()
            await expect(page.locator(".told.technical")).to_be_visible()
        (body,) = bodies
        assert shown == (list(leaves(json.loads(body))), digest(body))
        # The control: a message of which one field differs is not what was shown.
        altered = body.replace(b'"early_renewal":false', b'"early_renewal":true', 1)
        assert shown != (list(leaves(json.loads(altered))), digest(altered))
        # What waits is told on the first page, with its limit.
        await page.goto(f"http://127.0.0.1:{platform.ports[DESK]}/")
        await expect(page.locator("main")).to_contain_text("1 acte sans réponse")
        await expect(page.locator("main")).to_contain_text("Ce poste en garde 3 000,00 € au plus")
        await axe(page)
    finally:
        platform.start("hub")
    await page.locator("a", has_text="Voir et renvoyer").click()
    await page.locator("form button", has_text="Renvoyer").click()
    await expect(page.locator("main")).not_to_contain_text("acte sans réponse")
    await expect(page.locator("table", has=page.locator("#decided-caption"))).to_contain_text("acceptée")
    # On a telephone, the amounts are read without scrolling.
    await page.set_viewport_size({"width": 320, "height": 640})
    amounts = await page.locator("td.amount", has_text="€").all()
    places = [await amount.bounding_box() for amount in amounts]
    assert places
    assert all(place is not None and place["x"] + place["width"] <= 320 for place in places)


async def test_an_act_that_was_replaced_since_it_was_shown_is_not_sent(
    page: Page, platform: Platform, customers: Iterator[SyntheticPerson]
) -> None:
    await enter(page, platform, DESK)
    await check(page, platform, payable(customers))
    customer = page.url
    await preview(page, "agreement")
    other = await page.context.new_page()
    await other.goto(customer)
    await preview(other, "agreement")
    await page.locator("form[action$='/preview'] button").click()
    await expect(page.locator(".told.input")).to_be_visible()
    await other.locator("form[action$='/preview'] button").click()
    await expect(other.locator("main")).to_contain_text("Prise en charge accordée")


# --- a desk that stops -------------------------------------------------------------------------------


async def test_after_a_stop_the_customer_is_checked_again_and_everything_is_found(
    page: Page, platform: Platform, customers: Iterator[SyntheticPerson]
) -> None:
    person = payable(customers)
    await enter(page, platform, DESK)
    await check(page, platform, person)
    await agree(page)
    await expect(page.locator("main")).to_contain_text("Prise en charge accordée")
    platform.stop(DESK)
    platform.start(DESK)
    await page.goto(link(platform, DESK))
    await expect(page.locator("main")).to_contain_text("Ce poste a été relancé à")
    await expect(page.locator("main")).to_contain_text("Rien de ce qui a été envoyé n'est perdu")
    await axe(page)
    await fits(page)
    # By the other lane: the right is the same.
    await check_number(page, platform, DESK, particulars(person))
    await expect(page.locator("main")).to_contain_text("Prise en charge accordée")
    await quote(page)
    await claim(page)
    await expect(page.locator("main")).to_contain_text("Facture acceptée")

    # And the claim, whose place a correction takes.
    platform.stop(DESK)
    platform.start(DESK)
    await page.goto(link(platform, DESK))
    await check(page, platform, person)
    await expect(page.locator("main")).to_contain_text("Facture acceptée")
    await quote(page, frame_price="110,00")
    await expect(page.locator("main")).to_contain_text("devient une facture de")
    await axe(page)
    await page.locator("form[action$='/correction'] button").first.click()
    await expect(page.locator("main")).to_contain_text("Facture corrigée acceptée")
    await expect(page.locator("main")).to_contain_text("Saisir la facture corrigée")
    await expect(page.locator("main")).to_contain_text("Elle ne s'annule pas d'ici")
    await fits(page)


# --- what the order takes ----------------------------------------------------------------------------


async def test_supplements_go_with_class_a_lenses_and_are_claimed(
    page: Page, platform: Platform, customers: Iterator[SyntheticPerson]
) -> None:
    await enter(page, platform, DESK)
    await check(page, platform, payable(customers))
    await page.locator("a[href$='/order']").first.click()
    await page.locator("details", has=page.locator("#filter_right_price")).locator("summary").click()
    await page.fill("#filter_right_price", "10")
    await order(page)
    await expect(page.locator("#filter_right_price-error")).to_contain_text("verres de classe A")
    await axe(page)
    await page.select_option("#lens_class", "A")
    await page.fill("#right_price", "40")
    await page.fill("#left_price", "40")
    await page.locator("main form button").first.click()
    await expect(page.locator(".told.input").first).to_contain_text("Prix limites de cette ordonnance")
    await page.fill("#left_price", "30")
    await page.fill("#adaptation_price", "10")
    await page.locator("main form button").first.click()
    await expect(page.locator("table.quote").first).to_contain_text("SUPP-FILTRE-A")
    await agree(page)
    await claim(page)
    await expect(page.locator("main")).to_contain_text("Facture acceptée")
    await page.locator("a[href$='/sent']").click()
    await expect(page.locator("main")).to_contain_text("ADAPTATION-A")


async def test_a_second_coverage_is_quoted_and_the_page_says_who_is_claimed(
    page: Page, platform: Platform, customers: Iterator[SyntheticPerson]
) -> None:
    await enter(page, platform, DESK)
    await check(page, platform, payable(customers))
    await quote(page)
    assert await page.locator("table.quote").first.locator("th.payer").count() == 1
    await page.locator("a[href$='/order']").first.click()
    await page.select_option("#second", index=1)
    await page.locator("main form button").first.click()
    await expect(page.locator("table.quote").first.locator("th.payer")).to_have_count(2)
    await expect(page.locator("main")).to_contain_text("Une facture de deux organismes ne peut pas être envoyée d'ici")
    await axe(page)
    await fits(page)
    pdf = await page.request.get(page.url + "/quote.pdf")
    assert (await pdf.body()).startswith(b"%PDF")


async def test_an_early_renewal_is_told_with_its_reason_before_any_price(
    page: Page, platform: Platform, customers: Iterator[SyntheticPerson]
) -> None:
    """The prescription before shows a change of sight; the hub learns a yes, and no reason."""
    await enter(page, platform, DESK)
    await check(page, platform, payable(customers, now=False))
    await page.locator("a[href$='/order']").first.click()
    await expect(page.locator("#last_equipment")).not_to_have_value("")
    await page.fill("#written_on", datetime.now(UTC).date().isoformat())
    for name, value in {"right_sphere": "-2,25", "left_sphere": "-1,50"}.items():
        await page.fill(f"#{name}", value)
        await page.fill(f"#old_{name}", value)
    await page.locator("button[value='renewal']").click()
    await expect(page.locator(".state[role=status]")).to_contain_text("aucun motif établi")
    await page.fill("#old_right_sphere", "-1,25")
    await page.fill("#last_equipment", f"{datetime.now(UTC).year - 2}-12")
    await page.locator("button[value='renewal']").click()
    await expect(page.locator(".state[role=status]")).to_contain_text("Renouvellement anticipé : oui")
    await expect(page.locator(".state[role=status]")).to_contain_text("la sphère ou le cylindre a assez changé")
    await axe(page)
    await fits(page)
    for name in ("frame_price", "right_price", "left_price"):
        await page.fill(f"#{name}", "100")
    await page.locator("main form button").first.click()
    await expect(page.locator("#early_renewal")).to_be_checked()
    await preview(page, "agreement")
    shown = " ".join((await told(page))[0])
    assert "true" in shown
    assert not re.search("SPH|sphere|-1.25", shown)
    await page.locator("form[action$='/preview'] button").click()
    await expect(page.locator("main")).to_contain_text("Prise en charge accordée")
