"""The hub's bulk on shards: found across their edges, kept through a kill, refused where it would not be found."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engines import SHARDS
from tests.unit.parties.world import AMC, World

from paravent.access.database import Statement
from paravent.access.postgresql_store import DatabaseUrl
from paravent.bench.cluster import Cluster
from paravent.crypto.sealing import HANDLE_BYTES, Handle, Row
from paravent.errors import InvalidConfiguration, StorageDown
from paravent.hub import publication
from paravent.hub.row_statements import PAGE_AT
from paravent.hub.shards import hub_sql, require_shards, shard_of
from paravent.hub.shards_store import ShardedDatabase
from paravent.hub.state import Manifest
from paravent.hub.vault import ActId
from paravent.wire.codec import decode
from paravent.wire.statements import EpochBundle, ManifestHead

pytestmark = pytest.mark.parametrize("engine", ["shards"], indirect=True, scope="module")

NAME = ActId(bytes([200]) * 32)


def database(world: World) -> str:
    """The name of the hub's own database."""
    found = world.hub_store.database.execute("SELECT current_database()::text").fetchone()
    return str(found[0])


def on_shard(cluster: Cluster, world: World, shard: int, query: str) -> Any:
    name = database(world).replace("hub", "shard") + f"_{shard}"
    with psycopg.connect(cluster.database_url(name), autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def live(world: World) -> Manifest:
    manifest = world.hub_store.newest(AMC)
    assert manifest is not None
    return manifest


@contextmanager
def away(cluster: Cluster, world: World, shard: int) -> Iterator[None]:
    """Nobody reaches a shard for a while."""
    name = database(world).replace("hub", "shard") + f"_{shard}"
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        connection.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            yield
        finally:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())


def test_each_shard_has_the_rows_of_its_prefixes_and_the_hub_none(cluster: Cluster, still: World) -> None:
    for shard in range(SHARDS):
        handles = [bytes(handle) for (handle,) in on_shard(cluster, still, shard, "SELECT handle FROM row")]
        assert handles
        assert {shard_of(handle, SHARDS) for handle in handles} == {shard}
    with psycopg.connect(cluster.database_url(database(still))) as connection:
        assert connection.execute("SELECT 1 FROM row UNION ALL SELECT 1 FROM node").fetchall() == []


def test_rows_and_neighbours_are_found_across_the_edges(still: World) -> None:
    store, manifest = still.hub_store, live(still)
    handles = sorted(row.handle for row in still.insurers[AMC].rows)
    edges = [bytes(32), b"\x7f" + b"\xff" * 31, b"\x80" + bytes(31), b"\xff" * 32]
    for asked in [*handles, *(still.rng(HANDLE_BYTES) for _ in range(20)), *edges]:
        place = bisect_left(handles, asked)
        if place < len(handles) and handles[place] == asked:
            found = store.row(manifest, Handle(asked))
            assert found is not None
            assert (found.position, found.row.handle) == (place, asked)
        else:
            assert store.row(manifest, Handle(asked)) is None
            placed = store.neighbours(manifest, Handle(asked))
            between = [(at, handles[at]) for at in (place - 1, place) if 0 <= at < len(handles)]
            assert [(one.position, one.row.handle) for one in placed] == between


def test_a_record_is_settled_and_written_over_in_its_version_alone(cluster: Cluster, still: World) -> None:
    store = still.hub_store
    claims = store.claims
    with store.commit():
        assert claims.keep_record(NAME, None, b"first")
        assert not claims.keep_record(NAME, None, b"twice")
        assert claims.settle(10) == 1
        assert claims.settle(10) == 0
    here = store.database.execute("SELECT sealed, version FROM record WHERE name = ?", (NAME,)).fetchone()
    assert tuple(map(bytes, here[:1])) + here[1:] == (b"", 1)
    settled = claims.record(NAME)
    assert settled is not None
    assert (settled.sealed, settled.version) == (b"first", 1)
    with store.commit():
        assert not claims.keep_record(NAME, None, b"as if it were new")
        assert claims.keep_record(NAME, settled, b"second")
        assert not claims.keep_record(NAME, settled, b"over the same")
        assert claims.settle(10) == 1
    found = claims.record(NAME)
    assert found is not None
    assert (found.sealed, found.version) == (b"second", 2)
    # The control: a content that its shard lost is a failure, never a right that was not used yet.
    on_shard(cluster, still, shard_of(NAME, SHARDS), "DELETE FROM settled_record RETURNING 1")
    with pytest.raises(StorageDown):
        claims.record(NAME)


def test_a_hub_killed_while_it_settles_settles_again(still: World, monkeypatch: pytest.MonkeyPatch) -> None:
    store, name = still.hub_store, ActId(bytes([9]) * 32)
    with store.commit():
        assert store.claims.keep_record(name, None, b"content")
    with monkeypatch.context() as patch:
        patch.setattr(ShardedDatabase, "executemany", dies)
        with pytest.raises(StorageDown), store.commit():
            store.claims.settle(10)
    with store.commit():
        assert store.claims.settle(10) == 1
    found = store.claims.record(name)
    assert found is not None
    assert (found.sealed, found.version) == (b"content", 1)


def dies(*_: object) -> None:
    raise StorageDown("killed here")


def staged(world: World) -> tuple[int, ManifestHead, list[Row]]:
    """Announces the live rows once more."""
    insurer = world.insurers[AMC]
    announced = world.announce(insurer)
    head = decode(announced.head.payload, ManifestHead)
    bundle = EpochBundle(epoch=announced.epoch, batches=announced.batches, head=announced.head)
    return world.hub_store.open_publication(bundle, head), head, list(insurer.rows)


def test_rows_that_shards_took_and_the_hub_did_not_count_are_taken_again(
    cluster: Cluster, still: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = still.hub_store
    former = live(still).number
    number, head, rows = staged(still)
    store.add_rows(number, 0, rows[:4])
    load = ShardedDatabase.load

    def dying(*arguments: Any) -> None:
        load(*arguments)
        dies()

    with monkeypatch.context() as patch:
        patch.setattr(ShardedDatabase, "load", dying)
        with pytest.raises(StorageDown):
            store.add_rows(number, 4, rows[4:])
    # They are there, and nobody can ask for them.
    there = [one for shard in range(SHARDS) for one in on_shard(cluster, still, shard, "SELECT manifest FROM row")]
    assert there.count((number,)) == len(rows)
    assert store.staged(number, AMC).rows == 4
    assert live(still).number == former
    store.add_rows(number, 4, rows[4:])
    store.go_live(number, head, publication.build_tree(store.staged_digests(number, head), head))
    assert live(still).number == number
    # What the former one had goes piece by piece, and only that.
    while store.database.sweep():
        pass
    for shard in range(SHARDS):
        kept = on_shard(cluster, still, shard, "SELECT DISTINCT manifest FROM row UNION SELECT manifest FROM node")
        assert former not in {one for (one,) in kept}
    assert all(store.row(live(still), row.handle) is not None for row in rows)


def test_a_shard_that_is_away_takes_nothing_of_the_others(cluster: Cluster, still: World) -> None:
    store, manifest = still.hub_store, live(still)
    by_shard = {shard_of(row.handle, SHARDS): row.handle for row in still.insurers[AMC].rows}
    with away(cluster, still, 1):
        with pytest.raises(StorageDown):
            store.row(manifest, by_shard[1])
        assert store.row(manifest, by_shard[0]) is not None
        # In a group of requests, one that needs it fails alone.
        with store.commit():
            with pytest.raises(StorageDown), store.request():
                store.row(manifest, by_shard[1])
            with store.request():
                assert store.claims.keep_record(ActId(bytes(32)), None, b"of another request")
    assert store.row(manifest, by_shard[1]) is not None
    assert store.claims.record(ActId(bytes(32))) is not None


def test_a_session_in_which_a_read_failed_is_not_used_again(cluster: Cluster, still: World) -> None:
    """The driver may take for prepared what the server has not, and would fail for ever after one shard was away."""
    url = DatabaseUrl(cluster.database_url(database(still)).encode())
    pages = [Statement(PAGE_AT, (live(still).number, 0, 0))] * 12
    with closing(ShardedDatabase(url, SHARDS)) as fresh:
        session = fresh.execute("SELECT pg_backend_pid()::bigint").fetchone()
        with away(cluster, still, 0), pytest.raises(StorageDown):
            fresh.batch(pages)
        assert all(cursor.fetchone() for cursor in fresh.batch(pages))
        assert fresh.execute("SELECT pg_backend_pid()::bigint").fetchone() != session


def test_a_statement_that_no_shard_runs_is_refused(still: World) -> None:
    for statement in ("SELECT COUNT(*) FROM row", "DELETE FROM node", "UPDATE settled_record SET version = 3"):
        with pytest.raises(StorageDown, match="no shard runs"):
            still.hub_store.database.execute(statement)


def test_shards_in_another_order_or_of_another_version_are_refused(cluster: Cluster, still: World) -> None:
    name = database(still)
    strings = [f"host=127.0.0.1 port={cluster.port} dbname={name.replace('hub', 'shard')}_{shard}" for shard in (1, 0)]
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute(b"CREATE DATABASE swapped")
    url = cluster.database_url("swapped")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(hub_sql(strings, "postgres").encode())
    with pytest.raises(InvalidConfiguration, match="another shard"):
        ShardedDatabase(DatabaseUrl(url.encode()), SHARDS)
    with closing(ShardedDatabase(DatabaseUrl(cluster.database_url(name).encode()), SHARDS)) as sound:
        assert sound.spread


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32), st.sampled_from([2, 4, 64, 256]))
def test_shards_are_ranges_of_prefixes(one: bytes, other: bytes, shards: int) -> None:
    low, high = sorted((one, other))
    assert 0 <= shard_of(low, shards) <= shard_of(high, shards) < shards
    assert (shard_of(bytes(32), shards), shard_of(b"\xff" * 32, shards)) == (0, shards - 1)


@pytest.mark.parametrize("shards", [-2, 0, 1, 3, 512])
def test_a_number_that_pl_proxy_cannot_have_is_refused(shards: int) -> None:
    with pytest.raises(InvalidConfiguration):
        require_shards(shards)
