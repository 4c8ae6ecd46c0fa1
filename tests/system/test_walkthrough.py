"""docs/walkthrough.md as it is written: from the demonstration's first line to a paid claim in the browser.

The pictures of that page are taken here, and the seconds that it states are measured (``make pictures``).
"""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.system.desk_pages import agree, preview, quote

TELLING_SECONDS_MAX = 900
PAYING_SECONDS_MAX = 300
_VISITOR = re.compile(r"   (?P<name>.+), (?P<birth>\d\d/\d\d/\d{4}), (?P<insurer>.+), numéro (?P<nir>\S+)\n")
Picture = Callable[[Page, str], Awaitable[Path]]


WALKTHROUGH = Path(__file__).parents[2] / "docs" / "walkthrough.md"
MEASURED = re.compile(r"(<!-- measured: written by make pictures -->\n).*?(<!-- measured: end -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What the demonstration printed: all of it, its link, and its customers; and when the command was given."""

    said: str
    link: str
    begun: float
    laps: dict[str, float] = field(default_factory=dict)

    def lap(self, reached: str) -> None:
        """Keeps how many seconds after the command something was reached."""
        self.laps[reached] = time.monotonic() - self.begun

    def measured(self) -> str:
        """Writes the seconds as the page states them."""
        rows = "".join(f"| {reached} | {seconds:.0f} s |\n" for reached, seconds in self.laps.items())
        load, cores = os.getloadavg()[0], os.cpu_count()
        return (
            f"300 persons; {cores} cores, with a load average of {load:.0f} at the end.\n\n"
            f"| reached | after the command |\n|---|---|\n{rows}"
        )

    def visitors(self) -> list[dict[str, str]]:
        """Lists the customers: name, birth date, insurer, number and the picture of the card."""
        cards = re.findall(r"     carte : (.+)\n", self.said)
        return [
            found.groupdict() | {"card": card}
            for found, card in zip(_VISITOR.finditer(self.said), cards, strict=True)
        ]  # fmt: skip


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    """The command itself, as ``make demo`` runs it, with fewer persons."""
    home = tmp_path_factory.mktemp("walkthrough") / "demo"
    begun = time.monotonic()
    command = [sys.executable, "-u", "-m", "paravent", "demo", "--home", str(home), "--persons", "300", "--lang", "fr"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    lines: queue.Queue[str] = queue.Queue()

    def listen() -> None:
        assert process.stdout is not None
        with process.stdout as told:
            for line in told:
                lines.put(line)

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        said, deadline = "", time.monotonic() + TELLING_SECONDS_MAX
        while "Ctrl-C" not in said:
            said += lines.get(timeout=max(0.1, deadline - time.monotonic()))
        link = re.search(r"http://127\.0\.0\.1:\d+/open#\w+", said)
        assert link, said
        told = Demonstration(said, link[0], begun)
        told.lap("the story told, the link printed")
        yield told
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        listener.join()


async def test_from_the_demonstration_to_a_paid_claim(
    page: Page, demonstration: Demonstration, picture: Picture, request: pytest.FixtureRequest
) -> None:
    customer, child, waiting = demonstration.visitors()

    # 1. Open the desk with the printed link.
    await page.goto(demonstration.link)
    await expect(page.locator("#card")).to_be_visible()
    await picture(page, "desk-card")

    # 2. Check a card from its picture.
    await page.set_input_files("#picture", customer["card"])
    await expect(page.locator("#card")).to_have_value(re.compile("^PV1:"))
    await page.fill("#name", customer["name"])
    await page.fill("#birth_date", customer["birth"])
    await page.keyboard.press("Enter")
    await expect(page.locator(".state.good .kind")).to_contain_text("Couvert")
    demonstration.lap("the card checked")
    await picture(page, "desk-covered")

    # 3. Prescription, prices, quote.
    await page.locator("a[href$='/order']").click()
    await expect(page.locator("#written_on")).to_be_visible()
    await picture(page, "desk-order")
    await page.go_back()
    await quote(page)
    await picture(page, "desk-quote")

    # 4. Prise en charge, claim.
    await agree(page)
    await expect(page.locator("main")).to_contain_text("Prise en charge accordée")
    await preview(page, "claim")
    await picture(page, "desk-preview")
    await page.locator("form[action$='/preview'] button").click()
    await expect(page.locator("main")).to_contain_text("Facture acceptée")
    demonstration.lap("the claim accepted")
    await picture(page, "desk-claimed")

    # 5. What left the machine.
    await page.locator("a[href$='/sent']").click()
    await expect(page.locator("main")).to_contain_text("Le code regroupé d'un article")
    await picture(page, "desk-sent")

    # 6. The insurer pays; its letter is fetched.
    await paid(page, demonstration)
    demonstration.lap("the claim paid")
    if request.config.getoption("pictures"):
        written = MEASURED.sub(rf"\g<1>{demonstration.measured()}\g<2>", WALKTHROUGH.read_text("utf-8"))
        WALKTHROUGH.write_text(written, "utf-8")
    await picture(page, "desk-paid")

    # 7. A customer who must wait, by number.
    await by_number(page, waiting)
    await agree(page)
    await expect(page.locator(".state.bad")).to_contain_text("Payable dès")
    await picture(page, "desk-refused")
    assert child["name"] != customer["name"]


async def paid(page: Page, demonstration: Demonstration) -> None:
    """Waits for the insurer, then fetches letters until two remittances are there: the story's and this one."""
    await page.locator("nav a[href='/claims']").click()
    deadline = time.monotonic() + PAYING_SECONDS_MAX
    while await page.locator("table tbody tr", has_text="1 conforme").count() < 2:
        assert time.monotonic() < deadline, demonstration.said
        await page.locator("form button", has_text="Relever les lettres").click()
        await page.wait_for_timeout(1_000)


async def by_number(page: Page, customer: dict[str, str]) -> None:
    """Types what the demonstration printed of a customer."""
    await page.locator("nav a[href='/number']").click()
    await page.locator("#insurer").select_option(await insurer_value(page, customer["insurer"]))
    await page.fill("#nir", customer["nir"])
    await page.fill("#name", customer["name"])
    await page.fill("#birth_date", customer["birth"])
    await page.keyboard.press("Enter")
    await expect(page.locator(".state.good .kind")).to_contain_text("Couvert")


async def insurer_value(page: Page, name: str) -> str:
    """Finds the AMC number of an insurer in the list of the page."""
    value = await page.locator("#insurer option", has_text=name).get_attribute("value")
    assert value is not None
    return value


def test_the_page_states_seconds_that_were_measured() -> None:
    """Under five minutes, as its first lines say, by what was measured and stands between its marks."""
    found = MEASURED.search(WALKTHROUGH.read_text("utf-8"))
    assert found
    seconds = [int(row) for row in re.findall(r"\| (\d+) s \|", found[0])]
    assert len(seconds) == 4
    assert seconds == sorted(seconds)
    assert seconds[-1] < 300
