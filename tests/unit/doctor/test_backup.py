"""A backup is whole though the database is written meanwhile, is read back, and is refused once altered."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from paravent.access import backup_store
from paravent.access.doctor.machine_store import backup_records
from paravent.access.sqlite_store import connect
from paravent.breach.cli import group as breach
from paravent.errors import InvalidConfiguration

NOW = 1_795_000_000


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with two databases, of which one is open and written."""
    (tmp_path / "home" / "secrets").mkdir(parents=True)
    (tmp_path / "home" / "secrets" / "signing.key").write_bytes(bytes(32))
    for name in ("one", "two"):
        with closing(connect(tmp_path / "home" / f"{name}.db")) as connection:
            connection.execute("CREATE TABLE row (number INTEGER PRIMARY KEY, content BLOB NOT NULL) STRICT")
            connection.executemany("INSERT INTO row (content) VALUES (?)", [(os.urandom(64),) for _ in range(500)])
    return tmp_path / "home"


def test_a_copy_holds_what_was_committed_and_no_secret(home: Path, tmp_path: Path) -> None:
    with closing(connect(home / "one.db")) as writer:
        writer.execute("INSERT INTO row (content) VALUES (x'00')")  # committed, and in the journal still
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO row (content) VALUES (x'01')")  # not committed
        record, rows = backup_store.make(home, tmp_path / "copy", NOW)
        writer.execute("ROLLBACK")
    assert rows == 1_001
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == ["SHA256SUMS", "one.db", "two.db"]
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "copy").iterdir()} == {0}
    assert backup_records(home) == (record,)
    tried, rows = backup_store.try_restore(home, tmp_path / "copy", NOW + 1)
    assert (tried.restored_at, rows, backup_records(home)) == (NOW + 1, 1_001, (tried,))
    assert not list(home.glob(".restoring-*"))


@pytest.mark.parametrize("place", range(5))
def test_a_copy_altered_since_is_refused(home: Path, tmp_path: Path, place: int) -> None:
    backup_store.make(home, tmp_path / "copy", NOW)
    file = tmp_path / "copy" / ("two.db" if place else "SHA256SUMS")
    content = bytearray(file.read_bytes())
    content[place * len(content) // 5] ^= 1
    file.write_bytes(content)
    with pytest.raises(InvalidConfiguration):
        backup_store.try_restore(home, tmp_path / "copy", NOW)
    (record,) = backup_records(home) or ()
    assert record.restored_at is None


def test_a_database_that_does_not_hold_together_is_no_backup(home: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(home / "two.db")) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    content = bytearray((home / "two.db").read_bytes())
    content[3 * size : 4 * size] = bytes(size)
    (home / "two.db").write_bytes(content)
    with pytest.raises(InvalidConfiguration):
        backup_store.make(home, tmp_path / "copy", NOW)
    assert backup_records(home) == ()


def test_a_copy_of_another_home_and_one_with_a_file_missing_are_refused(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with closing(connect(other / "one.db")) as connection:
        connection.execute("CREATE TABLE row (number INTEGER)")
    backup_store.make(other, tmp_path / "foreign", NOW)
    backup_store.make(home, tmp_path / "copy", NOW)
    (tmp_path / "copy" / "one.db").unlink()
    for folder in ("foreign", "copy", "nowhere"):
        with pytest.raises(InvalidConfiguration):
            backup_store.try_restore(home, tmp_path / folder, NOW)


def test_a_copy_goes_to_a_new_folder_outside_the_home(home: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    for folder in (home, home / "copies", tmp_path / "full"):
        with pytest.raises(InvalidConfiguration):
            backup_store.make(home, folder, NOW)
    with pytest.raises(InvalidConfiguration):
        backup_store.make(tmp_path / "full", tmp_path / "copy", NOW)


def test_the_doctor_reads_what_the_verb_recorded(tmp_path: Path) -> None:
    def run(*arguments: object) -> dict[str, Any]:
        found = CliRunner().invoke(breach, [*map(str, arguments), "--home", str(tmp_path / "breach"), "--json"])
        values: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
        return values

    def outcomes() -> tuple[str, str]:
        found = {one["check"]: one["outcome"] for one in run("doctor")["checks"]}
        return found["backup"], found["restore"]

    run("init", "--name", "breach.example", "--operator", "Operator")
    assert outcomes() == ("wrong", "wrong")
    run("backup", "--to", tmp_path / "copy")
    assert outcomes() == ("ok", "wrong")
    assert run("backup", "--restore", tmp_path / "copy")["rows"] >= 0
    assert outcomes() == ("ok", "ok")
    assert run("backup")["error"] == InvalidConfiguration.code
