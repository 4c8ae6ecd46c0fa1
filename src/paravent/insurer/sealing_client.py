"""Sealing lines in worker processes, in bounded memory (docs/protocol.md section 5; decision 0008)."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from paravent.crypto.sealing import Row
from paravent.insurer.members import Member, entries, right_of
from paravent.insurer.sealing import RightNumbers, SealingKeys, seal

LINES_PER_TASK = 500
# Enough to keep every worker busy, few enough to hold: a task is some 200 kB.
_TASKS_PER_WORKER = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ToSeal:
    """One line to seal: its key in the portfolio, its member and the member's numbers."""

    line: bytes
    member: Member
    numbers: RightNumbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A row, with the line and the member it is of."""

    row: Row
    line: bytes
    member: str


_worker_keys: SealingKeys | None = None


def seal_all(
    keys: SealingKeys, tasks: Iterable[Sequence[ToSeal]], processes: int, total: int
) -> Iterator[list[Sealed]]:
    """Seals tasks in order, in worker processes when there is enough to share."""
    if processes < 2 or total < 2 * processes * LINES_PER_TASK:
        for task in tasks:
            yield _seal(keys, task)
        return
    # Forked workers inherit the keys: secrets are never pickled nor sent through a pipe.
    context = get_context("fork")
    with ProcessPoolExecutor(processes, context, initializer=_set_worker_keys, initargs=(keys,)) as pool:
        waiting: deque[Future[list[Sealed]]] = deque()
        for task in tasks:
            waiting.append(pool.submit(_seal_in_worker, task))
            if len(waiting) >= processes * _TASKS_PER_WORKER:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _set_worker_keys(keys: SealingKeys) -> None:
    global _worker_keys  # noqa: PLW0603 - one assignment per forked worker, before its first task
    _worker_keys = keys


def _seal_in_worker(task: Sequence[ToSeal]) -> list[Sealed]:
    if _worker_keys is None:
        raise RuntimeError("a sealing worker has no keys")
    return _seal(_worker_keys, task)


def _seal(keys: SealingKeys, task: Sequence[ToSeal]) -> list[Sealed]:
    return [
        Sealed(
            row=seal(keys, identity, right_of(one.member, one.numbers), os.urandom), line=one.line,
            member=one.member.member_id,
        )
        for one in task for identity in entries(one.member)
    ]  # fmt: skip
