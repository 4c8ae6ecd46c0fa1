"""The desk's enrolment at every verifier: one browser walks through all of them (docs/protocol.md section 9).

The browser comes back to this machine after each verifier, which is how the login is tied to this desk, and is
sent on to the next: with one provider the professional logs in once.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
import urllib.parse
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from paravent.access.client import SignedClient
from paravent.crypto.group import Rng
from paravent.crypto.signing import SigningKey
from paravent.desk.enrolment import Attempt
from paravent.errors import EnrolmentRefused, ParaventError, TechnicalFailure
from paravent.wire.enrolment import (
    DEVICE_ACTS_PATH,
    DEVICES_PATH,
    FINISH_PATH,
    RETURN_PATH,
    START_PATH,
    DeviceAct,
    DeviceActKind,
    DeviceList,
    DeviceListRequest,
    EnrolledDevice,
    EnrolmentStarted,
)
from paravent.wire.problem import title_en
from paravent.wire.statements import Directory

LOGIN_SECONDS_MAX = 600
REQUEST_BYTES_MAX = 8_192
READ_SECONDS_MAX = 5.0
_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An enrolment that waits for its browser."""

    attempt: Attempt
    started: EnrolmentStarted
    returned: asyncio.Future[bytes]


class EnrolmentClient:
    """Enrols one device at the verifiers of a directory, and speaks of the devices that wait there."""

    def __init__(self, directory: Directory, key: SigningKey, client: SignedClient, rng: Rng) -> None:
        """Signs with the key of the device."""
        self._key = key
        self._client = client
        self._rng = rng
        self.verifiers = {directory.hub.name: directory.hub.address}
        self.verifiers |= {entry.name: entry.address for entry in directory.keyservers}

    async def enrol(
        self, names: Sequence[str], shop: str, codes: Mapping[str, str], show: Callable[[str, str], None]
    ) -> dict[str, EnrolledDevice | ParaventError]:
        """Enrols at each verifier named; ``show`` is told each address, and the first is the one to open.

        Nothing is shown before every verifier was asked: a browser that comes back before the next address is known
        would be told that it is done.
        """
        outcomes: dict[str, EnrolledDevice | ParaventError] = {}
        walk = _Walk()
        async with walk.listening() as port:
            asked = await asyncio.gather(*(self._start(name, shop, port) for name in names))
            for name, begun in zip(names, asked, strict=True):
                if isinstance(begun, ParaventError):
                    outcomes[name] = begun
                else:
                    walk.add(begun)
            for begun in walk.steps:
                show(begun.attempt.verifier, begun.started.authorization_url)
            finishing = [self._finish(begun, codes.get(begun.attempt.verifier)) for begun in walk.steps]
            for begun, outcome in zip(walk.steps, await asyncio.gather(*finishing), strict=True):
                outcomes[begun.attempt.verifier] = outcome
        return outcomes

    async def _start(self, name: str, shop: str, port: int) -> Begun | ParaventError:
        attempt = Attempt(verifier=name, address=self.verifiers[name], key=self._key, salt=self._rng(32))
        try:
            message = attempt.start(shop, port)
            started = await self._client.post(name, attempt.address, START_PATH, message, EnrolmentStarted)
            query = urllib.parse.parse_qs(urllib.parse.urlsplit(started.authorization_url).query)
            attempt.check_url(started, query)
        except ParaventError as error:
            return error
        return Begun(attempt=attempt, started=started, returned=asyncio.get_running_loop().create_future())

    async def _finish(self, begun: Begun, code: str | None) -> EnrolledDevice | ParaventError:
        attempt = begun.attempt
        try:
            async with asyncio.timeout(LOGIN_SECONDS_MAX):
                proof = await begun.returned
            message = attempt.finish(begun.started, proof, code)
            return await self._client.post(attempt.verifier, attempt.address, FINISH_PATH, message, EnrolledDevice)
        except TimeoutError:
            return EnrolmentRefused(f"{attempt.verifier}: nobody logged in within ten minutes")
        except ParaventError as error:
            return error

    async def devices(self, name: str) -> DeviceList:
        """Lists the devices of this desk's professional and shop at one verifier."""
        return await self._client.post(name, self.verifiers[name], DEVICES_PATH, DeviceListRequest(), DeviceList)

    async def act(self, name: str, kind: DeviceActKind, keyid: str) -> EnrolledDevice:
        """Countersigns a waiting device at one verifier, or objects to it."""
        message = DeviceAct(kind=kind, keyid=keyid)
        return await self._client.post(name, self.verifiers[name], DEVICE_ACTS_PATH, message, EnrolledDevice)


class _Walk:
    """The browser's way through the verifiers, and the loopback server to which it comes back."""

    def __init__(self) -> None:
        self.steps: list[Begun] = []
        self._port = 0

    def add(self, begun: Begun) -> None:
        """Adds a verifier to the way."""
        self.steps.append(begun)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        """Listens on a free port of this machine."""
        server = await asyncio.start_server(self._serve, _HOST, 0, limit=REQUEST_BYTES_MAX)
        self._port = server.sockets[0].getsockname()[1]
        async with server:
            yield self._port

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(TimeoutError, ValueError, OSError, EOFError, asyncio.LimitOverrunError):
            async with asyncio.timeout(READ_SECONDS_MAX):
                request = await reader.readuntil(b"\r\n\r\n")
            writer.write(self._answer(request.decode("latin-1")))
            await writer.drain()
        writer.close()

    def _answer(self, request: str) -> bytes:
        first, *fields = request.split("\r\n")
        method, _, target = first.partition(" ")
        parts = urllib.parse.urlsplit(target.partition(" ")[0])
        # A page of another site can reach loopback under a name of its own: only this very address is answered.
        hosts = [field.partition(":")[2].strip() for field in fields if field.lower().startswith("host:")]
        if method != "GET" or parts.path != RETURN_PATH or hosts != [f"{_HOST}:{self._port}"]:
            return _page("404 Not Found", "Adresse inconnue. / Unknown address.")
        self._take(urllib.parse.parse_qs(parts.query))
        following = next((step for step in self.steps if not step.returned.done()), None)
        if following is None:
            return _page("200 OK", "C'est terminé : revenez au poste. / Done: go back to the desk.")
        return _redirect(following.started.authorization_url)

    def _take(self, query: Mapping[str, list[str]]) -> None:
        enrolment = query.get("enrolment", [""])[0]
        begun = next((step for step in self.steps if step.started.enrolment.hex() == enrolment), None)
        if begun is None or begun.returned.done():
            return
        try:
            begun.returned.set_result(bytes.fromhex(query["proof"][0]))
        except (KeyError, ValueError):
            code = query.get("error", [""])[0]
            kind = EnrolmentRefused if code == EnrolmentRefused.code else TechnicalFailure
            detail = query.get("detail", [title_en(code) or "the login failed"])[0]
            begun.returned.set_exception(kind(f"{begun.attempt.verifier}: {detail}"))


def _page(status: str, text: str) -> bytes:
    page = f'<!doctype html><meta charset="utf-8"><title>Paravent</title><p>{html.escape(text)}</p>'
    return _response(status, "content-type: text/html; charset=utf-8\r\n", page.encode())


def _redirect(address: str) -> bytes:
    # Percent-encoded again, so that no line end of an address can become a header.
    return _response("303 See Other", f"location: {urllib.parse.quote(address, safe=':/?&=%#+,;@!$()*')}\r\n", b"")


def _response(status: str, headers: str, body: bytes) -> bytes:
    common = "cache-control: no-store\r\nreferrer-policy: no-referrer\r\nconnection: close\r\n"
    return f"HTTP/1.1 {status}\r\n{headers}{common}content-length: {len(body)}\r\n\r\n".encode("latin-1") + body
