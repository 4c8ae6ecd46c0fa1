"""What a verifier's store asks of its database, whichever engine it is (docs/protocol.md section 14): pure.

Statements are written once, in the SQL that SQLite and PostgreSQL share, with ``?`` for each value; tables in
SQLite's words, which the other engine translates. One transaction writes at a time, on either engine, and is on
disk when it ends. What is paid, spent or decided once rests on unique constraints and conditional writes besides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from paravent.errors import InvalidConfiguration

Value = bytes | str | int | None


class Statement(NamedTuple):
    """A statement and its values."""

    text: str
    values: Sequence[Value]


_MIGRATION_SCHEMA = "CREATE TABLE IF NOT EXISTS migration (number INTEGER NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;"


class Cursor(Protocol):
    """What a statement gave."""

    @property
    def rowcount(self) -> int:
        """How many rows it wrote."""

    def fetchone(self) -> Any:  # noqa: ANN401 - as both drivers declare it: a row is a tuple of values
        """Returns the next row, or None."""

    def fetchall(self) -> list[Any]:
        """Returns every remaining row."""

    def __iter__(self) -> Iterator[Any]:
        """Iterates the remaining rows."""


class Connection(Protocol):
    """One connection to a durable database; a storage error in a transaction becomes StorageDown."""

    def execute(self, statement: str, values: Sequence[Value] = (), /) -> Cursor:
        """Runs a statement; outside a transaction, it is one of its own."""

    def executemany(self, statement: str, rows: Iterable[Sequence[Value]], /) -> Cursor:
        """Runs a statement for each row."""

    def batch(self, statements: Sequence[Statement], /) -> Sequence[Cursor]:
        """Runs statements none of which needs what another gives: in one round trip, where there are any."""

    def load(self, table: str, rows: Iterable[Sequence[Value]], /) -> None:
        """Inserts whole rows in bulk, in the caller's transaction."""

    def create(self, script: str, /) -> None:
        """Creates tables, in the caller's transaction."""

    def transaction(self) -> AbstractContextManager[None]:
        """Runs one durable transaction, alone; a storage error becomes StorageDown and nothing is kept."""

    def savepoint(self) -> AbstractContextManager[None]:
        """Runs one request inside a group commit: its failure undoes its own writes only."""

    def close(self) -> None:
        """Closes it; every commit was durable already."""


class Database(Connection, Protocol):
    """A connection that can besides be copied as a whole, and filled from a copy."""

    @property
    def spread(self) -> bool:
        """Says whether rows, pages and settled records are on shards; then ``sweep`` is called now and then."""

    def sweep(self) -> bool:
        """Deletes from the shards a piece of what the database no longer has; False when there was none.

        Raises StorageDown when a shard is away.
        """

    def tables(self) -> list[str]:
        """Names every table, in alphabetical order."""

    def read(self, table: str, /) -> Iterator[Sequence[Value]]:
        """Reads the whole rows of a table as ``load`` takes them, one by one."""

    def number_on(self) -> None:
        """Has every automatic number go on above those that were loaded, in the caller's transaction."""

    def snapshot(self) -> AbstractContextManager[None]:
        """Reads one state of the database, whatever others write meanwhile; nothing can be written in it."""


def migrate(connection: Connection, migrations: Sequence[str]) -> None:
    """Brings a database to the newest of its numbered migrations, each applied once.

    A migration is never edited once released: databases hold what it made. Raises InvalidConfiguration when the
    database has one that this version does not know.
    """
    with connection.transaction():
        migrate_inside(connection, migrations)


def migrate_inside(connection: Connection, migrations: Sequence[str]) -> None:
    """Does the same in the caller's transaction."""
    connection.create(_MIGRATION_SCHEMA)
    (found,) = connection.execute("SELECT COUNT(*) FROM migration").fetchone()
    if found > len(migrations):
        raise InvalidConfiguration("the database was written by a later version of Paravent: install that version")
    for number, script in enumerate(migrations[found:], start=found + 1):
        connection.create(script)
        connection.execute("INSERT INTO migration VALUES (?)", (number,))
