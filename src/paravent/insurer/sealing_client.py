"""Sealing parts of a publication in worker processes, in bounded memory (docs/protocol.md section 5; decision 0008)."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from typing import TypeVar

from paravent.insurer.members import Member, entries, right_of
from paravent.insurer.runs_store import write_part
from paravent.insurer.sealing import RightNumbers, SealingKeys, seal

T = TypeVar("T")
R = TypeVar("R")

LINES_PER_PART_MIN, LINES_PER_PART_MAX = 500, 10_000
# Enough to keep every worker busy, few enough to hold: ten thousand lines are some 10 MB.
_TASKS_PER_WORKER = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ToSeal:
    """One line to seal: its key in the portfolio, its member and the member's numbers."""

    line: bytes
    member: Member
    numbers: RightNumbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Lines that are sealed together, into a file that is whole or absent."""

    path: Path
    lines: Sequence[ToSeal]


_worker_keys: SealingKeys | None = None


def lines_per_part(total: int, processes: int) -> int:
    """Returns how many lines a part has: few enough that every worker has several, and to be lost with a worker."""
    return max(LINES_PER_PART_MIN, min(LINES_PER_PART_MAX, -(-total // (4 * processes))))


def seal_part(keys: SealingKeys, part: Part) -> int:
    """Seals a part and writes it sorted; returns how many lines it has."""
    write_part(part.path, (
        (seal(keys, identity, right_of(one.member, one.numbers), os.urandom), one.line)
        for one in part.lines for identity in entries(one.member)
    ))  # fmt: skip
    return len(part.lines)


def seal_parts(keys: SealingKeys, parts: Iterable[Part], processes: int, total: int) -> Iterator[int]:
    """Seals parts, in worker processes when there is enough to share; yields how many lines each had."""
    if processes < 2 or total < 2 * processes * LINES_PER_PART_MIN:
        for part in parts:
            yield seal_part(keys, part)
        return
    with workers(keys, processes) as pool:
        yield from in_order(pool, _seal_in_worker, parts, processes)


def _seal_in_worker(part: Part) -> int:
    return seal_part(worker_keys(), part)


# --- worker processes ---------------------------------------------------------------------------


@contextmanager
def workers(keys: SealingKeys, processes: int) -> Iterator[ProcessPoolExecutor]:
    """Forks workers, which inherit the keys: secrets are never pickled nor sent through a pipe."""
    with ProcessPoolExecutor(processes, get_context("fork"), initializer=_begin, initargs=(keys,)) as pool:
        yield pool


def in_order(
    pool: ProcessPoolExecutor, work: Callable[[T], R], tasks: Iterable[T], processes: int
) -> Iterator[R]:  # fmt: skip
    """Has tasks done, a few ahead of those whose results are taken, and yields results in the order of tasks."""
    waiting: deque[Future[R]] = deque()
    for task in tasks:
        waiting.append(pool.submit(work, task))
        if len(waiting) >= processes * _TASKS_PER_WORKER:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def worker_keys() -> SealingKeys:
    """Returns the keys that this worker inherited."""
    if _worker_keys is None:
        raise RuntimeError("a sealing worker has no keys")
    return _worker_keys


def _begin(keys: SealingKeys) -> None:
    global _worker_keys  # noqa: PLW0603 - one assignment per forked worker, before its first task
    _worker_keys = keys
    end_with_parent()


def end_with_parent() -> None:
    """Has this process end when whoever forked it was killed: it would wait for ever, and it holds keys."""
    parent = parent_process()
    if parent is None:
        raise RuntimeError("only a forked process ends with its parent")

    def wait() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
