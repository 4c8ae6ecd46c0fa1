"""Rows, tree pages and settled records spread over databases by the prefix of what names them (docs/scaling.md): pure.

Which statement of the stores runs on which shard, and the SQL that makes the shards and the functions of PL/Proxy
through which the hub's own database calls them. A shard runs the very statement that one machine runs.

PL/Proxy commits each call on its shard by itself, so nothing that must hold together is ever spread: what is on the
shards is either not reachable before the hub's database says so (a manifest that is not live, a record not settled
yet) or is no longer (a manifest that was dropped). Shards hold: rows and pages as in ``row_statements``, records as
in ``claim_store``. Stolen, altered: as there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from paravent.errors import InvalidConfiguration
from paravent.hub import row_statements
from paravent.hub.claim_store import SETTLED_AT, SETTLED_SCHEMA

SHARDS_MAX = 256
SERVER, SCHEMA = "paravent_shards", "paravent_shard"
_TAG = "$paravent$"


class Walk(StrEnum):
    """Which shards a statement reads, for what it looks for may lie past the edge of one."""

    ONE = "one"
    UP = "up"
    DOWN = "down"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A statement, the types of its values, what it gives (nothing: how many rows it wrote), and where it runs.

    ``key`` is the place, among the values, of what decides on the shard.
    """

    name: str
    statement: str
    values: tuple[str, ...]
    gives: str = ""
    walk: Walk = Walk.ONE
    key: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A table that is loaded in bulk: its columns with their types, those of its key, and which decides on the shard.

    What is loaded again replaces what a call left there whose answer was lost.
    """

    table: str
    columns: tuple[tuple[str, str], ...]
    primary: tuple[str, ...]
    key: int


_PLACED = '"position" bigint, handle bytea, batch bigint, stored bytea'
_ROW, _PAGE = ("bigint", "bytea"), ("bigint", "bigint", "bigint")
ROUTES = (
    Route(name="row_at", statement=row_statements.ROW_AT, values=_ROW, gives=_PLACED),
    Route(name="row_below", statement=row_statements.ROW_BELOW, values=_ROW, gives=_PLACED, walk=Walk.DOWN),
    Route(name="row_above", statement=row_statements.ROW_ABOVE, values=_ROW, gives=_PLACED, walk=Walk.UP),
    Route(name="page_at", statement=row_statements.PAGE_AT, values=_PAGE, gives="hashes bytea", key=2),
    Route(
        name="last_handle", statement=row_statements.LAST_HANDLE, values=("bigint", "bigint"), gives="handle bytea",
        walk=Walk.DOWN,
    ),
    Route(
        name="next_rows", statement=row_statements.NEXT_ROWS, values=("bigint", "bytea", "bigint"),
        gives="handle bytea, batch bigint, stored bytea", walk=Walk.UP,
    ),
    Route(name="merge_rows", statement=row_statements.MERGE, values=("bigint",) * 6, walk=Walk.ALL),
    Route(name="settled_at", statement=SETTLED_AT, values=("bytea", "bigint"), gives="sealed bytea", key=0),
)  # fmt: skip
LOADS = (
    Load(
        table="row", key=1, primary=("manifest", "handle"),
        columns=(("manifest", "bigint"), ("handle", "bytea"), ("position", "bigint"), ("batch", "bigint"),
                 ("stored", "bytea")),
    ),
    Load(
        table="node", key=2, primary=("manifest", "level", "page"),
        columns=(("manifest", "bigint"), ("level", "bigint"), ("page", "bigint"), ("hashes", "bytea")),
    ),
    Load(
        table="settled_record", key=0, primary=("name",),
        columns=(("name", "bytea"), ("version", "bigint"), ("sealed", "bytea")),
    ),
)  # fmt: skip
DROPS = frozenset({row_statements.DROP_ROWS, row_statements.DROP_PAGES})
SPREAD = frozenset(load.table for load in LOADS)
TABLES = row_statements.ROW_SCHEMA + SETTLED_SCHEMA
DISCARDED_PER_CALL = 20_000


def shard_of(key: bytes | int, shards: int) -> int:
    """Returns which shard keeps a handle or a name, by its prefix, or the page of a tree, by its number."""
    if isinstance(key, int):
        return key % shards
    return int.from_bytes(key[:2].ljust(2, b"\0"), "big") * shards >> 16


def require_shards(shards: int) -> None:
    """Raises InvalidConfiguration for a number of shards that PL/Proxy cannot have."""
    if not 2 <= shards <= SHARDS_MAX or shards & (shards - 1):
        raise InvalidConfiguration(f"shards are 2, 4, 8 ... up to {SHARDS_MAX}: PL/Proxy wants a power of two")


def version() -> int:
    """Names these tables and functions: a shard that was made by another version is refused."""
    return int.from_bytes(sha256("".join(map(str, (*ROUTES, *LOADS))).encode()).digest()[:6], "big")


def shard_sql(number: int, tables: str, user: str) -> str:
    """Writes what makes a database the shard of this number, or brings it to this version; its administrator runs it.

    ``tables`` are ``TABLES`` in the words of PostgreSQL.
    """
    functions = [_reading(route, number) for route in ROUTES] + [_loading(load, number) for load in LOADS]
    functions += [_telling(number), _manifests(number), _discarding(number)]
    return _in_one_transaction([f'SET ROLE "{user}"', tables, *_fresh_schema(), *functions])


def hub_sql(connections: Sequence[str], user: str) -> str:
    """Writes what lets the hub's own database call the shards; its administrator runs it.

    ``connections`` are libpq's, one a shard in their order, without a password: that is in the passfile of the server.
    """
    require_shards(len(connections))
    options = ", ".join(f"p{number} {_quoted(text)}" for number, text in enumerate(connections))
    signatures = [_signature(route.name, route.values, _given(route)) for route in ROUTES]
    signatures += [_signature(f"load_{load.table}", _arrays(load), "bigint") for load in LOADS]
    signatures += [_SETTINGS, _MANIFESTS, _DISCARD]
    return _in_one_transaction([
        "CREATE EXTENSION IF NOT EXISTS plproxy",
        f"DROP SERVER IF EXISTS {SERVER} CASCADE",
        f"CREATE SERVER {SERVER} FOREIGN DATA WRAPPER plproxy OPTIONS ({options})",
        f"CREATE USER MAPPING FOR PUBLIC SERVER {SERVER} OPTIONS (user {_quoted(user)})",
        f'GRANT USAGE ON FOREIGN SERVER {SERVER} TO "{user}"',
        *_fresh_schema(),
        f'GRANT USAGE ON SCHEMA {SCHEMA} TO "{user}"',
        *(f"CREATE FUNCTION {signature} LANGUAGE plproxy AS {_TAG} CLUSTER '{SERVER}'; RUN ON shard; {_TAG}"
          for signature in signatures),
    ])  # fmt: skip


# --- the SQL, piece by piece ---------------------------------------------------------------------

_SETTINGS = (
    f"{SCHEMA}.settings(shard integer) RETURNS TABLE(number bigint, version bigint, fsync text, full_page_writes text,"
    " synchronous_commit text)"
)
_MANIFESTS = f"{SCHEMA}.manifests(shard integer) RETURNS TABLE(manifest bigint)"
_DISCARD = f"{SCHEMA}.discard(shard integer, bigint) RETURNS bigint"


def _signature(name: str, values: Sequence[str], gives: str) -> str:
    return f"{SCHEMA}.{name}({', '.join(('shard integer', *values))}) RETURNS {gives}"


def _given(route: Route) -> str:
    return f"TABLE({route.gives})" if route.gives else "bigint"


def _arrays(load: Load) -> tuple[str, ...]:
    return tuple(f"{kind}[]" for _, kind in load.columns)


def _function(signature: str, number: int | None, body: str) -> str:
    # A shard that another one's calls reach would say that nobody is there.
    check = "" if number is None else f"IF shard <> {number} THEN RAISE EXCEPTION 'this is shard {number}'; END IF;"
    return (
        f"CREATE FUNCTION {signature} LANGUAGE plpgsql AS {_TAG}\n#variable_conflict use_column\n"
        f"DECLARE written bigint;\nBEGIN {check}\n{body}\nEND {_TAG}"
    )


def _reading(route: Route, number: int) -> str:
    statement = _numbered(route.statement)
    counted = f"{statement}; GET DIAGNOSTICS written = ROW_COUNT; RETURN written;"
    body = f"RETURN QUERY {statement};" if route.gives else counted
    return _function(_signature(route.name, route.values, _given(route)), number, body)


def _numbered(statement: str) -> str:
    """Writes the places of values as PL/pgSQL does, after the number of the shard."""
    first, *rest = statement.split("?")
    return first + "".join(f"${place}{text}" for place, text in enumerate(rest, start=2))


def _loading(load: Load, number: int) -> str:
    names = [name for name, _ in load.columns]
    others = ", ".join(f"{name} = excluded.{name}" for name in names if name not in load.primary)
    arrays = ", ".join(f"${place}" for place in range(2, len(names) + 2))
    body = (
        f"INSERT INTO {load.table} ({', '.join(names)}) SELECT * FROM unnest({arrays})"
        f" ON CONFLICT ({', '.join(load.primary)}) DO UPDATE SET {others};"
        " GET DIAGNOSTICS written = ROW_COUNT; RETURN written;"
    )
    return _function(_signature(f"load_{load.table}", _arrays(load), "bigint"), number, body)


def _telling(number: int) -> str:
    settings = ", ".join(f"current_setting('{name}')" for name in ("fsync", "full_page_writes", "synchronous_commit"))
    return _function(_SETTINGS, None, f"RETURN QUERY SELECT {number}::bigint, {version()}::bigint, {settings};")


def _manifests(number: int) -> str:
    """Lists the manifests of a shard, one step of its index each."""
    tables = [
        f"(WITH RECURSIVE found AS ((SELECT MIN(manifest) AS number FROM {table}) UNION ALL SELECT (SELECT"
        f" MIN(manifest) FROM {table} WHERE manifest > found.number) FROM found WHERE found.number IS NOT NULL)"
        " SELECT found.number FROM found WHERE found.number IS NOT NULL)"
        for table in ("row", "node")
    ]
    return _function(_MANIFESTS, number, f"RETURN QUERY {' UNION '.join(tables)};")


def _discarding(number: int) -> str:
    pieces = "".join(
        f"DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} WHERE manifest = $2"
        f" LIMIT {DISCARDED_PER_CALL})); GET DIAGNOSTICS written = ROW_COUNT; IF written > 0 THEN RETURN written;"
        " END IF; "
        for table in ("row", "node")
    )
    return _function(_DISCARD, number, f"{pieces}RETURN 0;")


def _fresh_schema() -> list[str]:
    return [f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE", f"CREATE SCHEMA {SCHEMA}"]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _in_one_transaction(statements: Sequence[str]) -> str:
    return "".join(f"{statement.rstrip().rstrip(';')};\n" for statement in ("BEGIN", *statements, "COMMIT"))
