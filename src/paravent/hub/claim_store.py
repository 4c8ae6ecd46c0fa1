"""The trade side of the hub's database: sealed records and sealed events (docs/protocol.md section 11).

Holds: acts, rights and claims, each a record under a keyed name, sealed under the key kept outside, all of one
length; details sealed to insurers. Stolen: the number of acts by insurer and month, and how many records there
are. Altered: a record no longer opens, and an insurer's own recomputation disagrees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from paravent.access.database import Connection, Statement
from paravent.errors import StorageDown
from paravent.hub.vault import RecordId
from paravent.wire.claims import PullAnswer, SealedEvent

EVENTS_PER_PULL_MAX = 32

CLAIM_SCHEMA = """
CREATE TABLE IF NOT EXISTS right_state (
    nullifier BLOB PRIMARY KEY, state TEXT NOT NULL, holder BLOB, reserved_until INTEGER, consumed_month INTEGER,
    early_month INTEGER, version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS act (name BLOB PRIMARY KEY, decision BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS claim_identifier (claim BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event (
    number INTEGER PRIMARY KEY, insurer TEXT NOT NULL, month INTEGER NOT NULL, detail BLOB NOT NULL,
    payment BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS event_by_insurer ON event (insurer, number);
"""

# What stood in clear in the first tables is not carried over: only the key outside the database can name a record.
RECORD_SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
    name BLOB PRIMARY KEY, sealed BLOB NOT NULL, version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
DROP TABLE right_state;
DROP TABLE act;
DROP TABLE claim_identifier;
"""

# On shards, a record that was not written lately leaves its version here, which decides, and its content there.
SETTLED_SCHEMA = """CREATE TABLE IF NOT EXISTS settled_record (
    name BLOB PRIMARY KEY, version INTEGER NOT NULL, sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
"""
SETTLED_AT = "SELECT sealed FROM settled_record WHERE name = ? AND version = ?"
# Found by this index: what is not settled yet is what was written in the last seconds.
UNSETTLED_SCHEMA = "CREATE INDEX IF NOT EXISTS unsettled ON record (name) WHERE sealed <> '';"
_UNSETTLED = "SELECT name, version, sealed FROM record WHERE sealed <> '' LIMIT ?"
_SETTLE = "UPDATE record SET sealed = '' WHERE name = ? AND version = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """A sealed record and the version that a conditional write must still find."""

    sealed: bytes
    version: int


class ClaimStore:
    """Records and events; every write happens inside the caller's transaction."""

    def __init__(self, connection: Connection) -> None:
        """Uses the hub's connection, on which the schema exists."""
        self._connection = connection

    def record(self, name: RecordId) -> StoredRecord | None:
        """Returns what is kept under a name, or None."""
        return self.records([name])[0]

    def any_record(self) -> tuple[RecordId, bytes] | None:
        """Returns some record, its name and its content, or None when nothing was ever decided."""
        found = self._connection.execute("SELECT name FROM record LIMIT 1").fetchone()
        name = None if found is None else cast("RecordId", bytes(found[0]))
        kept = None if name is None else self.record(name)
        return None if name is None or kept is None else (name, kept.sealed)

    def records(self, names: Sequence[RecordId]) -> list[StoredRecord | None]:
        """Returns what is kept under each name, in one round trip where there are any."""
        query = "SELECT sealed, version FROM record WHERE name = ?"
        rows = [cursor.fetchone() for cursor in self._connection.batch([Statement(query, (name,)) for name in names])]
        return [
            None if row is None else StoredRecord(sealed=bytes(row[0]) or self._settled(name, row[1]), version=row[1])
            for name, row in zip(names, rows, strict=True)
        ]

    def _settled(self, name: RecordId, version: int) -> bytes:
        found = self._connection.execute(SETTLED_AT, (name, version)).fetchone()
        if found is None:
            raise StorageDown("the shard of this record does not have it")
        return bytes(found[0])

    def settle(self, most: int) -> int:
        """Moves the content of so many records to their shards, leaving their versions; returns how many.

        A shard has a content, on its disk, before it is taken from here; killed in between, it is moved again.
        """
        found = [(bytes(name), int(version), bytes(sealed)) for name, version, sealed in self._connection.execute(
            _UNSETTLED, (most,)
        ).fetchall()]  # fmt: skip
        self._connection.load("settled_record", found)
        self._connection.executemany(_SETTLE, [(name, version) for name, version, _ in found])
        return len(found)

    def keep_record(self, name: RecordId, former: StoredRecord | None, sealed: bytes) -> bool:
        """Compares and sets: writes only when the name still has its former version; returns whether it did."""
        if former is None:
            cursor = self._connection.execute(
                "INSERT INTO record VALUES (?, ?, 1) ON CONFLICT (name) DO NOTHING", (name, sealed)
            )
        else:
            cursor = self._connection.execute(
                "UPDATE record SET sealed = ?, version = version + 1 WHERE name = ? AND version = ?",
                (sealed, name, former.version),
            )
        return cursor.rowcount == 1

    def add_event(self, insurer: str, month: int, detail: bytes, payment: bytes, *, above: int = 0) -> None:
        """Adds a sealed event for an insurer, numbered above every one kept, and above ``above``."""
        if above:
            self.put_event(0, above, insurer, month, detail, payment)
            return
        self._connection.execute(
            "INSERT INTO event (insurer, month, detail, payment) VALUES (?, ?, ?, ?)",
            (insurer, month, detail, payment),
        )

    def put_event(self, number: int, above: int, insurer: str, month: int, detail: bytes, payment: bytes) -> None:
        """Puts an event back under the number that its insurer knows; 0 is one that nobody was told, numbered anew.

        A new number is above every one kept, and above ``above``: an insurer pulls what follows its last number. The
        caller has the database number on from it. An event whose number is taken is not lost: it has a new one.
        """
        taken = self._connection.execute("SELECT 1 FROM event WHERE number = ?", (number,)).fetchone() is not None
        if number == 0 or taken:
            number = max(self._last_event(), above) + 1
        self._connection.execute(
            "INSERT INTO event VALUES (?, ?, ?, ?, ?)",
            (number, insurer, month, detail, payment),
        )

    def _last_event(self) -> int:
        (last,) = self._connection.execute("SELECT COALESCE(MAX(number), 0) FROM event").fetchone()
        return int(last)

    def lines_by_month(self, insurer: str) -> list[tuple[int, int]]:
        """Counts the claim lines of an insurer by month (YYYYMM), the oldest first."""
        found = self._connection.execute(
            "SELECT month, COUNT(*) FROM event WHERE insurer = ? GROUP BY month ORDER BY month", (insurer,)
        )
        return [(int(month), int(lines)) for month, lines in found]

    def events(self, insurer: str, after: int) -> PullAnswer:
        """Returns an insurer's next events."""
        found = self._connection.execute(
            "SELECT number, month, detail, payment FROM event WHERE insurer = ? AND number > ? ORDER BY number LIMIT ?",
            (insurer, after, EVENTS_PER_PULL_MAX),
        )
        return PullAnswer(events=tuple(
            SealedEvent(number=number, insurer=insurer, month=month, detail=detail, payment=payment)
            for number, month, detail, payment in found
        ))  # fmt: skip
