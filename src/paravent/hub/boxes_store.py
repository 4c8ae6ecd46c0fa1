"""Boxes on their way between desks and insurers (docs/protocol.md section 11).

Holds: boxes sealed to insurers with their sealed sender, until fetched; boxes sealed to desks, under a keyed name
of their shop, for 90 days. Stolen: how many boxes wait for each insurer, and how many a pseudonym of a shop got.
Altered: a box no longer opens, and who sent it sends it again.
"""

from __future__ import annotations

from collections.abc import Iterable

from paravent.access.database import Connection
from paravent.hub.vault import ShopId
from paravent.wire.boxes import (
    BOXES_PER_PULL_MAX,
    SHOP_BOX_SECONDS,
    Boxes,
    BoxKind,
    CarriedBox,
    PlacedBox,
    ShopBoxes,
    digest_of,
)

BOX_SCHEMA = """
CREATE TABLE IF NOT EXISTS insurer_box (
    number INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, insurer TEXT NOT NULL, kind TEXT NOT NULL,
    sender BLOB NOT NULL, box BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS insurer_box_by_insurer ON insurer_box (insurer, number);
CREATE TABLE IF NOT EXISTS shop_box (
    number INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, shop BLOB NOT NULL, box BLOB NOT NULL,
    kept_at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS shop_box_by_shop ON shop_box (shop, number);
"""


class BoxStore:
    """Boxes that wait; every write happens inside the caller's transaction."""

    def __init__(self, connection: Connection) -> None:
        """Uses the hub's connection, on which the schema exists."""
        self._connection = connection

    def keep(self, insurer: str, kind: BoxKind, sender: bytes, box: bytes) -> bool:
        """Keeps a box for an insurer; False when it was kept already."""
        cursor = self._connection.execute(
            "INSERT INTO insurer_box (digest, insurer, kind, sender, box) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (digest) DO NOTHING",
            (digest_of(box), insurer, kind.value, sender, box),
        )
        return cursor.rowcount == 1

    def drop(self, insurer: str, taken: Iterable[bytes]) -> None:
        """Deletes boxes that their insurer has; those of another are left alone."""
        for digest in taken:
            self._connection.execute("DELETE FROM insurer_box WHERE insurer = ? AND digest = ?", (insurer, digest))

    def waiting(self, insurer: str) -> Boxes:
        """Returns the oldest boxes that wait for an insurer."""
        found = self._connection.execute(
            "SELECT kind, sender, box FROM insurer_box WHERE insurer = ? ORDER BY number LIMIT ?",
            (insurer, BOXES_PER_PULL_MAX),
        )
        return Boxes(boxes=tuple(
            CarriedBox(kind=BoxKind(kind), sender=bytes(sender), box=bytes(box)) for kind, sender, box in found
        ))  # fmt: skip

    def keep_for_shop(self, shop: ShopId, box: bytes, now: int, *, above: int = 0) -> bool:
        """Keeps a box for a shop, numbered above every one kept, and above ``above``; False when it was kept already.

        A desk pulls what follows its last number: a hub that was put back gives none that it may have given before.
        """
        if above:
            (last,) = self._connection.execute("SELECT COALESCE(MAX(number), 0) FROM shop_box").fetchone()
            cursor = self._connection.execute(
                "INSERT INTO shop_box VALUES (?, ?, ?, ?, ?) ON CONFLICT (digest) DO NOTHING",
                (max(int(last), above) + 1, digest_of(box), shop, box, now),
            )
        else:
            cursor = self._connection.execute(
                "INSERT INTO shop_box (digest, shop, box, kept_at) VALUES (?, ?, ?, ?) ON CONFLICT (digest) DO NOTHING",
                (digest_of(box), shop, box, now),
            )
        return cursor.rowcount == 1

    def of_shop(self, shop: ShopId, after: int) -> ShopBoxes:
        """Returns the next boxes of a shop."""
        found = self._connection.execute(
            "SELECT number, box FROM shop_box WHERE shop = ? AND number > ? ORDER BY number LIMIT ?",
            (shop, after, BOXES_PER_PULL_MAX),
        )
        return ShopBoxes(boxes=tuple(PlacedBox(number=int(number), box=bytes(box)) for number, box in found))

    def forget(self, now: int) -> None:
        """Deletes old boxes of shops, but the last: its number is never given again, or a desk would pass one over."""
        self._connection.execute(
            "DELETE FROM shop_box WHERE kept_at < ? AND number < (SELECT MAX(number) FROM shop_box)",
            (now - SHOP_BOX_SECONDS,),
        )
