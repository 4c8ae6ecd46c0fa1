"""Which bulletins how many shops acknowledged (docs/protocol.md section 11).

Holds: keyed names of shops by bulletin. Stolen: how many shops acknowledged which bulletin. Altered: the breach desk
counts too many or too few readers.
"""

from __future__ import annotations

from paravent.access.database import Connection
from paravent.hub.vault import AcknowledgingShop
from paravent.wire.bulletins import AcknowledgedCount

ACKNOWLEDGEMENT_SCHEMA = """
CREATE TABLE IF NOT EXISTS acknowledgement (
    bulletin INTEGER NOT NULL, shop BLOB NOT NULL, PRIMARY KEY (bulletin, shop)
) STRICT, WITHOUT ROWID;
"""


class Acknowledgements:
    """One row for a shop and a bulletin; every write happens inside the caller's transaction."""

    def __init__(self, connection: Connection) -> None:
        """Uses the hub's connection, on which the schema exists."""
        self._connection = connection

    def keep(self, bulletin: int, shop: AcknowledgingShop) -> bool:
        """Keeps an acknowledgement; False when this shop had given it."""
        cursor = self._connection.execute(
            "INSERT INTO acknowledgement VALUES (?, ?) ON CONFLICT (bulletin, shop) DO NOTHING", (bulletin, shop)
        )
        return cursor.rowcount == 1

    def counts(self, after: int) -> tuple[AcknowledgedCount, ...]:
        """Counts the shops of each bulletin after a number that has any."""
        found = self._connection.execute(
            "SELECT bulletin, COUNT(*) FROM acknowledgement WHERE bulletin > ? GROUP BY bulletin ORDER BY bulletin",
            (after,),
        )
        return tuple(AcknowledgedCount(number=int(number), shops=int(shops)) for number, shops in found.fetchall())
