"""The list of security bulletins, as the breach desk, the hub, desks and insurers each keep it (docs/protocol.md 11).

Holds: bulletins, which are public, and their signed head. Stolen: nothing. Altered: the list no longer leads to the
digest that the breach desk signed.
"""

from __future__ import annotations

from collections.abc import Sequence

from paravent.access.database import Connection
from paravent.wire.bulletins import (
    BULLETIN_BYTES_MAX,
    BULLETINS_PER_PULL_MAX,
    Bulletin,
    BulletinHead,
    BulletinList,
    KnownList,
)
from paravent.wire.codec import decode, encode
from paravent.wire.statements import Signed

BULLETIN_SCHEMA = """
CREATE TABLE IF NOT EXISTS bulletin (number INTEGER PRIMARY KEY, content BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS bulletin_head (one INTEGER PRIMARY KEY CHECK (one = 1), head BLOB NOT NULL) STRICT;
"""


class Bulletins:
    """A list kept after it was verified; every write happens inside the caller's transaction."""

    def __init__(self, connection: Connection) -> None:
        """Uses a connection on which the schema exists."""
        self._connection = connection

    def head(self) -> Signed | None:
        """Returns the signed head, None before the first list."""
        found = self._connection.execute("SELECT head FROM bulletin_head").fetchone()
        return None if found is None else decode(bytes(found[0]), Signed)

    def known(self) -> KnownList:
        """Returns what is kept, as the next list is compared with it."""
        signed = self.head()
        if signed is None:
            return KnownList()
        head = decode(signed.payload, BulletinHead)
        return KnownList(count=head.count, digest=head.digest, issued_at=head.issued_at)

    def keep(self, head: Signed, first: int, bulletins: Sequence[bytes]) -> None:
        """Keeps a verified head and its new bulletins, the first of which has the number ``first``."""
        for number, content in enumerate(bulletins, start=first):
            self._connection.execute("INSERT INTO bulletin VALUES (?, ?)", (number, content))
        self._connection.execute(
            "INSERT INTO bulletin_head VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET head = excluded.head",
            (encode(head),),
        )

    def after(self, number: int) -> BulletinList | None:
        """Returns the head and the next bulletins after a number; None before the first list."""
        head = self.head()
        if head is None:
            return None
        found = self._connection.execute(
            "SELECT content FROM bulletin WHERE number > ? ORDER BY number LIMIT ?", (number, BULLETINS_PER_PULL_MAX)
        )
        return BulletinList(head=head, bulletins=tuple(bytes(content) for (content,) in found.fetchall()))

    def all(self) -> list[Bulletin]:
        """Lists every bulletin, the oldest first."""
        found = self._connection.execute("SELECT content FROM bulletin ORDER BY number")
        return [decode(bytes(content), Bulletin, bytes_max=BULLETIN_BYTES_MAX) for (content,) in found.fetchall()]
