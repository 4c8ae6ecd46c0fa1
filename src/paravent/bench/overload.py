"""A key server asked for more than it can do: an open loop at 1, 2, 5 and 10 times its capacity, then half of it.

Then half of it beside a flood of requests that nobody signed who may: what it costs those who did. The generator is a
process of its own that yields to the server, and says what processor time it had itself: they share a machine.

The capacity is what the same generator is answered when each of its clients waits for its answer. A machine that others
use too does not keep it for a minute: rates take turns in short rounds, each between two measures of the capacity, the
one before gives the rate and the mean of both is the peak.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import cycle, islice
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
ROUNDS, QUICK_ROUNDS = 12, 1
_ROUND_SECONDS, _CAPACITY_SECONDS, _FLOOD_SECONDS = 6.0, 4.0, 10.0
_CLIENTS = 64
_DEVICES = 1_024
_CONNECTIONS_MAX = 768
_OPENINGS_PER_SECOND_MAX = 2_000
_BASELINE = 0.5
_SETTLING_SECONDS_MAX = 10.0
_NICE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class OverloadFigures:
    """One rate over its rounds: rates a second as medians; refusals and the like as sums.

    ``good_of_peak`` is all good replies of the rounds beside what their peaks would have given, or what was asked where
    that was less; ``good_of_peak_by_round`` is each round alone, between whose peaks the machine's speed changed.
    ``held`` requests found each of 768 connections still waiting. ``server_processor`` and
    ``generator_processor`` are shares of one core until the last answer came, the seconds after sending among them;
    ``seconds_to_baseline`` is of the calm after the last rate.
    """

    times_capacity: int
    rounds: int
    peak_per_second: int
    offered_per_second: int
    good_per_second: int
    good_of_peak: float
    good_of_peak_by_round: list[float]
    refused: int
    held: int
    late: int
    failed: int
    others: dict[str, int]
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


class _Round(NamedTuple):
    """One period, and the mean of the capacities right before and right after it."""

    period: _Period
    peak: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Generator:
    """Asks one key server, and reads the processor time of its process."""

    inventor: Inventor
    process: int
    crowd: Iterator[Inventor]

    def openings(self, per_second: float, seconds: float) -> Iterator[bytes]:
        """Signs requests enough, of one device after another, each of which is charged; they live a minute.

        No more are sent than are answered or refused: what waits for a connection is never made.
        """
        count = int(min(per_second, _OPENINGS_PER_SECOND_MAX) * seconds) + 1
        return iter([as_http(inventor.opening()[0]) for inventor in islice(self.crowd, count)])

    def capacity(self, seconds: float) -> float:
        """Returns openings a second of clients that each wait for their answer."""
        requests = self.openings(_OPENINGS_PER_SECOND_MAX, seconds)
        source = Source(requests=requests, connections_max=_CLIENTS, per_second=None)
        send_at_rate(self.inventor.place, [source], seconds)
        return source.replies.good_per_second()

    def period(self, rate: float, seconds: float, flood: Source | None = None) -> _Period:
        """Sends at a rate, beside a flood or not."""
        source = Source(requests=self.openings(rate, seconds), connections_max=_CONNECTIONS_MAX, per_second=rate)
        sources = [source] if flood is None else [source, flood]
        ticks, own, started = ticks_of(self.process), time.process_time(), time.perf_counter()
        send_at_rate(self.inventor.place, sources, seconds)
        spent = time.perf_counter() - started
        server = (ticks_of(self.process) - ticks) / os.sysconf("SC_CLK_TCK") / spent
        beside = sources[-1].replies if flood else Replies(seconds=source.replies.seconds)
        return _Period(source.replies, beside, server, (time.process_time() - own) / spent)


def measure(home: Path, rounds: int) -> Iterator[Figures]:
    """Measures each rate in so many rounds, then each flood once."""
    with served(home, crowd=_DEVICES) as running:
        inventor = inventor_of(running)
        for peer in running.platform.servers:
            running.start(peer)
        yield from _niced(lambda: _rows_of(running, inventor, rounds))


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


def _rows_of(running: Served, inventor: Inventor, rounds: int) -> Iterator[Figures]:
    asyncio.run(wait_until_ready(inventor))
    crowd = cycle([replace(inventor, device=device) for device in running.crowd])
    generator = _Generator(inventor=inventor, process=running.processes[1], crowd=crowd)
    before = generator.capacity(_CAPACITY_SECONDS)
    found: dict[int, list[_Round]] = {times: [] for times in TIMES}
    for times in TIMES * rounds:
        period = generator.period(before * times, _ROUND_SECONDS)
        after = generator.capacity(_CAPACITY_SECONDS)
        found[times].append(_Round(period, (before + after) / 2))
        before = after
    calm = _half(generator.period(before * _BASELINE, _ROUND_SECONDS).replies)
    generator.period(before * TIMES[-1], _ROUND_SECONDS)
    settled = _settled(generator.period(before * _BASELINE, _SETTLING_SECONDS_MAX).replies, calm)
    for times, of_it in found.items():
        yield _figures(times, of_it, settled if times == TIMES[-1] else None)
    yield from _floods(generator, running.other, before)


def _floods(generator: _Generator, known: SigningKey, capacity: float) -> Iterator[Figures]:
    """Half of the capacity, without a flood and beside each: of what costs least to send to what is hardest to tell."""
    good = 0.0
    for name, requests in _forgeries(generator.inventor, known).items():
        # The device that a forgery names is known when the flood begins.
        opening = as_http(replace(generator.inventor, device=known).opening()[0])
        send_at_rate(generator.inventor.place, [_source(iter([opening]), 1, 1 / KNOWN_SECONDS)], KNOWN_SECONDS)
        flood = _source(cycle(requests), _CONNECTIONS_MAX // 2, capacity * FLOOD_TIMES) if requests else None
        period = generator.period(capacity * _BASELINE, _FLOOD_SECONDS, flood)
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


def _figures(times: int, rounds: Sequence[_Round], settled: float | None) -> OverloadFigures:
    replies = [one.period.replies for one in rounds]
    good = [one.good_per_second() for one in replies]
    due = [min(one.peak, one.period.replies.offered / one.period.replies.seconds) for one in rounds]
    return OverloadFigures(
        times_capacity=times, rounds=len(rounds), peak_per_second=round(statistics.median(one.peak for one in rounds)),
        offered_per_second=round(statistics.median(one.offered / one.seconds for one in replies)),
        good_per_second=round(statistics.median(good)), good_of_peak=round(sum(good) / sum(due), 3),
        good_of_peak_by_round=[round(of_it / all_of_it, 3) for of_it, all_of_it in zip(good, due, strict=True)],
        refused=sum(one.refused for one in replies), held=sum(one.held for one in replies),
        late=sum(one.late for one in replies),
        failed=sum(one.failed for one in replies), others=_by_status(*replies),
        good_p99_ms=_p99_ms([spent for one in replies for _, spent in one.good]),
        server_processor=round(statistics.median(one.period.server for one in rounds), 2),
        generator_processor=round(statistics.median(one.period.generator for one in rounds), 2),
        seconds_to_baseline=settled,
    )  # fmt: skip


def _flooded(name: str, period: _Period, without: float) -> FloodFigures:
    replies, flood = period.replies, period.flood
    return FloodFigures(
        flood=name, offered_per_second=round(replies.offered / replies.seconds),
        flood_offered_per_second=round(flood.offered / flood.seconds), flood_refused=flood.refused,
        flood_held=flood.held, flood_others=_by_status(flood),
        good_per_second=round(len(replies.good) / replies.seconds),
        cost=round(1 - len(replies.good) / replies.offered / without, 3), late=replies.late,
        failed=replies.failed + replies.refused + sum(replies.others.values()),
        good_p99_ms=_p99_ms([spent for _, spent in replies.good]),
        server_processor=round(period.server, 2), generator_processor=round(period.generator, 2),
    )  # fmt: skip


def _by_status(*replies: Replies) -> dict[str, int]:
    """Sums answers that are neither good nor refusals."""
    found = Counter[int]()
    for one in replies:
        found.update(one.others)
    return {str(status): count for status, count in sorted(found.items())}


def _p99_ms(seconds: Sequence[float]) -> float:
    taken = sorted(seconds) or [0.0]
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
    return measure(folder / "platform", QUICK_ROUNDS if sizes.quick else ROUNDS)


MEASURE = Measure(
    name="load", rows=_rows,
    asked_by=asking("--load", "Ask a key server for 1, 2, 5 and 10 times what it can do, and flood it, instead."),
)  # fmt: skip
