"""Sealing one insurer of a national population: parts made and sealed in workers, the floor between them.

Each worker seals a part, then calls the bare primitives of a tenth as many persons: both are timed in the same
process, by processor time and by the clock, with every worker busy. Making the synthetic persons is timed apart.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from paravent.bench.machine import peak_bytes
from paravent.bench.sealing import ROUND_PERSONS, floor
from paravent.crypto.entitlement import NULLIFIER_BYTES
from paravent.drill.numbered import members_at
from paravent.insurer.runs_store import LINE_BYTES, Runs
from paravent.insurer.sealing import RightNumbers, SealingKeys, decoy, decoys_needed
from paravent.insurer.sealing_client import Part, ToSeal, in_order, lines_per_part, seal_part, worker_keys, workers
from paravent.wire.publication import RECORD_BYTES

YEAR = 2026
VALID = (1_767_225_600, 1_830_297_599)
MULTIPLE = 64
_FLOOR_SHARE = 10
_NODE_BYTES = 65


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds of one part, or of many added up: making persons, sealing rows, calling primitives."""

    rows: int = 0
    making_seconds: float = 0.0
    sealing_seconds: float = 0.0
    sealing_processor_seconds: float = 0.0
    floor_persons: int = 0
    floor_seconds: float = 0.0
    floor_processor_seconds: float = 0.0
    peak_bytes: int = 0

    def __add__(self, other: Timing) -> Timing:
        """Adds up everything but the peak, which is the highest."""
        both = {field.name: getattr(self, field.name) + getattr(other, field.name) for field in fields(self)}
        return Timing(**both | {"peak_bytes": max(self.peak_bytes, other.peak_bytes)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The persons of one part, by number."""

    path: Path
    persons: range


def seal_insurer(keys: SealingKeys, runs: Runs, persons: int, processes: int, keep: Callable[[Timing], None]) -> None:
    """Seals what the runs do not have yet; each part's times are handed to ``keep`` as soon as it is on disk."""
    size = lines_per_part(persons, processes)
    numbers = range(0, persons, size)
    tasks = (
        Task(path=path, persons=range(first, min(first + size, persons)))
        for number, first in enumerate(numbers, start=1) if not (path := runs.part(number)).exists()
    )  # fmt: skip
    with workers(keys, processes) as pool:
        for timing in in_order(pool, _make_and_seal, tasks, processes):
            keep(timing)
    rows = sum(1 for _ in runs.lines())
    runs.pad(decoy(keys.insurer, keys.epoch, keys.batch, os.urandom) for _ in range(decoys_needed(rows, MULTIPLE)))


def _make_and_seal(task: Task) -> Timing:
    """Makes and seals one part, then calls the primitives."""
    keys, marks = worker_keys(), [_instant()]
    part = Part(path=task.path, lines=list(lines_of(keys.insurer, task.persons)))
    marks.append(_instant())
    rows = seal_part(keys, part)
    marks.append(_instant())
    rounds = max(1, rows // (_FLOOR_SHARE * ROUND_PERSONS))
    for _ in range(rounds):
        _primitives()()
        _place_in_tree()
    marks.append(_instant())
    spent = [(after[0] - before[0], after[1] - before[1]) for before, after in itertools.pairwise(marks)]
    return Timing(
        rows=rows, making_seconds=spent[0][0], sealing_seconds=spent[1][0], sealing_processor_seconds=spent[1][1],
        floor_persons=rounds * ROUND_PERSONS, floor_seconds=spent[2][0], floor_processor_seconds=spent[2][1],
        peak_bytes=peak_bytes(),
    )  # fmt: skip


def lines_of(insurer: str, persons: Iterable[int]) -> Iterator[ToSeal]:
    """Makes the lines of persons, by their numbers."""
    for number in persons:
        numbers = RightNumbers(nullifier=os.urandom(NULLIFIER_BYTES), status_index=number)
        for place, member in enumerate(members_at(number, insurer, YEAR, VALID)):
            line = (number + 1).to_bytes(LINE_BYTES - 1, "big") + bytes([place])
            yield ToSeal(line=line, member=member, numbers=numbers)


_primitives = cache(floor)


def _place_in_tree() -> None:
    """Calls what a place in the signed tree needs: the digest of a row, its leaf and one node above, 100 times."""
    row, node = bytes(RECORD_BYTES), bytes(_NODE_BYTES)
    for _ in range(ROUND_PERSONS):
        hashlib.sha256(row).digest()
        hashlib.sha256(node).digest()
        hashlib.sha256(node).digest()


def _instant() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()
