"""One browser logs in at every verifier, however quick it is and however slowly they answer (docs/protocol.md 9)."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from types import SimpleNamespace
from urllib.parse import urlencode, urlsplit

import pytest
from tests.unit.access.provider import SHOP
from tests.unit.access.test_enrolment import Scene
from tests.unit.crypto.mutation import edited

from paravent.access import client as client_module
from paravent.access import enrolment
from paravent.access.client import SignedClient
from paravent.access.requests import HttpRequest, authority_of
from paravent.desk import enrolment_client
from paravent.desk.enrolment_client import EnrolmentClient
from paravent.errors import EnrolmentRefused, ParaventError, Unreachable
from paravent.wire.codec import decode, encode
from paravent.wire.enrolment import (
    FINISH_PATH,
    START_PATH,
    DeviceState,
    EnrolledDevice,
    EnrolmentFinish,
    EnrolmentStart,
)

LOGIN = "https://provider.example/authorize"
NAMES = ("hub", "keyserver-1", "keyserver-2", "keyserver-3")
SLOW_SECONDS = 0.2


class Verifiers:
    """The verifiers' own functions behind a desk's client; one can be slow to start an enrolment, or away."""

    def __init__(self) -> None:
        # Each draws for itself: an enrolment is known by what its verifier drew.
        self.scenes = {f"https://{name}.example": Scene(name=name, rng=random.Random(name).randbytes) for name in NAMES}
        self.begun: dict[str, tuple[Scene, enrolment.Begun]] = {}
        self.slow: set[str] = set()
        self.away: set[str] = set()

    async def send(
        self, party: str, method: str, url: str, body: bytes, headers: Mapping[str, str], _bytes_max: int
    ) -> bytes:
        """Answers as the verifier would."""
        path = urlsplit(url).path
        base_url = url.removesuffix(path)
        request = HttpRequest(
            method=method, authority=authority_of(base_url), target_uri=url, headers=headers, body=body
        )
        scene = self.scenes[base_url]
        if path == START_PATH:
            await asyncio.sleep(SLOW_SECONDS if party in self.slow else 0)
            if party in self.away:
                raise Unreachable(f"{party} does not answer")
            begun = enrolment.begin(request, scene.enroller, scene.now, scene.rng)
            address = f"{LOGIN}?{urlencode(enrolment.authorization_parameters(begun, scene.enroller))}"
            self.begun[address] = scene, begun
            assert decode(body, EnrolmentStart).shop == SHOP
            return encode(enrolment.started(begun, scene.enroller, address))
        assert path == FINISH_PATH
        assert decode(body, EnrolmentFinish).shop_code is None
        return encode(scene.settled(request))

    async def browse(self, address: str) -> str:
        """Logs in wherever the desk sends the browser; returns the last page."""
        while True:
            scene, begun = self.begun[address]
            scene.log_in(begun)
            back = urlsplit(enrolment.proof_address(begun, scene.enroller))
            reader, writer = await asyncio.open_connection(back.hostname, back.port)
            writer.write(f"GET {back.path}?{back.query} HTTP/1.1\r\nHost: {back.netloc}\r\n\r\n".encode())
            head, _, page = (await reader.read()).decode().partition("\r\n\r\n")
            writer.close()
            if "303" not in head.splitlines()[0]:
                return page
            address = next(
                line.partition(": ")[2] for line in head.splitlines() if line.lower().startswith("location:")
            )


@pytest.fixture
def verifiers(monkeypatch: pytest.MonkeyPatch) -> Verifiers:
    made = Verifiers()
    now = next(iter(made.scenes.values())).now
    monkeypatch.setattr(client_module, "time", SimpleNamespace(monotonic=time.monotonic, time=lambda: now))
    monkeypatch.setattr(SignedClient, "_send", lambda _, *asked: made.send(*asked))
    monkeypatch.setattr(enrolment_client, "LOGIN_SECONDS_MAX", 2)
    return made


def enrolled(verifiers: Verifiers) -> tuple[dict[str, EnrolledDevice | ParaventError], list[str], str]:
    """Enrols a desk with a browser that opens the first address as soon as it is shown.

    Returns the outcomes, the names shown in their order, and the last page of the browser.
    """
    directory = SimpleNamespace(
        hub=SimpleNamespace(name="hub", address="https://hub.example"),
        keyservers=[SimpleNamespace(name=name, address=f"https://{name}.example") for name in NAMES[1:]],
    )
    scene = Scene()
    shown: list[str] = []
    browsing: list[asyncio.Task[str]] = []

    def show(name: str, address: str) -> None:
        shown.append(name)
        if not browsing:
            browsing.append(asyncio.create_task(verifiers.browse(address)))

    async def run() -> tuple[dict[str, EnrolledDevice | ParaventError], list[str], str]:
        key = scene.key()
        client = EnrolmentClient(directory, key, SignedClient(key, scene.rng), scene.rng)  # type: ignore[arg-type]
        outcomes = await client.enrol(NAMES, SHOP, {}, show)
        return outcomes, shown, await browsing[0]

    return asyncio.run(run())


@pytest.mark.parametrize("slow", [(), ("keyserver-1",), ("keyserver-3",), NAMES])
def test_a_quick_browser_logs_in_everywhere(verifiers: Verifiers, slow: tuple[str, ...]) -> None:
    verifiers.slow = {*slow}
    outcomes, shown, page = enrolled(verifiers)
    assert {name: getattr(one, "state", one) for name, one in outcomes.items()} == dict.fromkeys(
        NAMES, DeviceState.PENDING
    )
    assert shown == [*NAMES]
    assert "Done" in page


@pytest.mark.parametrize("away", ["hub", "keyserver-2"])
def test_a_verifier_that_is_away_leaves_the_others(verifiers: Verifiers, away: str) -> None:
    verifiers.away, verifiers.slow = {away}, {away}
    outcomes, shown, page = enrolled(verifiers)
    assert isinstance(outcomes.pop(away), Unreachable)
    assert outcomes.keys() == {*NAMES} - {away} == {*shown}
    assert all(isinstance(one, EnrolledDevice) for one in outcomes.values())
    assert "Done" in page


def test_a_browser_that_never_comes_back_is_told_of(verifiers: Verifiers, monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider went away after it was asked: the desk waits as long as a login may take, and no longer."""

    async def stuck(_: str) -> str:
        return ""

    monkeypatch.setattr(verifiers, "browse", stuck)
    monkeypatch.setattr(enrolment_client, "LOGIN_SECONDS_MAX", 0.2)
    outcomes, shown, _ = enrolled(verifiers)
    assert shown == [*NAMES]
    for name in NAMES:
        with pytest.raises(EnrolmentRefused, match=f"{name}: nobody logged in within ten minutes"):
            raise_it(outcomes[name])


def raise_it(outcome: EnrolledDevice | ParaventError) -> None:
    if isinstance(outcome, ParaventError):
        raise outcome


def test_an_address_shown_before_the_others_are_known_leaves_them_out(
    verifiers: Verifiers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The defect: the browser comes back while the next verifier has not answered, and is told that it is done."""
    early = edited(
        EnrolmentClient, "enrol",
        "asked = await asyncio.gather(*(self._start(name, shop, port) for name in names))",
        "asked = []\n"
        "        for name in names:\n"
        "            asked.append(await self._start(name, shop, port))\n"
        "            if len(asked) == 1:\n"
        "                walk.add(asked[0])\n"
        "                show(name, asked[0].started.authorization_url)\n"
        "        walk.steps.clear()",
    )  # fmt: skip
    monkeypatch.setattr(EnrolmentClient, "enrol", early)
    verifiers.slow = {*NAMES[1:]}
    outcomes, _, page = enrolled(verifiers)
    assert "Done" in page
    assert isinstance(outcomes["keyserver-3"], EnrolmentRefused)
