"""Requests that a key server answers without anybody behind them: random elements, handle keys of nobody.

They cost a server what those of a desk cost it, and each opening is of another handle, so each is charged.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from paravent.access.requests import Authenticated, HttpRequest, authority_of, new_nonce, sign_request
from paravent.bench.served import Served
from paravent.crypto import group
from paravent.crypto.group import Rng
from paravent.crypto.hpke import BoxKey
from paravent.crypto.labels import Label
from paravent.crypto.sealing import handle_of, open_label
from paravent.crypto.signing import SigningKey, VerifyKey, key_id
from paravent.drill.simulation.parties import EVALUATIONS, OPENINGS
from paravent.errors import TechnicalFailure
from paravent.wire.codec import Message, decode, encode
from paravent.wire.number_lane import (
    EvaluationRequest,
    OpeningAnswer,
    OpeningContent,
    OpeningRequest,
    auth_fields,
    box_context,
)
from paravent.wire.statements import KeyServerEntry, Signed, open_statement

Answer = tuple[int, bytes]
"""The status and the body of an answer."""

OK = 200
_READY_TRIES, _READY_SECONDS = 2_000, 0.005


@dataclass(slots=True, kw_only=True)
class Inventor:
    """Asks one key server about nobody; ``epoch`` and ``batch`` are live there."""

    server: KeyServerEntry
    device: SigningKey
    insurer: str
    epoch: int
    batch: int
    rng: Rng
    clock: Callable[[], int]
    answer_key: BoxKey = field(init=False)

    def __post_init__(self) -> None:
        """Draws one box key for every answer: a server cannot tell, and a client's time is not measured."""
        self.answer_key = BoxKey.generate(self.rng)

    @property
    def place(self) -> tuple[str, int]:
        """Where the server listens."""
        host, port = authority_of(self.server.address).split(":")
        return host, int(port)

    def evaluation(self) -> tuple[HttpRequest, Authenticated]:
        """Asks for the evaluation of a random element."""
        blinded = group.multiply_base(group.random_scalar(self.rng))
        message = EvaluationRequest(insurer=self.insurer, epoch=self.epoch, blinded=blinded)
        return self._signed(EVALUATIONS, message, new_nonce(self.rng))

    def opening(self) -> tuple[HttpRequest, Authenticated]:
        """Asks for the opening values of a handle of nobody."""
        key, nonce = SigningKey.generate(self.rng), new_nonce(self.rng)
        handle = handle_of(self.insurer, self.epoch, key.public)
        label = open_label(self.insurer, self.epoch, self.batch, handle)
        fields = auth_fields(self.server.name, nonce, label, key_id(self.device.public), self.answer_key.public)
        message = OpeningRequest(
            insurer=self.insurer, epoch=self.epoch, batch=self.batch, handle_key=key.public,
            answer_key=self.answer_key.public, proof=key.sign(Label.AUTH, *fields),
        )  # fmt: skip
        return self._signed(OPENINGS, message, nonce)

    def read(self, body: bytes, caller: Authenticated) -> OpeningContent:
        """Opens an answer: what the server signed, with the place of its leaf."""
        name = self.server.name
        context = box_context(name, self.insurer, self.epoch, caller.nonce)
        box = decode(body, OpeningAnswer).box
        signed = decode(self.answer_key.open(box, Label.OPENING_BOX, *context, culprit=name), Signed)
        return open_statement(signed, OpeningContent, Label.OPENING, name, VerifyKey(self.server.verify_key))

    def _signed(self, path: str, message: Message, nonce: str) -> tuple[HttpRequest, Authenticated]:
        base_url, body = self.server.address, encode(message)
        headers, caller = sign_request(
            method="POST", base_url=base_url, path=path, body=body, key=self.device, now=self.clock(), nonce=nonce
        )
        request = HttpRequest(
            method="POST", authority=authority_of(base_url), target_uri=base_url + path, headers=headers, body=body
        )
        return request, caller


def as_http(request: HttpRequest) -> bytes:
    """Writes a request as bytes of HTTP/1.1, ready to be sent on a connection that stays open."""
    path = request.target_uri.split(request.authority, 1)[1]
    headers = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    head = f"POST {path} HTTP/1.1\r\nhost: {request.authority}\r\n{headers}content-length: {len(request.body)}\r\n\r\n"
    return head.encode() + request.body


def inventor_of(running: Served) -> Inventor:
    """Asks the first key server of a platform about the first insurer."""
    insurer = next(iter(running.platform.insurers.values()))
    return Inventor(
        server=running.platform.directory.keyservers[0], device=running.device, insurer=insurer.amc,
        epoch=insurer.number, batch=insurer.batch_number, rng=os.urandom, clock=lambda: int(time.time()),
    )  # fmt: skip


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """Reads one answer from a connection that stays open."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(head.split("content-length: ")[1].split("\r\n")[0])
    return int(head.split(" ")[1]), await reader.readexactly(length)


async def wait_until_ready(inventor: Inventor) -> int:
    """Waits until the server answers: it asks another one first what it remembers of its log.

    Returns how many look-ups were answered: one.
    """
    reader, writer = await asyncio.open_connection(*inventor.place)
    try:
        for _ in range(_READY_TRIES):
            writer.write(as_http(inventor.evaluation()[0]))
            if (await read_answer(reader))[0] == OK:
                return 1
            await asyncio.sleep(_READY_SECONDS)
    finally:
        writer.close()
    raise TechnicalFailure("a key server of the benchmark is never ready")
