"""The operations of a simulation: drawn from a seed, or given as a literal list that a failure left behind."""

from __future__ import annotations

import json
import random
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from paravent.drill.simulation.lies import LieKind
from paravent.drill.simulation.network import FAULTS, NO_FAULT
from paravent.wire.codec import Message

Operation = tuple[str | int, ...]
"""A name and its arguments; numbers are taken modulo what there is, so that every list can be run."""

SHAPES = ((3, 2), (3, 2), (4, 3), (5, 3))
"""(n, t) by seed, modulo."""

_WEIGHTS = {
    "check": 34, "sale": 12, "reserve": 8, "claim": 6, "resend": 6, "cancel": 2, "replay": 8, "crash": 5,
    "desk-crash": 2, "advance": 10, "publish": 3, "rotate": 3, "lie": 12, "honest": 2, "stop": 2, "start": 3, "pull": 5,
    "snapshot": 3, "roll-back": 3,
}  # fmt: skip
_ADVANCES = (1, 20, 59, 61, 3_600, 43_200, 86_399, 86_400, 100_000)


class Failure(Message, frozen=True, kw_only=True):
    """A failure that was found: its seed, the property, and the shortest list of operations that shows it."""

    seed: int
    broken: str
    operations: tuple[Operation, ...]


def draw(seed: int, count: int) -> list[Operation]:
    """Draws operations; the same seed gives the same list."""
    dice = random.Random(seed)
    names = dice.choices(list(_WEIGHTS), list(_WEIGHTS.values()), k=count)
    # Every desk has somebody at its counter from the start, so that there is something to claim.
    first: list[Operation] = [
        ("check", desk, dice.randrange(8), dice.randrange(1_000), NO_FAULT, 0) for desk in range(3)
    ]
    # At the end whatever got no answer is sent again, and the insurers count what they have to pay.
    last: list[Operation] = [
        ("start", 0),
        *(("resend", desk, NO_FAULT, 0) for desk in range(3)),
        ("pull", 0),
        ("pull", 1),
    ]
    return [*first, *((name, *_arguments(name, dice)) for name in names), *last]


def _arguments(name: str, dice: random.Random) -> Operation:
    fault = (dice.choice(FAULTS).value, dice.randrange(6)) if dice.random() < 0.4 else (NO_FAULT, 0)
    match name:
        case "check":
            return (dice.randrange(3), dice.randrange(1_000), dice.randrange(1_000), *fault)
        case "sale" | "reserve" | "claim" | "cancel":
            return (dice.randrange(3), dice.randrange(2), fault[0], fault[1] % 2)
        case "resend":
            return (dice.randrange(3), fault[0], 0)
        case "advance":
            return (dice.choice(_ADVANCES),)
        case "lie":
            return (dice.randrange(7), dice.choice(list(LieKind)).value)
        case _:
            return (dice.randrange(100),)


def shorten(operations: Sequence[Operation], fails: Callable[[Sequence[Operation]], bool]) -> list[Operation]:
    """Removes operations, many at once and then one by one, as long as what is left still fails."""
    kept = list(operations)
    size = len(kept) // 2
    while size > 0:
        for start in reversed(range(0, len(kept), size)):
            shorter = kept[:start] + kept[start + size :]
            if fails(shorter):
                kept = shorter
        size //= 2
    return kept


def write_failure(folder: Path, failure: Failure) -> Path:
    """Writes a failure where the tests run it again, and for ever."""
    lines = ",\n".join(f"  {json.dumps(operation)}" for operation in failure.operations)
    text = f'seed = {failure.seed}\nbroken = "{failure.broken}"\noperations = [\n{lines},\n]\n'
    path = folder / f"seed-{failure.seed}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def read_failures(folder: Path) -> Iterator[tuple[str, Failure]]:
    """Reads every failure of a folder, with its name."""
    for path in sorted(folder.glob("*.toml")):
        found = tomllib.loads(path.read_text(encoding="utf-8"))
        operations = tuple(tuple(operation) for operation in found["operations"])
        yield path.stem, Failure(seed=found["seed"], broken=found["broken"], operations=operations)
