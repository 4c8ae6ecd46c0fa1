"""Trend of yearly counts and uncertainty of shares, in plain arithmetic (docs/watch.md section 5)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec

Z_95 = 1.959964
_YEARS_LEAST = 4
_STEPS = 50


class Fitted(msgspec.Struct, frozen=True, kw_only=True):
    """What the trend expects of a year, with the 95 % interval of that mean."""

    year: int
    mean: float
    low: float
    high: float


class Trend(msgspec.Struct, frozen=True, kw_only=True):
    """Rate ratio a year with its 95 % interval, over which years, and how over-dispersed the counts are."""

    first: int
    last: int
    ratio: float
    low: float
    high: float
    dispersion: float
    fitted: tuple[Fitted, ...]


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """A share with its 95 % interval (Wilson), and the two counts it rests on."""

    count: int
    total: int
    share: float
    low: float
    high: float


def trend(by_year: Mapping[int, int], first: int, last: int) -> Trend | None:
    """Fits log E[count] = a + b * year by Poisson regression; None below four years with incidents.

    The interval is widened by the square root of the dispersion (Pearson) when it is above 1: quasi-Poisson.
    """
    counts = [by_year.get(year, 0) for year in range(first, last + 1)]
    if len(counts) < _YEARS_LEAST or sum(count > 0 for count in counts) < _YEARS_LEAST:
        return None
    times = [position - (len(counts) - 1) / 2 for position in range(len(counts))]
    slope = 0.0
    for _ in range(_STEPS):
        means = _means(counts, times, slope)
        s0, s1, s2 = _moments(times, means)
        score = sum(time * (count - mean) for time, count, mean in zip(times, counts, means, strict=True))
        # The likelihood is concave: Newton's steps, never longer than 1, climb to its one top.
        step = max(-1.0, min(1.0, score / (s2 - s1 * s1 / s0)))
        slope += step
        if abs(step) < 1e-12:
            break
    means = _means(counts, times, slope)
    s0, s1, s2 = _moments(times, means)
    pearson = sum((count - mean) ** 2 / mean for count, mean in zip(counts, means, strict=True)) / (len(counts) - 2)
    widened = max(1.0, pearson)
    variance = s0 / (s0 * s2 - s1 * s1) * widened
    error = Z_95 * math.sqrt(variance)
    # The level and the slope are uncorrelated at the weighted middle of the years, s1 / s0.
    errors = [Z_95 * math.sqrt(widened / s0 + (time - s1 / s0) ** 2 * variance) for time in times]
    fitted = tuple(
        Fitted(year=first + place, mean=mean, low=mean * math.exp(-one), high=mean * math.exp(one))
        for place, (mean, one) in enumerate(zip(means, errors, strict=True))
    )
    return Trend(
        first=first, last=last, ratio=math.exp(slope), low=math.exp(slope - error), high=math.exp(slope + error),
        dispersion=pearson, fitted=fitted,
    )  # fmt: skip


def share(count: int, total: int) -> Share | None:
    """Gives count / total with its Wilson interval; None when there is nothing to share."""
    if total == 0:
        return None
    part, square = count / total, Z_95 * Z_95
    middle = (part + square / (2 * total)) / (1 + square / total)
    half = Z_95 / (1 + square / total) * math.sqrt(part * (1 - part) / total + square / (4 * total * total))
    # The interval of none or of all begins or ends there; rounding must not leave the share outside.
    low, high = max(0.0, min(part, middle - half)), min(1.0, max(part, middle + half))
    return Share(count=count, total=total, share=part, low=low, high=high)


def _means(counts: Sequence[int], times: Sequence[float], slope: float) -> list[float]:
    """Gives what each year should count at a slope; the level is the one at which the totals agree."""
    weights = [math.exp(slope * time) for time in times]
    return [sum(counts) * weight / sum(weights) for weight in weights]


def _moments(times: Sequence[float], means: Sequence[float]) -> tuple[float, float, float]:
    pairs = list(zip(times, means, strict=True))
    return sum(means), sum(time * mean for time, mean in pairs), sum(time * time * mean for time, mean in pairs)
