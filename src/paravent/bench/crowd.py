"""Desks that return at once after an outage, each with the acts that it kept: sent, refused, sent again, decided.

A desk here does what its optician is told to: it waits five seconds for an answer, comes back when it was told to, and
sends the same act again under the same key. Its acts go one after another, over one connection kept as long as it
stands, every time in a request that is newly signed.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from paravent.access.client import TIMEOUT_SECONDS
from paravent.bench.counters import Counters, Shop
from paravent.bench.invented import OK, as_http
from paravent.wire.claims import Decision
from paravent.wire.codec import decode
from paravent.wire.statements import Signed

RETRY_SECONDS = (2.0, 15.0)
"""When somebody comes back who was not told when: as those who were."""
_OVERLOADED = 503

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(slots=True)
class Replies:
    """What came back: instants of good replies since the beginning (s), decisions, and what was not one.

    ``refused`` were told when to come back, ``untimed`` were not; ``late`` had no answer in time; ``broken`` had no
    connection, or another answer.
    """

    good: list[float] = field(default_factory=list)
    decisions: dict[bytes, Decision] = field(default_factory=dict)
    refused: int = 0
    untimed: int = 0
    late: int = 0
    broken: int = 0
    seconds: float = 0.0

    def by_second(self) -> list[int]:
        """Counts good replies second by second."""
        counts = [0] * (int(max(self.good, default=0.0)) + 1)
        for instant in self.good:
            counts[int(instant)] += 1
        return counts


@dataclass(slots=True, kw_only=True)
class Crowd:
    """Desks and what each kept, sent to the hub on a port of loopback; ``acts`` are bodies, the oldest first."""

    counters: Counters
    port: int
    acts: Sequence[tuple[Shop, Sequence[bytes]]]
    dice: random.Random
    replies: Replies = field(default_factory=Replies)
    began: float = 0.0

    async def come_back(self) -> Replies:
        """Has every desk send what it kept, all at once, until each act was decided."""
        self.began = time.perf_counter()
        await asyncio.gather(*(self._empty(shop, kept) for shop, kept in self.acts))
        self.replies.seconds = time.perf_counter() - self.began
        return self.replies

    async def _empty(self, shop: Shop, kept: Sequence[bytes]) -> None:
        connection: Connection | None = None
        for act in kept:
            while True:
                connection, pause = await self._send(shop, act, connection)
                if pause is None:
                    break
                await asyncio.sleep(pause)
        _close(connection)

    async def _send(
        self, shop: Shop, act: bytes, connection: Connection | None
    ) -> tuple[Connection | None, float | None]:  # fmt: skip
        """Sends an act once; returns the connection while it stands, and the pause before it is sent again, if any."""
        self.counters.platform.now = int(time.time())
        content = as_http(self.counters.again(shop, act))
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                connection = connection or await asyncio.open_connection("127.0.0.1", self.port)
                connection[1].write(content)
                status, headers, body = await read_reply(connection[0])
        except TimeoutError:
            self.replies.late += 1
        except (OSError, asyncio.IncompleteReadError):
            self.replies.broken += 1
        else:
            if status == OK:
                decision = decode(decode(body, Signed).payload, Decision)
                self.replies.decisions[decision.decision_id] = decision
                self.replies.good.append(time.perf_counter() - self.began)
                return connection, None
            return self._refused(status, headers, connection)
        _close(connection)
        return None, self.dice.uniform(*RETRY_SECONDS)

    def _refused(
        self, status: int, headers: Mapping[str, str], connection: Connection
    ) -> tuple[Connection | None, float]:  # fmt: skip
        after = headers.get("retry-after")
        self.replies.broken += status != _OVERLOADED
        self.replies.refused += status == _OVERLOADED and after is not None
        self.replies.untimed += status == _OVERLOADED and after is None
        pause = float(after) if after else self.dice.uniform(*RETRY_SECONDS)
        if headers.get("connection") != "close":
            return connection, pause
        _close(connection)
        return None, pause


def _close(connection: Connection | None) -> None:
    if connection is not None:
        connection[1].close()


async def read_reply(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """Reads one answer from a connection that stays open: its status, its header fields, its body."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(first.split(" ")[1]), headers, await reader.readexactly(int(headers["content-length"]))
