"""The hub's database on PostgreSQL with its bulk on shards, through PL/Proxy (docs/scaling.md).

Everything is decided by one transaction of one database, as without shards (``access.postgresql_store``). A
statement on what is spread goes to the function of that name on its shard (``shards``); one that has no route is
refused, so that nothing is looked for where it cannot be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from paravent.access.database import Cursor, Statement, Value
from paravent.access.postgresql_store import DatabaseUrl, PostgresqlConnection, to_postgresql
from paravent.errors import InvalidConfiguration, StorageDown
from paravent.hub import shards as spreading
from paravent.hub.claim_store import UNSETTLED_SCHEMA
from paravent.hub.shards import DROPS, LOADS, ROUTES, SCHEMA, SPREAD, TABLES, Load, Route, Walk, shard_of

_ROWS_PER_CALL = 1_000
_SETTINGS, _MANIFESTS = f"SELECT * FROM {SCHEMA}.settings(?)", f"SELECT manifest FROM {SCHEMA}.manifests(?)"
_ROUTES = {route.statement: route for route in ROUTES}
_LOADS = {load.table: load for load in LOADS}
_ON_SHARDS = re.compile(rf"\b(FROM|INTO|UPDATE|JOIN) ({'|'.join(sorted(SPREAD))})\b")


class Found:
    """What several shards gave, as one cursor."""

    def __init__(self, rows: Iterable[Any] = (), rowcount: int = 0) -> None:
        """Holds rows in their order."""
        self._rows = iter(rows)
        self._rowcount = rowcount

    @property
    def rowcount(self) -> int:
        """How many rows were written."""
        return self._rowcount

    def fetchone(self) -> Any:  # noqa: ANN401 - as both drivers declare it: a row is a tuple of values
        """Returns the next row, or None."""
        return next(self._rows, None)

    def fetchall(self) -> list[Any]:
        """Returns every remaining row."""
        return list(self._rows)

    def __iter__(self) -> Iterator[Any]:
        """Iterates the remaining rows."""
        return self._rows


class ShardedDatabase(PostgresqlConnection):
    """The hub's own database, and the shards that it calls."""

    spread = True

    def __init__(self, url: DatabaseUrl, shards: int) -> None:
        """Connects; raises InvalidConfiguration when a shard is not the one of its number, or does not flush."""
        spreading.require_shards(shards)
        self._shards = shards
        super().__init__(url)
        try:
            for number in range(shards):
                _require(number, super().execute(_SETTINGS, (number,)).fetchone())
        except BaseException:
            self.close()
            raise

    def execute(self, statement: str, values: Sequence[Value] = (), /) -> Cursor:
        """Runs a statement here, or on the shards where its rows are."""
        if statement in DROPS:
            # What a manifest had on the shards goes once it is gone here: not before, for this may be undone.
            return Found()
        route = _ROUTES.get(statement)
        if route is None:
            _refuse_unrouted(statement)
            return super().execute(statement, values)
        match route.walk:
            case Walk.ONE:
                return super().execute(*self._call(route, self._start(route, values), values))
            case Walk.ALL:
                return self._write_all(route, values)
            case Walk.UP | Walk.DOWN:
                return self._walk(route, values)

    def batch(self, statements: Sequence[Statement], /) -> Sequence[Cursor]:
        """Runs statements in one round trip to the hub's database, which calls the shards."""
        return super().batch([self._placed(statement) for statement in statements])

    def _placed(self, statement: Statement) -> Statement:
        route = _ROUTES.get(statement.text)
        if route is None:
            _refuse_unrouted(statement.text)
            return statement
        if route.walk is not Walk.ONE:
            raise StorageDown("a statement that reads several shards is not one of a batch")
        return self._call(route, self._start(route, statement.values), statement.values)

    def _start(self, route: Route, values: Sequence[Value]) -> int:
        key = values[route.key]
        if not isinstance(key, bytes | int):
            raise StorageDown("what decides on the shard is a handle, a name or a number")
        return shard_of(key, self._shards)

    def _call(self, route: Route, shard: int, values: Sequence[Value]) -> Statement:
        casts = ", ".join(f"?::{kind}" for kind in ("integer", *route.values))
        text = f"SELECT * FROM {SCHEMA}.{route.name}({casts})"
        return Statement(text, (shard, *values))

    def _walk(self, route: Route, values: Sequence[Value]) -> Found:
        """Reads from the shard of the key onwards until there are as many rows as the statement asks for."""
        wanted, found = _limit(values), list[Any]()
        if route.walk is Walk.UP:
            ahead = range(self._start(route, values), self._shards)
        else:
            last = self._shards - 1 if not isinstance(values[route.key], bytes) else self._start(route, values)
            ahead = range(last, -1, -1)
        for shard in ahead:
            found += super().execute(*self._call(route, shard, values)).fetchall()
            if len(found) >= wanted:
                break
        return Found(found[:wanted])

    def _write_all(self, route: Route, values: Sequence[Value]) -> Found:
        """Writes on every shard, from the lowest handles up: each numbers its rows on from those below it."""
        written = 0
        for shard in range(self._shards):
            here = (values[0], written, *values[2:])
            written += int(super().execute(*self._call(route, shard, here)).fetchone()[0])
        return Found(rowcount=written)

    def load(self, table: str, rows: Iterable[Sequence[Value]], /) -> None:
        """Copies whole rows here, or has the shards insert theirs."""
        load = _LOADS.get(table)
        if load is None:
            super().load(table, rows)
            return
        waiting: list[list[Sequence[Value]]] = [[] for _ in range(self._shards)]
        for row in rows:
            key = row[load.key]
            shard = shard_of(key, self._shards) if isinstance(key, bytes | int) else 0
            waiting[shard].append(row)
            if len(waiting[shard]) >= _ROWS_PER_CALL:
                self._insert(load, shard, waiting[shard])
                waiting[shard] = []
        for shard, rest in enumerate(waiting):
            if rest:
                self._insert(load, shard, rest)

    def _insert(self, load: Load, shard: int, rows: Sequence[Sequence[Value]]) -> None:
        # Binary: a row of half a kilobyte is not written twice as long.
        arrays = ", ".join(f"%b::{kind}[]" for _, kind in load.columns)
        columns: Any = [list(column) for column in zip(*rows, strict=True)]
        super().execute(f"SELECT {SCHEMA}.load_{load.table}(?::integer, {arrays})", (shard, *columns))

    def sweep(self) -> bool:
        """Deletes a piece of the rows and pages of a manifest that is not known here, and no longer can be."""
        for shard in range(self._shards):
            there = super().execute(_MANIFESTS, (shard,)).fetchall()
            known = {number for (number,) in super().execute("SELECT number FROM manifest")}
            for (number,) in there:
                if number not in known:
                    super().execute(f"SELECT {SCHEMA}.discard(?, ?)", (shard, number))
                    return True
        return False

    def create(self, script: str, /) -> None:
        """Creates tables, and once there are records, the index that says which are to be settled."""
        super().create(script)
        if "record" in self.tables():
            super().create(UNSETTLED_SCHEMA)

    def read(self, table: str, /) -> Iterator[Sequence[Value]]:  # noqa: ARG002 - of no table
        """Refuses: a copy of one database alone is no backup of what is on the others."""
        raise InvalidConfiguration(
            "a hub on shards is backed up by the means of its databases (docs/scaling.md): this would copy one of them"
        )


def shard_sql(number: int, user: str) -> str:
    """Writes the SQL of a shard."""
    return spreading.shard_sql(number, to_postgresql(TABLES), user)


def _limit(values: Sequence[Value]) -> int:
    # The only statement that reads more than one row says how many, last.
    last = values[-1]
    return last if len(values) > 2 and isinstance(last, int) else 1


def _require(number: int, found: Sequence[Any] | None) -> None:
    if found is None or tuple(found[:2]) != (number, spreading.version()):
        raise InvalidConfiguration(
            f"shard {number} is another shard, or of another version: run hub shard-sql and what it writes again"
        )
    if set(found[2:]) != {"on"}:
        raise InvalidConfiguration(f"shard {number} does not flush: a power cut would lose what was answered")


def _refuse_unrouted(statement: str) -> None:
    found = _ON_SHARDS.search(statement)
    if found is not None:
        raise StorageDown(f"no shard runs this statement on {found[2]}")
