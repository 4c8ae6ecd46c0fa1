"""A key server killed again and again between spending and answering: what it let go is never more than it spent.

One server is killed and started again on the same disk; the others stay, and remember its log. Half of the kills
come from outside at a moment drawn by lot; half strike right before an answer leaves, when its spending is durable.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paravent.access.requests import Authenticated, HttpRequest
from paravent.bench.faults_found import FaultFigures, lost, spent
from paravent.bench.invented import OK, Answer, Inventor, as_http, inventor_of, read_answer, wait_until_ready
from paravent.bench.measures import Measure, asking
from paravent.bench.served import Served, served
from paravent.drill.simulation.parties import OPENINGS
from paravent.errors import TechnicalFailure
from paravent.keyserver import evaluation, opening
from paravent.keyserver.store import DATABASE
from paravent.wire.number_lane import OpeningContent

KILLS = 1_000
VICTIM = 1
CONNECTIONS = 4
REQUESTS_MAX = 40
_DELAY_SECONDS_MAX = 0.03
_ANSWERS_MAX = 12
_SEED = 9


@dataclass(slots=True)
class _Seen:
    """What came back: openings with what the server signed, look-ups by number."""

    openings: list[OpeningContent] = field(default_factory=list)
    lookups: int = 0


def measure(home: Path, kills: int) -> FaultFigures:
    """Kills a key server that many times; raises TechnicalFailure as soon as a round is not sound."""
    dice, started = random.Random(_SEED), time.perf_counter()
    with served(home) as running:
        inventor, database = inventor_of(running), running.platform.servers[VICTIM].home.folder / DATABASE
        for peer in running.platform.servers:
            if peer != VICTIM:
                running.start(peer)
        seen, between = _Seen(), 0
        for _ in range(kills):
            before = spent(database)
            answered = _round(running, inventor, dice)
            after = spent(database)
            between += after[0] - before[0] > len(answered.openings) or after[1] - before[1] > answered.lookups
            seen.openings += answered.openings
            seen.lookups += answered.lookups
            figures = _figures(seen, after, lost(database, answered.openings), started, kills, between)
            if not figures.sound:
                raise TechnicalFailure(f"more was revealed than was spent, or a leaf is lost: {figures}")
        return _figures(seen, spent(database), lost(database, seen.openings), started, kills, between)


def _figures(
    seen: _Seen, charged: tuple[int, int], lost_leaves: int, started: float, kills: int, between: int
) -> FaultFigures:  # fmt: skip
    return FaultFigures(
        kills=kills, kills_between=between, revealed_openings=len(seen.openings), spent_openings=charged[0],
        revealed_lookups=seen.lookups, spent_lookups=charged[1], lost_leaves=lost_leaves,
        seconds=round(time.perf_counter() - started, 1),
    )  # fmt: skip


def _round(running: Served, inventor: Inventor, dice: random.Random) -> _Seen:
    """Starts the server, asks it from several connections, and has it killed."""
    from_outside = dice.random() < 0.5
    answers = dice.randrange(1, _ANSWERS_MAX)
    running.start(VICTIM, _nothing if from_outside else lambda: _die_at_answer(answers))
    delay = dice.uniform(0, _DELAY_SECONDS_MAX) if from_outside else None
    seen = asyncio.run(_asked(inventor, running.processes[VICTIM], delay))
    if not running.ended(VICTIM):
        running.kill(VICTIM)
    return seen


def _nothing() -> None:
    """Leaves the server as it is."""


def _die_at_answer(number: int) -> None:
    """Has this process killed by its own hand when it is about to make its answer of that number."""
    left = [number]

    def deadly(answer: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:  # noqa: ANN401 - it stands for functions of several types
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer(*arguments)

        return run

    evaluation.answer = deadly(evaluation.answer)
    opening.answer = deadly(opening.answer)


async def _asked(inventor: Inventor, process: int, delay: float | None) -> _Seen:
    seen = _Seen()
    try:
        seen.lookups += await wait_until_ready(inventor)
    except (OSError, asyncio.IncompleteReadError):
        return seen
    if delay is not None:
        asyncio.get_running_loop().call_later(delay, os.kill, process, signal.SIGKILL)
    await asyncio.gather(*(_connection(inventor, seen) for _ in range(CONNECTIONS)))
    return seen


async def _connection(inventor: Inventor, seen: _Seen) -> None:
    """Asks until the server is gone: three openings for each look-up."""
    host, port = inventor.place
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError:
        return
    try:
        for number in range(REQUESTS_MAX):
            request, caller = inventor.opening() if number % 4 else inventor.evaluation()
            writer.write(as_http(request))
            _note(inventor, seen, request, caller, await read_answer(reader))
    except (OSError, asyncio.IncompleteReadError):
        return
    finally:
        writer.close()


def _note(inventor: Inventor, seen: _Seen, request: HttpRequest, caller: Authenticated, answer: Answer) -> None:
    status, body = answer
    if status != OK:
        raise TechnicalFailure(f"a key server refused a request of the benchmark: {body.decode()}")
    if request.target_uri.endswith(OPENINGS):
        seen.openings.append(inventor.read(body, caller))
    else:
        seen.lookups += 1


MEASURE = Measure(
    name="faults",
    asked_by=asking("--faults", "Kill a key server 1,000 times instead, between spending and answering."),
    rows=lambda folder, _sizes: [measure(folder, KILLS)],
)
