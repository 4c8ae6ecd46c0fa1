"""Desks that return at once: each act that they kept is decided once, and a decision that is lost would be seen."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from paravent.bench import reopening
from paravent.bench.crowd import Replies
from paravent.bench.reopening import Ground

DESKS = 60


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with reopening.ground(tmp_path_factory.mktemp("reopening") / "platform", DESKS) as made:
        yield made


@pytest.fixture(scope="module")
def returned(ground: Ground) -> Replies:
    """What desks were told by the hub, which was dead before and is killed afterwards."""
    crowd = ground.kept(ground.counters.shops, rights=1)
    with ground.hub(admission=True):
        checks = asyncio.run(reopening.come_back(ground, crowd))
    assert checks
    return crowd.replies


def test_every_act_is_decided_once_and_whoever_is_refused_is_told_when_to_come_back(
    ground: Ground, returned: Replies
) -> None:
    assert len(returned.decisions) == len(returned.good) == 2 * DESKS
    assert sum(returned.by_second()) == 2 * DESKS
    assert returned.untimed == 0
    difference = ground.compare(set(returned.decisions))
    assert (difference.lost, difference.doubled) == ([], [])


def test_a_decision_that_is_lost_or_that_no_desk_was_told_of_is_seen(ground: Ground, returned: Replies) -> None:
    told = set(returned.decisions)
    unheard = ground.compare(told - {next(iter(told))})
    assert len(unheard.doubled) == 1
    with closing(sqlite3.connect(ground.served.platform.hub.home.folder / "hub.db")) as connection, connection:
        connection.execute("DELETE FROM event WHERE number = (SELECT MAX(number) FROM event)")
    assert len(ground.compare(told).lost) == 1
