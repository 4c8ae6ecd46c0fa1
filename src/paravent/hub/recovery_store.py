"""What a hub that was put back keeps until it takes acts again (docs/protocol.md section 18).

Holds: acts given back, sealed under the key kept outside, and which insurers have given back theirs. Stolen: how many
acts were given back. Altered: an act no longer opens, and stays unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from paravent.access.database import Connection
from paravent.errors import HubRecovering
from paravent.hub.vault import ActId
from paravent.wire.recovery import Recovery

RECOVERY_SCHEMA = """
CREATE TABLE IF NOT EXISTS recovery (
    one INTEGER PRIMARY KEY CHECK (one = 1), wanted_since INTEGER NOT NULL, restored_at INTEGER NOT NULL,
    reopened_at INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS returned (
    name BLOB PRIMARY KEY, decided_at INTEGER NOT NULL, event INTEGER NOT NULL, sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS returner (insurer TEXT PRIMARY KEY, returned_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""

NUMBERS_A_SECOND = 1_000
"""After a restoration events are numbered above its milliseconds: no number that was told before it comes near."""

UNNUMBERED = 0
"""The event of an act that a desk gave back: its insurer had not been told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoration:
    """When the hub was put back, from when it wants acts back, when it reopened."""

    wanted_since: int
    restored_at: int
    reopened_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptReturn:
    """An act given back, sealed, until it is applied."""

    name: ActId
    decided_at: int
    event: int
    sealed: bytes


class RecoveryStore:
    """One restoration; every write happens inside the caller's transaction.

    New events are numbered above ``events_above``, milliseconds of the restoration: an insurer pulls what follows the
    last number that it has, and no count of events comes near.
    """

    def __init__(self, connection: Connection) -> None:
        """Uses the hub's connection, on which the schema exists."""
        self._connection = connection
        found = self.restoration()
        # A database is put back while no hub serves: one that is open stays so as long as this process runs.
        self._closed = found is not None and found.reopened_at is None
        self.events_above = 0 if found is None else found.restored_at * NUMBERS_A_SECOND

    def restoration(self) -> Restoration | None:
        """Returns the last restoration, or None when there was none."""
        found = self._connection.execute("SELECT wanted_since, restored_at, reopened_at FROM recovery").fetchone()
        if found is None:
            return None
        return Restoration(wanted_since=found[0], restored_at=found[1], reopened_at=found[2])

    def state(self) -> Recovery:
        """Says what anybody may know: whether acts are taken, and from when decided ones are asked back."""
        found = self.restoration()
        if found is None:
            return Recovery(deciding=True, wanted_since=None, restored_at=None)
        opened = found.reopened_at is not None
        return Recovery(deciding=opened, wanted_since=found.wanted_since, restored_at=found.restored_at)

    def require_open(self) -> None:
        """Raises HubRecovering while acts decided before a loss are being given back."""
        if not self._closed:
            return
        found = self.restoration()
        self._closed = found is not None and found.reopened_at is None
        if self._closed:
            raise HubRecovering("the hub was put back, and is being told what it had decided: nothing new is decided")

    def begin(self, wanted_since: int, now: int) -> None:
        """Begins a restoration: nothing is decided until it is reopened."""
        self._connection.execute("DELETE FROM recovery")
        self._connection.execute("DELETE FROM returner")
        self._connection.execute("INSERT INTO recovery VALUES (1, ?, ?, NULL)", (wanted_since, now))
        self._closed, self.events_above = True, now * NUMBERS_A_SECOND

    def reopen(self, now: int) -> None:
        """Ends it: acts are decided again."""
        self._connection.execute("UPDATE recovery SET reopened_at = ?", (now,))

    def keep_returner(self, insurer: str, now: int) -> None:
        """Notes that an insurer has given back everything."""
        self._connection.execute(
            "INSERT INTO returner VALUES (?, ?) ON CONFLICT (insurer) DO UPDATE SET returned_at = excluded.returned_at",
            (insurer, now),
        )

    def returners(self) -> set[str]:
        """Lists the insurers that have given back everything."""
        return {insurer for (insurer,) in self._connection.execute("SELECT insurer FROM returner").fetchall()}

    def keep(self, kept: KeptReturn) -> bool:
        """Keeps an act until reopening; the number of its event is kept whoever gave it first. False when known."""
        written = self._connection.execute(
            "INSERT INTO returned VALUES (?, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
            (kept.name, kept.decided_at, kept.event, kept.sealed),
        )
        if written.rowcount == 0 and kept.event != UNNUMBERED:
            self._connection.execute("UPDATE returned SET event = ? WHERE name = ?", (kept.event, kept.name))
        return written.rowcount == 1

    def kept(self) -> Iterator[KeptReturn]:
        """Lists them in the order in which they were decided."""
        for name, decided_at, event, sealed in self._connection.execute(
            "SELECT name, decided_at, event, sealed FROM returned ORDER BY decided_at, event, name"
        ).fetchall():
            yield KeptReturn(name=ActId(bytes(name)), decided_at=decided_at, event=event, sealed=bytes(sealed))

    def forget_kept(self) -> None:
        """Deletes them, once applied."""
        self._connection.execute("DELETE FROM returned")
