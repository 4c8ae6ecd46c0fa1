"""Any process killed at random under load: what was acknowledged is there once, and a loss would be seen."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from paravent.bench import kills
from paravent.bench.kill_ground import KillGround, kill_ground
from paravent.bench.told import Difference

PERSONS = 600
WAIT_SECONDS_MAX = 300


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KillGround]:
    with kill_ground(tmp_path_factory.mktemp("kills"), PERSONS) as made:
        yield made


@pytest.fixture(scope="module")
def killed(ground: KillGround) -> KillGround:
    """The platform after its processes were killed, one of each, and what was acknowledged compared."""
    with kills.under_load(ground):
        for victim in ("hub", "desk", "keyserver-1", "insurer-99000001"):
            ground.kill(victim)
            ground.start(victim)
        ground.breach_desk.note(kill_after=0.5)
        ground.breach_desk.note(kill_after=None)
        # Whatever the machine's speed, something was bought.
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while not ground.told.claims() or not all(ground.told.leaves.values()):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    kills.require_same(ground, whole=True)
    return ground


def test_what_was_acknowledged_is_there_once(killed: KillGround) -> None:
    told = killed.told
    assert told.claims()
    assert len(told.leaves) == 3
    assert all(told.leaves.values())
    assert told.entries


def damage(database: Path, statement: str) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        assert connection.execute(statement).rowcount > 0


@pytest.mark.parametrize(
    ("database", "statement", "noticed"),
    [
        ("desk/desk.db", "DELETE FROM act", "decision"),
        ("keyserver-2/keyserver.db", "DELETE FROM leaf WHERE request IS NOT NULL", "leaf of keyserver-2"),
        ("breach-desk/breach.db", "UPDATE leaf SET position = position + 100 WHERE position > 0", "entry"),
    ],
)
def test_a_loss_is_noticed(killed: KillGround, database: str, statement: str, noticed: str) -> None:
    difference = Difference()
    with (
        closing(sqlite3.connect(killed.platform.home / database)) as connection,
        closing(sqlite3.connect(":memory:")) as before,
    ):
        connection.backup(before)
        damage(killed.platform.home / database, statement)
        try:
            killed.compare_decisions(difference, whole=True)
            killed.compare_leaves(difference)
            killed.compare_entries(difference)
        finally:
            before.backup(connection)
    assert any(line.startswith(noticed) for line in difference.lost)


def test_a_claim_of_which_no_customer_was_told_is_noticed(killed: KillGround) -> None:
    """As when an act that was sent again were decided twice."""
    told, difference = killed.told, Difference()
    key, unanswered = next(key for key, one in told.decisions.items() if one.paid), told.unanswered
    claim, told.unanswered = told.decisions.pop(key), 0
    try:
        killed.compare_claims(difference)
    finally:
        told.decisions[key], told.unanswered = claim, unanswered
    assert difference.doubled == ["claims that no customer made"]
