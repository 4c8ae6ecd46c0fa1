"""Signed requests of one party to another, small and by the standard library alone (protocol.md 9, 12).

Key servers and the hub watch the logs with it, and the breach desk suspends: no package is installed for it.
"""

from __future__ import annotations

import asyncio
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPException
from typing import IO, Protocol, TypeVar

from paravent.access.no_redirect_client import NoRedirect
from paravent.access.requests import Authenticated, new_nonce, sign_request
from paravent.crypto.group import Rng
from paravent.crypto.signing import SigningKey
from paravent.errors import MalformedMessage, Unreachable
from paravent.wire.codec import decode, encode
from paravent.wire.problem import from_problem

M = TypeVar("M")

REQUEST_SECONDS_MAX = 5.0
ANSWER_BYTES_MAX = 1_048_576
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect())


class Addressed(Protocol):
    """A party of the directory that can be asked."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def address(self) -> str:
        """Its base URL."""


class PeerClient:
    """Signs with the party's own key; requests block, so each runs in a thread."""

    def __init__(self, key: SigningKey, rng: Rng) -> None:
        """Signs with ``key``."""
        self._key = key
        self._rng = rng

    async def post(self, peer: Addressed, path: str, message: object, kind: type[M]) -> M:
        """Asks another party; raises Unreachable or what it answered."""
        return (await self.ask(peer, path, message, kind))[0]

    async def ask(self, peer: Addressed, path: str, message: object, kind: type[M]) -> tuple[M, Authenticated]:
        """Asks another party; returns its answer, and what it read in the request."""
        try:
            async with asyncio.timeout(REQUEST_SECONDS_MAX * 2):
                return await asyncio.to_thread(self._ask, peer, path, encode(message), kind)
        except TimeoutError:
            raise Unreachable(f"{peer.name} does not answer in time") from None

    def _ask(self, peer: Addressed, path: str, body: bytes, kind: type[M]) -> tuple[M, Authenticated]:
        headers, sent = sign_request(
            method="POST", base_url=peer.address, path=path, body=body, key=self._key, now=int(time.time()),
            nonce=new_nonce(self._rng),
        )  # fmt: skip
        return _answer(peer, path, body, headers, kind), sent


async def ask_openly(peer: Addressed, path: str, kind: type[M], message: object | None = None) -> M:
    """Asks what anybody may ask, unsigned: a GET, or the POST of a message; raises Unreachable or what it answered."""
    body = None if message is None else encode(message)
    try:
        async with asyncio.timeout(REQUEST_SECONDS_MAX * 2):
            return await asyncio.to_thread(_answer, peer, path, body, {}, kind)
    except TimeoutError:
        raise Unreachable(f"{peer.name} does not answer in time") from None


def _answer(peer: Addressed, path: str, body: bytes | None, headers: Mapping[str, str], kind: type[M]) -> M:
    """Sends a request and decodes its answer; it blocks."""
    method = "GET" if body is None else "POST"
    # The address is that of the signed directory: http or https, never a file.
    request = urllib.request.Request(peer.address + path, body, dict(headers), method=method)  # noqa: S310
    try:
        with _OPENER.open(request, timeout=REQUEST_SECONDS_MAX) as answer:
            content = _read(answer)
    except urllib.error.HTTPError as error:
        with suppress(OSError, HTTPException):
            raise from_problem(_read(error), party=peer.name) from None
        raise Unreachable(f"{peer.name} answered an error that cannot be read") from None
    except (OSError, HTTPException) as error:
        raise Unreachable(f"{peer.name} does not answer ({type(error).__name__})") from None
    try:
        return decode(content, kind, bytes_max=ANSWER_BYTES_MAX)
    except MalformedMessage as error:
        raise Unreachable(f"{peer.name} answered something that is not of this protocol: {error}") from None


def _read(answer: IO[bytes]) -> bytes:
    """Reads an answer and stops at its limit and at its deadline: each byte may be late, not all of them together."""
    content, deadline = bytearray(), time.monotonic() + REQUEST_SECONDS_MAX
    while chunk := answer.read1(65_536):  # type: ignore[attr-defined]
        content += chunk
        if len(content) > ANSWER_BYTES_MAX or time.monotonic() > deadline:
            raise HTTPException
    return bytes(content)
