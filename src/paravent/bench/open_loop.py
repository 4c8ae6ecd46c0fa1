"""Requests sent at a rate whatever comes back, as a country sends them: an open loop on connections that stay open.

Bytes are made beforehand and a connection carries one request at a time, so that a request costs its sender little:
who measures shares the machine with what is measured.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from paravent.access.client import CONNECT_SECONDS, TIMEOUT_SECONDS
from paravent.bench.invented import OK
from paravent.errors import TechnicalFailure

_OVERLOADED = 503
_FILLING_SECONDS = 1.0
_TICK_SECONDS = 0.002
_DRAIN_SECONDS_MAX = TIMEOUT_SECONDS + 1
_RECEIVED_BYTES = 65_536


@dataclass(slots=True, kw_only=True)
class Replies:
    """What came back: when each good one was sent and how long it took, in seconds; ``held`` had no connection free.

    ``began`` and ``seconds`` say when sending began, and for how long it went on.
    """

    began: float = 0.0
    offered: int = 0
    held: int = 0
    seconds: float = 0.0
    good: list[tuple[float, float]] = field(default_factory=list)
    refused: int = 0
    late: int = 0
    failed: int = 0
    others: dict[int, int] = field(default_factory=dict)

    def good_per_second(self) -> float:
        """Counts what came while sending went on, but in its first second, in which the places of a server fill.

        What comes once nothing is sent any more would make up for time in which a server answered nobody.
        """
        first, last = self.began + _FILLING_SECONDS, self.began + self.seconds
        return sum(first <= sent + spent < last for sent, spent in self.good) / (last - first)


@dataclass(slots=True, kw_only=True)
class _Connection:
    socket: socket.socket
    source: Source
    sent: float = 0.0
    received: bytearray = field(default_factory=bytearray)


@dataclass(slots=True, kw_only=True)
class Source:
    """Where requests come from: so many a second, or, with no rate, one on each connection as soon as it is free."""

    requests: Iterator[bytes]
    connections_max: int
    per_second: float | None
    replies: Replies = field(default_factory=Replies)
    opened: int = 0
    idle: list[_Connection] = field(default_factory=list)

    def due(self, elapsed: float) -> int:
        """Says how many requests are due that were not offered yet."""
        if self.per_second is None:
            return self.connections_max - self.opened + len(self.idle)
        return int(elapsed * self.per_second) + 1 - self.replies.offered


def send_at_rate(place: tuple[str, int], sources: Sequence[Source], seconds: float) -> None:
    """Opens connections, sends for that many seconds, then waits for what was sent; each source has its ``replies``.

    Connections are there before the first request, however few a rate would open in a second: opening them is no part
    of what is measured. Raises TechnicalFailure when a source has no request left, or none can be connected to.
    """
    with selectors.EpollSelector() as selector:
        try:
            for source in sources:
                _connect(place, source, selector)
            _send(place, sources, seconds, selector)
            _drain(selector, sources)
        finally:
            for key in list(selector.get_map().values()):
                _close(key.data, selector)


def _send(place: tuple[str, int], sources: Sequence[Source], seconds: float, selector: selectors.BaseSelector) -> None:
    started = time.perf_counter()
    for source in sources:
        source.replies.began = started
    while (elapsed := time.perf_counter() - started) < seconds:
        for source in sources:
            for _ in range(source.due(elapsed)):
                _offer(place, source, selector)
        _receive(selector, _TICK_SECONDS)
    for source in sources:
        source.replies.seconds = time.perf_counter() - started


def _connect(place: tuple[str, int], source: Source, selector: selectors.BaseSelector) -> None:
    try:
        source.idle += [_open(place, source, selector) for _ in range(source.connections_max - source.opened)]
    except OSError:
        raise TechnicalFailure("a server of the benchmark takes no connections") from None


def _offer(place: tuple[str, int], source: Source, selector: selectors.BaseSelector) -> None:
    source.replies.offered += 1
    if not source.idle and source.opened == source.connections_max:
        source.replies.held += 1
        return
    request = next(source.requests, None)
    if request is None:
        raise TechnicalFailure("a source of the benchmark has sent every request that was made for it")
    try:
        connection = source.idle.pop() if source.idle else _open(place, source, selector)
    except OSError:
        source.replies.failed += 1
        return
    connection.sent = time.perf_counter()
    try:
        connection.socket.sendall(request)
    except OSError:
        source.replies.failed += 1
        _close(connection, selector)


def _open(place: tuple[str, int], source: Source, selector: selectors.BaseSelector) -> _Connection:
    connection = _Connection(socket=socket.create_connection(place, timeout=CONNECT_SECONDS), source=source)
    # A request is smaller than the buffer of a socket, and the one before it was answered: sending never blocks.
    connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    selector.register(connection.socket, selectors.EVENT_READ, connection)
    source.opened += 1
    return connection


def _close(connection: _Connection, selector: selectors.BaseSelector) -> None:
    selector.unregister(connection.socket)
    connection.socket.close()
    connection.source.opened -= 1


def _receive(selector: selectors.BaseSelector, wait_seconds: float) -> None:
    for key, _ in selector.select(wait_seconds):
        connection: _Connection = key.data
        try:
            received = connection.socket.recv(_RECEIVED_BYTES)
        except OSError:
            received = b""
        if not received:
            connection.source.replies.failed += connection not in connection.source.idle
            if connection in connection.source.idle:
                connection.source.idle.remove(connection)
            _close(connection, selector)
            continue
        connection.received += received
        _take(connection)


def _take(connection: _Connection) -> None:
    """Counts an answer once it is whole; its connection is then free."""
    head, blank, body = bytes(connection.received).partition(b"\r\n\r\n")
    if not blank or len(body) < int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]):
        return
    connection.received.clear()
    count(connection.source.replies, int(head[9:12]), connection.sent, time.perf_counter() - connection.sent)
    connection.source.idle.append(connection)


def count(replies: Replies, status: int, sent: float, spent: float) -> None:
    """Counts one answer: what comes after its asker has given up is late, however good."""
    if status == _OVERLOADED:
        replies.refused += 1
    elif status != OK:
        replies.others[status] = replies.others.get(status, 0) + 1
    elif spent > TIMEOUT_SECONDS:
        replies.late += 1
    else:
        replies.good.append((sent, spent))


def _drain(selector: selectors.BaseSelector, sources: Sequence[Source]) -> None:
    """Waits for what is still to come; what never comes has failed."""
    until = time.perf_counter() + _DRAIN_SECONDS_MAX
    while any(source.opened > len(source.idle) for source in sources) and time.perf_counter() < until:
        _receive(selector, _TICK_SECONDS)
    for source in sources:
        source.replies.failed += source.opened - len(source.idle)
