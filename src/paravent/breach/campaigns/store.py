"""Campaigns as events that are only added (docs/watch.md section 11).

Holds: who was written to, when, and who answered; names and addresses of organisations. Stolen: who is late. Altered:
SQLite itself refuses to change or delete an event; in a file rewritten whole, a letter no longer has the hash it has
in the hands of who received it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

import msgspec

from paravent.access.sqlite_store import connect, transaction
from paravent.breach.campaigns.campaign import Event, OpenedCampaign
from paravent.errors import BadInput

DATABASE = "campaigns.db"
_MODEL = Path(__file__).parent / "data" / "model-2026-11-27.toml"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
    number INTEGER PRIMARY KEY, campaign TEXT NOT NULL, kept_at INTEGER NOT NULL, event BLOB NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS event_is_not_changed BEFORE UPDATE ON event
    BEGIN SELECT RAISE(ABORT, 'events are only added'); END;
CREATE TRIGGER IF NOT EXISTS event_is_not_deleted BEFORE DELETE ON event
    BEGIN SELECT RAISE(ABORT, 'events are only added'); END;
"""


class Store:
    """Every event of every campaign."""

    def __init__(self, home: Path) -> None:
        """Opens or creates the database of a home."""
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._connection = connect(home / DATABASE)
        self._connection.executescript(_SCHEMA)

    def add(self, campaign: str, event: Event, now: int) -> None:
        """Adds an event; raises BadInput when a campaign of this reference was opened before."""
        if isinstance(event, OpenedCampaign) and self.events(campaign):
            raise BadInput("a campaign of this reference was opened before: give it another")
        with transaction(self._connection):
            self._connection.execute(
                "INSERT INTO event (campaign, kept_at, event) VALUES (?, ?, ?)",
                (campaign, now, msgspec.json.encode(event)),
            )

    def events(self, campaign: str) -> list[Event]:
        """Lists the events of a campaign, in order."""
        found = self._connection.execute("SELECT event FROM event WHERE campaign = ? ORDER BY number", (campaign,))
        return [msgspec.json.decode(event, type=Event) for (event,) in found]

    def campaigns(self) -> list[str]:
        """Lists the campaigns, the oldest first."""
        found = self._connection.execute("SELECT campaign FROM event GROUP BY campaign ORDER BY MIN(number)")
        return [str(name) for (name,) in found]

    def __enter__(self) -> Self:
        """Uses the store for one command."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self._connection.close()


def model() -> bytes:
    """Reads the model of the package."""
    return _MODEL.read_bytes()
