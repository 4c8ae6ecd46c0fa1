"""Notices to members, kept until the mail server has taken them (docs/protocol.md section 11, step 11.12).

Holds: the members' addresses, and which act of whom in which shop is still to be told, 30 days. Stolen: those
addresses, and where those members buy glasses. Altered: a member is not told, or is told twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from paravent.access.mail import next_try
from paravent.insurer.ledger import LedgerState, ReviewedClaim

OUTBOX_SCHEMA = """
CREATE TABLE IF NOT EXISTS member_contact (member TEXT PRIMARY KEY, address TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notice (
    number INTEGER PRIMARY KEY, member TEXT NOT NULL, kind TEXT NOT NULL, shop TEXT NOT NULL,
    decision BLOB NOT NULL UNIQUE, decided_at INTEGER NOT NULL, tries INTEGER NOT NULL, next_try INTEGER NOT NULL,
    sent_at INTEGER
) STRICT;
"""

TOLD = frozenset({"reserve", "consume", "correct", "cancel"})
KEPT_SECONDS = 30 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """An act that a member is told of; ``number`` is the hub's number of the event."""

    number: int
    address: str
    kind: str
    shop: str
    decision: bytes
    decided_at: int
    tries: int

    def __repr__(self) -> str:
        return "Notice(REDACTED)"


class Outbox:
    """The notices of the insurer's database; writes are in the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Uses the connection of the insurer's store, on which the schema exists."""
        self._connection = connection

    def keep_contacts(self, contacts: Iterable[tuple[str, str]]) -> None:
        """Takes the addresses of members in the place of those known: who is not listed is told nothing any more."""
        self._connection.execute("DELETE FROM member_contact")
        self._connection.executemany("INSERT INTO member_contact VALUES (?, ?)", contacts)

    def add(self, claim: ReviewedClaim) -> None:
        """Queues the notice of an accepted act, once, when the insurer has an address of its member."""
        if claim.kind in TOLD and claim.state is not LedgerState.REFUSED:
            self._connection.execute(
                "INSERT INTO notice SELECT ?, member, ?, ?, ?, ?, 0, 0, NULL FROM member_contact WHERE member = ?"
                " ON CONFLICT DO NOTHING",
                (claim.number, claim.kind, claim.shop, claim.decision, claim.decided_at, claim.member),
            )

    def due(self, now: int, count: int = 100) -> list[Notice]:
        """Lists what is to be sent now, oldest first; an address removed meanwhile is written to no more."""
        found = self._connection.execute(
            "SELECT number, address, kind, shop, decision, decided_at, tries FROM notice JOIN member_contact"
            " USING (member) WHERE sent_at IS NULL AND next_try <= ? ORDER BY number LIMIT ?",
            (now, count),
        )
        return [
            Notice(
                number=number, address=address, kind=kind, shop=shop, decision=decision, decided_at=decided, tries=tries
            )
            for number, address, kind, shop, decision, decided, tries in found
        ]

    def keep_sent(self, number: int, now: int) -> None:
        """Records that a mail server took a notice."""
        self._connection.execute("UPDATE notice SET sent_at = ?, tries = tries + 1 WHERE number = ?", (now, number))

    def keep_failed(self, notice: Notice, now: int) -> None:
        """Puts a notice off."""
        self._connection.execute(
            "UPDATE notice SET tries = tries + 1, next_try = ? WHERE number = ?",
            (next_try(notice.tries, now), notice.number),
        )

    def forget(self, now: int) -> None:
        """Deletes the notices of acts older than 30 days, sent or not: news that old warns of nothing."""
        self._connection.execute("DELETE FROM notice WHERE decided_at < ?", (now - KEPT_SECONDS,))

    def counts(self) -> tuple[int, int]:
        """Counts what waits and what was sent, of the last 30 days."""
        waiting, sent = self._connection.execute(
            "SELECT COUNT(*) - COUNT(sent_at), COUNT(sent_at) FROM notice"
        ).fetchone()
        return int(waiting), int(sent)
