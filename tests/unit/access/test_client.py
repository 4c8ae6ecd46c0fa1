"""What a party sends beside what it says, and what it does with what another answers (docs/protocol.md 9, 13)."""

from __future__ import annotations

import asyncio
import os
import socket
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
from paravent.access.client import TIMEOUT_SECONDS, SignedClient
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


def a_client(timeout_seconds: float = TIMEOUT_SECONDS) -> SignedClient:
    return SignedClient(SigningKey.generate(os.urandom), os.urandom, timeout_seconds=timeout_seconds)


def asked(party: Heard, ask: Callable[[SignedClient, str], Coroutine[Any, Any, None]]) -> None:
    """Asks a party over a socket."""

    async def run(address: str) -> None:
        async with a_client() as client:
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


def started_again() -> None:
    """Asks a party, then the one that took its place while the asker looked at no connection."""
    first, second = Heard(), Heard()

    async def ask() -> None:
        async with a_client() as client:
            # Nothing is awaited in between: the loop sees nothing of what happens to the connection that is kept.
            with served(first.app) as address:
                await post(client, address)
            with served(second.app, int(address.rsplit(":", 1)[1])):
                await post(client, address)

    asyncio.run(ask())
    assert (len(first.requests), len(second.requests)) == (1, 1)


def test_a_party_that_was_started_again_is_asked_on_a_new_connection() -> None:
    started_again()


def test_a_client_that_does_not_look_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    blind = edited(SignedClient, "_send", "await _see_what_was_closed()", "pass")
    monkeypatch.setattr(SignedClient, "_send", blind)
    with pytest.raises(Unreachable, match="ServerDisconnectedError"):
        started_again()


# No body of the protocol is as large; a smaller one would fit in the buffers of the two sockets.
LARGE = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")


def not_taken(seconds: float) -> None:
    """Sends more than fits in any buffer to a party that accepts the connection and reads nothing."""
    with socket.create_server(("127.0.0.1", 0)) as party:
        address = f"http://127.0.0.1:{party.getsockname()[1]}"

        async def ask() -> None:
            async with a_client(timeout_seconds=0.2) as client:
                try:
                    async with asyncio.timeout(seconds):
                        with pytest.raises(Unreachable, match="TimeoutError"):
                            await client.post("hub", address, "/v1/publications", bytes(30_000_000), HubStatus)
                finally:
                    # What was not taken keeps the connection until its party hangs up.
                    party.accept()[0].close()
                    await asyncio.sleep(0.2)

        asyncio.run(ask())


@LARGE
def test_a_party_that_takes_no_request_is_given_up() -> None:
    not_taken(30)


@LARGE
def test_a_client_that_waits_for_ever_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    endless = edited(SignedClient, "_send", "asyncio.timeout(2 * self._timeout_seconds)", "asyncio.timeout(60)")
    monkeypatch.setattr(SignedClient, "_send", endless)
    with pytest.raises(TimeoutError):
        not_taken(3)


def test_a_party_that_is_away_is_unreachable() -> None:
    async def ask() -> None:
        async with a_client() as client:
            with pytest.raises(Unreachable, match="hub does not answer"):
                await client.get("hub", "http://127.0.0.1:1/v1/status", HubStatus)

    asyncio.run(ask())
