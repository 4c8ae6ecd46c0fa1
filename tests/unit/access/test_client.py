"""What a party sends beside what it says, and what it does with what another answers (docs/protocol.md 9, 13)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from tests.browser import served
from tests.unit.crypto.mutation import edited

from paravent.access import client as client_module
from paravent.access.client import SignedClient
from paravent.crypto.signing import SigningKey
from paravent.errors import BodyTooLarge, ParaventError, Unreachable
from paravent.wire.codec import encode
from paravent.wire.status import HubStatus

STATUS = HubStatus(name="hub", release="0", manifests=0, rows=0)
NEEDED = {"host", "content-length", "content-digest", "signature-input", "signature"}


class Heard:
    """A party that keeps what it was sent, and answers in its own way."""

    def __init__(self, status: Response | None = None) -> None:
        self.requests: list[tuple[str, dict[str, str], object]] = []
        routes = [Route("/{path:path}", self._answer, methods=["GET", "POST"])]
        self.app, self._status = Starlette(routes=routes), status or Response(encode(STATUS))

    async def _answer(self, request: Request) -> Response:
        await request.body()
        self.requests.append((request.url.path, dict(request.headers), request.client))
        return self._status


def asked(party: Heard, ask: Callable[[SignedClient, str], Coroutine[Any, Any, None]]) -> None:
    """Asks a party over a socket."""

    async def run(address: str) -> None:
        async with SignedClient(SigningKey.generate(os.urandom), os.urandom) as client:
            await ask(client, address)

    with served(party.app) as address:
        asyncio.run(run(address))


async def post(client: SignedClient, address: str) -> None:
    assert await client.post("hub", address, "/v1/acts", STATUS, HubStatus) == STATUS


def test_a_request_says_nothing_of_who_sends_it_beyond_its_signature() -> None:
    party = Heard()
    asked(party, post)
    ((_, headers, _),) = party.requests
    assert headers.keys() == NEEDED


def test_a_client_that_says_what_it_is_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "UNSAID", ())
    party = Heard()
    asked(party, post)
    ((_, headers, _),) = party.requests
    assert headers.keys() - NEEDED == {"accept", "accept-encoding", "content-type", "user-agent"}


def test_requests_that_follow_one_another_share_a_connection() -> None:
    party = Heard()

    async def twice(client: SignedClient, address: str) -> None:
        for _ in range(2):
            await post(client, address)

    asked(party, twice)
    assert len({str(whose) for _, _, whose in party.requests}) == 1


def test_a_party_that_sends_elsewhere_is_not_followed() -> None:
    party = Heard(RedirectResponse("/v1/elsewhere"))

    async def refused(client: SignedClient, address: str) -> None:
        with pytest.raises(ParaventError):
            await client.get("hub", f"{address}/v1/status", HubStatus)

    asked(party, refused)
    assert [path for path, _, _ in party.requests] == ["/v1/status"]


def test_a_cookie_is_not_kept() -> None:
    party = Heard(Response(encode(STATUS), headers={"set-cookie": "one=1; Path=/"}))

    async def twice(client: SignedClient, address: str) -> None:
        for _ in range(2):
            await post(client, address)

    asked(party, twice)
    assert all("cookie" not in headers for _, headers, _ in party.requests)


def too_long() -> None:
    party = Heard(Response(b"x" * 5_000_000))

    async def ask(client: SignedClient, address: str) -> None:
        with pytest.raises(Unreachable, match="more than 1000 bytes"):
            await client.get("hub", f"{address}/v1/status", HubStatus, bytes_max=1_000)

    asked(party, ask)


def test_an_answer_that_is_too_long_is_left_alone() -> None:
    too_long()


def test_a_client_that_reads_an_answer_whole_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = edited(client_module, "_read_at_most", "if len(content) > bytes_max:", "if False:")
    monkeypatch.setattr(client_module, "_read_at_most", whole)
    with pytest.raises(BodyTooLarge):
        too_long()


def test_a_party_that_was_started_again_is_asked_on_a_new_connection() -> None:
    """What was kept of the connections to the one before is not used; nobody is told that it does not answer."""
    first, second = Heard(), Heard()

    async def ask(address: str, port: int, before: Any) -> None:
        async with SignedClient(SigningKey.generate(os.urandom), os.urandom) as client:
            await post(client, address)
            await asyncio.to_thread(before.__exit__, None, None, None)
            with served(second.app, port):
                await post(client, address)

    before = served(first.app)
    address = before.__enter__()
    asyncio.run(ask(address, int(address.rsplit(":", 1)[1]), before))
    assert (len(first.requests), len(second.requests)) == (1, 1)


def test_a_party_that_is_away_is_unreachable() -> None:
    async def ask() -> None:
        async with SignedClient(SigningKey.generate(os.urandom), os.urandom) as client:
            with pytest.raises(Unreachable, match="hub does not answer"):
                await client.get("hub", "http://127.0.0.1:1/v1/status", HubStatus)

    asyncio.run(ask())
