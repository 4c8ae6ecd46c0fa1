"""What one evaluation and one opening cost a key server, beside their primitives; and how many checks a second.

Processor time of the handler from the decoding of a request to the answer, in groups of 32 as the group commit
makes them; waiting for the disk and HTTP are not in it. Checks a second go over HTTP, durable.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from paravent.bench.invented import OK, Inventor, as_http, inventor_of, read_answer, wait_until_ready
from paravent.bench.keyserver_floor import evaluation_floor, opening_floor
from paravent.bench.measures import Measure
from paravent.bench.served import Served, served
from paravent.errors import TechnicalFailure
from paravent.keyserver import evaluation, opening
from paravent.wire.codec import encode

GROUPS = 10
GROUP_REQUESTS = 32
CLIENTS = 32
SECONDS = 2.5


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyServerFigures:
    """Medians in microseconds of processor time; checks are an evaluation and an opening each."""

    evaluation_us: float
    evaluation_floor_us: float
    opening_us: float
    opening_floor_us: float
    keyserver_checks_per_second: int
    clients: int


def measure(home: Path, *, seconds: float = SECONDS) -> KeyServerFigures:
    """Measures the handlers in this process, then a server process under 32 clients."""
    with served(home) as running:
        inventor = inventor_of(running)
        evaluation_us, opening_us = _handlers(running, inventor)
        floors = [_floor(make(inventor)) for make in (evaluation_floor, opening_floor)]
        for index in running.platform.servers:
            running.start(index)
        checks = asyncio.run(_checks(inventor, seconds))
    return KeyServerFigures(
        evaluation_us=round(evaluation_us, 1), evaluation_floor_us=round(floors[0], 1),
        opening_us=round(opening_us, 1), opening_floor_us=round(floors[1], 1),
        keyserver_checks_per_second=round(checks), clients=CLIENTS,
    )  # fmt: skip


# --- processor time -----------------------------------------------------------------------------


def _handlers(running: Served, inventor: Inventor) -> tuple[float, float]:
    """Measures both handlers in groups, each in one commit; returns microseconds a request."""
    server = running.platform.servers[1]
    server.restart(server.home.folder, running.platform.directory, running.platform.now)
    store, identity, scribe = server.store, server.identity, server.scribe
    if scribe is None:
        raise RuntimeError("this server has joined no directory")
    now = inventor.clock()

    def evaluations() -> None:
        admitted = [evaluation.admit(request, identity, store, now) for request in requests]
        with store.commit():
            for asked in admitted:
                with store.request():
                    evaluation.spend(asked, store, now)
        for asked in admitted:
            encode(evaluation.answer(asked, identity, os.urandom))

    def openings() -> None:
        admitted = [opening.admit(request, identity, store, now) for request in requests]
        positions = []
        with store.commit():
            for asked in admitted:
                with store.request():
                    positions.append(opening.witness(asked, scribe, store, now))
        for asked, position in zip(admitted, positions, strict=True):
            encode(opening.answer(asked, position, identity))

    medians = []
    for make, handle in ((inventor.evaluation, evaluations), (inventor.opening, openings)):
        times = []
        for _ in range(GROUPS):
            requests = [make()[0] for _ in range(GROUP_REQUESTS)]
            times.append(_microseconds(handle) / GROUP_REQUESTS)
        medians.append(statistics.median(times))
    store.close()
    return medians[0], medians[1]


def _floor(once: Callable[[], None]) -> float:
    def group() -> None:
        for _ in range(GROUP_REQUESTS):
            once()

    return statistics.median(_microseconds(group) / GROUP_REQUESTS for _ in range(GROUPS))


def _microseconds(run: Callable[[], None]) -> float:
    started = time.process_time()
    run()
    return (time.process_time() - started) * 1e6


# --- checks a second ----------------------------------------------------------------------------


async def _checks(inventor: Inventor, seconds: float) -> float:
    """Runs 32 clients for that many seconds; a check is an evaluation, then an opening."""
    await wait_until_ready(inventor)
    # Signed beforehand, so that clients take little of the processor; a request lives a minute.
    pairs = [[as_http(inventor.evaluation()[0]), as_http(inventor.opening()[0])] for _ in range(int(seconds * 1_000))]
    started = time.perf_counter()
    counts = await asyncio.gather(*(_client(inventor, pairs, started + seconds) for _ in range(CLIENTS)))
    return sum(counts) / (time.perf_counter() - started)


async def _client(inventor: Inventor, pairs: list[list[bytes]], stop: float) -> int:
    reader, writer = await asyncio.open_connection(*inventor.place)
    done = 0
    while time.perf_counter() < stop and pairs:
        for request in pairs.pop():
            writer.write(request)
            status, body = await read_answer(reader)
            if status != OK:
                raise TechnicalFailure(f"a key server refused a request of the benchmark: {body.decode()}")
        done += 1
    writer.close()
    await writer.wait_closed()
    return done


MEASURE = Measure(name="keyserver", rows=lambda folder, _sizes: [measure(folder / "platform")])
