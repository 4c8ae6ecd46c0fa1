"""Learning on one half of the households whose kinds are given away, and being measured on the other half."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from paravent.drill.discovery.classifier import Scorer, logistic, naive_bayes
from paravent.drill.discovery.curve import area, chance
from paravent.drill.discovery.features import Seen, features_of, households
from paravent.drill.population import LeakedLine

METHODS = {"logistic": logistic, "naive-bayes": naive_bayes}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """How well each method does on the half that it has not seen, and between which areas a guesser lies.

    ``scores`` are those of the better method, by record of that half.
    """

    areas: dict[str, float]
    guesser: tuple[float, float]
    scores: dict[LeakedLine, float]
    features: int

    @property
    def best(self) -> float:
        """The area of the better method, as the thief would choose it with hindsight."""
        return max(self.areas.values())

    @property
    def at_chance(self) -> bool:
        """Says whether a guesser may do as well as either method."""
        return all(found <= self.guesser[1] for found in self.areas.values())


def learn(seen: Sequence[Seen], traps: Collection[LeakedLine], seed: int) -> Measured:
    """Fits both methods on half of the households, and measures them on the other half."""
    dice = random.Random(seed)
    house = households(one.line for one in seen)
    ours = set(dice.sample(sorted(set(house.values())), len(set(house.values())) // 2))
    features = features_of(seen)
    kinds = [one.line in traps for one in seen]
    learnt = [place for place, one in enumerate(seen) if house[one.line] in ours]
    judged = [place for place, one in enumerate(seen) if house[one.line] not in ours]
    scorers: dict[str, Scorer] = {
        name: fit([features[place] for place in learnt], [kinds[place] for place in learnt])
        for name, fit in METHODS.items()
    }
    truth = [kinds[place] for place in judged]
    scores = {name: [scorer(features[place]) for place in judged] for name, scorer in scorers.items()}
    areas = {name: area(found, truth) for name, found in scores.items()}
    best = scores[max(areas, key=lambda name: areas[name])]
    return Measured(
        areas=areas, guesser=chance(best, [house[seen[place].line] for place in judged], truth, dice),
        scores={seen[place].line: score for place, score in zip(judged, best, strict=True)},
        features=len(features[0]),
    )  # fmt: skip
