"""Plays scenarios side by side: each process has a ground of its own, and a fixed share of the scenarios.

What a scenario finds may depend on what was played on its ground before: shares are fixed, so that a drill can be
played again. What is measured in seconds is played once nothing else runs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing, contextmanager, nullcontext
from multiprocessing import get_context
from pathlib import Path

from paravent.drill.ground import Ground
from paravent.drill.population import Population
from paravent.drill.registry import SCENARIOS, Scenario
from paravent.drill.row import Row

_Rows = deque[Future[list[Row]]]

_ground: Ground | None = None


def play(folder: Path, population: Population, scenarios: Sequence[Scenario], processes: int) -> Iterator[Row]:
    """Plays scenarios in one process or two, and yields their rows as they come, those of a scenario in their order.

    Raises what a scenario raises, in whichever process; the servers that were started have then ended.
    """
    mine, *others = shares([one for one in scenarios if not one.alone], processes)
    with closing(Ground(home=folder / "ground-1", population=population)) as ground:
        # One fork at most, before this process has a thread.
        beside = Ground(home=folder / "ground-2", population=population)
        with _elsewhere(beside, others[0]) if others else nullcontext(_Rows()) as coming:
            for scenario in mine:
                yield from scenario.rows(ground)
                while coming and coming[0].done():
                    yield from coming.popleft().result()
            while coming:
                yield from coming.popleft().result()
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


@contextmanager
def _elsewhere(ground: Ground, share: Sequence[Scenario]) -> Iterator[_Rows]:
    """Plays a share in a process of its own, which closes its ground before it ends; an early end skips what it can."""
    with ProcessPoolExecutor(1, get_context("fork"), initializer=_begin, initargs=(ground,)) as process:
        coming = [process.submit(_play, scenario.name) for scenario in share]
        ended = process.submit(_end)
        try:
            yield _Rows(coming)
        finally:
            for future in coming:
                future.cancel()
        ended.result()


# --- in the other process ----------------------------------------------------------------------


def _begin(ground: Ground) -> None:
    global _ground  # noqa: PLW0603 - one assignment per forked process, before its first task
    _ground = ground


def _play(name: str) -> list[Row]:
    if _ground is None:
        raise RuntimeError("a process that plays scenarios has a ground")
    return list(SCENARIOS[name].rows(_ground))


def _end() -> None:
    if _ground is not None:
        _ground.close()
