"""The breach desk's database: cases, evidence, the log they are leaves of (docs/protocol.md section 16).

Holds: what happened in each case, measured files and documents, labels but no member, names of the persons who
handle it. Stolen: that there is a case, its state of knowledge, pseudonyms of insured persons. Altered: the leaves
no longer lead to the checkpoints that others cosigned and an authority stamped.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Self

from paravent.access.database import Database, migrate
from paravent.access.sqlite_store import connect
from paravent.access.store import read_secret
from paravent.breach.entries import AnyEvent, Entry, Placed, Private, read_leaf
from paravent.breach.log import Tree
from paravent.errors import InvalidConfiguration

DATABASE, DATABASE_URL = "breach.db", "database.url"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS leaf (position INTEGER PRIMARY KEY, case_name TEXT NOT NULL, content BLOB NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS leaf_by_case ON leaf (case_name, position);
CREATE TABLE IF NOT EXISTS checkpoint (size INTEGER PRIMARY KEY, note BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS private (commitment BLOB PRIMARY KEY, salt BLOB NOT NULL, text TEXT NOT NULL)
    STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS file (sha256 BLOB PRIMARY KEY, content BLOB NOT NULL) STRICT;
"""

MIGRATIONS = (_SCHEMA,)
"""Every change of the tables, in order; what was released is never edited (``database.migrate``)."""


def has_cases(home: Path) -> bool:
    """Says whether a home has a database of cases, wherever it is."""
    return (home / DATABASE).exists() or (home / DATABASE_URL).exists()


def open_database(home: Path) -> Database:
    """Opens SQLite in a home, or PostgreSQL when the home has the secret file of its connection string."""
    if not (home / DATABASE_URL).exists():
        return connect(home / DATABASE)
    return open_postgresql(read_secret(home / DATABASE_URL))


def open_postgresql(url: bytes) -> Database:
    """Opens the PostgreSQL database of a connection string."""
    # Imported here: a breach desk on SQLite needs no driver of another database.
    from paravent.access.postgresql_store import DatabaseUrl, PostgresqlConnection  # noqa: PLC0415

    return PostgresqlConnection(DatabaseUrl(url))


class Store:
    """Everything the breach desk keeps."""

    def __init__(self, home: Path) -> None:
        """Opens or creates the database of a home."""
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._connection = open_database(home)
        migrate(self._connection, MIGRATIONS)

    # --- entries -----------------------------------------------------------------------------

    def add(
        self, case: str, said: AnyEvent, *, role: str, now: int, supersedes: int | None = None, new: bool = False
    ) -> Placed:  # fmt: skip
        """Appends an entry to a case; ``new`` opens one, and otherwise the case must be open."""
        with self._connection.transaction():
            (number,) = self._connection.execute("SELECT COUNT(*) FROM leaf WHERE case_name = ?", (case,)).fetchone()
            if (number == 0) is not new:
                raise InvalidConfiguration("this case is open already" if number else "no such case is open here")
            position = self.size()
            entry = Entry(case=case, number=number, at=now, role=role, said=said, supersedes=supersedes)
            self._connection.execute("INSERT INTO leaf VALUES (?, ?, ?)", (position, case, entry.leaf()))
        return Placed(position=position, entry=entry)

    def entries(self, case: str) -> list[Placed]:
        """Lists the entries of a case; raises InvalidConfiguration when there is none."""
        found = self._connection.execute(
            "SELECT position, content FROM leaf WHERE case_name = ? ORDER BY position", (case,)
        ).fetchall()
        if not found:
            raise InvalidConfiguration("no such case is open here")
        return [Placed(position=position, entry=read_leaf(content)) for position, content in found]

    def cases(self) -> list[str]:
        """Lists the cases, the oldest first."""
        found = self._connection.execute("SELECT case_name FROM leaf GROUP BY case_name ORDER BY MIN(position)")
        return [str(name) for (name,) in found]

    def next_case(self, year: int) -> str:
        """Gives the identifier of the next case of a year."""
        return f"{year}-{sum(name.startswith(f'{year}-') for name in self.cases()) + 1:03d}"

    def size(self) -> int:
        """Counts the leaves of the log."""
        (size,) = self._connection.execute("SELECT COALESCE(MAX(position) + 1, 0) FROM leaf").fetchone()
        return int(size)

    def leaves(self) -> list[bytes]:
        """Lists the content of every leaf."""
        return [bytes(content) for (content,) in self._connection.execute("SELECT content FROM leaf ORDER BY position")]

    def tree(self) -> Tree:
        """Builds the tree of the log."""
        return Tree(self.leaves())

    # --- checkpoints -------------------------------------------------------------------------

    def keep_checkpoint(self, size: int, note: bytes) -> None:
        """Keeps the note of a size, in the place of the same note with fewer cosignatures."""
        with self._connection.transaction():
            self._connection.execute(
                "INSERT INTO checkpoint VALUES (?, ?) ON CONFLICT (size) DO UPDATE SET note = excluded.note",
                (size, note),
            )

    def checkpoints(self) -> dict[int, bytes]:
        """Returns the notes kept, by size."""
        return {
            int(size): bytes(note)
            for size, note in self._connection.execute("SELECT size, note FROM checkpoint ORDER BY size")
        }

    # --- what stands outside the log -----------------------------------------------------------

    def keep_file(self, content: bytes) -> bytes:
        """Keeps a file; returns its SHA-256."""
        digest = hashlib.sha256(content).digest()
        with self._connection.transaction():
            self._connection.execute(
                "INSERT INTO file VALUES (?, ?) ON CONFLICT (sha256) DO NOTHING", (digest, content)
            )
        return digest

    def file(self, sha256: bytes) -> bytes:
        """Returns a file; raises InvalidConfiguration when it was erased or never kept."""
        found = self._connection.execute("SELECT content FROM file WHERE sha256 = ?", (sha256,)).fetchone()
        if found is None:
            raise InvalidConfiguration("a file of the case is not kept here")
        return bytes(found[0])

    def keep_private(self, private: Private) -> bytes:
        """Keeps a text about a person; returns the commitment that the log may show."""
        with self._connection.transaction():
            self._connection.execute(
                "INSERT INTO private VALUES (?, ?, ?) ON CONFLICT (commitment) DO NOTHING",
                (private.commitment, private.salt, private.text),
            )
        return private.commitment

    def erase_private(self, commitment: bytes) -> None:
        """Erases a text and its salt: the log stays whole and says nothing of the person any more."""
        with self._connection.transaction():
            self._connection.execute("DELETE FROM private WHERE commitment = ?", (commitment,))

    def private(self, commitment: bytes) -> str | None:
        """Returns a text about a person, None when it was erased."""
        found = self._connection.execute("SELECT text FROM private WHERE commitment = ?", (commitment,)).fetchone()
        return None if found is None else str(found[0])

    def close(self) -> None:
        """Closes the database."""
        self._connection.close()

    def __enter__(self) -> Self:
        """Uses the store for one command."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()
