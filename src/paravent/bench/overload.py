"""A key server asked for more than it can do: an open loop at 1, 2, 5 and 10 times its capacity, then half of it.

An open loop sends at its rate whatever comes back, as a country does. Requests are signed beforehand; one that is
answered after the deadline of its asker counts as late, however good. The generator shares the machine with the server,
so that each row says what was truly offered beside what was meant.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from paravent.access.client import TIMEOUT_SECONDS
from paravent.bench.invented import OK, Inventor, as_http, inventor_of, read_answer, wait_until_ready
from paravent.bench.measures import Measure, Sizes, asking
from paravent.bench.served import served

TIMES = (1, 2, 5, 10)
_CLIENTS = 32
_TICK_SECONDS = 0.01
_BASELINE = 0.5
_OVERLOADED = 503
_SETTLING_SECONDS_MAX = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OverloadFigures:
    """One rate: good replies a second beside the peak; ``seconds_to_baseline`` is of the calm after the last rate."""

    times_capacity: int
    capacity_per_second: int
    offered_per_second: int
    good_per_second: int
    good_of_peak: float
    refused: int
    late: int
    failed: int
    good_p99_ms: float
    seconds_to_baseline: float | None


@dataclass(slots=True, kw_only=True)
class _Replies:
    """What came back of one period: when each good one was sent, and how long it took, in seconds."""

    sent: int = 0
    seconds: float = 0.0
    good: list[tuple[float, float]] = field(default_factory=list)
    refused: int = 0
    late: int = 0
    failed: int = 0


def measure(home: Path, seconds: float) -> Iterator[OverloadFigures]:
    """Measures each rate for that many seconds."""
    with served(home) as running:
        inventor = inventor_of(running)
        for peer in running.platform.servers:
            running.start(peer)
        yield from asyncio.run(_rates(inventor, seconds))


async def _rates(inventor: Inventor, seconds: float) -> list[OverloadFigures]:
    await wait_until_ready(inventor)
    capacity = await _capacity(inventor, seconds)
    calm = _half(await _open_loop(inventor, capacity * _BASELINE, seconds))
    periods = [await _open_loop(inventor, capacity * times, seconds) for times in TIMES]
    after = await _open_loop(inventor, capacity * _BASELINE, _SETTLING_SECONDS_MAX)
    peak = max(capacity, *(len(period.good) / period.seconds for period in periods))
    settled = _settled(after, calm)
    return [
        _figures(times, capacity, period, peak, settled if times == TIMES[-1] else None)
        for times, period in zip(TIMES, periods, strict=True)
    ]


def _figures(
    times: int, capacity: float, period: _Replies, peak: float, settled: float | None
) -> OverloadFigures:  # fmt: skip
    good = len(period.good) / period.seconds
    taken = sorted(spent for _, spent in period.good) or [0.0]
    return OverloadFigures(
        times_capacity=times, capacity_per_second=round(capacity),
        offered_per_second=round(period.sent / period.seconds), good_per_second=round(good),
        good_of_peak=round(good / peak, 3), refused=period.refused, late=period.late, failed=period.failed,
        good_p99_ms=round(taken[int(len(taken) * 0.99)] * 1e3, 1), seconds_to_baseline=settled,
    )  # fmt: skip


async def _capacity(inventor: Inventor, seconds: float) -> float:
    """Returns openings a second of clients that each wait for their answer."""
    requests = [as_http(inventor.opening()[0]) for _ in range(int(seconds * 2_000))]
    done, started = 0, time.perf_counter()

    async def client() -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection(*inventor.place)
        while requests and time.perf_counter() < started + seconds:
            writer.write(requests.pop())
            status, _ = await read_answer(reader)
            done += status == OK
        writer.close()

    await asyncio.gather(*(client() for _ in range(_CLIENTS)))
    return done / (time.perf_counter() - started)


async def _open_loop(inventor: Inventor, rate: float, seconds: float) -> _Replies:
    """Sends at a rate whatever comes back, then waits for what was sent."""
    requests = [as_http(inventor.opening()[0]) for _ in range(int(rate * seconds))]
    replies, idle = _Replies(), list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]()
    started, asked = time.perf_counter(), list[asyncio.Task[None]]()
    while requests:
        due = min(len(requests), int((time.perf_counter() - started) * rate) + 1 - replies.sent)
        for _ in range(due):
            asked.append(asyncio.create_task(_ask(inventor, requests.pop(), replies, idle)))
            replies.sent += 1
        await asyncio.sleep(_TICK_SECONDS)
    replies.seconds = time.perf_counter() - started
    await asyncio.gather(*asked)
    for _, writer in idle:
        writer.close()
    return replies


async def _ask(
    inventor: Inventor, request: bytes, replies: _Replies,
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]],
) -> None:  # fmt: skip
    sent = time.perf_counter()
    try:
        connection = idle.pop() if idle else await asyncio.open_connection(*inventor.place)
        connection[1].write(request)
        status, _ = await read_answer(connection[0])
    except (OSError, asyncio.IncompleteReadError):
        replies.failed += 1
        return
    spent = time.perf_counter() - sent
    if status == OK:
        idle.append(connection)
        if spent > TIMEOUT_SECONDS:
            replies.late += 1
        else:
            replies.good.append((sent, spent))
        return
    connection[1].close()
    replies.refused += status == _OVERLOADED
    replies.failed += status != _OVERLOADED


def _half(period: _Replies) -> float:
    return statistics.median(spent for _, spent in period.good)


def _settled(after: _Replies, calm: float) -> float:
    """Returns after how many seconds of calm the median reply of a second took at most twice what it did before."""
    first = min(sent for sent, _ in after.good)
    for second in range(int(_SETTLING_SECONDS_MAX)):
        spent = [took for sent, took in after.good if second <= sent - first < second + 1]
        if spent and statistics.median(spent) <= 2 * calm:
            return float(second + 1)
    return _SETTLING_SECONDS_MAX + 1


def _rows(folder: Path, sizes: Sizes) -> Iterator[OverloadFigures]:
    return measure(folder / "platform", 2.0 if sizes.quick else 10.0)


MEASURE = Measure(
    name="load", rows=_rows,
    asked_by=asking("--load", "Ask a key server for 1, 2, 5 and 10 times what it can do instead."),
)  # fmt: skip
