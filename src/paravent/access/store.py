"""Ledger of devices, nonces and quotas; secret files (docs/protocol.md sections 9, 10 and 14).

Holds: public keys of devices with professional and shop; nonces, requests and counts under keyed hashes, of
the last 24 hours, of the last 90 days for counts by day. Stolen: which professionals are enrolled, and how
many requests there were; nothing of an insured person. Altered: quotas could be refilled, so the witness
log rebuilds them.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from paravent.access.alarm_store import AlarmLedger
from paravent.access.database import Connection, Statement, Value, migrate
from paravent.access.devices import BarReason, Device, Standing
from paravent.access.enrolment_store import DeviceLedger, limit_of, limited_until
from paravent.access.hours import is_closed_hour
from paravent.access.quotas import (
    HOUR_SECONDS,
    WINDOW_SECONDS,
    Charge,
    DailyKey,
    Pseudonyms,
    QuotaKind,
    QuotaLimits,
    Scope,
    Seen,
    Spent,
    device_pseudonym,
    nonce_pseudonym,
    professional_pseudonym,
    request_pseudonym,
    require_quota,
    scope_pseudonym,
    subject_pseudonym,
)
from paravent.access.requests import Authenticated
from paravent.access.tally_store import TallyStore
from paravent.crypto.group import Rng
from paravent.errors import InvalidConfiguration, RequestNotAuthentic, StorageDown
from paravent.wire.suspension import SubjectKind

DAILY_COUNT_DAYS = 90
CLOCK_BACK_SECONDS_MAX = 300

LEDGER_SCHEMA = """
CREATE TABLE IF NOT EXISTS nonce (name BLOB PRIMARY KEY, digest BLOB NOT NULL, seen_at INTEGER NOT NULL)
    STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spending (
    kind TEXT NOT NULL, professional BLOB NOT NULL, spent_at INTEGER NOT NULL, request BLOB NOT NULL,
    subject BLOB NOT NULL, device BLOB NOT NULL, charged INTEGER NOT NULL,
    PRIMARY KEY (kind, professional, spent_at, request)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hourly (
    kind TEXT NOT NULL, name BLOB NOT NULL, hour INTEGER NOT NULL, charged INTEGER NOT NULL,
    PRIMARY KEY (kind, name, hour)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS quota_day (day INTEGER PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS clock (one INTEGER PRIMARY KEY CHECK (one = 1), latest INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS daily (
    kind TEXT NOT NULL, professional BLOB NOT NULL, day INTEGER NOT NULL, requests INTEGER NOT NULL,
    charged INTEGER NOT NULL, PRIMARY KEY (kind, professional, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS hourly_by_time ON hourly (hour);
CREATE INDEX IF NOT EXISTS nonce_by_time ON nonce (seen_at);
CREATE INDEX IF NOT EXISTS spending_by_time ON spending (spent_at);
"""

_KNOWN_NONCES = " UNION ALL ".join(["SELECT digest, name FROM nonce WHERE name = ?"] * 3)
_OF_ONE_NAME = "SELECT subject, device, charged FROM spending WHERE kind = ? AND professional = ? AND spent_at > ?"
# One name at a time: before PostgreSQL has counted a table's rows, it answers a list of names by reading every row.
_OWN_SPENDINGS = f"({' UNION ALL '.join([_OF_ONE_NAME] * 3)}) AS own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """What a log says was spent, at the latest at ``at`` (Unix seconds)."""

    names: Pseudonyms
    request: bytes
    at: int


class Ledger:
    """Replay and quotas of one verifier; every method runs in the caller's transaction."""

    def __init__(self, connection: Connection, keys: DailyKeys, limits: QuotaLimits, devices: DeviceLedger) -> None:
        """Uses a connection on which the schema exists."""
        self._connection = connection
        self._devices = devices
        self._keys = keys
        self._limits = limits

    def first_time(self, caller: Authenticated, now: int) -> bool:
        """Records a nonce: True the first time, False for the identical request again.

        Raises RequestNotAuthentic when the nonce was used with another request.
        """
        keys = self._day_keys(now)
        names = [nonce_pseudonym(key, caller.keyid, caller.nonce) for key in keys]
        known = self._connection.execute(_KNOWN_NONCES, names).fetchone()
        if known is not None:
            key = keys[names.index(bytes(known[1]))]
            if known[0] != request_pseudonym(key, caller.digest):
                raise RequestNotAuthentic("this nonce was used for another request")
            return False
        self._connection.execute(
            "INSERT INTO nonce VALUES (?, ?, ?)", (names[0], request_pseudonym(keys[0], caller.digest), now)
        )
        return True

    def spend(self, charge: Charge, now: int) -> Pseudonyms:
        """Spends one unit, or none for a repeat; returns the day's pseudonyms; raises QuotaExceeded."""
        keys = self._day_keys(now)
        names = [professional_pseudonym(key, charge.professional) for key in keys]
        devices = [device_pseudonym(key, charge.keyid) for key in keys]
        subjects = [subject_pseudonym(key, charge.professional, charge.subject) for key in keys]
        scopes = {
            Scope.SHOP: [scope_pseudonym(key, Scope.SHOP, charge.shop) for key in keys],
            Scope.INSURER: [scope_pseudonym(key, Scope.INSURER, charge.insurer) for key in keys],
            Scope.SERVER: [scope_pseudonym(key, Scope.SERVER, "") for key in keys],
        }
        spendings = Statement(
            "SELECT COALESCE(SUM(charged), 0), COALESCE(SUM(CASE WHEN device IN (?, ?, ?) THEN charged END), 0),"  # noqa: S608 - constants
            f" COUNT(CASE WHEN subject IN (?, ?, ?) THEN 1 END), (SELECT latest FROM clock) FROM {_OWN_SPENDINGS}",
            (*devices, *subjects, *_own_spendings(charge.kind, names, now - WINDOW_SECONDS)),
        )
        found, hours, limit = self._connection.batch(
            [spendings, _of_hours(charge.kind, scopes, now), limit_of(charge.keyid)]
        )
        counted = found.fetchone()
        spent = Spent(
            professional=int(counted[0]), device=int(counted[1]), repeats=counted[2],
            scopes=_hourly(scopes, hours.fetchall()),
        )  # fmt: skip
        # Read here, so that no caller can forget that a device is new.
        limited = charge.limited or limited_until(limit) > now
        new = require_quota(replace(charge, limited=limited), spent, self._limits)
        # A clock a little behind would date this charge before others, and free it before its time.
        at = counted[3]
        writes: list[Statement] = []
        if not new:
            writes.append(Statement(
                "UPDATE spending SET charged = 0 WHERE kind = ? AND professional IN (?, ?, ?) AND subject IN (?, ?, ?)",
                (charge.kind.value, *names, *subjects),
            ))  # fmt: skip
        request = request_pseudonym(keys[0], charge.request)
        writes.append(Statement(
            "INSERT INTO spending VALUES (?, ?, ?, ?, ?, ?, 1)",
            (charge.kind.value, names[0], at, request, subjects[0], devices[0]),
            ))  # fmt: skip
        named = [named[0] for named in scopes.values()] if new else []
        self._connection.batch([*writes, *self._counts(charge, named, now, new=new)])
        return Pseudonyms(professional=names[0], subject=subjects[0])

    def _counts(self, charge: Charge, named: Sequence[bytes], now: int, *, new: bool) -> Iterator[Statement]:
        """Yields what adds a charge to the hours of its scopes, and to the counts by day."""
        if named:
            yield Statement(
                "INSERT INTO hourly VALUES (?, ?, ?, 1), (?, ?, ?, 1), (?, ?, ?, 1) ON CONFLICT (kind, name, hour)"
                " DO UPDATE SET charged = hourly.charged + 1",
                [value for name in named for value in (charge.kind.value, name, now // HOUR_SECONDS)],
            )
        # Detectors compare a professional with itself: 90 days of counts, with no label of anything opened.
        yield self._of_day(charge.kind, charge.professional, now, charged=int(new))
        if charge.kind is QuotaKind.LOOKUP and is_closed_hour(now):
            yield self._of_day(Seen.CLOSED_HOURS, charge.professional, now, charged=int(new))

    def _of_day(self, kind: QuotaKind | Seen, professional: str, now: int, *, charged: int) -> Statement:
        return Statement(
            "INSERT INTO daily VALUES (?, ?, ?, 1, ?) ON CONFLICT (kind, professional, day)"
            " DO UPDATE SET requests = daily.requests + 1, charged = daily.charged + excluded.charged",
            (
                kind.value, professional_pseudonym(self._keys.lasting(), professional), now // WINDOW_SECONDS,
                charged,
            ),
        )  # fmt: skip

    def see(self, seen: QuotaKind | Seen, professional: str, now: int) -> None:
        """Counts what a professional's request turned out to be, for the detectors."""
        counted = self._of_day(seen, professional, now, charged=1)
        self._connection.execute(counted.text, counted.values)

    def counts_of(self, professional: str) -> dict[int, dict[str, int]]:
        """Returns a professional's counts by day and kind, its new devices among them, for the detectors."""
        found: defaultdict[int, dict[str, int]] = defaultdict(dict)
        name = professional_pseudonym(self._keys.lasting(), professional)
        for kind in (*QuotaKind, *Seen):
            rows = self._connection.execute(
                "SELECT day, charged FROM daily WHERE kind = ? AND professional = ?", (kind.value, name)
            )
            for day, charged in rows.fetchall():
                found[int(day)][kind.value] = int(charged)
        for day, count in self._devices.enrolled_by_day(professional).items():
            found[day]["new-device"] = count
        return dict(found)

    def counted_on(self, day: int) -> set[str]:
        """Lists who was counted on a day and still has a device here."""
        names = {
            professional_pseudonym(self._keys.lasting(), device.professional): device.professional
            for device in self._devices.every_device()
        }
        rows = self._connection.execute("SELECT DISTINCT professional FROM daily WHERE day = ?", (day,))
        return {names[bytes(name)] for (name,) in rows.fetchall() if bytes(name) in names}

    def sums_before(self, day: int) -> list[tuple[int, int, int, int]]:
        """Lists (sum, sum of squares, days, count of ``day``) of each professional's look-ups before a day."""
        rows = self._connection.execute(
            "SELECT SUM(CASE WHEN day < ? THEN charged ELSE 0 END), SUM(CASE WHEN day < ? THEN charged * charged ELSE 0"
            " END), MIN(day), SUM(CASE WHEN day = ? THEN charged ELSE 0 END) FROM daily WHERE kind = ? AND day <= ?"
            " GROUP BY professional",
            (day, day, day, QuotaKind.LOOKUP.value, day),
        )
        return [(int(total), int(squares), day - int(first), int(count))
                for total, squares, first, count in rows.fetchall()]  # fmt: skip

    def spent_by_professional(self, kind: QuotaKind, now: int) -> list[int]:
        """Lists what each professional who asked has spent in the window, in units, without saying whose each is."""
        # Somebody has one name a day: those of the window are brought together under the keys that are kept.
        keys = self._keys.kept()
        names = {
            professional_pseudonym(key, device.professional): device.professional
            for device in self._devices.every_device() for key in keys
        }  # fmt: skip
        rows = self._connection.execute(
            "SELECT professional, SUM(charged) FROM spending WHERE kind = ? AND spent_at > ? GROUP BY professional",
            (kind.value, now - WINDOW_SECONDS),
        )
        spent: dict[object, int] = {}
        for name, charged in rows.fetchall():
            whose = names.get(bytes(name), bytes(name))
            spent[whose] = spent.get(whose, 0) + int(charged)
        return sorted(spent.values())

    def totals_by_day(self, kind: QuotaKind, since: int) -> list[tuple[int, int, int]]:
        """Lists (day, requests, new persons charged) of all professionals together, from a day on."""
        found = self._connection.execute(
            "SELECT day, SUM(requests), SUM(charged) FROM daily WHERE kind = ? AND day >= ? GROUP BY day ORDER BY day",
            (kind.value, since),
        )
        return [(int(day), int(requests), int(charged)) for day, requests, charged in found.fetchall()]

    def _day_keys(self, now: int) -> tuple[DailyKey, DailyKey, DailyKey]:
        """Returns the keys of today, yesterday and tomorrow; raises StorageDown rather than forget what was spent.

        Refused: a clock that went back, and a key that was lost though its day was counted under it.
        """
        today = now // WINDOW_SECONDS
        days = (today, today - 1, today + 1)
        clock = Statement(
            "INSERT INTO clock VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET latest ="
            " CASE WHEN excluded.latest > clock.latest THEN excluded.latest ELSE clock.latest END RETURNING latest",
            (now,),
        )
        counted = Statement("SELECT day FROM quota_day WHERE day IN (?, ?, ?)", days)
        found = [cursor.fetchall() for cursor in self._connection.batch([clock, counted])]
        ((latest,),) = found[0]
        if now < latest - CLOCK_BACK_SECONDS_MAX:
            raise StorageDown("the clock of this server went back: what was spent cannot be told")
        for day in days:
            known = (day,) in found[1]
            self._keys.require(day, known=known)
            if not known:
                self._connection.execute("INSERT INTO quota_day VALUES (?)", (day,))
        return self._keys.of(today), self._keys.of(today - 1), self._keys.of(today + 1)

    def remaining(self, kind: QuotaKind, device: Device, now: int) -> int:
        """Returns how many units a device has left at this server: its professional's, and its own while it is new."""
        keys = self._day_keys(now)
        names = [professional_pseudonym(key, device.professional) for key in keys]
        devices = [device_pseudonym(key, device.keyid) for key in keys]
        spent, by_device = self._connection.execute(
            "SELECT COALESCE(SUM(charged), 0), COALESCE(SUM(CASE WHEN device IN (?, ?, ?) THEN charged END), 0)"  # noqa: S608 - constants
            f" FROM {_OWN_SPENDINGS}",
            (*devices, *_own_spendings(kind, names, now - WINDOW_SECONDS)),
        ).fetchone()
        left = self._limits.of(kind) - int(spent)
        if self._devices.limited_until(device.keyid) > now:
            left = min(left, self._limits.new_device_per_day_max - int(by_device))
        return max(0, left)

    def recount(self, kind: QuotaKind, logged: Iterable[Logged], now: int) -> int:
        """Counts again what a log says was spent and is not counted; returns how much was missing.

        What is counted of a professional is read once: a log of a day has hundreds of thousands of entries.
        """
        keys, counted, missing = self._day_keys(now), dict[bytes, set[bytes]](), 0
        for spent in logged:
            professional = spent.names.professional
            if professional not in counted:
                counted[professional] = self._requests(kind, professional)
            own = [request_pseudonym(key, spent.request) for key in keys]
            if counted[professional].isdisjoint(own):
                self._restore(kind, spent, own[0])
                counted[professional].add(own[0])
                missing += 1
        return missing

    def _requests(self, kind: QuotaKind, professional: bytes) -> set[bytes]:
        rows = self._connection.execute(
            "SELECT request FROM spending WHERE kind = ? AND professional = ?", (kind.value, professional)
        )
        return {bytes(request) for (request,) in rows.fetchall()}

    def _restore(self, kind: QuotaKind, spent: Logged, request: bytes) -> None:
        """Counts one again under a name of today; the charge of a subject stands at its latest request."""
        names, at = spent.names, spent.at
        # An earlier one never takes it back in time.
        later = self._connection.execute(
            "SELECT 1 FROM spending WHERE kind = ? AND professional = ? AND subject = ? AND charged = 1"
            " AND spent_at >= ?",
            (kind.value, names.professional, names.subject, at),
        ).fetchone()
        if later is None:
            self._connection.execute(
                "UPDATE spending SET charged = 0 WHERE kind = ? AND professional = ? AND subject = ?",
                (kind.value, names.professional, names.subject),
            )
        self._connection.execute(
            "INSERT INTO spending VALUES (?, ?, ?, ?, ?, ?, ?)",
            (kind.value, names.professional, at, request, names.subject, b"", int(later is None)),
        )

    def forget(self, now: int) -> None:
        """Deletes hashes and nonces older than 24 hours, and counts older than 90 days."""
        self._connection.execute("DELETE FROM nonce WHERE seen_at <= ?", (now - WINDOW_SECONDS,))
        self._connection.execute("DELETE FROM spending WHERE spent_at <= ?", (now - WINDOW_SECONDS,))
        self._connection.execute("DELETE FROM quota_day WHERE day < ?", (now // WINDOW_SECONDS - 1,))
        self._connection.execute("DELETE FROM hourly WHERE hour < ?", (now // HOUR_SECONDS - 24,))
        self._connection.execute("DELETE FROM daily WHERE day < ?", (now // WINDOW_SECONDS - DAILY_COUNT_DAYS,))


def _own_spendings(kind: QuotaKind, names: Sequence[bytes], since: int) -> Iterator[Value]:
    """Yields the values of ``_OWN_SPENDINGS``: a professional's names under the keys of three days."""
    for name in names:
        yield from (kind.value, name, since)


def _of_hours(kind: QuotaKind, scopes: Mapping[Scope, Sequence[bytes]], now: int) -> Statement:
    """Asks for this hour and the 24 before it: up to 25 hours, never less than 24."""
    names = [name for named in scopes.values() for name in named]
    one = "SELECT name, charged FROM hourly WHERE kind = ? AND name = ? AND hour >= ?"
    return Statement(
        f"SELECT name, SUM(charged) FROM ({' UNION ALL '.join([one] * len(names))}) AS own GROUP BY name",  # noqa: S608 - constants
        [value for name in names for value in (kind.value, name, now // HOUR_SECONDS - 24)],
    )


def _hourly(
    scopes: Mapping[Scope, Sequence[bytes]], found: Sequence[tuple[bytes, int]]
) -> tuple[tuple[Scope, int], ...]:  # fmt: skip
    """Adds up the names of each scope, under the keys of three days."""
    counts = {bytes(name): int(count) for name, count in found}
    return tuple((scope, sum(counts.get(name, 0) for name in named)) for scope, named in scopes.items())


class VerifierStore:
    """What the stores of every verifier share: one database with its ledger of devices, nonces and quotas."""

    def __init__(self, connection: Connection, migrations: Sequence[str], keys: DailyKeys, limits: QuotaLimits) -> None:
        """Uses a database, brought to the newest migration of its verifier."""
        self._connection = connection
        migrate(connection, migrations)
        self.devices = DeviceLedger(self._connection)
        self.alarms = AlarmLedger(self._connection)
        self.tally = TallyStore(self._connection)
        self._ledger = Ledger(self._connection, keys, limits, self.devices)
        self._touched: set[str] = set()

    @contextmanager
    def commit(self) -> Iterator[None]:
        """One durable transaction, of one request or of a group."""
        with self._connection.transaction():
            yield

    @contextmanager
    def request(self) -> Iterator[None]:
        """One request inside a group commit."""
        with self._connection.savepoint():
            yield

    def enrol(self, device: Device, now: int) -> None:
        """Enrols a device, active at once and without a small quota: what the shop's code does."""
        with self.commit():
            self.devices.enrol(device, now)

    def withdraw(self, keyid: str, now: int) -> bool:
        """Withdraws a device; False when no device has this key or it was withdrawn already."""
        with self.commit():
            if self.devices.device(keyid) is None:
                return False
            return self.devices.withdraw(SubjectKind.DEVICE, keyid, BarReason.OPERATOR, now)

    # --- what the detectors read -----------------------------------------------------------------

    def see(self, seen: QuotaKind | Seen, professional: str, now: int) -> None:
        """Counts what a professional's request turned out to be."""
        self._ledger.see(seen, professional, now)
        self._touched.add(professional)

    def counts_of(self, professional: str) -> dict[int, dict[str, int]]:
        """Returns a professional's counts by day and kind, 90 days of them."""
        return self._ledger.counts_of(professional)

    def sums_before(self, day: int) -> list[tuple[int, int, int, int]]:
        """Lists (sum, sum of squares, days, count of ``day``) of each professional's look-ups before a day."""
        return self._ledger.sums_before(day)

    def touch_counted(self, now: int) -> None:
        """Has everybody who was counted today or yesterday judged again."""
        for day in (now // WINDOW_SECONDS - 1, now // WINDOW_SECONDS):
            self._touched |= self._ledger.counted_on(day)

    def take_touched(self, most: int) -> list[str]:
        """Takes who was counted since the last time, at most so many: each once, however much it asked."""
        taken = [self._touched.pop() for _ in range(min(most, len(self._touched)))]
        return sorted(taken)

    def canary_key(self, keyid: str) -> bytes | None:
        """Returns the public key of a canary credential, or None."""
        return self.devices.canary_key(keyid)

    def canary_used(self, keyid: str) -> None:
        """Notes that a canary credential was used, until the next round of the detectors."""
        self.devices.canary_used(keyid)

    def log_alarm(self, payload: bytes) -> int | None:  # noqa: ARG002 - a key server has a witness log, the hub none
        """Appends an alarm to the witness log; returns the position, None where there is no log."""
        return None

    def spent_by_professional(self, kind: QuotaKind, now: int) -> list[int]:
        """Lists what each professional who asked has spent in the window, without saying whose each is."""
        return self._ledger.spent_by_professional(kind, now)

    def totals_by_day(self, kind: QuotaKind, since: int) -> list[tuple[int, int, int]]:
        """Lists (day, requests, new persons charged) of all professionals together, from a day on."""
        return self._ledger.totals_by_day(kind, since)

    def forget(self, now: int) -> None:
        """Deletes hashes and nonces older than 24 hours."""
        with self.commit():
            self._ledger.forget(now)
            self.devices.forget(now)

    def device(self, keyid: str) -> Device | None:
        """Returns an enrolled device, whatever its standing, or None."""
        return self.devices.device(keyid)

    def standing(self, device: Device) -> Standing:
        """Returns the standing of an enrolled device."""
        return self.devices.standing(device)

    def limited_until(self, keyid: str) -> int:
        """Returns until when a device has the small quota of new ones; 0 when it has not."""
        return self.devices.limited_until(keyid)

    def lane_closed_since(self, insurer: str) -> int | None:
        """Returns since when the number lane of an insurer is closed, None when it is open."""
        return self.devices.lane_closed_since(insurer)

    def first_time(self, caller: Authenticated, now: int) -> bool:
        """Records a nonce: True the first time."""
        return self._ledger.first_time(caller, now)

    def spend(self, charge: Charge, now: int) -> Pseudonyms:
        """Spends quota and returns the day's pseudonyms."""
        names = self._ledger.spend(charge, now)
        self._touched.add(charge.professional)
        return names

    def remaining(self, kind: QuotaKind, device: Device, now: int) -> int:
        """Returns what a device has left."""
        return self._ledger.remaining(kind, device, now)

    def close(self) -> None:
        """Closes the database; every commit was durable already."""
        self._connection.close()

    def __enter__(self) -> Self:
        """Uses the store for one command."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()


_LASTING = "lasting"


class DailyKeys:
    """Quota keys in files of their own: one a day, destroyed after 48 hours, and one that lasts, for counts by day."""

    def __init__(self, directory: Path, rng: Rng) -> None:
        """Keeps keys under ``directory``."""
        self._directory = directory
        self._rng = rng
        self._cache: dict[str, DailyKey] = {}

    def require(self, day: int, *, known: bool) -> None:
        """Makes sure that a day has its key; raises StorageDown when the day was counted and its key is gone."""
        if str(day) in self._cache or (path := self._path(str(day))).exists():
            return
        if known:
            raise StorageDown("a quota key of this server is missing: what was spent cannot be told")
        write_secret(path, self._rng(32))
        self._destroy_before(day - 2)

    def of(self, day: int) -> DailyKey:
        """Returns the key of a day."""
        return self._read(str(day))

    def kept(self) -> list[DailyKey]:
        """Returns the keys of the days that are not destroyed yet."""
        names = (path.stem.removeprefix("quota-") for path in self._directory.glob("quota-*.key"))
        return [self._read(name) for name in names if name.isdigit()]

    def lasting(self) -> DailyKey:
        """Returns the key under which professionals are counted by day."""
        if _LASTING not in self._cache and not (path := self._path(_LASTING)).exists():
            write_secret(path, self._rng(32))
        return self._read(_LASTING)

    def _read(self, name: str) -> DailyKey:
        if name not in self._cache:
            self._cache[name] = DailyKey(read_secret(self._path(name), 32))
        return self._cache[name]

    def _path(self, name: str) -> Path:
        return self._directory / f"quota-{name}.key"

    def _destroy_before(self, day: int) -> None:
        for path in self._directory.glob("quota-*.key"):
            name = path.stem.removeprefix("quota-")
            if name.isdigit() and int(name) < day:
                self._cache.pop(name, None)
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
    sync_directory(path.parent)


def delete_secret(path: Path) -> None:
    """Deletes a secret file, and the drafts that a crash may have left of it, on disk before it returns."""
    for leftover in [path, *path.parent.glob(f".{path.name}.*")]:
        leftover.unlink(missing_ok=True)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Brings the names of a folder to the disk."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_secret(path: Path, size: int | None = None) -> bytes:
    """Reads a secret file; raises InvalidConfiguration when it is absent, open to others or of another size."""
    try:
        if path.stat().st_mode & 0o077:
            raise InvalidConfiguration(f"{path.name} can be read by others: chmod 600")
        content = path.read_bytes()
    except FileNotFoundError:
        raise InvalidConfiguration(f"the secret file {path.name} is missing: run init") from None
    if size is not None and len(content) != size:
        raise InvalidConfiguration(f"the secret file {path.name} is damaged: it has {size} bytes")
    return content
