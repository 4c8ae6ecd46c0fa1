"""Welch's t between two classes of measurements taken in one run, cropped at fixed percentiles: pure.

The method of Reparaz, Balasch and Verbauwhede, "Dude, is my code constant time?" (2017). A shared machine adds long
tails: each block is cropped at percentiles of all its measurements, whatever their class, and centred on their median,
so that what crops and centres cannot favour a class. The percentiles are fixed here, before anything is measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

CROP_PERCENTILES = (50, 75, 90, 99)
"""How much of a block is kept, from its quickest measurement on; the largest of the four t is reported."""

CLASSES = 2
HALVES = 2


@dataclass(slots=True)
class Moments:
    """Count, mean and squared deviations of measurements, kept as they come (Welford)."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        """Takes one more measurement."""
        self.count += 1
        off = value - self.mean
        self.mean += off / self.count
        self.squares += off * (value - self.mean)

    @property
    def error(self) -> float:
        """The squared standard error of the mean."""
        return self.squares / (self.count - 1) / self.count


def joined(first: Moments, second: Moments) -> Moments:
    """Returns the moments of both sets of measurements together."""
    count = first.count + second.count
    if not count:
        return Moments()
    apart = second.mean - first.mean
    return Moments(
        count=count, mean=first.mean + apart * second.count / count,
        squares=first.squares + second.squares + apart * apart * first.count * second.count / count,
    )  # fmt: skip


def welch(first: Moments, second: Moments) -> float:
    """Returns Welch's t; 0 when there is too little to compare, or nothing varies and nothing differs."""
    if min(first.count, second.count) < 2:
        return 0.0
    error, apart = first.error + second.error, first.mean - second.mean
    if not error:
        return math.copysign(math.inf, apart) if apart else 0.0
    return apart / math.sqrt(error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One measurement in nanoseconds: its class (0 fixed, 1 random) and, by lot, its half of that class."""

    of_class: int
    half: int
    nanoseconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The largest t over the crops: between the classes, and between the halves of one class (the control)."""

    t: float
    control_t: float


@dataclass(slots=True)
class Comparison:
    """Moments by crop, class and half; blocks are fed one after the other."""

    moments: dict[tuple[int, int, int], Moments] = field(
        default_factory=lambda: {
            (crop, of_class, half): Moments()
            for crop in CROP_PERCENTILES
            for of_class in range(CLASSES)
            for half in range(HALVES)
        }
    )

    def feed(self, block: Sequence[Measured]) -> None:
        """Crops a block at each percentile and takes what is left."""
        ordered = sorted(one.nanoseconds for one in block)
        median = ordered[len(ordered) // 2]
        for crop in CROP_PERCENTILES:
            longest = ordered[(len(ordered) - 1) * crop // 100]
            for one in block:
                if one.nanoseconds <= longest:
                    self.moments[crop, one.of_class, one.half].add(one.nanoseconds - median)

    def compared(self) -> Compared:
        """Compares what was fed so far."""
        return Compared(t=_largest(self._between()), control_t=_largest(self._within()))

    def _between(self) -> Iterator[float]:
        for crop in CROP_PERCENTILES:
            fixed, other = (
                joined(self.moments[crop, of_class, 0], self.moments[crop, of_class, 1]) for of_class in range(CLASSES)
            )
            yield welch(fixed, other)

    def _within(self) -> Iterator[float]:
        for crop in CROP_PERCENTILES:
            for of_class in range(CLASSES):
                yield welch(self.moments[crop, of_class, 0], self.moments[crop, of_class, 1])


def _largest(found: Iterator[float]) -> float:
    return max(found, key=abs)
