"""What an optician does in the desk's pages, in a real browser, on running processes."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page, expect

from paravent.drill.platform import Platform

PRESCRIPTION = {
    "written_on": "2026-10-01", "right_sphere": "-2,25", "right_cylinder": "+0,75", "right_axis": "87",
    "left_sphere": "-1,5",
}  # fmt: skip
PRICES = {"frame_price": "150,00", "right_price": "120", "left_price": "120"}


def link(platform: Platform, desk: str) -> str:
    """Asks the running desk for a link, as its optician does."""
    return str(platform.command("desk", "open", "--home", platform.home / desk, "--browser", "none", "--json")["link"])


async def enter(page: Page, platform: Platform, desk: str) -> None:
    """Opens the screens with a link, and waits for the first page."""
    await page.goto(link(platform, desk))
    await expect(page.locator("#card")).to_be_visible()
    assert "#" not in page.url


async def check_number(page: Page, platform: Platform, desk: str, said: dict[str, Any]) -> None:
    """Types the particulars of a customer and sends them."""
    await page.goto(f"http://127.0.0.1:{platform.ports[desk]}/number")
    await page.select_option("#insurer", said["insurer"])
    for name in ("nir", "name", "birth_date"):
        await page.fill(f"#{name}", said[name])
    await page.keyboard.press("Enter")


async def quote(page: Page, **changed: str) -> None:
    """Enters a prescription and prices from the page of a customer, and waits for the quote."""
    await page.locator("a[href$='/order']").first.click()
    await order(page, **changed)
    await expect(page.locator("table.quote").first).to_be_visible()


async def order(page: Page, **changed: str) -> None:
    """Fills in the order form and sends it."""
    for name, value in (PRESCRIPTION | PRICES | changed).items():
        await page.fill(f"#{name}", value)
    await page.locator("main form button").first.click()


async def preview(page: Page, act: str) -> None:
    """Asks to see an act before it is sent; ``act`` ends the address of its form."""
    await page.locator(f"form[action$='/{act}'] button[value='preview']").click()
    await expect(page.locator("#message")).to_be_visible()


async def agree(page: Page) -> None:
    """Asks for the prise en charge."""
    await page.locator("form[action$='/agreement'] button").first.click()


async def claim(page: Page) -> None:
    """Sends the claim."""
    await page.locator("form[action$='/claim'] button").first.click()
