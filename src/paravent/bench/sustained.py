"""Number-lane checks sustained by every party on this machine: how many a second, and how long one waits at a rate.

The closed loop has sixteen clients who each ask as soon as they were answered. The open loop asks at fixed instants,
whatever is answered, and times each check from the instant at which it was due. Beside them, what a check costs each
kind of party in processor time: what all of them leave of the cores is the bound of the rate.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from paravent.access.config import write_config
from paravent.access.quotas import QuotaLimits
from paravent.drill.platform import Platform
from paravent.errors import TechnicalFailure
from paravent.hub import config as hub_config
from paravent.keyserver import config as keyserver_config

CHECKS_PER_SECOND_MIN, OPEN_LOOP_PER_SECOND, OPEN_LOOP_P99_MS_MAX = 120, 60, 100
"""What is promised on two cores; the bench shows it beside, and asserts nothing."""

CLIENTS = 16
_ENDLESS = QuotaLimits(
    lookups_per_day_max=1_000_000, openings_per_day_max=1_000_000, new_device_per_day_max=1_000_000,
    shop_per_day_max=1_000_000, insurer_per_day_max=10_000_000, server_per_day_max=10_000_000,
)  # fmt: skip

Check = Callable[[], Coroutine[Any, Any, object]]
"""Checks somebody who was not checked before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SustainedFigures:
    """Checks a second of the closed loop, and the bound from processor time; milliseconds of the open loop.

    A check that failed is not one of the rate; in the open loop, it waited as long as it took to fail.
    """

    checks_per_second: float
    checks_per_second_min: int
    bound_per_second: float
    desks_processor_ms: float
    keyservers_processor_ms: float
    hub_processor_ms: float
    checks: int
    failed: int
    clients: int
    open_loop_per_second: int
    open_loop_p50_ms: float
    open_loop_p99_ms: float
    open_loop_p99_ms_max: int
    open_loop_checks: int
    open_loop_failed: int
    cores: int


def lift_quotas(platform: Platform) -> None:
    """Sets the quotas of every verifier out of reach, before it is started."""
    for name in platform.verifiers():
        home = platform.home / name
        if name == "hub":
            write_config(home, replace(hub_config.load(home), quotas=_ENDLESS), replace=True)
        else:
            write_config(home, replace(keyserver_config.load(home), quotas=_ENDLESS), replace=True)


async def measure(platform: Platform, check: Check, seconds: float) -> SustainedFigures:
    """Measures both loops, each for that many seconds."""
    before, started = _processor_ms(platform), time.perf_counter()
    done, failed = await _closed_loop(check, started + seconds)
    if not done:
        raise TechnicalFailure("no check of the benchmark was answered: the machine is busy with something else")
    spent = time.perf_counter() - started
    cost = {party: (after - before[party]) / done for party, after in _processor_ms(platform).items()}
    waited = await _open_loop(check, seconds)
    times = [milliseconds for milliseconds, _ in waited]
    cores = len(os.sched_getaffinity(0))
    return SustainedFigures(
        checks_per_second=round(done / spent, 1), checks_per_second_min=CHECKS_PER_SECOND_MIN,
        bound_per_second=round(cores * 1_000 / sum(cost.values()), 1), desks_processor_ms=round(cost["desk"], 2),
        keyservers_processor_ms=round(cost["keyserver"], 2), hub_processor_ms=round(cost["hub"], 2), checks=done,
        failed=failed, clients=CLIENTS, open_loop_per_second=OPEN_LOOP_PER_SECOND,
        open_loop_p50_ms=round(statistics.median(times), 1),
        open_loop_p99_ms=round(statistics.quantiles(times, n=100)[98], 1), open_loop_p99_ms_max=OPEN_LOOP_P99_MS_MAX,
        open_loop_checks=len(times), open_loop_failed=sum(not answered for _, answered in waited), cores=cores,
    )  # fmt: skip


async def _closed_loop(check: Check, ends_at: float) -> tuple[int, int]:
    """Counts the checks that sixteen clients get done until an instant, and those that failed."""
    found = {True: 0, False: 0}

    async def client() -> None:
        while time.perf_counter() < ends_at:
            found[await _answered(check)] += 1

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return found[True], found[False]


async def _answered(check: Check) -> bool:
    try:
        await check()
    except TechnicalFailure:
        return False
    return True


async def _open_loop(check: Check, seconds: float) -> list[tuple[float, bool]]:
    """Starts checks at their instants; returns how long after its instant each ended (ms), and whether well."""
    started = time.perf_counter()

    async def due(number: int) -> tuple[float, bool]:
        instant = started + number / OPEN_LOOP_PER_SECOND
        await asyncio.sleep(instant - time.perf_counter())
        answered = await _answered(check)
        return (time.perf_counter() - instant) * 1_000, answered

    return await asyncio.gather(*(due(number) for number in range(int(seconds * OPEN_LOOP_PER_SECOND))))


def _processor_ms(platform: Platform) -> dict[str, float]:
    """Reads the processor time of every party so far, by kind; the desks are this process."""
    spent = {"desk": time.process_time() * 1_000, "keyserver": 0.0, "hub": 0.0}
    for name, process in platform.processes.items():
        if (kind := name.split("-", maxsplit=1)[0]) in {"keyserver", "hub"}:
            spent[kind] += ticks_of(process.pid) * 1_000 / os.sysconf("SC_CLK_TCK")
    return spent


def ticks_of(process: int) -> int:
    """Reads the ticks that a process has run, in itself and in the system."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])
