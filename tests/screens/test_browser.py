"""The browser of the tests turns red for each thing that a page may not do, and for nothing else (tests/browser.py)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from playwright.async_api import Browser, Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from tests.browser import COMFORT, PageFault, addresses, axe, fits, judge_every_page, served, strict, visit

POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'"
ENDS = "; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
SOUND = "<main><h1>Paravent</h1><p>Sound.</p></main>"
# Each seeded defect, with the words by which its fault is known.
DEFECTS = {
    "image-without-text": ("<main><h1>A</h1><img src='/dot.svg'></main>", "image-alt"),
    "poor-contrast": ("<main><h1>A</h1><p class='pale'>pale</p></main>", "color-contrast"),
    "field-without-label": ("<main><h1>A</h1><form><input name='a'></form></main>", "label"),
    "too-wide": ("<main><h1>A</h1><p class='wide'>wide</p></main>", "wider than its window"),
    "inline-script": (SOUND + "<script>window.a = 1</script>", "inline: <script>"),
    "inline-style": (SOUND + "<p style='color: red'>red</p>", "inline: <p style"),
    "another-machine": (SOUND + "<script src='https://paravent.invalid/a.js'></script>", "another machine"),
    "missing-file": (SOUND + "<script src='/missing.js'></script>", "404 for"),
    "exception": (SOUND + "<script src='/throws.js'></script>", "script: "),
}
DISCOMFORTS = {
    "small-target": ("<p><a class='tiny' href='/a'>a</a><a class='tiny' href='/b'>b</a></p>", "target-size"),
    "unseen": ("<p><a class='unseen' href='/a'>where the keyboard is</a></p>", "the focus cannot be seen on"),
    "upwards": ("<p class='upwards'><a href='/a'>first</a><a href='/b'>second</a></p>", "goes backwards to"),
    "loose": ("<p>Perdue ?</p>", "an ordinary space before the punctuation of Perdue"),
}
PAGES = {name: body for name, (body, _) in DEFECTS.items()} | {
    name: SOUND.replace("</main>", f"{part}</main>") for name, (part, _) in DISCOMFORTS.items()
}
FILES = {
    "sheet.css": "body{color:#000;background:#fff} .pale{color:#ccc} .wide{width:4000px}"
    " :focus-visible{outline:3px solid #b34700} .unseen:focus{outline:none}"
    " .tiny{display:inline-block;width:9px;height:9px} .upwards{display:flex;flex-direction:column-reverse}",
    "throws.js": "throw new Error('seeded')",
    "dot.svg": "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
}
TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def _document(body: str, language: str) -> str:
    head = "<meta name='viewport' content='width=device-width'><title>A</title>"
    files = "<link rel='stylesheet' href='/sheet.css'><link rel='icon' href='/dot.svg'>"
    return f"<!doctype html><html lang='{language}'><head>{head}{files}</head><body>{body}</body></html>"


async def _page(request: Request) -> Response:
    name = request.path_params.get("defect")
    body = PAGES[name] if name else SOUND
    language = request.path_params.get("language", request.headers.get("accept-language", "fr")[:2])
    policy = request.query_params.get("policy", POLICY + ENDS)
    return Response(_document(body, language), media_type="text/html", headers={"content-security-policy": policy})


async def _file(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in FILES:
        return Response("", 404)
    return Response(FILES[name], media_type=TYPES[name.split(".")[1]])


SOUND_ROUTES = [Route("/", _page), Mount("/more", routes=[Route("/{number:int}", _page)])]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    routes = [
        *SOUND_ROUTES,
        Route("/defects/{defect}", _page),
        Route("/only/{language}", _page),
        Route("/{name}", _file),
    ]
    with served(Starlette(routes=routes)) as started:
        yield started


async def test_a_sound_page_passes_in_each_language_and_width(chromium: Browser, address: str) -> None:
    judged = await judge_every_page(
        chromium, address, [*SOUND_ROUTES, Route("/sheet.css", _file)], values={"number": "7"}
    )
    assert judged == {"/", "/more/7"}


@pytest.mark.parametrize("defect", DEFECTS)
async def test_a_seeded_defect_turns_its_page_red(chromium: Browser, address: str, defect: str) -> None:
    with pytest.raises(PageFault, match=DEFECTS[defect][1]):
        await judge_every_page(
            chromium, f"{address}/defects", [Route(f"/{defect}", _page)], languages=["en"], widths=[320]
        )


@pytest.mark.parametrize("defect", DISCOMFORTS)
async def test_a_page_that_is_uncomfortable_is_red_when_asked(chromium: Browser, address: str, defect: str) -> None:
    judge = partial(judge_every_page, chromium, f"{address}/defects", languages=["fr"], widths=[320])
    routes = [Route(f"/{defect}", _page)]
    with pytest.raises(PageFault, match=DISCOMFORTS[defect][1]):
        await judge(routes, also=COMFORT)
    assert await judge(routes) == {f"/{defect}"}


async def test_a_page_in_another_language_than_asked_for_is_red(chromium: Browser, address: str) -> None:
    routes = [Route("/only/{language}", _page)]
    with pytest.raises(PageFault, match="in en, asked for in fr"):
        await judge_every_page(chromium, address, routes, values={"language": "en"}, widths=[1280])


@pytest.mark.parametrize(
    ("policy", "fault"),
    [
        (POLICY, "no base-uri"),
        (POLICY.replace("script-src 'self'", "script-src 'self' 'unsafe-inline'") + ENDS, "script-src allows"),
        (POLICY.replace("img-src 'self'", "img-src 'self' https:") + ENDS, "img-src allows .* https:"),
        (POLICY.replace("connect-src 'self'", "connect-src 'self' data:") + ENDS, "connect-src allows data"),
        ("", "no default-src"),
    ],
)
async def test_a_looser_policy_is_red(page: Page, address: str, policy: str, fault: str) -> None:
    response = await page.goto(f"{address}/?policy={policy}")
    assert response is not None
    with pytest.raises(PageFault, match=fault):
        await strict(response)


async def test_one_page_is_judged_alone(page: Page, address: str) -> None:
    response = await page.goto(address)
    assert response is not None
    await strict(response)
    await fits(page)
    await axe(page)


async def test_a_violated_policy_fails_the_test_that_visits(chromium: Browser, address: str) -> None:
    with pytest.raises(PageFault, match="Content Security Policy"):
        async with visit(chromium) as page:
            await page.goto(f"{address}/defects/inline-style")


def test_an_address_whose_parameter_has_no_value_is_not_passed_over() -> None:
    with pytest.raises(KeyError, match="number"):
        addresses(SOUND_ROUTES, {})
