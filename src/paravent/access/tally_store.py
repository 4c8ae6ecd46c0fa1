"""Counts of requests by hour, kept for the operator's console (docs/protocol.md section 13).

Holds: how many requests each handler answered and refused, by hour and code, of the last 90 days. Stolen: how busy
the server was, and nothing of anybody. Altered: the console shows other counts; no decision rests on them.
"""

from __future__ import annotations

from collections.abc import Iterable

from paravent.access.database import Connection
from paravent.access.tally import Counted

TALLY_HOURS_MAX = 90 * 24

TALLY_SCHEMA = """CREATE TABLE IF NOT EXISTS tally (
    hour INTEGER NOT NULL, action TEXT NOT NULL, code TEXT NOT NULL, requests INTEGER NOT NULL,
    milliseconds INTEGER NOT NULL, PRIMARY KEY (hour, action, code)
) STRICT, WITHOUT ROWID;
"""


class TallyStore:
    """The counts of one server; every method runs in the caller's transaction."""

    def __init__(self, connection: Connection) -> None:
        """Uses a connection on which the schema exists."""
        self._connection = connection

    def add(self, counted: Iterable[Counted]) -> None:
        """Adds counts to those of their hour."""
        self._connection.executemany(
            "INSERT INTO tally VALUES (?, ?, ?, ?, ?) ON CONFLICT (hour, action, code) DO UPDATE"
            " SET requests = tally.requests + excluded.requests, milliseconds = tally.milliseconds"
            " + excluded.milliseconds",
            ((one.hour, one.action, one.code, one.requests, one.milliseconds) for one in counted),
        )

    def since(self, hour: int) -> list[Counted]:
        """Lists the counts from an hour on, the oldest first."""
        found = self._connection.execute(
            "SELECT hour, action, code, requests, milliseconds FROM tally WHERE hour >= ? ORDER BY hour, action, code",
            (hour,),
        )
        return [
            Counted(hour=hour, action=action, code=code, requests=requests, milliseconds=milliseconds)
            for hour, action, code, requests, milliseconds in found.fetchall()
        ]

    def forget(self, hour: int) -> None:
        """Deletes what is older than its term."""
        self._connection.execute("DELETE FROM tally WHERE hour < ?", (hour - TALLY_HOURS_MAX,))
