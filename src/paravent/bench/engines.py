"""The engines on which the hub is measured: SQLite in a folder, and a PostgreSQL started for it, where there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from paravent.access.database import Database
from paravent.access.postgresql_store import DatabaseUrl, PostgresqlConnection
from paravent.access.sqlite_store import connect
from paravent.bench import cluster
from paravent.bench.cluster import NotInstalled
from paravent.hub.store import DATABASE


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """An engine with one empty database; ``connect`` opens it, as often as wanted, in any process."""

    name: str
    connect: Callable[[], Database]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRun:
    """An engine that this machine has not, and why."""

    engine: str
    not_run: str


@contextmanager
def every_engine(folder: Path) -> Iterator[list[Engine | NotRun]]:
    """Lists the engines, each with an empty database of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    found: list[Engine | NotRun] = [Engine(name="sqlite", connect=lambda: connect(folder / DATABASE))]
    with ExitStack() as stack:
        try:
            url = DatabaseUrl(stack.enter_context(cluster.running()).fresh().encode())
        except NotInstalled as reason:
            found.append(NotRun(engine="postgresql", not_run=str(reason)))
        else:
            found.append(Engine(name="postgresql", connect=lambda: PostgresqlConnection(url)))
        yield found
