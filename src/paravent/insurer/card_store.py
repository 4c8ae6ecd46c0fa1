"""Cards that were issued (docs/protocol.md section 8, step 8.5).

Holds: cards as printed, with name, birth date and code, and which were revoked. Stolen: what a photograph of each card
gives, until it is revoked. Altered: a page shows another card; none that its issuer did not sign is accepted.
"""

from __future__ import annotations

import sqlite3

from paravent.insurer.card import PrintedCard
from paravent.wire.codec import decode, encode

CARD_SCHEMA = """
CREATE TABLE IF NOT EXISTS card (
    status_index INTEGER PRIMARY KEY, member TEXT NOT NULL, issued_at INTEGER NOT NULL, revoked_at INTEGER,
    printed BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS card_by_member ON card (member);
CREATE UNIQUE INDEX IF NOT EXISTS one_card_in_use ON card (member) WHERE revoked_at IS NULL;
"""


class Cards:
    """The card table of the insurer's database; writes are in the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Uses the connection of the insurer's store, on which the schema exists."""
        self._connection = connection

    def in_use(self, member: str) -> PrintedCard | None:
        """Returns the card of a member that is not revoked, or None."""
        found = self._connection.execute(
            "SELECT printed FROM card WHERE member = ? AND revoked_at IS NULL", (member,)
        ).fetchone()
        return None if found is None else decode(found[0], PrintedCard)

    def keep(self, member: str, status_index: int, card: PrintedCard) -> None:
        """Keeps a card; the one before must be revoked: a member has one card in use."""
        self._connection.execute(
            "INSERT INTO card VALUES (?, ?, ?, NULL, ?)", (status_index, member, card.issued_at, encode(card))
        )

    def revoke(self, member: str, now: int) -> int:
        """Revokes the card in use of a member; returns how many there were: the next status list says so."""
        return self._connection.execute(
            "UPDATE card SET revoked_at = ? WHERE member = ? AND revoked_at IS NULL", (now, member)
        ).rowcount
