"""Runs primitives on inputs of two classes, interleaved by lot, and judges what Welch's t says of their times.

Inputs of a block are made before it is timed, each a new object in both classes, so that neither class is warmer in
the cache than the other; the garbage collector waits meanwhile.
"""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from paravent.bench.timing.welch import Comparison, Measured

T_MAX = 4.5
BLOCK = 500
_WARM_UP = 200


class Kind(StrEnum):
    """What differs between the classes: a secret, what whoever can measure it knows anyway, or a seeded leak."""

    SECRET = "secret"  # noqa: S105 - the name of a kind
    KNOWN = "known"
    LEAKY = "leaky"


class Verdict(StrEnum):
    """What a run says: nothing seen, a difference between the classes, or a machine too noisy to say."""

    NOTHING_SEEN = "nothing-seen"
    DIFFERS = "differs"
    NOISY = "noisy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Primitive:
    """``draw(dice, random)`` makes a new input of the random class or of the fixed one; ``run`` is what is timed.

    One of kind LEAKY is a negative control: it has to be found out.
    """

    name: str
    draw: Callable[[random.Random, bool], Any]
    run: Callable[[Any], object]
    kind: Kind = Kind.SECRET


@dataclass(frozen=True, slots=True, kw_only=True)
class TimingFigures:
    """What was found of one primitive; ``control_t`` is the same test between halves of one class, drawn by lot."""

    primitive: str
    samples: int
    t: float
    control_t: float
    verdict: Verdict
    kind: Kind
    median_us: float


def measure(primitives: Iterable[Primitive], samples: int, seed: int) -> Iterator[TimingFigures]:
    """Tests one primitive after the other."""
    for primitive in primitives:
        yield compare(primitive, samples, random.Random(f"{seed}/{primitive.name}"))


def compare(primitive: Primitive, samples: int, dice: random.Random) -> TimingFigures:
    """Tests one primitive, in blocks of at most 500."""
    _timed(primitive, _WARM_UP, dice)
    comparison, medians, left = Comparison(), [], samples
    while left > 0:
        block = _timed(primitive, min(BLOCK, left), dice)
        comparison.feed(block)
        medians.append(statistics.median(one.nanoseconds for one in block))
        left -= len(block)
    found = comparison.compared()
    return TimingFigures(
        primitive=primitive.name, samples=samples, t=round(found.t, 2), control_t=round(found.control_t, 2),
        verdict=judged(found.t, found.control_t), kind=primitive.kind,
        median_us=round(statistics.median(medians) / 1_000, 2),
    )  # fmt: skip


def judged(t: float, control_t: float) -> Verdict:
    """Says what two t tell; where the control differs from itself, nothing is said of the primitive."""
    if abs(control_t) >= T_MAX:
        return Verdict.NOISY
    return Verdict.DIFFERS if abs(t) >= T_MAX else Verdict.NOTHING_SEEN


def _timed(primitive: Primitive, count: int, dice: random.Random) -> list[Measured]:
    plan = [(dice.getrandbits(1), dice.getrandbits(1)) for _ in range(count)]
    inputs = [primitive.draw(dice, bool(of_class)) for of_class, _ in plan]
    run, clock, times = primitive.run, time.perf_counter_ns, [0] * count
    gc.disable()
    try:
        for place, given in enumerate(inputs):
            started = clock()
            run(given)
            times[place] = clock() - started
    finally:
        gc.enable()
    return [
        Measured(of_class=of_class, half=half, nanoseconds=spent)
        for (of_class, half), spent in zip(plan, times, strict=True)
    ]
