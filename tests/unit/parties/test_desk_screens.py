"""Who may open the desk's screens: attacks on the way in, on every page and on every form of it (protocol.md 9.6)."""

from __future__ import annotations

import io
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import segno
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient
from tests.browser import served
from tests.unit.parties.world import World

from paravent.desk import config
from paravent.desk.app import build
from paravent.desk.config import DeskConfig

PORT = 8123
HOST = f"127.0.0.1:{PORT}"
OWN = {"origin": f"http://{HOST}"}
# What anybody of this machine may see: it says nothing and does nothing.
OPEN = frozenset({"/open", "/static/{name}", "/preferences", "/accessibility"})


@pytest.fixture
def app(world: World, tmp_path: Path) -> Iterator[Starlette]:
    settings = DeskConfig(professional="80000000001", shop="580000001", port=PORT)
    home = tmp_path / "desk"
    config.initialise(home, settings, world.rng)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("paravent.desk.app.read_directory", lambda *_: world.directory)
        yield build(home)


def browser(app: Starlette, host: str = HOST) -> TestClient:
    return TestClient(app, base_url=f"http://{host}", follow_redirects=False)


def token_of(app: Starlette) -> str:
    return str(app.state.counter.link()).partition("#")[2]


def entered(app: Starlette) -> TestClient:
    """A browser whose session is open."""
    inside = browser(app)
    assert inside.post("/open", content=f"token={token_of(app)}", headers=OWN).status_code == 303
    return inside


def csrf_of(inside: TestClient) -> str:
    return inside.get("/claims").text.partition('name="csrf" value="')[2].partition('"')[0]


def pages(app: Starlette, method: str) -> list[str]:
    """Lists the addresses of pages that answer a method, parameters filled in, but those open to all."""
    return [
        route.path.replace("{check}", "0" * 32)
        for route in app.routes
        if isinstance(route, Route) and method in (route.methods or ()) and route.path not in OPEN
        and not route.path.startswith(("/v1/", "/fhir"))
    ]  # fmt: skip


def shown_to(visitor: TestClient, app: Starlette, **headers: str) -> list[str]:
    """Lists the pages that a visitor is shown, though it should be none."""
    answers = {path: visitor.get(path, headers=headers) for path in pages(app, "GET")}
    return [path for path, answer in answers.items()
            if answer.status_code != 403 and answer.headers.get("location") != "/open"]  # fmt: skip


def test_a_link_opens_once_and_its_token_is_in_the_fragment(app: Starlette) -> None:
    link = app.state.counter.link()
    address, _, token = link.partition("#")
    assert (address, len(token)) == (f"http://{HOST}/open", 64)
    first = browser(app).post("/open", content=f"token={token}", headers=OWN)
    assert first.headers["location"] == "/"
    assert {"HttpOnly", "SameSite=strict"} <= set(first.headers["set-cookie"].split("; "))
    second = browser(app).post("/open", content=f"token={token}", headers=OWN)
    assert (second.status_code, "set-cookie" in second.headers) == (403, False)


def test_a_newer_link_ends_the_older(app: Starlette) -> None:
    older = token_of(app)
    token_of(app)
    assert browser(app).post("/open", content=f"token={older}", headers=OWN).status_code == 403


def test_only_the_desks_own_token_gives_a_link(app: Starlette) -> None:
    inside = entered(app)
    assert inside.post("/v1/screens", content=b"{}").status_code == 401
    token = config.token(app.state.counter.home)
    answer = browser(app).post("/v1/screens", content=b"{}", headers={"authorization": f"Bearer {token}"})
    assert answer.json()["link"].startswith(f"http://{HOST}/open#")


def test_no_page_is_shown_without_a_session(app: Starlette) -> None:
    assert len(pages(app, "GET")) >= 5
    assert shown_to(browser(app), app) == []


def test_no_page_is_shown_under_another_name(app: Starlette) -> None:
    """DNS rebinding: a page of elsewhere points its name here; it even has the cookie, which it would not."""
    inside = entered(app)
    for name in ("evil.example", f"evil.example:{PORT}", "127.0.0.1", f"127.0.0.1:{PORT + 1}", ""):
        assert shown_to(inside, app, host=name) == []
    assert inside.get("/claims").status_code == 200


def test_a_page_that_forgets_to_ask_is_seen(app: Starlette) -> None:
    async def careless(_: Request) -> Response:
        return Response("everything")

    app.router.routes.append(Route("/careless", careless))
    assert shown_to(browser(app), app) == ["/careless"]
    assert shown_to(entered(app), app, host="evil.example") == ["/careless"]


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", f"http://127.0.0.1:{PORT + 1}", f"https://{HOST}", f"http://localhost:{PORT}"],
)
def test_no_form_of_elsewhere_is_taken(app: Starlette, origin: str) -> None:
    inside = entered(app)
    body = f"csrf={csrf_of(inside)}&what=letters"
    for path in [*pages(app, "POST"), "/open"]:
        answer = inside.post(path, content=body, headers={"origin": origin, "x-csrf": csrf_of(inside)})
        assert answer.status_code == 403, path


def test_no_form_is_taken_without_the_token_of_its_session(app: Starlette) -> None:
    inside, other = entered(app), csrf_of(entered(app))
    assert csrf_of(inside) != other
    for path in pages(app, "POST"):
        for wrong in ("", other):
            headers = {**OWN, "x-csrf": wrong}
            assert inside.post(path, content=f"csrf={wrong}", headers=headers).status_code == 403, path
            assert browser(app).post(path, content=f"csrf={csrf_of(inside)}", headers=OWN).status_code == 403, path


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it has as many pixels, and holds none of them."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )


def picture(text: str, kind: str = "PNG") -> bytes:
    drawn, converted = io.BytesIO(), io.BytesIO()
    segno.make(text).save(drawn, kind="png", scale=4)
    Image.open(drawn).convert("RGB").save(converted, kind)
    return converted.getvalue()


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (picture("PV1:ABC"), 200),
        (picture("PV1:ABC", "JPEG"), 200),
        (picture("PV1:ABC", "BMP"), 422),  # a format that no camera gives
        (picture("PV1:ABC")[:200], 422),
        (b"GIF89a", 422),
        (b"", 422),
        (bomb(8_000, 5_001), 413),  # one row above the limit
        (bomb(12_000, 12_000), 413),  # Pillow warns of this size
        (bomb(2**31 - 1, 2**31 - 1), 413),  # and refuses this one
        (bomb(0, 1), 422),
        (bomb(300, 300), 422),  # it says more than it holds
        (bytes(12_000_001), 413),
    ],
    ids=["png", "jpeg", "bmp", "cut", "gif", "empty", "above", "warned", "bomb", "nothing", "short", "heavy"],
)
def test_a_picture_is_read_here(app: Starlette, content: bytes, status: int) -> None:
    inside = entered(app)
    answer = inside.post("/card-pictures", content=content, headers={**OWN, "x-csrf": csrf_of(inside)})
    assert answer.status_code == status
    if status == 200:
        assert answer.json() == {"card": "PV1:ABC"}


class Slow:
    """A reading of a picture that goes on until the counter has answered somebody else, or until it gives up."""

    def __init__(self, seconds: float) -> None:
        self.answered, self.begun, self.waited = threading.Event(), threading.Event(), seconds

    def __call__(self, _: bytes) -> str:
        self.begun.set()
        return str(self.answered.wait(self.waited))


def answered_meanwhile(app: Starlette, slow: Slow) -> str:
    """Asks for a page while a picture is being read; returns what the reading saw of it."""
    inside = entered(app)
    said: list[str] = []
    headers = {**OWN, "host": HOST, "x-csrf": csrf_of(inside)}
    with served(app) as address, httpx2.Client(base_url=address, cookies=dict(inside.cookies), timeout=90) as client:

        def read() -> None:
            said.append(client.post("/card-pictures", content=b"x", headers=headers).json()["card"])

        reading = threading.Thread(target=read)
        reading.start()
        assert slow.begun.wait(60)
        assert client.get("/accessibility").status_code == 200
        slow.answered.set()
        reading.join()
    return said[0]


def test_the_counter_answers_while_a_picture_is_read(app: Starlette, monkeypatch: pytest.MonkeyPatch) -> None:
    patient = Slow(60)
    monkeypatch.setattr("paravent.desk.screens.check_app.read_picture", patient)
    assert answered_meanwhile(app, patient) == "True"


def test_a_picture_read_in_the_way_of_others_is_seen(app: Starlette, monkeypatch: pytest.MonkeyPatch) -> None:
    async def in_the_way(read: Slow, content: bytes) -> str:
        return read(content)

    hasty = Slow(1)
    monkeypatch.setattr("paravent.desk.screens.check_app.read_picture", hasty)
    monkeypatch.setattr("paravent.desk.screens.check_app.run_in_threadpool", in_the_way)
    assert answered_meanwhile(app, hasty) == "False"
