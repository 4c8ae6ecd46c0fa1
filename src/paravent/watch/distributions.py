"""Distributions of counts, as plain sums (docs/detection.md section 2)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

_TAIL_LEFT = 1e-15


def poisson(mean: float) -> list[float]:
    """Gives P[X = 0], P[X = 1]... until what is left is negligible."""
    return _until_negligible(lambda n: -mean + n * math.log(mean) - math.lgamma(n + 1))


def negative_binomial(mean: float, variance: float) -> list[float]:
    """Gives the over-dispersed counts of this mean and variance; ``variance`` is above ``mean``."""
    size = mean * mean / (variance - mean)
    kept = size / (size + mean)
    return _until_negligible(
        lambda n: (
            math.lgamma(n + size) - math.lgamma(size) - math.lgamma(n + 1)
            + size * math.log(kept) + n * math.log1p(-kept)
        )
    )  # fmt: skip


def of_history(counts: Sequence[int]) -> list[float]:
    """Fits a professional's own days: over-dispersed when they are, Poisson otherwise; at least one a day."""
    own = sum(counts) / len(counts)
    variance = sum((count - own) ** 2 for count in counts) / max(1, len(counts) - 1)
    mean = max(1.0, own)
    return negative_binomial(mean, variance) if variance > 1.05 * mean else poisson(mean)


def binomial(trials: int, probability: float) -> list[float]:
    """Gives the successes in ``trials`` of one probability."""
    return [
        math.comb(trials, n) * probability**n * (1 - probability) ** (trials - n) for n in range(trials + 1)
    ]  # fmt: skip


def total(first: Sequence[float], second: Sequence[float]) -> list[float]:
    """Gives the distribution of the sum of two independent counts."""
    sums = [0.0] * (len(first) + len(second) - 1)
    for one, probability in enumerate(first):
        for other, likelihood in enumerate(second):
            sums[one + other] += probability * likelihood
    return sums


def mean_of(distribution: Sequence[float]) -> float:
    """Gives the mean."""
    return sum(count * probability for count, probability in enumerate(distribution))


def at_least(distribution: Sequence[float], count: int) -> float:
    """Gives P[X >= count]."""
    return sum(distribution[count:]) if count > 0 else 1.0


def beta_binomial(trials: int, successes: float, failures: float) -> list[float]:
    """Gives the successes in ``trials`` when the rate itself varies as Beta(successes, failures)."""
    return _beta_binomial_from(0, trials, successes, failures)


def beta_binomial_at_least(trials: int, successes: float, failures: float, count: int) -> float:
    """Gives P[X >= count] of the same, summing the tail alone."""
    return sum(_beta_binomial_from(count, trials, successes, failures)) if count > 0 else 1.0


def beta_binomial_at(trials: int, successes: float, failures: float, count: int) -> float:
    """Gives P[X = count] of the same."""
    return math.exp(
        math.lgamma(trials + 1) + math.lgamma(successes + failures) - math.lgamma(successes) - math.lgamma(failures)
        - math.lgamma(trials + successes + failures) - math.lgamma(count + 1) - math.lgamma(trials - count + 1)
        + math.lgamma(count + successes) + math.lgamma(trials - count + failures)
    )  # fmt: skip


def _beta_binomial_from(first: int, trials: int, successes: float, failures: float) -> list[float]:
    fixed = math.lgamma(trials + 1) + math.lgamma(successes + failures)
    fixed -= math.lgamma(successes) + math.lgamma(failures) + math.lgamma(trials + successes + failures)
    return [
        math.exp(
            fixed - math.lgamma(n + 1) - math.lgamma(trials - n + 1)
            + math.lgamma(n + successes) + math.lgamma(trials - n + failures)
        )
        for n in range(first, trials + 1)
    ]  # fmt: skip


def _until_negligible(logarithm: Callable[[int], float]) -> list[float]:
    found: list[float] = []
    left = 1.0
    while left > _TAIL_LEFT and len(found) < 4_096:
        found.append(math.exp(logarithm(len(found))))
        left -= found[-1]
        if found[-1] < _TAIL_LEFT and left < 0.5:
            break
    return found
