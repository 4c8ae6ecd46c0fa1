"""Every page of every party, in both languages and at both widths; and no application or route that escapes it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page
from starlette.applications import Starlette
from starlette.routing import Mount

from tests.browser import COMFORT, PageFault, judge_every_page
from tests.screens.applications import APPLICATIONS, SOURCE, WITHOUT_PAGES, Opened, builders, makes_pages, routes_of

# What must be among the pages judged: routes are found by themselves, so that this only shows that they are.
KNOWN = {
    "desk/app.py": {"/", "/number", "/claims", "/bulletins"},
    "insurer/screens/app.py": {"/", "/journal", "/claims", "/card", "/number-lane", "/incidents", "/scams", "/rights"},
    "hub/screens/app.py": {"/", "/services", "/load", "/quotas", "/refusals", "/incidents", "/witnesses", "/drill"},
    "breach/screens/app.py": {"/", "/cases", "/alarms", "/registers", "/committee", "/committee/published", "/drill"},
}


def test_no_application_of_the_sources_is_in_no_table() -> None:
    assert builders(SOURCE) == {*APPLICATIONS, *WITHOUT_PAGES}
    assert not APPLICATIONS.keys() & WITHOUT_PAGES


def test_an_application_without_pages_can_make_none() -> None:
    for name in sorted(WITHOUT_PAGES):
        assert not makes_pages((SOURCE / name).read_text("utf-8")), name
    for name in APPLICATIONS:
        party = (SOURCE / name).parent
        assert any(makes_pages(path.read_text("utf-8")) for path in party.rglob("*.py")), name


@pytest.mark.parametrize(
    "seeded",
    [
        "from starlette.applications import Starlette\napp = Starlette(routes=[])\n",
        "from paravent.access import app\nserved = app.application('x', [], lifespan=None)\n",
    ],
)
def test_a_new_application_is_seen(tmp_path: Path, seeded: str) -> None:
    (tmp_path / "custodian").mkdir()
    (tmp_path / "custodian" / "portal_app.py").write_text(seeded)
    assert builders(tmp_path) - {*APPLICATIONS, *WITHOUT_PAGES} == {"custodian/portal_app.py"}


@pytest.mark.parametrize(
    "seeded", ["from paravent.pages.screens.app import Screens", "media_type='text/html'", "return HTMLResponse(text)"]
)
def test_a_page_of_an_application_without_pages_is_seen(seeded: str) -> None:
    assert makes_pages(seeded)


def test_what_is_mounted_is_not_passed_over() -> None:
    with pytest.raises(TypeError, match="no route"):
        routes_of(Starlette(routes=[Mount("/more", routes=[])]))


async def _enter(page: Page, opened: Opened) -> None:
    name, value = opened.cookie
    await page.context.add_cookies([{"name": name, "value": value, "url": opened.base}])


@pytest.mark.parametrize("name", APPLICATIONS)
async def test_every_page_in_both_languages_at_both_widths(
    name: str, applications: dict[str, Opened], chromium: Browser
) -> None:
    opened = applications[name]

    async def enter(page: Page) -> None:
        await _enter(page, opened)

    values = {"name": "screen.css", **opened.values}
    judged = await judge_every_page(chromium, opened.base, opened.pages(), values=values, enter=enter, also=COMFORT)
    assert judged >= KNOWN[name]
    # Every address with parameters is among them, unless it is a file: none was left out for want of a value.
    shapes = {route.path for route in opened.pages() if "{" in route.path and "." not in route.path}
    for shape in shapes - {"/static/{name}", "/cases/{case}/documents/{number:int}"}:
        assert any(re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", shape), address) for address in judged), shape


async def test_what_who_has_not_signed_in_sees_is_sound_too(
    applications: dict[str, Opened], chromium: Browser
) -> None:  # fmt: skip
    opened = applications["insurer/screens/app.py"]
    outside = [route for route in opened.pages() if route.path in {"/", "/scams", "/rights"}]
    assert len(await judge_every_page(chromium, opened.base, outside)) == 3


async def test_a_page_without_its_session_turns_it_red(applications: dict[str, Opened], chromium: Browser) -> None:
    opened = applications["hub/screens/app.py"]
    with pytest.raises(PageFault, match="status 403"):
        await judge_every_page(
            chromium, opened.base, opened.pages(), values={"name": "screen.css"}, languages=["fr"], widths=[1280]
        )
