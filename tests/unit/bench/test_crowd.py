"""How a desk that returns reads what comes back: when it was told to come again, late, broken, decided."""

from __future__ import annotations

import asyncio
import random
from types import SimpleNamespace
from typing import Any, cast

import pytest

from paravent.access.requests import HttpRequest
from paravent.bench import crowd
from paravent.bench.counters import Counters, Shop
from paravent.bench.crowd import Crowd
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey
from paravent.wire.claims import ActKind, Decision, Outcome
from paravent.wire.codec import encode
from paravent.wire.statements import sign_statement

pytestmark = pytest.mark.anyio


def decided() -> bytes:
    decision = Decision(
        decision_id=bytes(16), kind=ActKind.RESERVE, outcome=Outcome.ACCEPTED, reason="", detail="", insurer="99000001",
        ground=None, request=bytes(32), claim_id=None, corrects=None, amc_cents=0, month=202611, decided_at=1,
        reserved_until=2, payable_from=None,
    )  # fmt: skip
    return encode(sign_statement(decision, Label.DECISION, "hub", SigningKey.generate(random.Random(1).randbytes)))


def reply(status: int, body: bytes = b"", *fields: str) -> bytes:
    head = "\r\n".join((f"HTTP/1.1 {status} -", f"Content-Length: {len(body)}", *fields))
    return head.encode() + b"\r\n\r\n" + body


def only_signer() -> Counters:
    """Signs nothing: what a hub of this test reads is its length alone."""
    request = HttpRequest(method="POST", authority="h", target_uri="http://h/v1/acts", headers={}, body=b"act")
    return cast("Counters", SimpleNamespace(platform=SimpleNamespace(now=0), again=lambda _shop, _act: request))


async def test_each_reply_is_what_it_is_and_the_same_act_is_sent_until_it_is_decided(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(crowd, "TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(crowd, "RETRY_SECONDS", (0.0, 0.0))
    answers: list[bytes | None] = [
        reply(503, b"", "Retry-After: 0", "Connection: close"), reply(503), reply(500), b"", None,
        reply(200, decided()),
    ]  # fmt: skip

    async def hub(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\nact"):
                answer = answers.pop(0)
                if answer is None:
                    # Nobody is answered: whoever waits gives up.
                    await reader.read()
                    return
                writer.write(answer)
                if not answer or b"Connection: close" in answer:
                    return
        except asyncio.IncompleteReadError:
            return
        finally:
            writer.close()

    server = await asyncio.start_server(hub, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        returning = Crowd(
            counters=only_signer(), port=port, acts=[(cast("Shop", None), [b"act"])], dice=random.Random(2)
        )  # fmt: skip
        replies: Any = await returning.come_back()
    assert (replies.refused, replies.untimed, replies.broken, replies.late) == (1, 1, 2, 1)
    assert list(replies.decisions) == [bytes(16)]
    assert replies.by_second() == [0] * (len(replies.by_second()) - 1) + [1]
    assert answers == []
