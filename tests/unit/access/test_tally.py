"""Requests are counted by hour, handler and code, of nobody, and no count is lost (access/tally*.py)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import anyio
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from paravent.access import tally_app
from paravent.access.app import application
from paravent.access.sqlite_store import connect
from paravent.access.tally import Counted, Tally
from paravent.access.tally_app import write_tally
from paravent.access.tally_store import TALLY_HOURS_MAX, TALLY_SCHEMA, TallyStore
from paravent.errors import QuotaExceeded, StorageDown


@asynccontextmanager
async def _nothing(_: Starlette) -> AsyncIterator[None]:
    yield


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TallyStore]:
    with closing(connect(tmp_path / "some.db")) as connection:
        connection.executescript(TALLY_SCHEMA)
        yield TallyStore(connection)


def _counted(requests: int, *, hour: int = 7, code: str = "") -> Counted:
    return Counted(hour=hour, action="row", code=code, requests=requests, milliseconds=requests * 2)


def test_what_is_answered_refused_or_unforeseen_is_counted_by_its_handler() -> None:
    async def act(request: Request) -> Response:
        if request.method == "POST":
            raise QuotaExceeded("spent")
        return Response(b"", 200 // int(request.query_params["divisor"]))

    tally = Tally()
    routes = [Route("/v1/acts", act, methods=["GET", "POST"])]
    client = TestClient(application("hub", routes, _nothing, tally=tally), raise_server_exceptions=False)
    for _ in range(2):
        client.post("/v1/acts")
    client.get("/v1/acts?divisor=1")
    client.get("/v1/acts?divisor=0")
    client.get("/v1/1850175123456")
    counted = {(one.action, one.code): one.requests for one in tally.take()}
    assert counted == {
        ("act", "quota-exceeded"): 2, ("act", ""): 1, ("act", "technical-failure"): 1, ("none", "unknown-address"): 1,
    }  # fmt: skip
    assert tally.take() == []


def test_counts_of_one_hour_add_up_and_end_with_their_term(store: TallyStore) -> None:
    store.add([_counted(3), _counted(1, code="quota-exceeded")])
    store.add([_counted(4), _counted(1, hour=8)])
    assert store.since(7) == [_counted(7), _counted(1, code="quota-exceeded"), _counted(1, hour=8)]
    assert store.since(8) == [_counted(1, hour=8)]
    store.forget(8 + TALLY_HOURS_MAX)
    assert store.since(0) == [_counted(1, hour=8)]


async def test_what_cannot_be_written_is_kept_and_the_last_counts_are_written(
    store: TallyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally_app, "TALLY_SECONDS", 0.01)
    down = [True]

    @contextmanager
    def commit() -> Iterator[None]:
        if down[0]:
            raise StorageDown("no disk")
        yield

    tally = Tally()
    tally.put_back([_counted(5)])
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write_tally, tally, store, commit)
        await anyio.sleep(0.1)
        assert store.since(0) == []
        down[0] = False
        tally.count(hour=7, action="row", code="", seconds=0.004, requests=2)
        tasks.cancel_scope.cancel()
    assert store.since(0) == [_counted(7)]


def test_the_hour_of_a_count_is_that_of_the_clock() -> None:
    tally = Tally()
    client = TestClient(application("hub", [], _nothing, tally=tally))
    before = int(time.time()) // 3_600
    client.get("/")
    assert before <= tally.take()[0].hour <= int(time.time()) // 3_600
