"""Bulletins on their way to the members that an insurer chose (docs/protocol.md section 11, step 11.18).

Holds: which members are to be warned of what, until 30 days after; their addresses are in the outbox. Stolen: those
members, and that they were concerned by a leak. Altered: a member is not warned, or is warned twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from paravent.access.mail import next_try
from paravent.insurer.outbox_store import KEPT_SECONDS

WARNING_SCHEMA = """
CREATE TABLE IF NOT EXISTS warning (
    bulletin INTEGER NOT NULL, member TEXT NOT NULL, queued_at INTEGER NOT NULL, tries INTEGER NOT NULL,
    next_try INTEGER NOT NULL, sent_at INTEGER, PRIMARY KEY (bulletin, member)
) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """A bulletin to be sent to a member."""

    bulletin: int
    member: str
    address: str
    tries: int

    def __repr__(self) -> str:
        return "Warned(REDACTED)"


class Warnings:
    """The warnings of the insurer's database; writes are in the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Uses the connection of the insurer's store, on which the schema exists."""
        self._connection = connection

    def queue(self, bulletin: int, members: Iterable[str], now: int) -> int:
        """Queues a bulletin for members whose address is known, once each; returns how many are new."""
        return sum(
            self._connection.execute(
                "INSERT INTO warning SELECT ?, member, ?, 0, 0, NULL FROM member_contact WHERE member = ?"
                " ON CONFLICT DO NOTHING",
                (bulletin, now, member),
            ).rowcount
            for member in members
        )

    def reachable(self, members: Iterable[str]) -> int:
        """Counts the members whose address is known."""
        query = "SELECT COUNT(*) FROM member_contact WHERE member = ?"
        return sum(self._connection.execute(query, (member,)).fetchone()[0] for member in set(members))

    def due(self, now: int, count: int = 100) -> list[Warned]:
        """Lists what is to be sent now, oldest first; an address removed meanwhile is written to no more."""
        found = self._connection.execute(
            "SELECT bulletin, member, address, tries FROM warning JOIN member_contact USING (member)"
            " WHERE sent_at IS NULL AND next_try <= ? ORDER BY next_try, bulletin, member LIMIT ?",
            (now, count),
        )
        return [
            Warned(bulletin=bulletin, member=member, address=address, tries=tries)
            for bulletin, member, address, tries in found
        ]

    def keep_sent(self, warned: Warned, now: int) -> None:
        """Records that a mail server took a warning."""
        self._connection.execute(
            "UPDATE warning SET sent_at = ?, tries = tries + 1 WHERE bulletin = ? AND member = ?",
            (now, warned.bulletin, warned.member),
        )

    def keep_failed(self, warned: Warned, now: int) -> None:
        """Puts a warning off."""
        self._connection.execute(
            "UPDATE warning SET tries = tries + 1, next_try = ? WHERE bulletin = ? AND member = ?",
            (next_try(warned.tries, now), warned.bulletin, warned.member),
        )

    def forget(self, now: int) -> None:
        """Deletes, after 30 days, who was warned of what."""
        self._connection.execute("DELETE FROM warning WHERE queued_at < ?", (now - KEPT_SECONDS,))

    def counts(self, bulletin: int) -> tuple[int, int]:
        """Counts who waits for a bulletin and who was sent it, of the last 30 days."""
        waiting, sent = self._connection.execute(
            "SELECT COUNT(*) - COUNT(sent_at), COUNT(sent_at) FROM warning WHERE bulletin = ?", (bulletin,)
        ).fetchone()
        return int(waiting), int(sent)
