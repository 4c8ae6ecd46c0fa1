"""The databases on which the stores are tested: SQLite in a file, and PostgreSQL where it can be started.

A test module that runs on both says so with ``pytestmark = BOTH``, one that runs on PostgreSQL with shards besides
with ``pytestmark = WITH_SHARDS``; any other has SQLite.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from paravent.access.database import Database
from paravent.access.postgresql_store import DatabaseUrl, PostgresqlConnection
from paravent.access.sqlite_store import connect as connect_sqlite
from paravent.bench.cluster import Cluster
from paravent.hub.shards_store import ShardedDatabase
from paravent.hub.store import DATABASE

BOTH = pytest.mark.parametrize("engine", ["sqlite", "postgresql"], indirect=True, scope="module")
WITH_SHARDS = pytest.mark.parametrize("engine", ["sqlite", "postgresql", "shards"], indirect=True, scope="module")
SHARDS = 2
_WITH_SHARDS = "shards+"

locate: Callable[[Path], str] = str
"""Where the database of a path is: the path itself, or the address of a schema that stands for it."""


def connect(path: Path) -> Database:
    """Opens the database of a path on the engine under test; the same path is the same database."""
    return open_at(locate(path))


def open_at(address: str) -> Database:
    """Opens a database by its address, in any process."""
    if address.startswith(_WITH_SHARDS):
        return ShardedDatabase(DatabaseUrl(address.removeprefix(_WITH_SHARDS).encode()), SHARDS)
    if address.startswith("postgresql:"):
        return PostgresqlConnection(DatabaseUrl(address.encode()))
    return connect_sqlite(Path(address))


def tables(path: Path) -> list[str]:
    """Lists the tables of a database."""
    with closing(connect(path)) as connection:
        if isinstance(connection, PostgresqlConnection):
            found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        else:
            found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return [name for (name,) in found.fetchall()]


def on(cluster: Cluster) -> Callable[[Path], str]:
    """Gives each path a schema of its own."""
    return _each(cluster.fresh)


def on_shards(cluster: Cluster) -> Callable[[Path], str]:
    """Gives each hub a database and shards of its own; another party's store is spread over nothing."""
    hubs = _each(lambda: _WITH_SHARDS + cluster.fresh_shards(SHARDS))
    others = _each(cluster.fresh)
    return lambda path: hubs(path) if path.name == DATABASE else others(path)


def _each(fresh: Callable[[], str]) -> Callable[[Path], str]:
    addresses: dict[Path, str] = {}

    def located(path: Path) -> str:
        if path not in addresses:
            addresses[path] = fresh()
        return addresses[path]

    return located
