"""SQLite under the stores: on disk before it answers, and what happens when the disk is full (docs/protocol.md 14)."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.unit.access import ledgers
from tests.unit.access.ledgers import Attempt, Shelf
from tests.unit.crypto.mutation import FAILURES, edited

from paravent.access import sqlite_store
from paravent.access.sqlite_store import connect, transaction
from paravent.access.store import Ledger
from paravent.errors import StorageDown


def test_a_full_disk_answers_nothing_and_is_survived(tmp_path: Path) -> None:
    script = """
        import resource, signal, sys
        from pathlib import Path
        from paravent.access.sqlite_store import connect, transaction
        from paravent.errors import StorageDown
        # Writing beyond the limit is an error, as on a full disk, instead of the end of the process.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        folder = Path(sys.argv[1])
        connection = connect(folder / "full.sqlite")
        connection.execute("CREATE TABLE kept (size INTEGER, body BLOB)")
        largest = max(path.stat().st_size for path in folder.glob("full.sqlite*"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 9_000, resource.RLIM_INFINITY))
        for size in (10, 60_000, 11):
            try:
                with transaction(connection):
                    connection.execute("INSERT INTO kept VALUES (?, ?)", (size, bytes(size)))
                print("kept", size)
            except StorageDown:
                print("down", size)
        print([size for (size,) in connection.execute("SELECT size FROM kept")])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.splitlines() == ["kept 10", "down 60000", "kept 11", "[10, 11]"]


def test_every_commit_is_on_disk(tmp_path: Path) -> None:
    connection = connect(tmp_path / "one.sqlite")
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)
    connection.close()


def test_a_store_that_cannot_be_written_is_down(tmp_path: Path) -> None:
    holder, waiting = (connect(tmp_path / "one.sqlite") for _ in range(2))
    waiting.execute("PRAGMA busy_timeout = 10")
    with transaction(holder), pytest.raises(StorageDown), transaction(waiting):
        pytest.fail("two writers at once")
    holder.close()
    waiting.close()
    with pytest.raises(StorageDown), transaction(holder):
        pytest.fail("a closed store was written")


def test_two_who_open_a_new_database_at_one_moment_both_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite does not wait for who puts a database in WAL mode; the control asks once, and is refused."""
    assert not any(_failures(tmp_path / f"{number}.sqlite") for number in range(100))
    monkeypatch.setattr(sqlite_store, "BUSY_SECONDS", -1.0)
    assert any(_failures(tmp_path / f"control-{number}.sqlite") for number in range(1000))


def _failures(path: Path) -> int:
    """Opens a new database twice at one moment, and counts who failed."""
    both = threading.Barrier(2)

    def opened(_: int) -> bool:
        both.wait()
        try:
            connect(path).close()
        except sqlite3.OperationalError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(opened, range(2))).count(False)


def test_a_refused_request_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    _require_no_trace()
    # The decision comes before any write, and a refusal undoes its transaction: with both gone, it would show.
    early = "self._connection.batch([*self._counts(charge, [], now, new=True)])\n    new = require_quota("
    monkeypatch.setattr(Ledger, "spend", edited(Ledger, "spend", "new = require_quota(", early))
    _require_no_trace()
    monkeypatch.setattr(
        sqlite_store,
        "transaction",
        edited(sqlite_store, "transaction", 'connection.execute("ROLLBACK")', 'connection.execute("COMMIT")'),
    )
    with pytest.raises(FAILURES):
        _require_no_trace()


def _require_no_trace() -> None:
    tables = ("spending", "hourly", "daily")
    with Shelf() as shelf:
        for subject in range(ledgers.QUOTA):
            assert shelf.accepts(Attempt(who=0, subject=subject))
        before = [shelf.rows(table) for table in tables]
        assert not shelf.accepts(Attempt(who=0, subject=9))
        assert [shelf.rows(table) for table in tables] == before
