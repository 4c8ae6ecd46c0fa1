"""Ledgers on disk, requests drawn at random, and a naive model of what a professional may have."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from hypothesis import strategies as st
from tests import engines
from tests.unit.access.signed import NOW
from tests.unit.crypto.examples import seeded

from paravent.access.alarm_store import CANARY_SCHEMA
from paravent.access.database import Connection
from paravent.access.devices import Device, charge_of
from paravent.access.enrolment_store import CASE_SCHEMA, DEVICE_SCHEMA
from paravent.access.postgresql_store import PostgresqlConnection
from paravent.access.quotas import QuotaKind, QuotaLimits
from paravent.access.requests import Authenticated
from paravent.access.store import LEDGER_SCHEMA, DailyKeys, VerifierStore
from paravent.crypto.signing import SigningKey
from paravent.errors import QuotaExceeded
from paravent.wire.codec import Message

DAY = 86_400
QUOTA, REPEATS = 3, 2
LIMITS = QuotaLimits(lookups_per_day_max=QUOTA, openings_per_day_max=QUOTA, repeats_per_day_max=REPEATS)
DATABASE = "ledger.sqlite"
# A table of the tests' own, to see what is on disk, and one by which a commit can be made to fail.
SCHEMA = """
CREATE TABLE note (number INTEGER PRIMARY KEY);
CREATE TABLE parent (one INTEGER PRIMARY KEY);
CREATE TABLE child (one INTEGER REFERENCES parent (one) DEFERRABLE INITIALLY DEFERRED);
"""
MIGRATIONS = (DEVICE_SCHEMA + LEDGER_SCHEMA, CASE_SCHEMA, CANARY_SCHEMA)
KINDS = (QuotaKind.OPENING, QuotaKind.LOOKUP)
DEVICES = [
    Device(public=SigningKey.generate(seeded(who)).public, professional=f"professional-{who}", shop=f"shop-{who}")
    for who in range(2)
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request about a subject, at a time counted from the start of its shelf."""

    who: int
    subject: int
    at: int = 0
    kind: QuotaKind = QuotaKind.OPENING


@st.composite
def _attempts(draw: st.DrawFn) -> list[Attempt]:
    """Requests in the order of time, mostly by one professional, near the ends of days and of windows."""
    steps = st.sampled_from([0, 0, 0, 1, 1, 3_600, DAY // 2, DAY - 1, DAY, DAY + 1])
    # The shelf starts at noon: half a day later a new day begins.
    drawn, at = [], draw(st.sampled_from([0, DAY // 2 - 2, DAY // 2 - 1, DAY // 2]))
    for _ in range(draw(st.integers(1, 24))):
        at += draw(steps)
        who, kind = draw(st.sampled_from([0, 0, 0, 1])), draw(st.sampled_from([*KINDS, *[QuotaKind.OPENING] * 4]))
        drawn.append(Attempt(who=who, subject=draw(st.integers(0, 5)), at=at, kind=kind))
    return drawn


ATTEMPTS = _attempts()


def open_ledger(home: Path) -> VerifierStore:
    """Opens the ledger of a folder."""
    return VerifierStore(engines.connect(home / DATABASE), MIGRATIONS, DailyKeys(home / "keys", os.urandom), LIMITS)


def be_impatient(connection: Connection) -> None:
    """Waits half a second for a lock, no longer."""
    postgresql = isinstance(connection, PostgresqlConnection)
    connection.execute("SET lock_timeout = '500ms'" if postgresql else "PRAGMA busy_timeout = 500")


class NaiveQuota:
    """Everything that was accepted, in one list."""

    def __init__(self) -> None:
        """Starts with nothing."""
        self._accepted: list[Attempt] = []

    def _window(self, attempt: Attempt) -> list[int]:
        return [
            other.subject
            for other in self._accepted
            if (other.who, other.kind) == (attempt.who, attempt.kind) and other.at > attempt.at - DAY
        ]

    def accepts(self, attempt: Attempt) -> bool:
        """Decides and remembers."""
        window = self._window(attempt)
        seen = window.count(attempt.subject)
        accepted = seen <= REPEATS if seen else len(set(window)) < QUOTA
        if accepted:
            self._accepted.append(attempt)
        return accepted

    def remaining(self, attempt: Attempt) -> int:
        """How many more subjects the professional may have."""
        return QUOTA - len(set(self._window(attempt)))


class Shelf:
    """A ledger in a folder of its own."""

    def __init__(self) -> None:
        """Makes the folder and opens the ledger."""
        # Nothing here must survive the machine, only the process: the ledger still waits for the disk.
        self._folder = tempfile.TemporaryDirectory()
        self.home = Path(self._folder.name)
        self.keys = self.home / "keys"
        self._open: list[VerifierStore] = []
        self.start = NOW
        try:
            self.store = self._opened()
            self.store._connection.create(SCHEMA)
        except BaseException:
            self.__exit__()
            raise

    def _opened(self) -> VerifierStore:
        self._open.append(open_ledger(self.home))
        # A test that takes a commit out would wait for the lock that it leaves behind.
        be_impatient(self._open[-1]._connection)
        return self._open[-1]

    def later(self) -> None:
        """Starts again when nothing of what was is in any window."""
        self.start += 60 * DAY

    def reopened(self) -> Self:
        """The same ledger after a restart."""
        while self._open:
            self._open.pop().close()
        self.store = self._opened()
        return self

    def __enter__(self) -> Self:
        """Uses it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes and deletes it."""
        while self._open:
            self._open.pop().close()
        self._folder.cleanup()

    def spend(self, attempt: Attempt, store: VerifierStore | None = None) -> None:
        """Spends in the caller's transaction."""
        subject = bytes([attempt.subject]) * 32
        charge = charge_of(attempt.kind, DEVICES[attempt.who], "99000001", subject, os.urandom(32))
        (store or self.store).spend(charge, self.start + attempt.at)

    def accepts(self, attempt: Attempt) -> bool:
        """Says whether a request is accepted, each in its own transaction."""
        try:
            with self.store.commit():
                self.spend(attempt)
        except QuotaExceeded:
            return False
        return True

    def remaining(self, attempt: Attempt) -> int:
        """What is left to the professional."""
        with self.store.commit():
            return self.store.remaining(attempt.kind, DEVICES[attempt.who], self.start + attempt.at)

    def forget(self, attempt: Attempt) -> None:
        """Deletes what is too old at the time of a request."""
        self.store.forget(self.start + attempt.at)

    def first_time(self, caller: Authenticated, at: int = 0) -> bool:
        """Records a nonce in its own transaction."""
        with self.store.commit():
            return self.store.first_time(caller, self.start + at)

    def rows(self, table: str) -> list[tuple[object, ...]]:
        """Everything that a table holds."""
        found: list[tuple[object, ...]] = self.store._connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608
        return sorted(found, key=repr)

    # --- a table of its own, for writes of which the test sees whether they are on disk -----------

    def note(self, number: int) -> int:
        """Writes a number."""
        self.store._connection.execute("INSERT INTO note VALUES (?)", (number,))
        return number

    def notes(self) -> set[int]:
        """Reads the numbers by another connection: those that were committed."""
        reader = engines.connect(self.home / DATABASE)
        try:
            return {number for (number,) in reader.execute("SELECT number FROM note")}
        finally:
            reader.close()

    def break_commit(self) -> None:
        """Writes what makes the commit of its transaction fail: a constraint that is checked only then."""
        self.store._connection.execute("INSERT INTO child VALUES (1)")


@contextmanager
def racing(shelf: Shelf, *, writers: int, each: int) -> Iterator[Iterator[bool]]:
    """Spends from several connections at once, each about subjects of its own."""

    def write(writer: int) -> list[bool]:
        results = []
        with open_ledger(shelf.home) as own:
            for number in range(each):
                attempt = Attempt(who=0, subject=writer * each + number)
                try:
                    with own.commit():
                        shelf.spend(attempt, own)
                except QuotaExceeded:
                    results.append(False)
                else:
                    results.append(True)
        return results

    with shelf.store.commit():
        # The keys of the day are made once, by whoever comes first; here, before the race.
        shelf.store.remaining(QuotaKind.OPENING, DEVICES[0], NOW)
    with ThreadPoolExecutor(writers) as pool:
        yield (outcome for results in pool.map(write, range(writers)) for outcome in results)


def spend_and_die(shelf: Shelf, *, commit: bool) -> None:
    """Spends in another process that is killed at once, after its commit or just before."""
    script = f"""
        import os, signal
        from pathlib import Path
        from types import SimpleNamespace
        from tests import engines
        from tests.unit.access.ledgers import NOW, Attempt, Shelf, be_impatient, open_ledger
        SHELF = SimpleNamespace(start=NOW)
        engines.locate = lambda _: {engines.locate(shelf.home / DATABASE)!r}
        store = open_ledger(Path({str(shelf.home)!r}))
        be_impatient(store._connection)
        with store.commit():
            Shelf.spend(SHELF, Attempt(who=0, subject={int(commit)}), store)
            if not {commit}:
                os.kill(os.getpid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    root = Path(__file__).parents[3]
    died = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], cwd=root, check=False, timeout=60)
    assert died.returncode == -9


class ExampleConfig(Message, frozen=True, kw_only=True):
    """A configuration as parties have them: plain values and one table."""

    name: str
    port: int = 0
    allowed: bool = False
    quotas: QuotaLimits = LIMITS


EXAMPLE = ExampleConfig(name="example", port=8000, allowed=True)
