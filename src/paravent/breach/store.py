"""The breach desk's database: which case opened what, and when (docs/protocol.md section 12).

Holds: for each case, the window that was opened, by which custodians, how many openings it held. Stolen: that
there was a case. Altered: each line carries the hash of the one before.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Self

from paravent.access.sqlite_store import connect, transaction

DATABASE = "breach.db"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS unsealing (
    number INTEGER PRIMARY KEY, case_number TEXT NOT NULL, first_hour INTEGER NOT NULL, last_hour INTEGER NOT NULL,
    custodians TEXT NOT NULL, openings INTEGER NOT NULL, at INTEGER NOT NULL, before BLOB NOT NULL
) STRICT;
"""


class Store:
    """Everything the breach desk keeps so far."""

    def __init__(self, home: Path) -> None:
        """Opens or creates the database of a home."""
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._connection = connect(home / DATABASE)
        self._connection.executescript(_SCHEMA)

    def record(self, case: str, window: tuple[int, int], custodians: tuple[str, str], openings: int, now: int) -> None:
        """Records an unsealing, chained to the one before."""
        with transaction(self._connection):
            last = self._connection.execute("SELECT * FROM unsealing ORDER BY number DESC LIMIT 1").fetchone()
            self._connection.execute(
                "INSERT INTO unsealing (case_number, first_hour, last_hour, custodians, openings, at, before)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (case, *window, ",".join(custodians), openings, now, hashlib.sha256(repr(last).encode()).digest()),
            )

    def count(self) -> int:
        """Counts the unsealings so far."""
        (count,) = self._connection.execute("SELECT COUNT(*) FROM unsealing").fetchone()
        return int(count)

    def __enter__(self) -> Self:
        """Uses the store for one command."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self._connection.close()
