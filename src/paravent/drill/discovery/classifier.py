"""Two ways of learning from labelled examples: logistic regression, and naive Bayes over tenths of each feature."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence

Features = Sequence[float]
Scorer = Callable[[Features], float]
"""Gives a number that is the higher, the more likely an example is positive."""

_ROUNDS, _STEP, _PENALTY = 150, 1.0, 0.003
_BINS = 10


def logistic(examples: Sequence[Features], positive: Sequence[bool]) -> Scorer:
    """Fits a logistic regression, both kinds weighing the same, by gradient descent on standardised features."""
    means, deviations = _moments(examples)

    def standardised(features: Features) -> list[float]:
        return [
            (value - mean) / deviation if deviation else 0.0
            for value, mean, deviation in zip(features, means, deviations, strict=True)
        ]

    rows = [standardised(features) for features in examples]
    weights, intercept = [0.0] * len(means), 0.0
    ones = sum(positive)
    shares = [0.5 / ones if one else 0.5 / (len(rows) - ones) for one in positive]
    for _ in range(_ROUNDS):
        errors = [
            share * (_sigmoid(intercept + _dot(weights, row)) - one)
            for row, one, share in zip(rows, positive, shares, strict=True)
        ]
        slopes = [0.0] * len(weights)
        for row, error in zip(rows, errors, strict=True):
            for place, value in enumerate(row):
                slopes[place] += error * value
        weights = [w - _STEP * (slope + _PENALTY * w) for w, slope in zip(weights, slopes, strict=True)]
        intercept -= _STEP * sum(errors)
    return lambda features: _dot(weights, standardised(features))


def naive_bayes(examples: Sequence[Features], positive: Sequence[bool]) -> Scorer:
    """Fits, for each feature by itself, how likely each tenth of its values is for both kinds."""
    edges = [_tenths(column) for column in zip(*examples, strict=True)]
    counts = [[[1.0] * (len(edge) + 1) for edge in edges] for _ in range(2)]
    for features, one in zip(examples, positive, strict=True):
        for place, value in enumerate(features):
            counts[one][place][bisect_right(edges[place], value)] += 1
    totals = [sum(counts[kind][0]) - len(counts[kind][0]) for kind in range(2)]

    def score(features: Features) -> float:
        found = 0.0
        for place, value in enumerate(features):
            at, width = bisect_right(edges[place], value), len(edges[place]) + 1
            found += math.log(counts[1][place][at] / (totals[1] + width))
            found -= math.log(counts[0][place][at] / (totals[0] + width))
        return found

    return score


def _moments(examples: Sequence[Features]) -> tuple[list[float], list[float]]:
    columns = list(zip(*examples, strict=True))
    means = [sum(column) / len(column) for column in columns]
    spreads = [
        math.sqrt(sum((value - mean) ** 2 for value in column) / len(column))
        for column, mean in zip(columns, means, strict=True)
    ]
    return means, spreads


def _tenths(column: Sequence[float]) -> list[float]:
    ordered = sorted(column)
    return sorted({ordered[len(ordered) * part // _BINS] for part in range(1, _BINS)})


def _dot(weights: Sequence[float], row: Sequence[float]) -> float:
    return sum(map(float.__mul__, weights, row))


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-max(-40.0, min(40.0, value))))
