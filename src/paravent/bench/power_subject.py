"""What is on the disk whose power is cut: a hub on either database, or key servers with their logs; and their client.

Each is its real application in a process of its own, its files on the drive. Its client stands outside, and notes what
was acknowledged. A ``loose`` one does not wait for the disk: it is the control, and loses what it acknowledged.
"""

from __future__ import annotations

import http.client
import os
import signal
import sqlite3
import time
from abc import ABC, abstractmethod
from contextlib import closing, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from pathlib import Path
from threading import Event
from typing import ClassVar, LiteralString

import psycopg

from paravent.access import sqlite_store
from paravent.access.app import serve
from paravent.access.database import Database
from paravent.access.postgresql_store import DatabaseUrl, PostgresqlConnection
from paravent.access.requests import HttpRequest, authority_of
from paravent.bench import cluster
from paravent.bench.cluster import Cluster
from paravent.bench.counters import Counters, Shop
from paravent.bench.faults_found import lost, spent
from paravent.bench.invented import OK, Inventor, inventor_of
from paravent.bench.served import Served, wait_until_listening
from paravent.errors import ParaventError, StorageDown, TechnicalFailure
from paravent.hub.app import build
from paravent.hub.store import DATABASE as HUB_DATABASE
from paravent.keyserver import store as keyserver_store
from paravent.keyserver.store import DATABASE as KEYSERVER_DATABASE
from paravent.wire.claims import Decision
from paravent.wire.codec import decode
from paravent.wire.number_lane import OpeningContent
from paravent.wire.problem import from_problem
from paravent.wire.statements import Signed

VICTIM = 1
GONE = (OSError, http.client.HTTPException, ParaventError)
_READY_SECONDS_MAX = 60.0


class Settings(StrEnum):
    """How a store waits for the disk: as shipped, or in one of the ways that lose what was acknowledged."""

    SHIPPED = "as shipped"
    SQLITE_OFF = "PRAGMA synchronous=OFF"
    COMMIT_OFF = "synchronous_commit=off"
    FSYNC_OFF = "fsync=off"


@dataclass(slots=True, kw_only=True)
class Found:
    """What is not there though it was acknowledged, and what is there too often."""

    lost: int = 0
    doubled: int = 0


@dataclass(slots=True, kw_only=True)
class Subject(ABC):
    """One party on the drive; ``acknowledged`` is what its client was told so far."""

    settings: Settings = Settings.SHIPPED
    closing: Event = field(default_factory=Event)
    CLIENTS: ClassVar[int] = 2

    @abstractmethod
    def start(self) -> None:
        """Starts it on what the disk holds."""

    @abstractmethod
    def kill(self) -> None:
        """Ends its processes as a power cut does, without waiting for them."""

    @abstractmethod
    def reap(self) -> None:
        """Waits until they are gone."""

    @abstractmethod
    def once(self, connection: http.client.HTTPConnection) -> None:
        """Asks it for one thing, and notes what is acknowledged; raises what the party, or the network, answers."""

    @abstractmethod
    def connection(self) -> http.client.HTTPConnection:
        """Opens a connection of its client."""

    def ask(self) -> None:
        """Asks it for one thing after another, until it is gone or ``closing`` is set."""
        with closing(self.connection()) as connection, suppress(*GONE):
            while not self.closing.is_set():
                self.once(connection)

    @abstractmethod
    def found(self) -> Found:
        """Compares what was acknowledged with what it has, once it runs again."""

    @property
    @abstractmethod
    def acknowledged(self) -> int:
        """How much was acknowledged so far."""


def post(connection: http.client.HTTPConnection, request: HttpRequest) -> bytes:
    """Sends a signed request; returns the body of its answer; raises the error that it is instead."""
    path = request.target_uri.split(request.authority, 1)[1]
    connection.request("POST", path, request.body, dict(request.headers))
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != OK:
        raise from_problem(body, party=request.authority)
    return body


def _connected(address: str) -> http.client.HTTPConnection:
    host, port = authority_of(address).split(":")
    return http.client.HTTPConnection(host, int(port), timeout=30)


@dataclass(slots=True, kw_only=True)
class HubOnDrive(Subject):
    """A hub on SQLite. Rights are reserved and claimed; each act is noted with its decision."""

    shops: Counters
    folder: Path
    port: int
    process: int = 0
    sent: int = 0
    decisions: list[tuple[Shop, bytes, bytes]] = field(default_factory=list)
    turn: count[int] = field(default_factory=count)

    def start(self) -> None:
        """Starts it in a fork of this process."""
        self.process = os.fork()
        if self.process == 0:
            try:
                os.dup2(os.open(self.shops.platform.home / "hub.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
                identity, directory = self.shops.platform.hub.identity, self.shops.platform.directory
                connection = self._connect(self.settings)
                store = self.shops.open_store(connection, self.folder)
                serve(
                    build(identity, directory, self.shops.signed_directory(), store), host="127.0.0.1", port=self.port
                )
            finally:
                os._exit(0)
        wait_until_listening(self.port)

    def _connect(self, settings: Settings) -> Database:
        connection = sqlite_store.connect(self.folder / HUB_DATABASE)
        if settings is Settings.SQLITE_OFF:
            connection.execute(settings.value)
        return connection

    def kill(self) -> None:
        """Kills the hub."""
        with suppress(ProcessLookupError):
            os.kill(self.process, signal.SIGKILL)

    def reap(self) -> None:
        """Waits for it."""
        with suppress(ChildProcessError):
            os.waitpid(self.process, 0)

    def connection(self) -> http.client.HTTPConnection:
        """Opens a connection to the hub."""
        return _connected(self.shops.platform.directory.hub.address)

    def once(self, connection: http.client.HTTPConnection) -> None:
        """Reserves a right, and claims it."""
        shop = self.shops.shops[next(self.turn) % len(self.shops.shops)]
        right = self.shops.right()
        for make in (self.shops.reservation, self.shops.claim):
            self.shops.platform.now = int(time.time())
            request = make(shop, right)
            self.sent += 1
            self.decisions.append((shop, request.body, _decision(post(connection, request))))

    def found(self) -> Found:
        """Sends every act again: one that was lost gets another decision; counts what the hub has of them."""
        found = Found()
        with closing(self.connection()) as connection:
            for shop, body, decision in self.decisions:
                self.shops.platform.now = int(time.time())
                try:
                    found.lost += _decision(post(connection, self.shops.again(shop, body))) != decision
                except GONE:
                    connection.close()
                    found.lost += 1
        found.doubled = max(0, self._events() - self.sent)
        return found

    def _events(self) -> int:
        with closing(sqlite3.connect(f"file:{self.folder / HUB_DATABASE}?mode=ro", uri=True)) as database:
            (events,) = database.execute("SELECT COUNT(*) FROM event").fetchone()
        return int(events)

    @property
    def acknowledged(self) -> int:
        """Decisions that came back."""
        return len(self.decisions)


def _decision(body: bytes) -> bytes:
    return decode(decode(body, Signed).payload, Decision).decision_id


@dataclass(slots=True, kw_only=True)
class HubAndPostgresql(HubOnDrive):
    """A hub outside the drive, and its PostgreSQL on it."""

    server: Cluster | None = None

    def start(self) -> None:
        """Starts the server, which recovers, then the hub."""
        place = self.folder / "postgresql"
        if not place.exists():
            place.mkdir()
            cluster.found(place)
        (place / "data" / "postgresql.auto.conf").write_text("")
        fresh = self.server is None
        # Small, so that a drive holds it and checkpoints come while it is cut.
        self.server = cluster.start(place, "-c", "max_wal_size=64MB", "-c", "shared_buffers=16MB")
        if fresh:
            self.server.fresh()
        HubOnDrive.start(self)
        if self.settings is Settings.FSYNC_OFF:
            # The hub refuses a server that does not flush when it connects; this one stops flushing afterwards.
            self._query("ALTER SYSTEM SET fsync = off")
            self._query("SELECT pg_reload_conf()")

    def _query(self, statement: LiteralString) -> int:
        if self.server is None:
            raise StorageDown("the database is not started")
        with closing(psycopg.connect(self.server.url("party_1"), autocommit=True)) as database:
            answer = database.execute(statement)
            row = answer.fetchone() if answer.description else None
        return 0 if row is None else int(row[0])

    def _events(self) -> int:
        return self._query("SELECT COUNT(*) FROM event")

    def _connect(self, settings: Settings) -> Database:
        if self.server is None:
            raise StorageDown("the database is not started")
        connection = PostgresqlConnection(DatabaseUrl(self.server.url("party_1").encode()))
        if settings is Settings.COMMIT_OFF:
            connection.execute("SET synchronous_commit = off")
        return connection

    def kill(self) -> None:
        """Kills the hub, and every process of the server."""
        HubOnDrive.kill(self)
        if self.server is not None:
            cluster.kill(self.server)

    def reap(self) -> None:
        """Waits for both."""
        HubOnDrive.reap(self)
        if self.server is not None:
            self.server.process.wait()


@dataclass(slots=True, kw_only=True)
class KeyServersOnDrive(Subject):
    """Key servers, the first of which is asked for openings: each receipt is noted."""

    running: Served
    receipts: list[OpeningContent] = field(default_factory=list)
    sent: int = 0

    @property
    def inventor(self) -> Inventor:
        """Asks the first one."""
        return inventor_of(self.running)

    def start(self) -> None:
        """Starts them all: one that starts asks a peer first what it remembers of its log."""
        for index in self.running.platform.servers:
            self.running.start(index, self._loosen)
        self._wait()

    def _loosen(self) -> None:
        """In the process of the control alone: its database does not wait for the disk."""
        if self.settings is not Settings.SQLITE_OFF:
            return
        shipped = sqlite_store.connect

        def loose(path: Path) -> sqlite_store.SqliteConnection:
            connection = shipped(path)
            connection.execute(Settings.SQLITE_OFF.value)
            return connection

        keyserver_store.connect = loose  # type: ignore[attr-defined]

    def _wait(self) -> None:
        deadline, inventor = time.monotonic() + _READY_SECONDS_MAX, self.inventor
        with closing(self.connection()) as connection:
            while time.monotonic() < deadline:
                with suppress(*GONE):
                    post(connection, inventor.evaluation()[0])
                    return
                time.sleep(0.02)
        raise TechnicalFailure("a key server does not answer after the power is back")

    def kill(self) -> None:
        """Kills them all."""
        for process in self.running.processes.values():
            os.kill(process, signal.SIGKILL)

    def reap(self) -> None:
        """Waits for them."""
        self.running.stop()

    def connection(self) -> http.client.HTTPConnection:
        """Opens a connection to the first of them."""
        return _connected(self.inventor.server.address)

    def once(self, connection: http.client.HTTPConnection) -> None:
        """Asks for an opening of nobody."""
        inventor = self.inventor
        request, caller = inventor.opening()
        self.sent += 1
        self.receipts.append(inventor.read(post(connection, request), caller))

    def found(self) -> Found:
        """Compares the receipts with the log: each where it was said to be, no place given twice, none spent twice."""
        database = self.running.platform.servers[VICTIM].home.folder / KEYSERVER_DATABASE
        twice = len(self.receipts) - len({one.leaf_index for one in self.receipts})
        return Found(lost=lost(database, self.receipts), doubled=twice + max(0, spent(database)[0] - self.sent))

    @property
    def acknowledged(self) -> int:
        """Receipts that came back."""
        return len(self.receipts)
