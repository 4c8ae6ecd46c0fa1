"""Incidents that the breach desk told of, for members to ask about (docs/protocol.md section 17).

Holds: incidents as told, and which records they opened, by handle. Stolen: with this insurer's database, whose records
were opened in which incident. Altered: a member is told wrong; the signed file of the breach desk says so.
"""

from __future__ import annotations

import sqlite3

import msgspec

from paravent.insurer.incident import handles_of
from paravent.wire.case import CASE_BYTES_MAX, IncidentTold
from paravent.wire.codec import decode, encode

INCIDENT_SCHEMA = """
CREATE TABLE IF NOT EXISTS incident (case_name TEXT PRIMARY KEY, told_at INTEGER NOT NULL, told BLOB NOT NULL)
    STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS incident_record (
    case_name TEXT NOT NULL, epoch INTEGER NOT NULL, handle BLOB NOT NULL, PRIMARY KEY (case_name, epoch, handle)
) STRICT, WITHOUT ROWID;
"""


class Incidents:
    """The incident tables of the insurer's database; writes are in the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Uses the connection of the insurer's store, on which the schema exists."""
        self._connection = connection

    def keep(self, told: IncidentTold) -> bool:
        """Keeps an incident in the place of what was told of it before; returns False for an older telling."""
        known = self._connection.execute("SELECT told_at FROM incident WHERE case_name = ?", (told.case,)).fetchone()
        if known is not None and known[0] > told.told_at:
            return False
        self._connection.execute("DELETE FROM incident_record WHERE case_name = ?", (told.case,))
        self._connection.executemany(
            "INSERT OR IGNORE INTO incident_record VALUES (?, ?, ?)",
            ((told.case, epoch, handle) for epoch, handle in handles_of(told)),
        )
        bare = msgspec.structs.replace(told, labels=())
        self._connection.execute(
            "INSERT OR REPLACE INTO incident VALUES (?, ?, ?)", (told.case, told.told_at, encode(bare))
        )
        return True

    def all(self) -> list[IncidentTold]:
        """Lists the incidents, the newest first, without their labels."""
        found = self._connection.execute("SELECT told FROM incident ORDER BY told_at DESC, case_name")
        return [decode(told, IncidentTold, bytes_max=CASE_BYTES_MAX) for (told,) in found]

    def find(self, case: str) -> IncidentTold | None:
        """Finds an incident, without its labels."""
        found = self._connection.execute("SELECT told FROM incident WHERE case_name = ?", (case,)).fetchone()
        return None if found is None else decode(found[0], IncidentTold, bytes_max=CASE_BYTES_MAX)

    def records_opened(self, case: str, member: str) -> int:
        """Counts the records of a member that an incident opened: each of their handles is looked up, found or not."""
        (count,) = self._connection.execute(
            "SELECT COUNT(record.handle) FROM handle LEFT JOIN incident_record AS record ON record.case_name = ?"
            " AND record.epoch = handle.epoch AND record.handle = handle.handle WHERE handle.member = ?",
            (case, member),
        ).fetchone()
        return int(count)
