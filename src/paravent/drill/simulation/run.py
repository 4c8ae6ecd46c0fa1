"""A seeded simulation of every party in one process: lost messages, replays, crashes, lies, time that passes.

The same seed gives the same operations, the same outcomes and so the same hash. Every property of
``watch`` is judged after every step. ``paravent drill --scenario simulation --seeds N`` runs more.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paravent.access.quotas import QuotaLimits
from paravent.drill.simulation.operations import SHAPES, Failure, Operation, draw, shorten
from paravent.drill.simulation.platform import Shape, SimulatedPlatform
from paravent.drill.simulation.steps import Simulation
from paravent.drill.simulation.watch import Property, PropertyBroken

OPERATIONS = 16
SERVER_LIMITS = QuotaLimits(lookups_per_day_max=8, openings_per_day_max=3, repeats_per_day_max=4)
HUB_LIMITS = QuotaLimits(lookups_per_day_max=12)
_MEMORY = Path("/dev/shm")  # noqa: S108 - a file system, in which tempfile makes the folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What a run did: one line for each operation with its outcome."""

    seed: int
    lines: tuple[str, ...]

    @property
    def hash(self) -> str:
        """SHA-256 over the lines, hexadecimal."""
        return hashlib.sha256("\n".join(self.lines).encode()).hexdigest()


@contextmanager
def quick_folder() -> Iterator[Path]:
    """Yields a folder in memory where the machine has one: stores commit as anywhere, and nothing is waited for."""
    with tempfile.TemporaryDirectory(prefix="paravent-simulation-", dir=_MEMORY if _MEMORY.is_dir() else None) as name:
        yield Path(name)


def run(seed: int, operations: Sequence[Operation] | None = None, count: int = OPERATIONS) -> Trace:
    """Runs the operations of a seed, or a list; raises PropertyBroken."""
    servers, threshold = SHAPES[seed % len(SHAPES)]
    shape = Shape(servers=servers, threshold=threshold, server_limits=SERVER_LIMITS, hub_limits=HUB_LIMITS)
    with quick_folder() as home:
        simulation = Simulation.build(SimulatedPlatform.build(home, shape, seed), seed)
        try:
            chosen = draw(seed, count) if operations is None else operations
            return Trace(seed=seed, lines=tuple(simulation.step(operation) for operation in chosen))
        finally:
            simulation.close()


def broken_by(seed: int, operations: Sequence[Operation]) -> Property | None:
    """Runs a list and returns the property that it breaks, or None."""
    try:
        run(seed, operations)
    except PropertyBroken as error:
        return error.broken
    return None


def find_failure(seed: int, count: int = OPERATIONS) -> Failure | None:
    """Runs a seed; returns what breaks a property, as short as it gets, or None."""
    drawn = draw(seed, count)
    broken = broken_by(seed, drawn)
    if broken is None:
        return None
    shortest = shorten(drawn, lambda operations: broken_by(seed, operations) is broken)
    return Failure(seed=seed, broken=broken.name, operations=tuple(shortest))


def rows(seeds: Iterable[int]) -> Iterator[dict[str, Any]]:
    """Runs seeds and says of each how its operations ended; a failure is in its row, ready to be kept."""
    for seed in seeds:
        row: dict[str, Any] = {"scenario": "simulation", "platform": "paravent", "seed": seed}
        failure = find_failure(seed)
        if failure is not None:
            yield row | {"broken": failure.broken, "operations": failure.operations}
            continue
        trace = run(seed)
        outcomes = Counter(line.rpartition(" -> ")[2].split(" ")[0] for line in trace.lines)
        yield row | {"broken": None, "trace": trace.hash, "outcomes": dict(outcomes.most_common())}
