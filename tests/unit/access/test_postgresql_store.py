"""PostgreSQL under the stores: one writer, durable or refused, never half a transaction (docs/protocol.md 14)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import psycopg
import pytest
from tests.unit.crypto.mutation import edited

from paravent.access.database import Cursor, Statement, Value
from paravent.access.postgresql_store import DatabaseUrl, PostgresqlConnection, to_postgresql
from paravent.bench.cluster import Cluster
from paravent.errors import InvalidConfiguration, QuotaExceeded, StorageDown

TABLE = "CREATE TABLE kept (number INTEGER PRIMARY KEY, body BLOB) STRICT;"


@pytest.fixture
def url(cluster: Cluster) -> str:
    """An empty schema."""
    return cluster.fresh()


@pytest.fixture
def opened(url: str) -> Iterator[PostgresqlConnection]:
    """A connection with one table."""
    connection = connect(url)
    connection.create(TABLE)
    yield connection
    connection.close()


def connect(url: str) -> PostgresqlConnection:
    """Opens a connection that does not wait for long."""
    connection = PostgresqlConnection(DatabaseUrl(url.encode()))
    connection.execute("SET lock_timeout = '100ms'")
    return connection


def kept(connection: PostgresqlConnection) -> list[int]:
    """The numbers in the table."""
    return [number for (number,) in connection.execute("SELECT number FROM kept ORDER BY number").fetchall()]


def end(connection: PostgresqlConnection, url: str) -> None:
    """Ends the session of a connection from outside, as a server that stops does."""
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (connection._open.info.backend_pid,))


def test_one_transaction_writes_at_a_time(opened: PostgresqlConnection, url: str) -> None:
    other = connect(url)
    with opened.transaction():
        opened.execute("INSERT INTO kept VALUES (1, NULL)")
        with pytest.raises(StorageDown), other.transaction():
            pytest.fail("two writers at once")
    with other.transaction():
        other.execute("INSERT INTO kept VALUES (2, NULL)")
    assert kept(opened) == [1, 2]
    other.close()


def test_without_the_lock_two_write_at_once(
    opened: PostgresqlConnection, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: numbers of events would be handed out in one order and committed in another."""
    unlocked = edited(PostgresqlConnection, "transaction", "pg_advisory_xact_lock(?)", "?::bigint")
    monkeypatch.setattr(PostgresqlConnection, "transaction", unlocked)
    other = connect(url)
    with opened.transaction():
        opened.execute("INSERT INTO kept VALUES (1, NULL)")
        with other.transaction():
            other.execute("INSERT INTO kept VALUES (2, NULL)")
        assert kept(other) == [2]
    other.close()


def _seen_behind_the_lock(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What a writer reads that waited for the lock, on a server whose default is one snapshot a transaction."""
    url = f"{cluster.fresh()}%20-cdefault_transaction_isolation%3Drepeatable%5C%20read"
    with psycopg.connect(url) as plain:
        assert plain.execute("SHOW transaction_isolation").fetchone() == ("repeatable read",)
    first, second = connect(url), connect(url)
    first.create(TABLE)
    execute = PostgresqlConnection.execute

    def waited(self: PostgresqlConnection, statement: str, values: Sequence[Value] = (), /) -> Cursor:
        done = execute(self, statement, values)
        if self is second and "pg_advisory_xact_lock" in statement:
            # The other writer commits after this one's first statement, as one does that this one waited for.
            first.execute("INSERT INTO kept VALUES (1, NULL)")
        return done

    monkeypatch.setattr(PostgresqlConnection, "execute", waited)
    with second.transaction():
        found = kept(second)
    first.close()
    second.close()
    return found


def test_who_waited_for_the_lock_sees_what_its_holder_committed(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _seen_behind_the_lock(cluster, monkeypatch) == [1]


def test_with_the_servers_own_default_it_would_read_what_was_before(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: a snapshot that is taken with the wait for the lock is older than what the lock is for."""
    inherited = edited(PostgresqlConnection, "transaction", "BEGIN ISOLATION LEVEL READ COMMITTED", "BEGIN")
    monkeypatch.setattr(PostgresqlConnection, "transaction", inherited)
    assert _seen_behind_the_lock(cluster, monkeypatch) == []


def test_an_error_of_the_caller_passes_through_and_undoes_everything(opened: PostgresqlConnection) -> None:
    for error in (QuotaExceeded("x"), ValueError("x"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            _fail_after_a_write(opened, error)
    assert kept(opened) == []


def _fail_after_a_write(connection: PostgresqlConnection, error: BaseException) -> None:
    with connection.transaction():
        connection.execute("INSERT INTO kept VALUES (1, NULL)")
        raise error


def _request(connection: PostgresqlConnection, *numbers: int) -> None:
    with connection.savepoint():
        for number in numbers:
            connection.execute("INSERT INTO kept VALUES (?, NULL)", (number,))


def test_a_refused_request_undoes_its_own_writes_only(opened: PostgresqlConnection) -> None:
    with opened.transaction():
        opened.execute("INSERT INTO kept VALUES (1, NULL)")
        with pytest.raises(StorageDown):
            _request(opened, 2, 1)
        opened.execute("INSERT INTO kept VALUES (3, NULL)")
    assert kept(opened) == [1, 3]


def test_a_batch_that_fails_is_undone_as_a_whole(opened: PostgresqlConnection) -> None:
    insert = "INSERT INTO kept VALUES (?, NULL)"
    with opened.transaction():
        opened.execute(insert, (1,))
        with pytest.raises(StorageDown):
            _batch(opened, [Statement(insert, (number,)) for number in (2, 1, 3)])
        _batch(opened, [Statement(insert, (number,)) for number in (4, 5)])
    assert kept(opened) == [1, 4, 5]


def _batch(connection: PostgresqlConnection, statements: Sequence[Statement]) -> None:
    with connection.savepoint():
        connection.batch(statements)


def test_a_transaction_in_which_a_statement_failed_is_not_called_committed(opened: PostgresqlConnection) -> None:
    with pytest.raises(StorageDown, match="undid"):
        _go_on_after(opened, lambda: opened.execute("INSERT INTO kept VALUES (1, NULL)"))
    assert kept(opened) == []


def _go_on_after(connection: PostgresqlConnection, *faults: Callable[[], object]) -> None:
    with connection.transaction():
        connection.execute("INSERT INTO kept VALUES (1, NULL)")
        for fault in faults:
            with pytest.raises(StorageDown):
                fault()


def test_a_session_that_ends_inside_a_transaction_keeps_nothing_of_it(opened: PostgresqlConnection, url: str) -> None:
    def ended() -> None:
        end(opened, url)
        opened.execute("INSERT INTO kept VALUES (2, NULL)")

    # The first statement finds that it is gone; no later one begins a transaction of its own.
    with pytest.raises(StorageDown):
        _go_on_after(opened, ended, lambda: opened.execute("INSERT INTO kept VALUES (3, NULL)"))
    assert kept(opened) == []


def test_a_session_that_ended_is_opened_again(opened: PostgresqlConnection, url: str) -> None:
    end(opened, url)
    with pytest.raises(StorageDown):
        kept(opened)
    assert kept(opened) == []
    with opened.transaction():
        opened.execute("INSERT INTO kept VALUES (1, NULL)")
    assert kept(opened) == [1]


def test_a_server_that_does_not_flush_is_refused(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("ALTER SYSTEM SET full_page_writes = off")
        owner.execute("SELECT pg_reload_conf()")
        try:
            with pytest.raises(InvalidConfiguration, match="full_page_writes"):
                _until_refused(url)
        finally:
            owner.execute("ALTER SYSTEM RESET full_page_writes")
            owner.execute("SELECT pg_reload_conf()")
            while owner.execute("SHOW full_page_writes").fetchone() != ("on",):
                pass


def _until_refused(url: str) -> None:
    # The postmaster reads its configuration again a moment after it is told to.
    for _ in range(1_000):
        connect(url).close()


def test_a_default_that_does_not_flush_is_overruled(cluster: Cluster) -> None:
    url = f"{cluster.fresh()}%20-csynchronous_commit%3Doff"
    with psycopg.connect(url) as plain:
        assert plain.execute("SHOW synchronous_commit").fetchone() == ("off",)
    connection = connect(url)
    assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
    connection.close()


def test_a_database_that_is_not_there_says_nothing_of_its_address() -> None:
    address = DatabaseUrl(b"postgresql://paravent:secret@127.0.0.1:1/hub")
    assert "secret" not in repr(address)
    with pytest.raises(StorageDown) as refused:
        PostgresqlConnection(address)
    assert "secret" not in str(refused.value)


def test_rows_are_copied_whole(opened: PostgresqlConnection) -> None:
    rows = [(number, bytes([number]) * number) for number in range(200)]
    with opened.transaction():
        opened.load("kept", iter(rows))
    assert opened.execute("SELECT number, body FROM kept ORDER BY number").fetchall() == rows
    found = opened.batch([Statement("SELECT body FROM kept WHERE number = ?", (number,)) for number in (3, 900, 1)])
    assert [cursor.fetchone() for cursor in found] == [
        (b"\3\3\3",),
        None,
        (b"\1",),
    ]


def test_tables_are_written_once() -> None:
    assert to_postgresql(TABLE) == (
        "CREATE TABLE kept (number INTEGER PRIMARY KEY, body BLOB) STRICT;".replace("INTEGER", "BIGINT")
        .replace("BLOB", "BYTEA")
        .replace(" STRICT", "")
    )
    numbered = to_postgresql("CREATE TABLE event (\n    number INTEGER PRIMARY KEY, at INTEGER\n) STRICT;")
    assert "number BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, at BIGINT\n);" in numbered
