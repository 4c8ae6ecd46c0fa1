"""The databases on which the stores are tested: SQLite in a file, and PostgreSQL where it can be started.

A test module that runs on both says so with ``pytestmark = BOTH``; any other has SQLite.
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

BOTH = pytest.mark.parametrize("engine", ["sqlite", "postgresql"], indirect=True, scope="module")

locate: Callable[[Path], str] = str
"""Where the database of a path is: the path itself, or the address of a schema that stands for it."""


def connect(path: Path) -> Database:
    """Opens the database of a path on the engine under test; the same path is the same database."""
    return open_at(locate(path))


def open_at(address: str) -> Database:
    """Opens a database by its address, in any process."""
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
    schemas: dict[Path, str] = {}

    def located(path: Path) -> str:
        if path not in schemas:
            schemas[path] = cluster.fresh()
        return schemas[path]

    return located
