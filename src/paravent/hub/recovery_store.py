"""What a hub that was put back keeps until it takes acts again (docs/protocol.md section 18).

Holds: acts given back, sealed under the key kept outside, and which insurers have given back theirs. Stolen: how many
acts were given back. Altered: an act no longer opens, and stays unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from paravent.access.database import Connection, Value
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
REOPENING_SCHEMA = """
ALTER TABLE recovery ADD COLUMN taken INTEGER NOT NULL DEFAULT 0;
ALTER TABLE recovery ADD COLUMN conflicting INTEGER NOT NULL DEFAULT 0;
CREATE INDEX IF NOT EXISTS returned_in_order ON returned (decided_at, event, name);
"""

NUMBERS_A_SECOND = 1_000
"""After a restoration events are numbered above its milliseconds: no number that was told before it comes near."""

UNNUMBERED = 0
"""The event of an act that a desk gave back: its insurer had not been told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoration:
    """When the hub was put back, from when it wants acts back, when it reopened.

    Of the acts that waited until then, ``taken`` were applied so far, and ``conflicting`` of them changed nothing.
    """

    wanted_since: int
    restored_at: int
    reopened_at: int | None
    taken: int
    conflicting: int


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
        found = self._connection.execute(
            "SELECT wanted_since, restored_at, reopened_at, taken, conflicting FROM recovery"
        ).fetchone()
        if found is None:
            return None
        since, restored_at, reopened_at, taken, conflicting = found
        return Restoration(
            wanted_since=since, restored_at=restored_at, reopened_at=reopened_at, taken=taken, conflicting=conflicting
        )

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
        """Begins a restoration: nothing is decided until it is reopened.

        Acts are wanted from as early as after an earlier restoration that this database knows of: who had not given
        theirs back by then, or by the backup, is asked for them again.
        """
        wanted_since = _earliest(wanted_since, self.restoration())
        self._connection.execute("DELETE FROM recovery")
        self._connection.execute("DELETE FROM returner")
        self._connection.execute("INSERT INTO recovery VALUES (1, ?, ?, NULL, 0, 0)", (wanted_since, now))
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

    def waiting(self) -> int:
        """Counts the acts that wait."""
        (count,) = self._connection.execute("SELECT COUNT(*) FROM returned").fetchone()
        return int(count)

    def kept(self, most: int) -> list[KeptReturn]:
        """Lists so many of them at most, in the order in which they were decided."""
        return self._kept("", (), most)

    def kept_at(self, instant: int, after: KeptReturn | None, most: int) -> list[KeptReturn]:
        """Lists so many of those decided at an instant, in their order: the first, or those after one of them."""
        event, name = (-1, b"") if after is None else (after.event, after.name)
        return self._kept("WHERE decided_at = ? AND (event, name) > (?, ?)", (instant, event, name), most)

    def _kept(self, which: str, values: Sequence[Value], most: int) -> list[KeptReturn]:
        found = self._connection.execute(
            f"SELECT name, decided_at, event, sealed FROM returned {which} ORDER BY decided_at, event, name LIMIT ?",  # noqa: S608 - constants
            (*values, most),
        ).fetchall()
        return [
            KeptReturn(name=ActId(bytes(name)), decided_at=decided_at, event=event, sealed=bytes(sealed))
            for name, decided_at, event, sealed in found
        ]

    def forget(self, names: Sequence[ActId], *, taken: int, conflicting: int) -> None:
        """Deletes acts that were applied, and counts them."""
        self._connection.executemany("DELETE FROM returned WHERE name = ?", [(name,) for name in names])
        self._connection.execute(
            "UPDATE recovery SET taken = taken + ?, conflicting = conflicting + ?", (taken, conflicting)
        )


def _earliest(wanted_since: int, former: Restoration | None) -> int:
    return wanted_since if former is None else min(wanted_since, former.wanted_since)
