"""A real browser for the tests of pages: Debian's headless Chromium, driven by Playwright, with axe-core.

What no page may do fails the test in which it happened, without the test asking: an error in the console, a violation
of the page's own content-security policy, an exception of a script, a request to anything but this machine.
``judge_every_page`` takes its pages from the routes of the application, so that a new page cannot escape it.
"""

from __future__ import annotations

import re
import shutil
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Response, async_playwright, expect
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route

CHROMIUM = shutil.which("chromium")
ABSENT = "chromium is not installed (apt-get install chromium): no page is looked at in a browser"
LANGUAGES = {"fr": "fr-FR", "en": "en-GB"}
# A screen of a counter, and the narrowest that RGAA 10.11 (WCAG 1.4.10) names.
PAGE_MILLISECONDS_MAX = 90_000
WIDTHS = (1280, 320)
PICTURE_SIZE = (1280, 800)
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
# The browser itself says this of every answer of 400 and more, and of what a page still asked for when a test ended.
# The page that was asked for is the test's to judge; what it loads is judged below, by address and by status.
_NOT_LOADED = "Failed to load resource: "

Visitor = Callable[[Page], Awaitable[None]]


class PageFault(AssertionError):
    """A page did what no page may do."""


# --- the browser -----------------------------------------------------------------------------------


@asynccontextmanager
async def running() -> AsyncIterator[Browser]:
    """Starts the browser; it resolves no name, so that nothing can leave this machine."""
    async with async_playwright() as driver:
        # A test machine may run as root, where Chromium has no sandbox of its own to offer: it only ever sees
        # pages of this project.
        # What a slow machine takes long for is no fault of a page: speed is measured elsewhere.
        expect.set_options(timeout=PAGE_MILLISECONDS_MAX)
        browser = await driver.chromium.launch(
            executable_path=CHROMIUM, chromium_sandbox=False,
            args=["--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost"],
        )  # fmt: skip
        yield browser
        await browser.close()


@asynccontextmanager
async def visit(
    browser: Browser, language: str = "fr", width: int = WIDTHS[0], height: int = 800
) -> AsyncIterator[Page]:
    """Opens a page in a context of its own: no cookie, cache or store of another; raises PageFault at its end."""
    context = await browser.new_context(locale=LANGUAGES[language], viewport={"width": width, "height": height})
    context.set_default_timeout(PAGE_MILLISECONDS_MAX)
    faults: list[str] = []
    _listen(context, faults)
    try:
        yield await context.new_page()
    finally:
        await context.close()
    if faults:
        raise PageFault("\n".join(faults))


def _listen(context: BrowserContext, faults: list[str]) -> None:
    def said(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(_NOT_LOADED):
            faults.append(f"console: {message.text}")

    def asked(url: str) -> None:
        if urlsplit(url).scheme not in {"data", "blob"} and urlsplit(url).hostname not in _LOOPBACK:
            faults.append(f"request to another machine: {url}")

    def answered(response: Response) -> None:
        if response.status >= 400 and response.request.resource_type not in {"document", "fetch", "xhr"}:
            faults.append(f"{response.status} for {response.url}")

    context.on("console", said)
    context.on("weberror", lambda error: faults.append(f"script: {error.error}"))
    context.on("request", lambda request: asked(request.url))
    context.on("response", answered)


# --- one page --------------------------------------------------------------------------------------


async def axe(page: Page) -> None:
    """Runs every rule of axe-core, best practices included; raises PageFault with the violations."""
    await _judged_by_axe(page, "{resultTypes: ['violations'], preload: false}")


async def targets(page: Page) -> None:
    """Raises PageFault for what is smaller than 24 pixels to press (WCAG 2.5.8): axe-core looks only when asked."""
    await _judged_by_axe(page, "{runOnly: ['target-size'], resultTypes: ['violations'], preload: false}")


async def _judged_by_axe(page: Page, how: str) -> None:
    await page.evaluate(AXE_SCRIPT)
    found = await page.evaluate(f"axe.run({how})")
    if found["violations"]:
        raise PageFault("\n".join(_violation(page.url, one) for one in found["violations"]))


def _violation(url: str, violation: dict[str, Any]) -> str:
    where = "; ".join(f"{' '.join(map(str, node['target']))}: {node['html'][:160]}" for node in violation["nodes"])
    return f"{url}: {violation['id']} ({violation['impact']}): {violation['help']}: {where}"


async def fits(page: Page) -> None:
    """Raises PageFault when the page is wider than its window: reading it would take a horizontal scroll."""
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if wide > 0:
        raise PageFault(f"{page.url} is {wide} pixels wider than its window")


async def in_order(page: Page) -> None:
    """Raises PageFault when the keyboard would go up the page, or across it backwards: its order is what is read."""
    found = await page.evaluate(_UPWARDS)
    if found:
        raise PageFault(f"{page.url}: the focus goes backwards to {'; '.join(found)}")


# One element after another, in the order of the keyboard: each is below the one before, or to its right.
_UPWARDS = """() => {
  const focusable = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
  const places = [...document.querySelectorAll(focusable)]
    .filter((one) => one.checkVisibility() && !one.closest(".skip") && one.tabIndex === 0)
    .map((one) => [one, one.getBoundingClientRect()]);
  return places.slice(1).filter(([, now], index) => {
    const before = places[index][1];
    return now.bottom <= before.top + 1 && now.left < before.right - 1;
  }).map(([one]) => one.outerHTML.slice(0, 120));
}"""


async def spaced(page: Page) -> None:
    """Raises PageFault when a line of a French page could begin with its punctuation."""
    french = await page.locator("html").get_attribute("lang") == "fr"
    found = await page.evaluate(_LOOSE) if french else []
    if found:
        raise PageFault(f"{page.url}: an ordinary space before the punctuation of {'; '.join(found)}")


# English in a French page (a technical detail) and code have spaces of their own.
_LOOSE = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    if (/[^\\s] [;:?!»]|« /u.test(text.data) && !text.parentElement.closest("[lang=en], code, textarea, script"))
      found.push(text.data.trim().slice(0, 80));
  }
  return found;
}"""


async def seen(page: Page) -> None:
    """Raises PageFault for what the keyboard reaches without a line around it that says so (RGAA 10.7)."""
    found = await page.evaluate(_UNSEEN)
    if found:
        raise PageFault(f"{page.url}: the focus cannot be seen on {'; '.join(found)}")


_UNSEEN = """() => {
  const focusable = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
  const unseen = [...document.querySelectorAll(focusable)].filter((one) => {
    if (!one.checkVisibility() || one.tabIndex !== 0 || one.disabled) return false;
    one.focus({ focusVisible: true });
    const style = getComputedStyle(one);
    return document.activeElement !== one || style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2;
  });
  document.activeElement.blur();
  return unseen.map((one) => one.outerHTML.slice(0, 120));
}"""


COMFORT: Sequence[Visitor] = (in_order, targets, seen, spaced)
"""Beyond what each page must: its order for the keyboard, its targets, its visible focus, its French punctuation."""


async def strict(response: Response) -> None:
    """Raises PageFault when a page could run or show anything but what its own server sends as files."""
    policy = (await response.all_headers()).get("content-security-policy", "")
    directives = {words[0]: words[1:] for part in policy.split(";") if (words := part.split())}
    faults = [
        f"{name} allows {' '.join(sources)}"
        for name, sources in directives.items()
        if name.endswith("-src") and set(sources) - {"'self'", "'none'", "data:", "blob:"}
    ]
    faults += [
        f"no {name}" for name in ("default-src", "base-uri", "form-action", "frame-ancestors") if name not in directives
    ]
    for name in ("script-src", "style-src", "connect-src", "default-src"):
        if {"data:", "blob:"} & set(directives.get(name, [])):
            faults.append(f"{name} allows data")
    text = await response.text()
    faults += [f"inline: {found[:80]}" for found in _INLINE.findall(text)]
    if faults:
        raise PageFault(f"{response.url}: {'; '.join(faults)}")


_INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)[^>]*>|<style\b[^>]*>|<[^>]+\s(?:style|on[a-z]+)=[^>]*>|javascript:", re.IGNORECASE
)


# --- every page ------------------------------------------------------------------------------------


def addresses(routes: Sequence[BaseRoute], values: Mapping[str, str], prefix: str = "") -> list[str]:
    """Lists every address that answers GET, its parameters filled in; raises KeyError for one without a value."""
    found = []
    for route in routes:
        if isinstance(route, Mount):
            found += addresses(route.routes, values, prefix + route.path)
        elif isinstance(route, Route) and "GET" in (route.methods or ()):
            found.append(prefix + re.sub(r"\{(\w+)(?::\w+)?\}", lambda match: values[match[1]], route.path))
    return found


async def judge_every_page(
    browser: Browser, base_url: str, routes: Sequence[BaseRoute], *, values: Mapping[str, str] | None = None,
    enter: Visitor | None = None, languages: Sequence[str] = tuple(LANGUAGES), widths: Sequence[int] = WIDTHS,
    also: Sequence[Visitor] = (),
) -> set[str]:  # fmt: skip
    """Judges every page of an application in each language and at each width; returns the addresses of the pages.

    An address is a page when it answers HTML. ``enter`` signs in, once for each context; ``values`` are those of the
    parameters of addresses. Each page is of the language asked for, answers 200 under a strict policy, fits, and has
    no violation of any rule of axe; ``also`` are further checks (``COMFORT``). Raises PageFault with the faults of all
    pages together.
    """
    judged: set[str] = set()
    faults: list[str] = []
    for language in languages:
        for width in widths:
            try:
                async with visit(browser, language, width) as page:
                    if enter is not None:
                        await enter(page)
                    for address in addresses(routes, values or {}):
                        judged |= await _judge(page, base_url + address, address, language, faults, also)
            except PageFault as fault:
                faults.append(f"{language}, {width}: {fault}")
    if faults:
        raise PageFault("\n".join(faults))
    return judged


async def _judge(
    page: Page, url: str, address: str, language: str, faults: list[str], also: Sequence[Visitor]
) -> set[str]:
    # Asked for without the browser first: a file to download is no page, and would not be navigated to.
    asked = await page.request.get(url)
    if not asked.headers.get("content-type", "").startswith("text/html"):
        return set()
    response = await page.goto(url)
    assert response is not None
    if response.status != 200:
        faults.append(f"{url}: status {response.status}")
    shown = await page.locator("html").get_attribute("lang")
    if shown != language:
        faults.append(f"{url}: in {shown}, asked for in {language}")
    for check in (strict(response), fits(page), axe(page), *(further(page) for further in also)):
        try:
            await check
        except PageFault as fault:
            faults.append(f"{language}: {fault}")
    return {address}


# --- an application served from the test itself ------------------------------------------------------


@contextmanager
def served(app: Starlette, port: int = 0) -> Iterator[str]:
    """Serves an application on loopback, in a thread, for as long as the block lasts; gives its address."""
    listening = socket.create_server(("127.0.0.1", port))
    server = uvicorn.Server(uvicorn.Config(app, http="httptools", ws="none", log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


# --- pictures ----------------------------------------------------------------------------------------


async def take_picture(page: Page, folder: Path, name: str) -> Path:
    """Writes what the page shows, whole, as ``name.png``."""
    file = folder / f"{name}.png"
    await page.screenshot(path=file, full_page=True, animations="disabled", caret="hide")
    return file
