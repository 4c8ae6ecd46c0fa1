"""Ledger of devices, nonces and quotas; secret files (docs/protocol.md sections 9, 10 and 14).

Holds: public keys of devices with professional and shop, nonces and keyed hashes of the last 24 hours,
counts by shop and insurer of the last 25 hours, by professional and day of the last 90 days. Stolen: which
professionals are enrolled and how much they ask; nothing of an insured person. Altered: quotas could be
refilled, so the witness log rebuilds them.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from paravent.access.devices import Device
from paravent.access.quotas import (
    HOUR_SECONDS,
    WINDOW_SECONDS,
    Charge,
    DailyKey,
    Pseudonyms,
    QuotaKind,
    QuotaLimits,
    Scope,
    Spent,
    device_pseudonym,
    is_charged,
    professional_pseudonym,
    subject_pseudonym,
)
from paravent.access.requests import Authenticated
from paravent.crypto.group import Rng
from paravent.errors import InvalidConfiguration, RequestNotAuthentic, StorageDown

DAILY_COUNT_DAYS = 90

LEDGER_SCHEMA = """
CREATE TABLE IF NOT EXISTS device (
    keyid TEXT PRIMARY KEY, public BLOB NOT NULL, professional TEXT NOT NULL, shop TEXT NOT NULL,
    enrolled_at INTEGER NOT NULL, withdrawn_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS nonce (
    keyid TEXT NOT NULL, nonce TEXT NOT NULL, digest BLOB NOT NULL, seen_at INTEGER NOT NULL,
    PRIMARY KEY (keyid, nonce)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spending (
    kind TEXT NOT NULL, professional BLOB NOT NULL, spent_at INTEGER NOT NULL, subject BLOB NOT NULL,
    device BLOB NOT NULL, charged INTEGER NOT NULL, request BLOB NOT NULL,
    PRIMARY KEY (kind, professional, spent_at, request)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hourly (
    kind TEXT NOT NULL, scope TEXT NOT NULL, name TEXT NOT NULL, hour INTEGER NOT NULL, charged INTEGER NOT NULL,
    PRIMARY KEY (kind, scope, name, hour)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS daily (
    kind TEXT NOT NULL, professional TEXT NOT NULL, day INTEGER NOT NULL, requests INTEGER NOT NULL,
    charged INTEGER NOT NULL, PRIMARY KEY (kind, professional, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS hourly_by_time ON hourly (hour);
CREATE INDEX IF NOT EXISTS nonce_by_time ON nonce (seen_at);
CREATE INDEX IF NOT EXISTS spending_by_time ON spending (spent_at);
"""


def connect(path: Path) -> sqlite3.Connection:
    """Opens a durable SQLite database: WAL, every commit on disk before it returns."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Runs one immediate transaction; a storage error becomes StorageDown and nothing is kept."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise StorageDown("the store of this server cannot be written") from error


@contextmanager
def savepoint(connection: sqlite3.Connection) -> Iterator[None]:
    """Runs one request inside a group commit: its failure undoes its own writes only."""
    connection.execute("SAVEPOINT request")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK TO request")
        connection.execute("RELEASE request")
        raise
    connection.execute("RELEASE request")


class Ledger:
    """Devices, replay and quotas of one verifier; every method runs in the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection, keys: DailyKeys, limits: QuotaLimits) -> None:
        """Uses a connection on which the schema is created if absent."""
        self._connection = connection
        self._keys = keys
        self._limits = limits
        connection.executescript(LEDGER_SCHEMA)

    def enrol(self, device: Device, now: int) -> None:
        """Enrols a device; enrolling it again changes nothing."""
        self._connection.execute(
            "INSERT INTO device VALUES (?, ?, ?, ?, ?, NULL) ON CONFLICT (keyid) DO NOTHING",
            (device.keyid, device.public, device.professional, device.shop, now),
        )

    def withdraw(self, keyid: str, now: int) -> bool:
        """Withdraws a device: its requests are refused from now on; False when no active device has this key."""
        updated = self._connection.execute(
            "UPDATE device SET withdrawn_at = ? WHERE keyid = ? AND withdrawn_at IS NULL", (now, keyid)
        )
        return updated.rowcount == 1

    def device(self, keyid: str) -> Device | None:
        """Returns an active device, or None."""
        found = self._connection.execute(
            "SELECT public, professional, shop FROM device WHERE keyid = ? AND withdrawn_at IS NULL", (keyid,)
        ).fetchone()
        return None if found is None else Device(public=found[0], professional=found[1], shop=found[2])

    def first_time(self, caller: Authenticated, now: int) -> bool:
        """Records a nonce: True the first time, False for the identical request again.

        Raises RequestNotAuthentic when the nonce was used with another request.
        """
        known = self._connection.execute(
            "SELECT digest FROM nonce WHERE keyid = ? AND nonce = ?", (caller.keyid, caller.nonce)
        ).fetchone()
        if known is None:
            self._connection.execute(
                "INSERT INTO nonce VALUES (?, ?, ?, ?)", (caller.keyid, caller.nonce, caller.digest, now)
            )
            return True
        if known[0] != caller.digest:
            raise RequestNotAuthentic("this nonce was used for another request")
        return False

    def spend(self, charge: Charge, now: int) -> Pseudonyms:
        """Spends one unit, or none for a repeat; returns the day's pseudonyms; raises QuotaExceeded."""
        keys = self._keys.of(now)
        names = [professional_pseudonym(key, charge.professional) for key in keys]
        devices = [device_pseudonym(key, charge.keyid) for key in keys]
        subjects = [subject_pseudonym(key, charge.professional, charge.subject) for key in keys]
        counted = self._connection.execute(
            "SELECT COALESCE(SUM(charged), 0), COALESCE(SUM(charged AND device IN (?, ?)), 0),"
            " COALESCE(SUM(subject IN (?, ?)), 0) FROM spending"
            " WHERE kind = ? AND professional IN (?, ?) AND spent_at > ?",
            (*devices, *subjects, charge.kind.value, *names, now - WINDOW_SECONDS),
        ).fetchone()
        scopes = {Scope.SHOP: charge.shop, Scope.INSURER: charge.insurer, Scope.SERVER: ""}
        spent = Spent(
            professional=counted[0], device=counted[1], repeats=counted[2],
            scopes=tuple((scope, self._hourly(charge.kind, scope, name, now)) for scope, name in scopes.items()),
        )  # fmt: skip
        charged = is_charged(charge, spent, self._limits)
        self._connection.execute(
            "INSERT INTO spending VALUES (?, ?, ?, ?, ?, ?, ?)",
            (charge.kind.value, names[0], now, subjects[0], devices[0], charged, charge.request),
        )
        self._count(charge, scopes if charged else {}, now, charged=charged)
        return Pseudonyms(professional=names[0], subject=subjects[0])

    def _hourly(self, kind: QuotaKind, scope: Scope, name: str, now: int) -> int:
        """Adds up this hour and the 24 before it: up to 25 hours, never less than 24."""
        (count,) = self._connection.execute(
            "SELECT COALESCE(SUM(charged), 0) FROM hourly WHERE kind = ? AND scope = ? AND name = ? AND hour >= ?",
            (kind.value, scope.value, name, now // HOUR_SECONDS - 24),
        ).fetchone()
        return int(count)

    def _count(self, charge: Charge, scopes: Mapping[Scope, str], now: int, *, charged: bool) -> None:
        self._connection.executemany(
            "INSERT INTO hourly VALUES (?, ?, ?, ?, 1) ON CONFLICT (kind, scope, name, hour)"
            " DO UPDATE SET charged = charged + 1",
            [(charge.kind.value, scope.value, name, now // HOUR_SECONDS) for scope, name in scopes.items()],
        )
        # Detectors compare a professional with itself: 90 days of counts, with no label of anything opened.
        self._connection.execute(
            "INSERT INTO daily VALUES (?, ?, ?, 1, ?) ON CONFLICT (kind, professional, day)"
            " DO UPDATE SET requests = requests + 1, charged = charged + excluded.charged",
            (charge.kind.value, charge.professional, now // WINDOW_SECONDS, charged),
        )

    def remaining(self, kind: QuotaKind, professional: str, now: int) -> int:
        """Returns how many units a professional has left at this server."""
        names = [professional_pseudonym(key, professional) for key in self._keys.of(now)]
        (spent,) = self._connection.execute(
            "SELECT COALESCE(SUM(charged), 0) FROM spending WHERE kind = ? AND professional IN (?, ?) AND spent_at > ?",
            (kind.value, *names, now - WINDOW_SECONDS),
        ).fetchone()
        return max(0, self._limits.of(kind) - int(spent))

    def forget(self, now: int) -> None:
        """Deletes hashes and nonces older than 24 hours, and counts older than 90 days."""
        self._connection.execute("DELETE FROM nonce WHERE seen_at <= ?", (now - WINDOW_SECONDS,))
        self._connection.execute("DELETE FROM spending WHERE spent_at <= ?", (now - WINDOW_SECONDS,))
        self._connection.execute("DELETE FROM hourly WHERE hour < ?", (now // HOUR_SECONDS - 24,))
        self._connection.execute("DELETE FROM daily WHERE day < ?", (now // WINDOW_SECONDS - DAILY_COUNT_DAYS,))


class VerifierStore:
    """What the stores of every verifier share: one database with its ledger of devices, nonces and quotas."""

    def __init__(self, database: Path, schema: str, keys: DailyKeys, limits: QuotaLimits) -> None:
        """Opens or creates a database with the schema of its verifier."""
        self._connection = connect(database)
        self._connection.executescript(schema)
        self._ledger = Ledger(self._connection, keys, limits)

    @contextmanager
    def commit(self) -> Iterator[None]:
        """One durable transaction, of one request or of a group."""
        with transaction(self._connection):
            yield

    @contextmanager
    def request(self) -> Iterator[None]:
        """One request inside a group commit."""
        with savepoint(self._connection):
            yield

    def enrol(self, device: Device, now: int) -> None:
        """Enrols a device."""
        with self.commit():
            self._ledger.enrol(device, now)

    def withdraw(self, keyid: str, now: int) -> bool:
        """Withdraws a device; False when no active device has this key."""
        with self.commit():
            return self._ledger.withdraw(keyid, now)

    def forget(self, now: int) -> None:
        """Deletes hashes and nonces older than 24 hours."""
        with self.commit():
            self._ledger.forget(now)

    def device(self, keyid: str) -> Device | None:
        """Returns an active device, or None."""
        return self._ledger.device(keyid)

    def first_time(self, caller: Authenticated, now: int) -> bool:
        """Records a nonce: True the first time."""
        return self._ledger.first_time(caller, now)

    def spend(self, charge: Charge, now: int) -> Pseudonyms:
        """Spends quota and returns the day's pseudonyms."""
        return self._ledger.spend(charge, now)

    def remaining(self, kind: QuotaKind, professional: str, now: int) -> int:
        """Returns what a professional has left."""
        return self._ledger.remaining(kind, professional, now)

    def close(self) -> None:
        """Closes the database; every commit was durable already."""
        self._connection.close()

    def __enter__(self) -> Self:
        """Uses the store for one command."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()


class DailyKeys:
    """Quota keys in files of their own, one a day, destroyed after 48 hours."""

    def __init__(self, directory: Path, rng: Rng) -> None:
        """Keeps keys under ``directory``."""
        self._directory = directory
        self._rng = rng
        self._cache: dict[int, DailyKey] = {}

    def of(self, now: int) -> tuple[DailyKey, DailyKey]:
        """Returns today's key and yesterday's."""
        day = now // WINDOW_SECONDS
        return self._key(day), self._key(day - 1)

    def _key(self, day: int) -> DailyKey:
        if day not in self._cache:
            path = self._directory / f"quota-{day}.key"
            if not path.exists():
                write_secret(path, self._rng(32))
                self._destroy_before(day - 1)
            self._cache[day] = DailyKey(read_secret(path))
        return self._cache[day]

    def _destroy_before(self, day: int) -> None:
        for path in self._directory.glob("quota-*.key"):
            if int(path.stem.removeprefix("quota-")) < day:
                path.unlink()


def write_secret(path: Path, content: bytes) -> None:
    """Writes a new secret file, readable by its owner only, whole and on disk before it returns.

    Raises FileExistsError when there is one already: a secret is never overwritten.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A crash half-way leaves a draft, which nobody reads, never half a secret under its name.
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_secret(path: Path) -> bytes:
    """Reads a secret file; raises InvalidConfiguration when it is absent or open to others."""
    try:
        if path.stat().st_mode & 0o077:
            raise InvalidConfiguration(f"{path.name} can be read by others: chmod 600")
        return path.read_bytes()
    except FileNotFoundError:
        raise InvalidConfiguration(f"the secret file {path.name} is missing: run init") from None
