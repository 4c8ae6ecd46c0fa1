"""What came from desks and goes to shops in boxes, and verdicts of audits (docs/protocol.md section 11).

Holds: openings sealed to the medical officer until they are judged; letters sealed to desks until the hub has them;
the verdict on each drawn claim. Stolen: which claims of which month were audited, and how they came out.
Altered: an opening no longer opens, and its claim counts as unopened.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from paravent.wire.boxes import digest_of

BOX_SCHEMA = """
CREATE TABLE IF NOT EXISTS audit_box (number INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, box BLOB NOT NULL)
STRICT;
CREATE TABLE IF NOT EXISTS verdict (
    claim BLOB PRIMARY KEY, month INTEGER NOT NULL, verdict TEXT NOT NULL, judged_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS letter (number INTEGER PRIMARY KEY, shop TEXT NOT NULL, box BLOB NOT NULL) STRICT;
"""


class InsurerBoxes:
    """The box tables of the insurer's database; writes are in the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Uses the connection of the insurer's store, on which the schema exists."""
        self._connection = connection

    def keep_opening(self, box: bytes) -> bool:
        """Keeps an opening, once."""
        cursor = self._connection.execute(
            "INSERT INTO audit_box (digest, box) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING", (digest_of(box), box)
        )
        return cursor.rowcount == 1

    def openings(self) -> list[bytes]:
        """Lists the openings received, oldest first."""
        return [box for (box,) in self._connection.execute("SELECT box FROM audit_box ORDER BY number")]

    def drop_openings(self, boxes: Iterable[bytes]) -> None:
        """Deletes the openings of a month that was judged."""
        for box in boxes:
            self._connection.execute("DELETE FROM audit_box WHERE digest = ?", (digest_of(box),))

    def keep_verdict(self, claim: bytes, month: int, verdict: str, now: int) -> None:
        """Keeps the verdict on a claim; only one that nothing had opened is replaced."""
        self._connection.execute(
            "INSERT INTO verdict VALUES (?, ?, ?, ?) ON CONFLICT (claim) DO UPDATE SET verdict = excluded.verdict,"
            " judged_at = excluded.judged_at WHERE verdict.verdict = 'unopened'",
            (claim, month, verdict, now),
        )

    def verdicts(self, month: int) -> dict[bytes, str]:
        """Returns the verdicts of a month, by claim."""
        return dict(self._connection.execute("SELECT claim, verdict FROM verdict WHERE month = ?", (month,)))

    def keep_letter(self, shop: str, box: bytes) -> None:
        """Keeps a letter until the hub has it."""
        self._connection.execute("INSERT INTO letter (shop, box) VALUES (?, ?)", (shop, box))

    def letters(self) -> list[tuple[int, str, bytes]]:
        """Lists the letters that wait: number, shop, box."""
        return self._connection.execute("SELECT number, shop, box FROM letter ORDER BY number").fetchall()

    def drop_letter(self, number: int) -> None:
        """Forgets a letter that the hub has."""
        self._connection.execute("DELETE FROM letter WHERE number = ?", (number,))
