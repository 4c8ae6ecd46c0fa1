"""How many slips of a hand turn one number into another, and which members are within two (protocol.md 9.15): pure.

A slip is one wrong character, or two neighbours that changed places. The key of a NIR catches every single slip, so
that a number typed by mistake is at least two of its 15 characters away from the number that was meant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import combinations

NUMBER_CHARACTERS = 13
_BLOCKS = tuple(combinations((slice(0, 3), slice(3, 6), slice(6, 9), slice(9, 13)), 2))
WITHIN = 2


def slips(one: str, other: str) -> int:
    """Counts the slips between two texts of one length."""
    count = place = 0
    while place < len(one):
        swapped = one[place : place + 2] == other[place : place + 2][::-1]
        if one[place] != other[place]:
            count += 1
            place += swapped
        place += 1
    return count


class Neighbourhood:
    """Some numbers, indexed so that which of them are within two slips of another one is quickly said."""

    def __init__(self, numbers: Iterable[str]) -> None:
        """Indexes numbers of 13 characters, and each with one or two pairs of neighbours that changed places.

        Two numbers that differ in at most two characters are the same in two of four blocks; what is farther apart in
        characters and no farther in slips has a swapped pair.
        """
        self._blocks: list[defaultdict[str, set[tuple[str, str]]]] = [defaultdict(set) for _ in _BLOCKS]
        self._twice: defaultdict[str, set[str]] = defaultdict(set)
        for number in numbers:
            for pattern in (number, *_swapped(number)):
                for block, (one, other) in zip(self._blocks, _BLOCKS, strict=True):
                    block[pattern[one] + pattern[other]].add((number, pattern))
            for once in _swapped(number):
                for twice in _swapped(once):
                    self._twice[twice].add(number)

    def near(self, number: str) -> dict[str, int]:
        """Returns the indexed numbers within two slips of a number, with how many."""
        candidates = {
            candidate
            for block, (one, other) in zip(self._blocks, _BLOCKS, strict=True)
            for candidate in block.get(number[one] + number[other], ())
        }
        found = {of for of, pattern in candidates if _differing(pattern, number) <= WITHIN}
        found |= self._twice.get(number, set())
        return {of: count for of in found if (count := slips(of, number)) <= WITHIN}


def _swapped(number: str) -> list[str]:
    pairs = range(len(number) - 1)
    return [
        f"{number[:at]}{number[at + 1]}{number[at]}{number[at + 2 :]}"
        for at in pairs if number[at] != number[at + 1]
    ]  # fmt: skip


def _differing(one: str, other: str) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))
