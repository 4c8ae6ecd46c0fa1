"""Checks on a running platform: number lane over loopback HTTP, card lane alone, bytes of a row on disk.

One check at a time first; then as many as the machine sustains (``sustained``), on the same platform.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sqlite3
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from paravent.access.client import SignedClient
from paravent.access.config import read_directory
from paravent.bench import sustained
from paravent.bench.measures import Measure, population
from paravent.bench.sustained import SustainedFigures
from paravent.desk import config
from paravent.desk.client import DeskClient
from paravent.desk.store import Store
from paravent.drill.members import identity_of
from paravent.drill.platform import INSURERS, SERVERS, Platform
from paravent.drill.population import Population, SyntheticPerson

DESKS = 8
CHECKS_PER_DESK = 37
_WARM_UP = 3
_CARD_CHECKS = 300
_SEED = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFigures:
    """Number-lane times in milliseconds, card-lane processor time, bytes of a row with index and tree."""

    number_check_p50_ms: float
    number_check_p99_ms: float
    number_checks: int
    card_check_ms: float
    row_bytes: int
    rows: int


def measure(home: Path, population: Population, seconds: float) -> Iterator[CheckFigures | SustainedFigures]:
    """Starts a platform in ``home``, publishes, and measures; each loop of ``sustained`` for that many seconds."""
    platform = Platform(home)
    desks = [f"desk-{number}" for number in range(1, DESKS + 1)]
    servers = [f"keyserver-{number}" for number in range(1, SERVERS + 1)]
    try:
        platform.create(population, 20)
        sustained.lift_quotas(platform)
        platform.add_desk(*desks)
        platform.start(*servers, "hub")
        for amc in INSURERS:
            platform.publish(amc)
        times, card_ms, lasting = asyncio.run(_check(platform, desks, population, seconds))
    finally:
        platform.stop()
    size, rows = _row_bytes(home / "hub" / "hub.db")
    yield CheckFigures(
        number_check_p50_ms=round(statistics.median(times), 2),
        number_check_p99_ms=round(statistics.quantiles(times, n=100)[98], 2),
        number_checks=len(times), card_check_ms=round(card_ms, 3), row_bytes=size, rows=rows,
    )  # fmt: skip
    yield lasting


async def _check(
    platform: Platform, desks: Sequence[str], population: Population, seconds: float
) -> tuple[list[float], float, SustainedFigures]:
    persons = [person for person in population.persons if len(person.coverages) == 1]
    async with AsyncExitStack() as stack:
        clients = [await _client(platform.home / name, stack) for name in desks]
        for desk in clients:
            for amc in INSURERS:
                await desk.refresh(amc)
            for person in persons[:_WARM_UP]:
                await _one(desk, person)
        times = []
        for turn in range(CHECKS_PER_DESK):
            for number, desk in enumerate(clients):
                times.append(await _one(desk, persons[_WARM_UP + turn * len(clients) + number]))
        left = zip(itertools.cycle(clients), persons[_WARM_UP + len(times) :], strict=False)
        lasting = await sustained.measure(platform, lambda: _one(*next(left)), seconds)
        return times, _card(platform, clients[0], persons[0]), lasting


async def _client(home: Path, stack: AsyncExitStack) -> DeskClient:
    settings, key = config.load(home), config.device_key(home)
    http = await stack.enter_async_context(SignedClient(key, os.urandom))
    return DeskClient(settings, key, read_directory(home, settings.directory), Store(home), http)


async def _one(desk: DeskClient, person: SyntheticPerson) -> float:
    cover = person.coverages[0]
    identity = identity_of(person, cover)
    started = time.perf_counter()
    await desk.check_number(cover.insurer, identity)
    return (time.perf_counter() - started) * 1_000


def _card(platform: Platform, desk: DeskClient, person: SyntheticPerson) -> float:
    """Measures processor time of one card check, its signature and status list included."""
    cover = person.coverages[0]
    picture = platform.home / "card.png"
    platform.command(
        "insurer", "card", person.member_id, "--home", platform.home / f"insurer-{cover.insurer}",
        "--members", platform.home / f"members-{cover.insurer}.csv", "--out", picture,
    )  # fmt: skip
    text, holder = picture.with_suffix(".txt").read_text(), identity_of(person, cover).holder
    started = time.process_time()
    for _ in range(_CARD_CHECKS):
        desk.check_card(text, holder)
    return (time.process_time() - started) / _CARD_CHECKS * 1_000


def _row_bytes(database: Path) -> tuple[int, int]:
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (rows,) = connection.execute("SELECT COUNT(*) FROM row").fetchone()
    connection.close()
    return round(database.stat().st_size / rows), int(rows)


MEASURE = Measure(
    name="checks", rows=lambda folder, sizes: measure(folder, population(sizes), 10.0 if sizes.quick else 60.0)
)
