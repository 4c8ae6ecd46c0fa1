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

from paravent.access.group_commit import COMMIT_REQUESTS_MAX
from paravent.bench.invented import Inventor, as_http
from paravent.bench.keyserver_floor import evaluation_floor, opening_floor
from paravent.bench.served import Served, served
from paravent.drill.platform import INSURERS
from paravent.errors import TechnicalFailure
from paravent.keyserver import evaluation, opening
from paravent.wire.codec import encode

GROUPS = 12
CLIENTS = 32
SECONDS = 4.0
_OK = 200
_READY_TRIES, _READY_SECONDS = 200, 0.05
_AMC = next(iter(INSURERS))


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
        inventor = _inventor(running)
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


def _inventor(running: Served) -> Inventor:
    insurer = running.platform.insurers[_AMC]
    return Inventor(
        server=running.platform.directory.keyservers[0], device=running.device, insurer=_AMC,
        epoch=insurer.number, batch=insurer.batch_number, rng=os.urandom, clock=lambda: int(time.time()),
    )  # fmt: skip


# --- processor time -----------------------------------------------------------------------------


def _handlers(running: Served, inventor: Inventor) -> tuple[float, float]:
    """Measures both handlers in groups, each in one commit; returns microseconds a request."""
    server = running.platform.servers[1]
    server.restart(server.home.folder, running.platform.directory)
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
            requests = [make()[0] for _ in range(COMMIT_REQUESTS_MAX)]
            times.append(_microseconds(handle) / COMMIT_REQUESTS_MAX)
        medians.append(statistics.median(times))
    store.close()
    return medians[0], medians[1]


def _floor(once: Callable[[], None]) -> float:
    def group() -> None:
        for _ in range(COMMIT_REQUESTS_MAX):
            once()

    return statistics.median(_microseconds(group) / COMMIT_REQUESTS_MAX for _ in range(GROUPS))


def _microseconds(run: Callable[[], None]) -> float:
    started = time.process_time()
    run()
    return (time.process_time() - started) * 1e6


# --- checks a second ----------------------------------------------------------------------------


async def _checks(inventor: Inventor, seconds: float) -> float:
    """Runs 32 clients for that many seconds; a check is an evaluation, then an opening."""
    host, port = inventor.server.address.removeprefix("http://").split(":")
    await _ready(host, int(port), inventor)
    # Signed beforehand, so that clients take little of the processor; a request lives a minute.
    pairs = [[as_http(inventor.evaluation()[0]), as_http(inventor.opening()[0])] for _ in range(int(seconds * 1_000))]
    stop = time.perf_counter() + seconds
    started = time.perf_counter()
    counts = await asyncio.gather(*(_client(host, int(port), pairs, stop) for _ in range(CLIENTS)))
    return sum(counts) / (time.perf_counter() - started)


async def _client(host: str, port: int, pairs: list[list[bytes]], stop: float) -> int:
    reader, writer = await asyncio.open_connection(host, port)
    done = 0
    while time.perf_counter() < stop and pairs:
        for request in pairs.pop():
            if await _exchange(reader, writer, request) != _OK:
                raise TechnicalFailure("a key server refused a request of the benchmark")
        done += 1
    writer.close()
    await writer.wait_closed()
    return done


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> int:
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(head.split("content-length: ")[1].split("\r\n")[0])
    await reader.readexactly(length)
    return int(head.split(" ")[1])


async def _ready(host: str, port: int, inventor: Inventor) -> None:
    """Waits until the server answers: it asks another one first what it remembers of its log."""
    for _ in range(_READY_TRIES):
        reader, writer = await asyncio.open_connection(host, port)
        status = await _exchange(reader, writer, as_http(inventor.evaluation()[0]))
        writer.close()
        await writer.wait_closed()
        if status == _OK:
            return
        await asyncio.sleep(_READY_SECONDS)
    raise TechnicalFailure("a key server of the benchmark is never ready")
