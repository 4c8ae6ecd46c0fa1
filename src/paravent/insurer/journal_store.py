"""What the insurer has read of the witness logs (docs/protocol.md section 12).

Holds: which record was opened by which shop, in which hour. Stolen: where and when this insurer's members buy
glasses. Altered: a pull from the first leaf on writes it again.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from paravent.insurer.journal import Witnessed

JOURNAL_SCHEMA = """
CREATE TABLE IF NOT EXISTS hour_key (
    server TEXT NOT NULL, position INTEGER NOT NULL, key BLOB NOT NULL, PRIMARY KEY (server, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS witnessed (
    server TEXT NOT NULL, position INTEGER NOT NULL, epoch INTEGER NOT NULL, batch INTEGER NOT NULL,
    handle BLOB NOT NULL, shop TEXT NOT NULL, hour INTEGER NOT NULL, randomness BLOB NOT NULL,
    PRIMARY KEY (server, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log_read (server TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL)
    STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unreadable (
    server TEXT NOT NULL, position INTEGER NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (server, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS witnessed_by_handle ON witnessed (epoch, handle);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRead:
    """How much of a server's log was read, and its root there."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """One opening of a member's record, as the member may read it."""

    hour: int
    shop: str
    servers: tuple[str, ...]

    def confirmed(self, threshold: int) -> bool:
        """Says whether t servers witnessed it: with fewer nothing was opened, or a server invented it."""
        return len(self.servers) >= threshold


class Journal:
    """The journal tables of the insurer's database; writes are in the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Uses the connection of the insurer's store, on which the schema exists."""
        self._connection = connection

    def read_so_far(self, server: str) -> LogRead | None:
        """Returns how much of a server's log was read, or None."""
        found = self._connection.execute("SELECT size, root FROM log_read WHERE server = ?", (server,)).fetchone()
        return None if found is None else LogRead(size=found[0], root=found[1])

    def keep_read(self, server: str, read: LogRead) -> None:
        """Records how much of a server's log was read."""
        self._connection.execute("INSERT OR REPLACE INTO log_read VALUES (?, ?, ?)", (server, read.size, read.root))

    def hour_keys(self, server: str) -> dict[int, bytes]:
        """Returns the hourly keys of a server's log by position."""
        found = self._connection.execute("SELECT position, key FROM hour_key WHERE server = ?", (server,))
        return {int(position): bytes(key) for position, key in found}

    def keep_hour_key(self, server: str, position: int, key: bytes) -> None:
        """Keeps an hourly key."""
        self._connection.execute("INSERT OR IGNORE INTO hour_key VALUES (?, ?, ?)", (server, position, key))

    def keep(self, witnessed: Witnessed) -> None:
        """Keeps an opening, once."""
        self._connection.execute(
            "INSERT OR IGNORE INTO witnessed VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                witnessed.server, witnessed.index, witnessed.epoch, witnessed.batch, witnessed.handle, witnessed.shop,
                witnessed.hour, witnessed.randomness,
            ),
        )  # fmt: skip

    def keep_unreadable(self, server: str, position: int, reason: str) -> None:
        """Keeps that a server logged what this insurer cannot open: it is the server's fault, and provable."""
        self._connection.execute("INSERT OR IGNORE INTO unreadable VALUES (?, ?, ?)", (server, position, reason))

    def unreadable(self) -> int:
        """Counts the leaves that did not open."""
        (count,) = self._connection.execute("SELECT COUNT(*) FROM unreadable").fetchone()
        return int(count)

    def lines(self, member: str) -> list[JournalLine]:
        """Lists a member's openings, newest first; what several servers witnessed of one visit is one line."""
        found = self._connection.execute(
            "SELECT w.hour, w.shop, GROUP_CONCAT(DISTINCT w.server) FROM witnessed AS w JOIN handle AS h"
            " ON h.epoch = w.epoch AND h.handle = w.handle WHERE h.member = ?"
            " GROUP BY w.hour, w.shop ORDER BY w.hour DESC",
            (member,),
        )
        return [
            JournalLine(hour=hour, shop=shop, servers=tuple(sorted(servers.split(","))))
            for hour, shop, servers in found
        ]

    def openings(self, epoch: int, handle: bytes) -> list[tuple[str, int, str, int]]:
        """Lists (server, position, shop, hour) of the openings of a handle."""
        found = self._connection.execute(
            "SELECT server, position, shop, hour FROM witnessed WHERE epoch = ? AND handle = ? ORDER BY hour, server",
            (epoch, handle),
        )
        return [(str(server), int(position), str(shop), int(hour)) for server, position, shop, hour in found]

    def at(self, server: str, position: int) -> tuple[int, int, bytes, bytes] | None:
        """Returns epoch, batch, handle and randomness of a leaf that this insurer opened, or None."""
        found = self._connection.execute(
            "SELECT epoch, batch, handle, randomness FROM witnessed WHERE server = ? AND position = ?",
            (server, position),
        ).fetchone()
        return None if found is None else (found[0], found[1], bytes(found[2]), bytes(found[3]))

    def member(self, epoch: int, handle: bytes) -> str | None:
        """Finds the member behind a handle, None when it is a decoy or was never published."""
        found = self._connection.execute(
            "SELECT member FROM handle WHERE epoch = ? AND handle = ?", (epoch, handle)
        ).fetchone()
        return None if found is None else str(found[0])

    def handles(self, epoch: int, member: str) -> list[bytes]:
        """Lists the handles of a member in an epoch."""
        found = self._connection.execute("SELECT handle FROM handle WHERE epoch = ? AND member = ?", (epoch, member))
        return [bytes(handle) for (handle,) in found]

    def persons_opened(self, servers_min: int = 1) -> int:
        """Counts the distinct members whose record so many servers say to have opened, together."""
        (count,) = self._connection.execute(
            "SELECT COUNT(DISTINCT h.member) FROM handle AS h WHERE (SELECT COUNT(DISTINCT w.server)"
            " FROM witnessed AS w WHERE w.epoch = h.epoch AND w.handle = h.handle) >= ?",
            (servers_min,),
        ).fetchone()
        return int(count)
