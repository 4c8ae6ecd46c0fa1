"""Numbers that the insurer's database remembers by name (docs/protocol.md sections 6 and 11).

Holds: how many epochs, batches, manifests and lists there were, and how far this insurer is with the hub. Stolen: those
counts. Altered: one put back gives numbers that parties refuse; one put forward passes events over.
"""

from __future__ import annotations

import sqlite3

COUNTER_SCHEMA = """
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""


class Counters:
    """The counter table of the insurer's database; writes are in the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Uses the connection of the insurer's store, on which the schema exists."""
        self._connection = connection

    def next(self, name: str) -> int:
        """Counts on, and returns the new value: 1, 2, 3..."""
        (value,) = self._connection.execute(
            "INSERT INTO counter VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
            (name,),
        ).fetchone()
        return int(value)

    def value(self, name: str) -> int:
        """Returns the value of a counter, 0 when there is none."""
        found = self._connection.execute("SELECT value FROM counter WHERE name = ?", (name,)).fetchone()
        return 0 if found is None else int(found[0])

    def keep(self, name: str, value: int) -> None:
        """Gives a counter a value, in the place of the one before."""
        self._connection.execute("INSERT OR REPLACE INTO counter VALUES (?, ?)", (name, value))
