"""For how many persons a desk can still ask: t units of different servers for each."""

from __future__ import annotations

from itertools import product

import pytest

from paravent.desk.client import persons_left


def by_trying(servers: tuple[int, ...], threshold: int) -> int:
    """Takes the t servers that have most left, person after person: the best that can be done."""
    left, persons = sorted(servers, reverse=True), 0
    while len(left) >= threshold and left[threshold - 1] > 0:
        left = sorted([*(value - 1 for value in left[:threshold]), *left[threshold:]], reverse=True)
        persons += 1
    return persons


@pytest.mark.parametrize("threshold", [2, 3])
def test_it_is_what_trying_gives(threshold: int) -> None:
    for servers in product(range(6), repeat=4):
        assert persons_left(servers, threshold) == by_trying(servers, threshold)


def test_forty_at_each_of_three_is_sixty_persons() -> None:
    assert persons_left([40, 40, 40], 2) == 60
    assert persons_left([40, 40], 2) == 40
    assert persons_left([40], 2) == persons_left([], 2) == 0
