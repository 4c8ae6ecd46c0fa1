"""The witness log on disk: leaves, perfect subtrees, a copy of another log (docs/protocol.md section 12).

Holds: entries whose parts are sealed, hashes, checkpoints. Stolen: how many openings there were each hour, by
insurer. Altered: roots no longer lead to the checkpoints that other servers cosigned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from paravent.access.database import Connection
from paravent.access.log_memory_store import MEMORY_SCHEMA
from paravent.crypto.labels import Label, enc
from paravent.crypto.log import Coordinates, Frontier, consistency_nodes, read_frontier, read_inclusions, read_proof
from paravent.crypto.merkle import EMPTY_ROOT, leaf_hash
from paravent.errors import MalformedMessage, StorageDown
from paravent.keyserver.state import LeafPosition
from paravent.wire.log import OpeningEntry

LOG_SCHEMA = (
    """
CREATE TABLE IF NOT EXISTS leaf (
    position INTEGER PRIMARY KEY, leaf_hash BLOB NOT NULL, entry BLOB NOT NULL, request BLOB UNIQUE
) STRICT;
CREATE TABLE IF NOT EXISTS node (level INTEGER NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL,
    PRIMARY KEY (level, position)) STRICT, WITHOUT ROWID;
"""
    + MEMORY_SCHEMA
    + """CREATE TABLE IF NOT EXISTS checkpoint (one INTEGER PRIMARY KEY CHECK (one = 1), note BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS stamp (one INTEGER PRIMARY KEY CHECK (one = 1), note BLOB NOT NULL, stamp BLOB NOT NULL)
    STRICT;
CREATE TABLE IF NOT EXISTS copied (
    server TEXT NOT NULL, position INTEGER NOT NULL, entry BLOB NOT NULL, PRIMARY KEY (server, position)
) STRICT, WITHOUT ROWID;
"""
)


class WitnessLog:
    """The leaves of one server, and its copy of another log; every write is in the caller's transaction."""

    def __init__(self, connection: Connection) -> None:
        """Uses the connection of the key server's store, on which the schema exists."""
        self._connection = connection
        self._frontier = Frontier()

    def append(self, entry: bytes, request: bytes | None) -> LeafPosition:
        """Appends an entry with the tree nodes that it completes."""
        digest, size = leaf_hash(entry), self.size()
        # A transaction that was undone leaves the frontier of a longer log in memory: it is read again.
        frontier = self._frontier if self._frontier.size == size else read_frontier(size, self._node)
        self._frontier, completed = frontier.append(digest)
        self._connection.execute("INSERT INTO leaf VALUES (?, ?, ?, ?)", (size, digest, entry, request))
        self._connection.executemany(
            "INSERT INTO node VALUES (?, ?, ?)", [(at.level, at.position, hash_) for at, hash_ in completed]
        )
        return LeafPosition(index=size, leaf_hash=digest)

    def size(self) -> int:
        """Returns the number of leaves."""
        (size,) = self._connection.execute("SELECT COALESCE(MAX(position) + 1, 0) FROM leaf").fetchone()
        return int(size)

    def root(self, size: int) -> bytes:
        """Computes the root of the first ``size`` leaves; raises MalformedMessage when there are fewer."""
        if size > self.size():
            raise MalformedMessage("this log has fewer leaves")
        return read_frontier(size, self._node).root() if size else EMPTY_ROOT

    def leaf_hash(self, index: int) -> bytes | None:
        """Returns a leaf hash, or None."""
        found = self._connection.execute("SELECT leaf_hash FROM leaf WHERE position = ?", (index,)).fetchone()
        return None if found is None else bytes(found[0])

    def witnessed(self, request: bytes) -> LeafPosition | None:
        """Finds the leaf of an identical request seen before."""
        found = self._connection.execute(
            "SELECT position, leaf_hash FROM leaf WHERE request = ?", (request,)
        ).fetchone()
        return None if found is None else LeafPosition(index=found[0], leaf_hash=found[1])

    def entries(self, start: int, limit: int) -> list[tuple[int, bytes]]:
        """Returns the next entries from a position on, in order."""
        found = self._connection.execute(
            "SELECT position, entry FROM leaf WHERE position >= ? ORDER BY position LIMIT ?", (start, limit)
        )
        return [(int(position), bytes(entry)) for position, entry in found]

    def openings(self, first_hour: int) -> Iterator[OpeningEntry]:
        """Iterates the openings from an hour on, newest first; the log is in the order of time."""
        prefix = enc(Label.LOG_ENTRY)
        for (entry,) in self._connection.execute("SELECT entry FROM leaf ORDER BY position DESC"):
            if entry.startswith(prefix):
                opening = OpeningEntry.decode(entry)
                if opening.hour < first_hour:
                    return
                yield opening

    def inclusions(self, indices: Iterable[int], size: int) -> list[tuple[bytes, ...]]:
        """Proves leaves in the log of ``size`` leaves; neighbours share most of their nodes, and each is read once."""
        return read_inclusions(indices, size, self._node)

    def consistency(self, old: int, size: int) -> tuple[bytes, ...]:
        """Proves that the log of ``size`` leaves extends its first ``old``; raises MalformedMessage when it cannot."""
        if old == 0:
            return ()
        if old > size:
            raise MalformedMessage("this log has fewer leaves")
        return tuple(read_proof(consistency_nodes(old, size), self._node))

    def _node(self, at: Coordinates) -> bytes:
        found = self._connection.execute(
            "SELECT hash FROM node WHERE level = ? AND position = ?", (at.level, at.position)
        ).fetchone()
        if found is None:
            raise StorageDown("a node of the witness log is missing")
        return bytes(found[0])

    # --- checkpoints -----------------------------------------------------------------------------

    def checkpoint(self) -> bytes | None:
        """Returns the newest note of this log with its cosignatures, or None."""
        found = self._connection.execute("SELECT note FROM checkpoint").fetchone()
        return None if found is None else bytes(found[0])

    def keep_checkpoint(self, note: bytes) -> None:
        """Keeps a note of this log."""
        self._connection.execute("INSERT OR REPLACE INTO checkpoint VALUES (1, ?)", (note,))

    def keep_stamp(self, note: bytes, stamp: bytes) -> None:
        """Keeps the newest stamped note, exactly as it was stamped, with its stamp."""
        self._connection.execute("INSERT OR REPLACE INTO stamp VALUES (1, ?, ?)", (note, stamp))

    def stamp(self) -> tuple[bytes, bytes] | None:
        """Returns the newest stamped note and its stamp, or None."""
        found = self._connection.execute("SELECT note, stamp FROM stamp").fetchone()
        return None if found is None else (bytes(found[0]), bytes(found[1]))

    # --- copies of another server's leaves ---------------------------------------------------------

    def copied(self, server: str) -> int:
        """Returns how many leaves of a server are copied here."""
        (count,) = self._connection.execute("SELECT COUNT(*) FROM copied WHERE server = ?", (server,)).fetchone()
        return int(count)

    def copy(self, server: str, leaves: list[tuple[int, bytes]]) -> None:
        """Keeps leaves of another server."""
        self._connection.executemany(
            "INSERT OR IGNORE INTO copied VALUES (?, ?, ?)", [(server, index, entry) for index, entry in leaves]
        )

    def copies(self, server: str, start: int, limit: int) -> list[tuple[int, bytes]]:
        """Returns copied entries of a server from a position on."""
        found = self._connection.execute(
            "SELECT position, entry FROM copied WHERE server = ? AND position >= ? ORDER BY position LIMIT ?",
            (server, start, limit),
        )
        return [(int(position), bytes(entry)) for position, entry in found]
