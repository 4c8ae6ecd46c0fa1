"""A key server asked for more than it can do: an open loop at 1, 2, 5 and 10 times its capacity, then half of it.

Then half of it beside a flood of requests that nobody signed who may: what it costs those who did. The generator is a
process of its own that yields to the server, and says what processor time it had itself: they share a machine. The
capacity is what the same generator is answered when each of its clients waits for its answer; the peak of a rate is
the larger of what that gives right before it and right after it, since a fuller store answers a little less.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import cycle, islice, pairwise
from pathlib import Path
from typing import NamedTuple

from paravent.access.door import KNOWN_SECONDS
from paravent.bench.invented import Inventor, as_http, inventor_of, wait_until_ready
from paravent.bench.measures import Figures, Measure, Sizes, asking
from paravent.bench.open_loop import Replies, Source, send_at_rate
from paravent.bench.served import Served, served
from paravent.bench.sustained import ticks_of
from paravent.crypto.signing import SigningKey

TIMES = (1, 2, 5, 10)
FLOOD_TIMES = 5
_CLIENTS = 64
_DEVICES = 1_024
_CONNECTIONS_MAX = 768
_OPENINGS_PER_SECOND_MAX = 2_000
_BASELINE = 0.5
_SETTLING_SECONDS_MAX = 10.0
_NICE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class OverloadFigures:
    """One rate: good replies a second beside the peak; ``held`` requests found each of 768 connections still waiting.

    ``server_processor`` and ``generator_processor`` are shares of one core; ``seconds_to_baseline`` is of the calm
    after the last rate.
    """

    times_capacity: int
    capacity_per_second: int
    peak_per_second: int
    offered_per_second: int
    good_per_second: int
    good_of_peak: float
    refused: int
    held: int
    late: int
    failed: int
    good_p99_ms: float
    server_processor: float
    generator_processor: float
    seconds_to_baseline: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodFigures:
    """Half of the capacity, beside a flood: ``cost`` is the share of good replies lost against the same without one."""

    flood: str
    offered_per_second: int
    flood_offered_per_second: int
    flood_refused: int
    flood_held: int
    flood_others: dict[str, int]
    good_per_second: int
    cost: float
    late: int
    failed: int
    good_p99_ms: float
    server_processor: float
    generator_processor: float


class _Period(NamedTuple):
    """What one rate gave, and which share of a core server and generator had."""

    replies: Replies
    flood: Replies
    server: float
    generator: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Generator:
    """Asks one key server, and reads the processor time of its process."""

    inventor: Inventor
    process: int
    crowd: Iterator[Inventor]

    def openings(self, count: int) -> Iterator[bytes]:
        """Signs so many requests, of one device after another, each of which is charged; they live a minute."""
        return iter([as_http(inventor.opening()[0]) for inventor in islice(self.crowd, count)])

    def capacity(self, seconds: float) -> float:
        """Returns openings a second of clients that each wait for their answer."""
        requests = self.openings(int(seconds * _OPENINGS_PER_SECOND_MAX))
        source = Source(requests=requests, connections_max=_CLIENTS, per_second=None)
        send_at_rate(self.inventor.place, [source], seconds)
        return len(source.replies.good) / source.replies.seconds

    def period(self, rate: float, seconds: float, flood: Source | None = None) -> _Period:
        """Sends at a rate, beside a flood or not."""
        source = Source(
            requests=self.openings(int(rate * seconds) + 1), connections_max=_CONNECTIONS_MAX, per_second=rate
        )
        sources = [source] if flood is None else [source, flood]
        ticks, own, started = ticks_of(self.process), time.process_time(), time.perf_counter()
        send_at_rate(self.inventor.place, sources, seconds)
        spent = time.perf_counter() - started
        server = (ticks_of(self.process) - ticks) / os.sysconf("SC_CLK_TCK") / spent
        beside = sources[-1].replies if flood else Replies(seconds=source.replies.seconds)
        return _Period(source.replies, beside, server, (time.process_time() - own) / spent)


def measure(home: Path, seconds: float) -> Iterator[Figures]:
    """Measures each rate and each flood for that many seconds."""
    with served(home, crowd=_DEVICES) as running:
        inventor = inventor_of(running)
        for peer in running.platform.servers:
            running.start(peer)
        yield from _niced(lambda: _rows_of(running, inventor, seconds))


def _niced(rows: Callable[[], Iterator[Figures]]) -> Iterator[Figures]:
    """Finds rows in a process that yields the processor to every other one; they come as JSON lines."""
    reading, writing = os.pipe()
    if (process := os.fork()) == 0:
        try:
            os.nice(_NICE)
            for row in rows():
                os.write(writing, json.dumps(dataclasses.asdict(row)).encode() + b"\n")
        finally:
            os._exit(0)
    os.close(writing)
    try:
        with closing(os.fdopen(reading, "rb")) as lines:
            for row in map(json.loads, lines):
                yield FloodFigures(**row) if "flood" in row else OverloadFigures(**row)
    finally:
        os.waitpid(process, 0)


def _rows_of(running: Served, inventor: Inventor, seconds: float) -> Iterator[Figures]:
    asyncio.run(wait_until_ready(inventor))
    crowd = cycle([replace(inventor, device=device) for device in running.crowd])
    generator = _Generator(inventor=inventor, process=running.processes[1], crowd=crowd)
    capacity = generator.capacity(seconds)
    calm = _half(generator.period(capacity * _BASELINE, seconds).replies)
    capacities, periods = [], []
    for times in TIMES:
        capacities.append(generator.capacity(seconds))
        periods.append(generator.period(capacity * times, seconds))
    settled = _settled(generator.period(capacity * _BASELINE, _SETTLING_SECONDS_MAX).replies, calm)
    capacities.append(generator.capacity(seconds))
    for times, period, beside in zip(TIMES, periods, pairwise(capacities), strict=True):
        yield _figures(times, capacity, period, max(beside), settled if times == TIMES[-1] else None)
    yield from _floods(generator, running.other, capacity, seconds)


def _floods(generator: _Generator, known: SigningKey, capacity: float, seconds: float) -> Iterator[Figures]:
    """Half of the capacity, without a flood and beside each: of what costs least to send to what is hardest to tell."""
    good = 0.0
    for name, requests in _forgeries(generator.inventor, known).items():
        # The device that a forgery names is known when the flood begins.
        opening = as_http(replace(generator.inventor, device=known).opening()[0])
        send_at_rate(generator.inventor.place, [_source(iter([opening]), 1, None)], KNOWN_SECONDS)
        flood = _source(cycle(requests), _CONNECTIONS_MAX // 2, capacity * FLOOD_TIMES) if requests else None
        period = generator.period(capacity * _BASELINE, seconds, flood)
        good = good or len(period.replies.good) / period.replies.offered
        yield _flooded(name, period, good)


def _source(requests: Iterator[bytes], connections_max: int, per_second: float | None) -> Source:
    return Source(requests=requests, connections_max=connections_max, per_second=per_second)


def _forgeries(inventor: Inventor, known: SigningKey) -> dict[str, list[bytes]]:
    stranger = replace(inventor, device=SigningKey.generate(inventor.rng))
    head, signature, rest = as_http(replace(inventor, device=known).opening()[0]).partition(b"pv=:")
    other = b"B" if rest.startswith(b"A") else b"A"
    return {
        "none": [],
        "garbage": [b"POST /v1/openings HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"],
        "open reads": [b"GET /v1/status HTTP/1.1\r\nhost: x\r\n\r\n"],
        "unknown device": [as_http(stranger.opening()[0])],
        "known device, wrong signature": [head + signature + other + rest[1:]],
    }


def _figures(
    times: int, capacity: float, period: _Period, peak: float, settled: float | None
) -> OverloadFigures:  # fmt: skip
    replies = period.replies
    good = len(replies.good) / replies.seconds
    return OverloadFigures(
        times_capacity=times, capacity_per_second=round(capacity), peak_per_second=round(peak),
        offered_per_second=round(replies.offered / replies.seconds), good_per_second=round(good),
        good_of_peak=round(good / peak, 3), refused=replies.refused, held=replies.held, late=replies.late,
        failed=replies.failed + sum(replies.others.values()), good_p99_ms=_p99_ms(replies),
        server_processor=round(period.server, 2), generator_processor=round(period.generator, 2),
        seconds_to_baseline=settled,
    )  # fmt: skip


def _flooded(name: str, period: _Period, without: float) -> FloodFigures:
    replies, flood = period.replies, period.flood
    return FloodFigures(
        flood=name, offered_per_second=round(replies.offered / replies.seconds),
        flood_offered_per_second=round(flood.offered / flood.seconds), flood_refused=flood.refused,
        flood_held=flood.held, flood_others={str(status): count for status, count in flood.others.items()},
        good_per_second=round(len(replies.good) / replies.seconds),
        cost=round(1 - len(replies.good) / replies.offered / without, 3), late=replies.late,
        failed=replies.failed + replies.refused + sum(replies.others.values()), good_p99_ms=_p99_ms(replies),
        server_processor=round(period.server, 2), generator_processor=round(period.generator, 2),
    )  # fmt: skip


def _p99_ms(replies: Replies) -> float:
    taken = sorted(spent for _, spent in replies.good) or [0.0]
    return round(taken[int(len(taken) * 0.99)] * 1e3, 1)


def _half(replies: Replies) -> float:
    return statistics.median(spent for _, spent in replies.good)


def _settled(after: Replies, calm: float) -> float:
    """Returns after how many seconds of calm the median reply of a second took at most twice what it did before."""
    first = min(sent for sent, _ in after.good)
    for second in range(int(_SETTLING_SECONDS_MAX)):
        spent = [took for sent, took in after.good if second <= sent - first < second + 1]
        if spent and statistics.median(spent) <= 2 * calm:
            return float(second + 1)
    return _SETTLING_SECONDS_MAX + 1


def _rows(folder: Path, sizes: Sizes) -> Iterator[Figures]:
    return measure(folder / "platform", 2.0 if sizes.quick else 10.0)


MEASURE = Measure(
    name="load", rows=_rows,
    asked_by=asking("--load", "Ask a key server for 1, 2, 5 and 10 times what it can do, and flood it, instead."),
)  # fmt: skip
