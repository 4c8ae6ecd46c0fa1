"""Group commit under load: bounded, in order, and indifferent to callers who leave (section 10)."""

from __future__ import annotations

import asyncio
import errno
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from tests.unit.access.ledgers import Shelf
from tests.unit.crypto.mutation import edited

from paravent.access.door import RETRY_SECONDS_MAX
from paravent.access.group_commit import ANSWER_BY, COMMIT_REQUESTS_MAX, QUEUE_REQUESTS_MAX, GroupCommit
from paravent.access.sqlite_store import SqliteConnection
from paravent.errors import Overloaded, StorageDown

WAIT_SECONDS = 60


def numbered(shelf: Shelf, number: int) -> Callable[[], int]:
    """A write of a number."""
    return lambda: shelf.note(number)


def returning(result: object) -> Callable[[], object]:
    """A request that writes nothing and has a result."""
    return lambda: result


def commits_of(shelf: Shelf) -> list[str]:
    """Notes each transaction of the store from now on, as the database itself reports it."""
    statements: list[str] = []
    assert isinstance(shelf.store._connection, SqliteConnection)
    shelf.store._connection.set_trace_callback(statements.append)
    return statements


async def test_requests_that_arrive_together_are_committed_together() -> None:
    with Shelf() as shelf:
        statements, commits = commits_of(shelf), GroupCommit(shelf.store)
        worker = asyncio.create_task(commits.work())
        count = 3 * COMMIT_REQUESTS_MAX + 1
        running = [commits.run(numbered(shelf, number)) for number in range(count)]
        assert await asyncio.wait_for(asyncio.gather(*running), WAIT_SECONDS) == list(range(count))
        worker.cancel()
        assert statements.count("COMMIT") == 4
        assert shelf.notes() == set(range(count))


async def requests_that_arrive_one_after_another_are_committed_together() -> None:
    with Shelf() as shelf:
        statements, commits = commits_of(shelf), GroupCommit(shelf.store)

        async def after(turns: int) -> int:
            for _ in range(turns):
                await asyncio.sleep(0)
            return await commits.run(numbered(shelf, turns))

        worker = asyncio.create_task(commits.work())
        await asyncio.wait_for(asyncio.gather(*map(after, range(20))), WAIT_SECONDS)
        worker.cancel()
        assert statements.count("COMMIT") == 1


async def test_requests_that_arrive_one_after_another_are_committed_together() -> None:
    await requests_that_arrive_one_after_another_are_committed_together()


async def test_a_commit_that_waits_for_no_arrivals_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GroupCommit, "work", edited(GroupCommit, "work", "while arrived <", "if arrived <"))
    with pytest.raises(AssertionError):
        await requests_that_arrive_one_after_another_are_committed_together()


async def test_a_lone_request_does_not_wait_for_another() -> None:
    with Shelf() as shelf:
        commits = GroupCommit(shelf.store)
        worker = asyncio.create_task(commits.work())
        for number in range(3):
            assert await asyncio.wait_for(commits.run(numbered(shelf, number)), WAIT_SECONDS) == number
            assert number in shelf.notes()
        worker.cancel()


async def test_what_is_beyond_the_queue_is_refused_at_once() -> None:
    with Shelf() as shelf:
        commits = GroupCommit(shelf.store)
        running = [
            asyncio.ensure_future(commits.run(numbered(shelf, number))) for number in range(QUEUE_REQUESTS_MAX + 5)
        ]
        await asyncio.sleep(0)
        refused = [task for task in running if task.done()]
        assert [type(task.exception()) for task in refused] == [Overloaded] * 5
        worker = asyncio.create_task(commits.work())
        results = await asyncio.wait_for(asyncio.gather(*running, return_exceptions=True), WAIT_SECONDS)
        worker.cancel()
        assert results[:QUEUE_REQUESTS_MAX] == list(range(QUEUE_REQUESTS_MAX))
        assert shelf.notes() == set(range(QUEUE_REQUESTS_MAX))


async def test_a_caller_who_leaves_spoils_nothing() -> None:
    with Shelf() as shelf:
        commits = GroupCommit(shelf.store)
        running = [asyncio.ensure_future(commits.run(numbered(shelf, number))) for number in range(3)]
        await asyncio.sleep(0)
        running[1].cancel()
        await asyncio.sleep(0)
        worker = asyncio.create_task(commits.work())
        results = await asyncio.wait_for(asyncio.gather(*running, return_exceptions=True), WAIT_SECONDS)
        assert results[0] == 0
        assert isinstance(results[1], asyncio.CancelledError)
        assert results[2] == 2
        # Whoever left may have been charged: a request that was taken is never half done.
        assert shelf.notes() == {0, 1, 2}
        assert await asyncio.wait_for(commits.run(numbered(shelf, 3)), WAIT_SECONDS) == 3
        worker.cancel()


async def test_results_of_any_kind_come_back() -> None:
    with Shelf() as shelf:
        commits = GroupCommit(shelf.store)
        worker = asyncio.create_task(commits.work())
        results: list[object] = [None, 0, False, b"", ("a", 1), [{}]]
        for result in results:
            assert await asyncio.wait_for(commits.run(returning(result)), WAIT_SECONDS) is result
        worker.cancel()


async def test_a_log_that_cannot_be_written_stops_no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a full disk that holds the logs of the process too."""

    class Full(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError(errno.ENOSPC, "no space left")

    def unforeseen() -> object:
        raise RuntimeError

    monkeypatch.setattr(sys, "stderr", Full())
    with Shelf() as shelf:
        commits = GroupCommit(shelf.store)
        worker = asyncio.create_task(commits.work())
        with pytest.raises(StorageDown):
            await asyncio.wait_for(commits.run(unforeseen), WAIT_SECONDS)
        assert await asyncio.wait_for(commits.run(returning(1)), WAIT_SECONDS) == 1
        worker.cancel()


@contextmanager
def answered_by(moment: float) -> Iterator[None]:
    """Whatever is asked meanwhile is of use until ``moment``; nothing of it is left to the tests that follow."""
    token = ANSWER_BY.set(moment)
    try:
        yield
    finally:
        ANSWER_BY.reset(token)


async def late_group() -> tuple[set[int], list[object]]:
    """What is written of three requests, of which one is answered too late and one would be, and what each is told."""
    with Shelf() as shelf:
        commits = GroupCommit(shelf.store)
        commits._commit_seconds = 10.0
        now, asked = asyncio.get_running_loop().time(), []
        for number, answer_by in enumerate((now - 1, now + 5, now + 600)):
            with answered_by(answer_by):
                asked.append(asyncio.create_task(commits.run(numbered(shelf, number))))
        worker = asyncio.create_task(commits.work())
        told = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), WAIT_SECONDS)
        worker.cancel()
        return shelf.notes(), [type(one) for one in told]


async def test_what_would_be_answered_late_is_not_written_and_its_asker_is_told() -> None:
    assert await late_group() == ({2}, [Overloaded, Overloaded, int])


async def after_a_slow_commit() -> None:
    """A disk that stood still once is tried again by the next who asks, were it alone; and only by one of several."""
    with Shelf() as shelf:
        commits = GroupCommit(shelf.store)
        worker = asyncio.create_task(commits.work())
        told: list[list[object]] = []
        for first, last in ((0, 1), (1, 4)):
            commits._commit_seconds = 16.0
            with answered_by(asyncio.get_running_loop().time() + 5):
                asked = [asyncio.create_task(commits.run(numbered(shelf, number))) for number in range(first, last)]
            told.append(await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), WAIT_SECONDS))
        with answered_by(asyncio.get_running_loop().time() + 5):
            assert await asyncio.wait_for(commits.run(numbered(shelf, 4)), WAIT_SECONDS) == 4
        worker.cancel()
        assert [[type(one) for one in group] for group in told] == [[int], [Overloaded, Overloaded, int]]
        # Who is refused is not told to come back into the same slow commit.
        assert [one.retry_seconds for one in told[1] if isinstance(one, Overloaded)] == [RETRY_SECONDS_MAX] * 2
        assert shelf.notes() == {0, 3, 4}


async def test_a_slow_commit_is_not_held_against_whoever_asks_next() -> None:
    await after_a_slow_commit()


async def test_a_group_commit_that_trusts_one_slow_commit_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GroupCommit, "_in_time", edited(GroupCommit, "_in_time", "if not in_time:", "if False:"))
    with pytest.raises((AssertionError, Overloaded)):
        await after_a_slow_commit()


async def test_who_is_late_already_is_not_written_after_a_slow_commit() -> None:
    with Shelf() as shelf:
        commits = GroupCommit(shelf.store)
        commits._commit_seconds = 16.0
        worker = asyncio.create_task(commits.work())
        with answered_by(asyncio.get_running_loop().time() - 1), pytest.raises(Overloaded):
            await asyncio.wait_for(commits.run(numbered(shelf, 1)), WAIT_SECONDS)
        worker.cancel()
        assert shelf.notes() == set()


async def test_a_group_commit_without_a_margin_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        GroupCommit, "_in_time", edited(GroupCommit, "_in_time", "now + self._commit_seconds <=", "now <=")
    )
    with pytest.raises(AssertionError):
        await test_what_would_be_answered_late_is_not_written_and_its_asker_is_told()
