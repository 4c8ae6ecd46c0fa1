"""The engines on which the hub is measured: SQLite in a folder, and a PostgreSQL started for it, where there is one.

The third has its bulk on shards, databases of the same server: what it costs to call them is measured, not what they
add.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from paravent.access.database import Database
from paravent.access.postgresql_store import DatabaseUrl, PostgresqlConnection
from paravent.access.sqlite_store import connect
from paravent.bench import cluster
from paravent.bench.cluster import Cluster, NotInstalled
from paravent.hub.shards_store import ShardedDatabase
from paravent.hub.store import DATABASE

SHARDS = 2
_WITH_SHARDS = "postgresql-shards"


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
            server = stack.enter_context(cluster.running())
        except NotInstalled as reason:
            found += [NotRun(engine=name, not_run=str(reason)) for name in ("postgresql", _WITH_SHARDS)]
        else:
            url = DatabaseUrl(server.fresh().encode())
            found += [Engine(name="postgresql", connect=lambda: PostgresqlConnection(url)), _with_shards(server)]
        yield found


def _with_shards(server: Cluster) -> Engine | NotRun:
    try:
        url = DatabaseUrl(server.fresh_shards(SHARDS).encode())
    except NotInstalled as reason:
        return NotRun(engine=_WITH_SHARDS, not_run=str(reason))
    return Engine(name=_WITH_SHARDS, connect=lambda: ShardedDatabase(url, SHARDS))
