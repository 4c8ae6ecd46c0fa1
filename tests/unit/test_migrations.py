"""Databases of earlier versions: what was released is never edited, and what a database holds is still there after."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests import engines

from paravent.access.database import Connection, migrate
from paravent.access.sqlite_store import connect
from paravent.errors import InvalidConfiguration, StorageDown
from paravent.hub import store as hub_store
from paravent.keyserver import store as keyserver_store

pytestmark = engines.BOTH

# SHA-256 of each migration, in order: a change of a table is a new migration, added at the end.
RELEASED = {
    "hub": (
        "fb1bc5d9a8cba2a7", "65c5c6d2f3f17eaf", "f20bebc3c2e6b251", "8e339211d88df7d3", "a6bf43d6ce0755b2",
        "1bb6ad562c283a72", "e052e3513a7b4c03", "d7767276c1869420", "ec5de339763c849f",
        "0248c1a8c8fe3ca0", "baf0758d5881ad5b",
    ),
    "keyserver": ("e5c5032229c79248", "f8cc744ece82f770", "2b031d76e5f0f648", "0248c1a8c8fe3ca0"),
}  # fmt: skip


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """An empty database."""
    with closing(engines.connect(tmp_path / "some.db")) as opened:
        yield opened


@pytest.mark.parametrize(("party", "migrations"), [
    ("hub", hub_store.MIGRATIONS), ("keyserver", keyserver_store.MIGRATIONS),
])  # fmt: skip
def test_no_migration_was_edited(party: str, migrations: tuple[str, ...]) -> None:
    assert tuple(hashlib.sha256(script.encode()).hexdigest()[:16] for script in migrations) == RELEASED[party]


def test_each_migration_is_applied_once_and_keeps_what_is_there(connection: Connection) -> None:
    migrate(connection, ("CREATE TABLE one (name BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;",))
    connection.execute("INSERT INTO one VALUES (?)", (b"\1",))
    both = (
        "CREATE TABLE one (name BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;",
        "ALTER TABLE one ADD COLUMN month INTEGER;",
    )
    for _ in range(2):
        migrate(connection, both)
    assert connection.execute("SELECT name, month FROM one").fetchall() == [(b"\1", None)]


def test_a_migration_that_fails_leaves_the_database_as_it_was(connection: Connection) -> None:
    migrate(connection, ("CREATE TABLE one (name BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;",))
    with pytest.raises(StorageDown):
        migrate(connection, ("", "CREATE TABLE two (name BLOB) STRICT; INSERT INTO nowhere VALUES (1);"))
    assert connection.execute("SELECT COUNT(*) FROM migration").fetchone() == (1,)
    migrate(connection, ("", "CREATE TABLE two (name BLOB) STRICT;"))


def test_a_database_of_a_later_version_is_refused(connection: Connection) -> None:
    migrate(connection, ("", ""))
    with pytest.raises(InvalidConfiguration, match="later version"):
        migrate(connection, ("",))


def test_a_database_without_numbers_is_taken_over(tmp_path: Path) -> None:
    """Version 0.1 created the same tables on SQLite and numbered nothing."""
    path = tmp_path / "old.db"
    with closing(connect(path)) as old:
        old.executescript(hub_store.MIGRATIONS[0])
        old.execute("INSERT INTO claim_identifier VALUES (?)", (b"c" * 16,))
        migrate(old, hub_store.MIGRATIONS[:1])
        assert old.execute("SELECT claim FROM claim_identifier").fetchall() == [(b"c" * 16,)]
        assert old.execute("SELECT number FROM migration").fetchall() == [(1,)]
