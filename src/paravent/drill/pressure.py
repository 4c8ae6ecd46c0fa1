"""Floods: connections that never finish, and requests that nobody signed, while an honest caller is timed."""

from __future__ import annotations

import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

from paravent.drill.row import Figure
from paravent.errors import TechnicalFailure

SLOW_CLIENTS = 200
FLOODERS = 4
_UNFINISHED = b"POST /v1/openings HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 2\r\n"
_UNSIGNED = _UNFINISHED + b"\r\n{}"
_TIMEOUT_SECONDS = 2.0


@contextmanager
def flooding(ports: Sequence[int]) -> Iterator[list[int]]:
    """Floods ports; gives the number of requests that each flooder has sent so far."""
    over, sent = threading.Event(), [0] * FLOODERS
    with ExitStack() as slow:
        for number in range(SLOW_CLIENTS):
            client = slow.enter_context(socket.create_connection(("127.0.0.1", ports[number % len(ports)])))
            client.sendall(_UNFINISHED)
        threads = [
            threading.Thread(target=_flood, args=(ports[number % len(ports)], over, sent, number))
            for number in range(FLOODERS)
        ]
        for thread in threads:
            thread.start()
        try:
            yield sent
        finally:
            over.set()
            for thread in threads:
                thread.join()


def _flood(port: int, over: threading.Event, sent: list[int], number: int) -> None:
    while not over.is_set():
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_SECONDS) as client:
            client.sendall(_UNSIGNED)
            client.recv(4_096)
            sent[number] += 1


def timed(work: Callable[[], object]) -> float | None:
    """Times an honest call in milliseconds; None when it was not served."""
    started = time.perf_counter()
    try:
        work()
    except TechnicalFailure:
        return None
    return (time.perf_counter() - started) * 1_000


def figures(quiet: Sequence[float | None], under: Sequence[float | None], sent: Sequence[int]) -> dict[str, Figure]:
    """Says how many honest calls were served under the flood, and how long each took in the middle."""
    served = [one for one in under if one is not None]
    return {
        "slow_clients": SLOW_CLIENTS, "flood_requests": sum(sent), "honest_calls": len(under), "served": len(served),
        "milliseconds_quiet": round(statistics.median(one for one in quiet if one is not None), 1),
        "milliseconds_flooded": round(statistics.median(served), 1) if served else None,
    }  # fmt: skip
