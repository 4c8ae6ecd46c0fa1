"""SQLite, the embedded database of every party (docs/protocol.md section 14)."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from paravent.access.database import Statement, Value
from paravent.errors import StorageDown

CACHE_KIB = 32_000
"""Pages kept of a database: names in it are uniformly random, so that each request reads pages of its own."""

BUSY_SECONDS = 5.0
"""What a connection waits for another that writes."""


class SqliteConnection(sqlite3.Connection):
    """A connection with what the stores ask of one (``database``)."""

    spread = False

    def batch(self, statements: Sequence[Statement], /) -> Sequence[sqlite3.Cursor]:
        """Runs statements none of which needs what another gives."""
        return [self.execute(statement, values) for statement, values in statements]

    def load(self, table: str, rows: Iterable[Sequence[Value]], /) -> None:
        """Inserts whole rows in bulk, in the caller's transaction."""
        (columns,) = self.execute("SELECT COUNT(*) FROM pragma_table_info(?)", (table,)).fetchone()
        self.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * columns)})", rows)  # noqa: S608 - own tables

    def create(self, script: str, /) -> None:
        """Creates tables, in the caller's transaction: ``executescript`` would end it."""
        for statement in script.split(";"):
            self.execute(statement)

    def tables(self) -> list[str]:
        """Names every table, in alphabetical order."""
        query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        return [name for (name,) in self.execute(query)]

    def read(self, table: str, /) -> Iterator[Sequence[Value]]:
        """Reads the whole rows of a table, one by one."""
        yield from self.execute(f"SELECT * FROM {table}")  # noqa: S608 - own tables

    def number_on(self) -> None:
        """Does nothing: SQLite numbers a row above every one that there is."""

    def sweep(self) -> bool:
        """Finds nothing to delete: everything is in one database."""
        return False

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Reads one state of the database; an error of it becomes StorageDown."""
        try:
            self.execute("BEGIN")
            self.execute("PRAGMA query_only=ON")
            try:
                yield
            finally:
                self.execute("PRAGMA query_only=OFF")
                self.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise StorageDown("the store of this server cannot be read") from error

    def transaction(self) -> AbstractContextManager[None]:
        """Runs one immediate transaction."""
        return transaction(self)

    def savepoint(self) -> AbstractContextManager[None]:
        """Runs one request inside a group commit."""
        return savepoint(self)


def connect(path: Path) -> SqliteConnection:
    """Opens a durable SQLite database: WAL, every commit on disk before it returns."""
    connection = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, factory=SqliteConnection
    )
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Puts a database in WAL mode, of which SQLite refuses one of two at once without waiting: it is asked again."""
    given_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > given_up:
                raise
            time.sleep(0.01)
        else:
            return


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Runs one immediate transaction; a storage error becomes StorageDown and nothing is kept."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    except sqlite3.Error as error:
        raise StorageDown("the store of this server cannot be written") from error


@contextmanager
def savepoint(connection: sqlite3.Connection) -> Iterator[None]:
    """Runs one request inside a group commit: its failure undoes its own writes only.

    A storage error of the request becomes StorageDown, for it alone.
    """
    connection.execute("SAVEPOINT request")
    try:
        yield
    except BaseException as error:
        # When the engine undid the whole transaction, no savepoint is left: this raises, and no request is kept.
        connection.execute("ROLLBACK TO request")
        connection.execute("RELEASE request")
        if isinstance(error, sqlite3.Error):
            raise StorageDown("the store of this server refused this request") from error
        raise
    connection.execute("RELEASE request")
