"""What insurers told this shop of its money (docs/protocol.md section 11).

Holds: remittances and notices of accounts as insurers signed them, and which openings were sent. Stolen: what each
insurer paid this shop, by claim. Altered: a statement no longer verifies, and the desk names it.
"""

from __future__ import annotations

import sqlite3
import time

from paravent.access.sqlite_store import transaction
from paravent.wire.boxes import Letter
from paravent.wire.codec import decode, encode
from paravent.wire.statements import STATEMENT_BYTES_MAX

LETTER_SCHEMA = """
CREATE TABLE IF NOT EXISTS letter (number INTEGER PRIMARY KEY, letter BLOB NOT NULL UNIQUE) STRICT;
CREATE TABLE IF NOT EXISTS boxes_pulled (one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS opening_sent (claim BLOB PRIMARY KEY, sent_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS details_sent (fingerprint TEXT PRIMARY KEY, sent_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""


class Letters:
    """Letters of insurers on the desk's machine, and what was sent to them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Uses the connection of the desk's store, on which the schema exists."""
        self._connection = connection

    def last(self) -> int:
        """Returns the hub's number of the last box pulled."""
        found = self._connection.execute("SELECT number FROM boxes_pulled").fetchone()
        return 0 if found is None else int(found[0])

    def keep(self, letter: Letter | None, number: int) -> bool:
        """Keeps a letter once, with the number of its box; None for a box that says nothing to this desk."""
        with transaction(self._connection):
            self._connection.execute("INSERT OR REPLACE INTO boxes_pulled VALUES (1, ?)", (number,))
            if letter is None:
                return False
            cursor = self._connection.execute(
                "INSERT INTO letter (letter) VALUES (?) ON CONFLICT (letter) DO NOTHING", (encode(letter),)
            )
        return cursor.rowcount == 1

    def letters(self) -> list[Letter]:
        """Lists the letters kept, oldest first."""
        found = self._connection.execute("SELECT letter FROM letter ORDER BY number")
        return [decode(letter, Letter, bytes_max=STATEMENT_BYTES_MAX) for (letter,) in found]

    def openings_sent(self) -> set[bytes]:
        """Returns the claims whose opening the hub has taken."""
        return {claim for (claim,) in self._connection.execute("SELECT claim FROM opening_sent")}

    def keep_opening_sent(self, claim: bytes) -> None:
        """Records that the hub has an opening."""
        with transaction(self._connection):
            self._connection.execute("INSERT OR IGNORE INTO opening_sent VALUES (?, ?)", (claim, int(time.time())))

    def keep_details_sent(self, fingerprint: str) -> None:
        """Records bank details that this desk signed: a notice about others is an alarm."""
        with transaction(self._connection):
            self._connection.execute(
                "INSERT OR IGNORE INTO details_sent VALUES (?, ?)", (fingerprint, int(time.time()))
            )

    def details_sent(self) -> set[str]:
        """Returns the fingerprints of the bank details that this desk signed."""
        return {text for (text,) in self._connection.execute("SELECT fingerprint FROM details_sent")}
