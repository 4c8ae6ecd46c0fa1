"""Plays scenarios in two shares side by side: each process has a ground of its own, and a fixed share of the scenarios.

What a scenario finds may depend on what was played on its ground before: shares are fixed, so that a drill can be
played again. What is about time (``alone``) is played once nothing else runs.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec

from paravent.drill.ground import Ground
from paravent.drill.population import Population
from paravent.drill.registry import Scenario
from paravent.drill.row import Row
from paravent.errors import ParaventError, TechnicalFailure


class _Played(msgspec.Struct, frozen=True, kw_only=True):
    """What the other process says of one scenario: its rows, or what went wrong."""

    rows: list[Row] = []
    error: str = ""


_read = msgspec.json.Decoder(_Played).decode


def play(folder: Path, population: Population, scenarios: Sequence[Scenario], processes: int) -> Iterator[Row]:
    """Plays scenarios in one process or two, and yields their rows as they come, those of a scenario in their order.

    Raises what a scenario raises here, and TechnicalFailure with its words when it was played in the other process. The
    servers that were started have then ended.
    """
    mine, *others = shares([one for one in scenarios if not one.alone], processes)
    with closing(Ground(home=folder / "ground-1", population=population)) as ground:
        # One fork, before this process has a thread.
        beside = Ground(home=folder / "ground-2", population=population)
        with _elsewhere(beside, others[0]) if others else nullcontext(_Elsewhere()) as other:
            for scenario in mine:
                yield from scenario.rows(ground)
                yield from other.rows(wait=False)
            yield from other.rows(wait=True)
        for scenario in scenarios:
            if scenario.alone:
                yield from scenario.rows(ground)


def shares(scenarios: Sequence[Scenario], processes: int) -> list[list[Scenario]]:
    """Divides scenarios into as many shares, or fewer, of about the same cost: always the same, each in their order."""
    divided: list[list[Scenario]] = [[] for _ in range(processes)]
    for one in sorted(scenarios, key=lambda one: -one.cost):
        min(divided, key=_cost).append(one)
    return [sorted(share, key=scenarios.index) for share in divided if share] or [[]]


def _cost(share: Sequence[Scenario]) -> int:
    return sum(one.cost for one in share)


@dataclass(slots=True)
class _Elsewhere:
    """What is still to come from the other process."""

    left: int = 0
    pipe: Connection | None = None

    def rows(self, *, wait: bool) -> Iterator[Row]:
        """Yields the rows that have come, or all that will come."""
        while self.left and self.pipe is not None and (wait or self.pipe.poll()):
            try:
                played = _read(self.pipe.recv_bytes())
            except EOFError:
                raise TechnicalFailure(
                    "the process of the other scenarios ended early; what it said stands above"
                ) from None
            self.left -= 1
            if played.error:
                raise TechnicalFailure(played.error)
            yield from played.rows


@contextmanager
def _elsewhere(ground: Ground, share: Sequence[Scenario]) -> Iterator[_Elsewhere]:
    """Plays a share in a process of its own; on an early end it is interrupted, and closes its ground first."""
    fork = get_context("fork")
    here, there = fork.Pipe(duplex=False)
    process = fork.Process(target=_play, args=(ground, share, here, there))
    try:
        # An interrupt waits until the process can close its ground.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        there.close()
        yield _Elsewhere(len(share), here)
    except BaseException:
        # Until it ends: an interrupt is lost in a destructor.
        while process.pid is not None and process.is_alive():
            os.kill(process.pid, signal.SIGINT)
            process.join(1.0)
        raise
    finally:
        here.close()
        if process.pid is not None:
            process.join()


def _play(ground: Ground, share: Sequence[Scenario], here: Connection, there: Connection) -> None:
    """Plays a share, until it is interrupted or nobody takes its rows any more."""
    here.close()
    try:
        try:
            # What a script runs in its background has interrupts ignored: those of the parent end this all the same.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            for scenario in share:
                there.send_bytes(msgspec.json.encode(_played(scenario, ground)))
        finally:
            # From here on nothing keeps the servers from being ended.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    except (KeyboardInterrupt, BrokenPipeError):
        return
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        ground.close()
        there.close()


def _played(scenario: Scenario, ground: Ground) -> _Played:
    try:
        return _Played(rows=list(scenario.rows(ground)))
    except ParaventError as error:
        return _Played(error=f"{scenario.name}: {error}")
