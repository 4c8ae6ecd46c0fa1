"""The bulletins on a desk's machine, and which of them it acknowledged (docs/protocol.md section 11).

Holds: bulletins, which are public, and when this desk acknowledged each. Stolen: that. Altered: the list no longer
leads to the digest that was signed, or a bulletin is shown as new again.
"""

from __future__ import annotations

from paravent.access.bulletin_store import BULLETIN_SCHEMA, Bulletins

DESK_BULLETIN_SCHEMA = (
    BULLETIN_SCHEMA
    + "CREATE TABLE IF NOT EXISTS bulletin_acknowledged (number INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT;"
)


class DeskBulletins(Bulletins):
    """The list, and what this desk acknowledged of it; every write happens inside the caller's transaction."""

    def keep_acknowledged(self, number: int, now: int) -> None:
        """Records that the hub counted this shop for a bulletin."""
        self._connection.execute(
            "INSERT INTO bulletin_acknowledged VALUES (?, ?) ON CONFLICT (number) DO NOTHING", (number, now)
        )

    def acknowledged(self) -> dict[int, int]:
        """Returns when this desk acknowledged which bulletins, by number."""
        found = self._connection.execute("SELECT number, at FROM bulletin_acknowledged")
        return {int(number): int(at) for number, at in found.fetchall()}
