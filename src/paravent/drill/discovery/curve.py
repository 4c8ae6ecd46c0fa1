"""How well scores tell two kinds apart: the area under the ROC curve, and how far from one half chance takes it."""

from __future__ import annotations

import random
from collections.abc import Sequence

_DEALS, _TAIL = 400, 0.025


def area(scores: Sequence[float], positive: Sequence[bool]) -> float:
    """Computes the probability that a positive scores above a negative; ties count one half (Mann and Whitney)."""
    ordered = sorted(zip(scores, positive, strict=True))
    rank_sum, place = 0.0, 0
    while place < len(ordered):
        end = place
        while end < len(ordered) and ordered[end][0] == ordered[place][0]:
            end += 1
        rank_sum += sum(kind for _, kind in ordered[place:end]) * (place + 1 + end) / 2
        place = end
    ones = sum(positive)
    others = len(ordered) - ones
    if not ones or not others:
        raise ValueError("two kinds are needed to tell them apart")
    return (rank_sum - ones * (ones + 1) / 2) / (ones * others)


def chance(
    scores: Sequence[float], households: Sequence[int], positive: Sequence[bool], dice: random.Random
) -> tuple[float, float]:  # fmt: skip
    """Returns between which areas a guesser lies in 95 cases of a hundred: the kinds are dealt anew to households."""
    kinds = dict(zip(households, positive, strict=True))
    names, dealt = list(kinds), list(kinds.values())
    found = []
    for _ in range(_DEALS):
        dice.shuffle(dealt)
        again = dict(zip(names, dealt, strict=True))
        found.append(area(scores, [again[household] for household in households]))
    found.sort()
    return found[round(_DEALS * _TAIL)], found[-1 - round(_DEALS * _TAIL)]
