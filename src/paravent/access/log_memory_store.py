"""What was cosigned here of the logs of key servers, at another key server or at the hub (protocol.md section 12).

Holds: the last checkpoint of each log that was cosigned. Stolen: how many openings each server had witnessed.
Altered: a server that went back could answer again, once every other memory was altered too.
"""

from __future__ import annotations

from paravent.access.database import Connection
from paravent.access.log_watch import Seen
from paravent.crypto.merkle import EMPTY_ROOT

MEMORY_SCHEMA = """CREATE TABLE IF NOT EXISTS cosigned (
    server TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note BLOB NOT NULL
) STRICT, WITHOUT ROWID;
"""


class LogMemory:
    """The last checkpoint of each server that was cosigned here; a write is in the caller's transaction."""

    def __init__(self, connection: Connection) -> None:
        """Uses a connection on which the schema exists."""
        self._connection = connection

    def seen(self, server: str) -> Seen:
        """Returns the last checkpoint of a server cosigned here; size 0 when there is none."""
        found = self._connection.execute("SELECT size, root, note FROM cosigned WHERE server = ?", (server,)).fetchone()
        if found is None:
            return Seen(size=0, root=EMPTY_ROOT)
        return Seen(size=found[0], root=found[1], note=found[2] or None)

    def see(self, server: str, seen: Seen) -> None:
        """Records that a checkpoint of a server is about to be cosigned; a smaller one never takes its place."""
        self._connection.execute(
            "INSERT INTO cosigned VALUES (?, ?, ?, ?) ON CONFLICT (server) DO UPDATE SET size = excluded.size,"
            " root = excluded.root, note = excluded.note WHERE excluded.size >= cosigned.size",
            (server, seen.size, seen.root, seen.note or b""),
        )
