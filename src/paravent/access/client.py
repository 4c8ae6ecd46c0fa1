"""The HTTP client of every party: signed requests, time limits, errors rebuilt (docs/protocol.md sections 9, 13)."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from yarl import URL

from paravent.access.requests import Authenticated, new_nonce, sign_request
from paravent.access.retries import RetryBudget, seconds_of
from paravent.crypto.group import Rng
from paravent.crypto.signing import SigningKey
from paravent.errors import MalformedMessage, Overloaded, ParaventError, Unreachable
from paravent.wire.codec import BODY_BYTES_MAX, decode, encode
from paravent.wire.problem import from_problem

if TYPE_CHECKING:
    import aiohttp

M = TypeVar("M")
Observer = Callable[[str, str, str, Mapping[str, str], bytes], None]
"""Told of a request: party, method, address, header fields, body."""

TIMEOUT_SECONDS = 5.0
CONNECT_SECONDS = 1.0
CONNECTIONS_MAX = 100
"""How many requests of one client are under way at once; the others wait for a connection, as long as for an answer."""
KEEP_SECONDS = 60.0
"""How long a connection nobody uses is kept: less than any server of the protocol keeps it (75 seconds)."""
UNSAID = ("accept", "accept-encoding", "content-type", "user-agent")
"""Header fields that HTTP does not need: what software somebody runs is nobody's business."""
BACKGROUND = {"priority": "u=7"}
"""The last urgency (RFC 9218 section 4.1); not signed: whoever changes it on the way makes a request wait, or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedRequest:
    """A signed request ready to be sent, and what the other side will read in it."""

    url: str
    headers: dict[str, str]
    body: bytes
    authenticated: Authenticated


class SignedClient:
    """Sends requests signed with one key; redirects, proxies and cookies are never followed or kept.

    A party that said when to come back is not asked before: that is Overloaded without a word to it. ``retries`` says
    what may be asked again; by itself this client repeats only a GET whose kept connection was cut off, once.
    """

    def __init__(
        self, key: SigningKey, rng: Rng, *, timeout_seconds: float = TIMEOUT_SECONDS, observer: Observer | None = None
    ) -> None:
        """Signs with ``key``; ``observer`` is told each request just before it is sent."""
        self._key = key
        self._rng = rng
        self._observer = observer
        self.retries = RetryBudget()
        self._timeout_seconds = timeout_seconds
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Keeps connections from now on, each as long as a party may ask for it again soon."""
        # Imported here, and below, so that only who asks anybody loads it: it is a third of a start of a command line.
        import aiohttp

        connector = aiohttp.TCPConnector(limit=CONNECTIONS_MAX, keepalive_timeout=KEEP_SECONDS)
        timeout = aiohttp.ClientTimeout(
            total=None, connect=self._timeout_seconds, sock_connect=CONNECT_SECONDS, sock_read=self._timeout_seconds
        )
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False,
            auto_decompress=False, skip_auto_headers=UNSAID,
        )  # fmt: skip
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, party: str, url: str, kind: type[M], *, bytes_max: int = BODY_BYTES_MAX) -> M:
        """Fetches a public statement; raises Unreachable or what the party answered."""
        return _read(party, await self._send(party, "GET", url, b"", {}, bytes_max), kind, bytes_max)

    def prepare(self, base_url: str, path: str, message: object, *, nonce: str | None = None) -> PreparedRequest:
        """Signs a POST; ``nonce`` is given when the message itself proves something about it."""
        body = message if isinstance(message, bytes) else encode(message)
        headers, authenticated = sign_request(
            method="POST", base_url=base_url, path=path, body=body, key=self._key,
            now=int(time.time()), nonce=nonce or new_nonce(self._rng),
        )  # fmt: skip
        return PreparedRequest(url=base_url + path, headers=headers, body=body, authenticated=authenticated)

    async def send(self, party: str, prepared: PreparedRequest, kind: type[M], *, bytes_max: int = BODY_BYTES_MAX) -> M:
        """Sends a signed request; raises Unreachable or what the party answered."""
        body = await self._send(party, "POST", prepared.url, prepared.body, prepared.headers, bytes_max)
        return _read(party, body, kind, bytes_max)

    async def post(
        self, party: str, base_url: str, path: str, message: object, kind: type[M], *, bytes_max: int = BODY_BYTES_MAX,
        background: bool = False,
    ) -> M:  # fmt: skip
        """Signs and sends a message; ``background`` tells an overloaded party that nobody waits for the answer."""
        prepared = self.prepare(base_url, path, message)
        if background:
            prepared.headers.update(BACKGROUND)
        return await self.send(party, prepared, kind, bytes_max=bytes_max)

    async def _send(
        self, party: str, method: str, url: str, body: bytes, headers: dict[str, str], bytes_max: int
    ) -> bytes:
        now = time.monotonic()
        if (wait := self.retries.wait(party, now)) > 0:
            refusal = Overloaded(f"{party} asked to be left alone: ask it again in {math.ceil(wait)} seconds")
            refusal.retry_seconds = math.ceil(wait)
            raise refusal
        self.retries.asked(now)
        if self._observer is not None:
            self._observer(party, method, url, headers, body)
        from aiohttp import ClientError

        if self._session is None:
            raise RuntimeError("a client is entered before it asks")
        try:
            await _see_what_was_closed()
            # What is read has a time limit of its own; a request that its party does not take has this one.
            async with asyncio.timeout(2 * self._timeout_seconds):
                answer = await self._session.request(
                    method, URL(url, encoded=True), data=body or None, headers=headers, allow_redirects=False
                )
            async with answer:
                content = await _read_at_most(party, answer, bytes_max)
        except (ClientError, TimeoutError) as error:
            raise Unreachable(f"{party} does not answer ({type(error).__name__})") from None
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise self._noted(party, answer, from_problem(content, party=party))
        return content

    def _noted(self, party: str, answer: aiohttp.ClientResponse, error: ParaventError) -> ParaventError:
        """Keeps when an overloaded party wants to be asked again."""
        seconds = seconds_of(answer.headers.get("retry-after"))
        if isinstance(error, Overloaded) and seconds:
            now = time.monotonic()
            self.retries.leave_alone(party, seconds, now, self._rng(1)[0] / 255)
            error.retry_seconds = math.ceil(self.retries.wait(party, now))
        return error


async def _see_what_was_closed() -> None:
    """Lets the loop look at the connections that are kept, and then close those that the other side has closed.

    A process that was busy has not looked since: its request would go out on a connection that is no more.
    """
    for _ in range(2):
        await asyncio.sleep(0)


async def _read_at_most(party: str, answer: aiohttp.ClientResponse, bytes_max: int) -> bytes:
    """Reads an answer and stops at its limit, so that no party fills another's memory."""
    content = bytearray()
    async for chunk in answer.content.iter_any():
        content += chunk
        if len(content) > bytes_max:
            raise Unreachable(f"{party} answered more than {bytes_max} bytes")
    return bytes(content)


def _read(party: str, body: bytes, kind: type[M], bytes_max: int) -> M:
    """Decodes an answer; one that is not of the protocol is the party's fault, never the asker's input."""
    try:
        return decode(body, kind, bytes_max=bytes_max)
    except MalformedMessage as error:
        raise Unreachable(f"{party} answered something that is not of this protocol: {error}") from None
