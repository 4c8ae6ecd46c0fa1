"""A key server killed between spending and answering: what it let go was spent, what it acknowledged is there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from paravent.access.sqlite_store import SqliteConnection
from paravent.access.store import VerifierStore
from paravent.bench import faults
from paravent.errors import TechnicalFailure
from paravent.keyserver.log_store import WitnessLog
from paravent.keyserver.state import LeafPosition

KILLS = 40


def test_nothing_is_revealed_that_was_not_spent(tmp_path: Path) -> None:
    figures = faults.measure(tmp_path, KILLS)
    assert figures.kills == KILLS
    assert 0 < figures.revealed_openings <= figures.spent_openings
    assert 0 < figures.revealed_lookups <= figures.spent_lookups
    assert figures.lost_leaves == 0
    # The kills strike where it matters: something was spent, and its answer never came.
    assert figures.kills_between >= KILLS // 5


@contextmanager
def undurable(store: VerifierStore) -> Iterator[None]:
    """A transaction that is left open: what is written in it is gone with the process."""
    assert isinstance(store._connection, SqliteConnection)
    if not store._connection.in_transaction:
        store._connection.execute("BEGIN IMMEDIATE")
    yield


def test_a_server_that_answers_before_its_commit_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forget_commits(*_: object) -> None:
        # In the process of the server alone: the deals of the set-up are kept.
        monkeypatch.setattr(VerifierStore, "commit", undurable)

    monkeypatch.setattr(faults, "_nothing", forget_commits)
    monkeypatch.setattr(faults, "_die_at_answer", forget_commits)
    with pytest.raises(TechnicalFailure, match=r"revealed|lost"):
        faults.measure(tmp_path, KILLS)


def test_a_leaf_that_is_not_written_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unwritten(log: WitnessLog, entry: bytes, request: bytes | None) -> LeafPosition:
        assert entry
        assert request is None or request
        return LeafPosition(index=log.size(), leaf_hash=bytes(32))

    monkeypatch.setattr(WitnessLog, "append", unwritten)
    with pytest.raises(TechnicalFailure, match="lost"):
        faults.measure(tmp_path, KILLS)
