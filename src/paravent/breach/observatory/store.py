"""The observatory's database, and the files it reads (docs/watch.md section 4).

Holds: incidents as others published them, without their free text; notifications to the CNIL, which name no
organisation. Stolen: what was public. Altered: the counts of reports; they come back with another import.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Self, cast

import msgspec

from paravent.access.sqlite_store import connect, transaction
from paravent.breach.observatory.cnil import Notification
from paravent.breach.observatory.incident import Incident
from paravent.errors import InvalidConfiguration

DATABASE = "observatory.db"
SHIPPED = Path(__file__).parent / "data"
_CHUNK_BYTES = 1_048_576
# What the library raises of an archive that is cut off, altered, under a password or packed in another way.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, struct.error, UnicodeDecodeError)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS incident (
    identifier TEXT PRIMARY KEY, modified TEXT NOT NULL, incident BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notification (number INTEGER PRIMARY KEY, notification BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS extraction (one INTEGER PRIMARY KEY CHECK (one = 1), extracted TEXT NOT NULL) STRICT;
"""


class Store:
    """Everything the observatory keeps."""

    def __init__(self, home: Path) -> None:
        """Opens or creates the database of a home."""
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._connection = connect(home / DATABASE)
        self._connection.executescript(_SCHEMA)

    def keep(self, incidents: Iterable[Incident]) -> int:
        """Keeps incidents; returns how many were new. A known one is replaced, but never by an older version."""
        new = 0
        with transaction(self._connection):
            for incident in incidents:
                values = (incident.identifier, incident.modified, msgspec.json.encode(incident))
                inserted = self._connection.execute("INSERT OR IGNORE INTO incident VALUES (?, ?, ?)", values).rowcount
                if not inserted:
                    self._connection.execute(
                        "UPDATE incident SET modified = ?2, incident = ?3 WHERE identifier = ?1 AND modified <= ?2",
                        values,
                    )
                new += inserted
        return new

    def incidents(self) -> Iterator[Incident]:
        """Yields every incident, in the order of identifiers."""
        for (incident,) in self._connection.execute("SELECT incident FROM incident ORDER BY identifier"):
            yield msgspec.json.decode(incident, type=Incident)

    def replace_notifications(self, extracted: str, notifications: Iterable[Notification]) -> None:
        """Keeps one extraction of the CNIL instead of the one before: a file always holds every notification."""
        with transaction(self._connection):
            self._connection.execute("DELETE FROM notification")
            self._connection.executemany(
                "INSERT INTO notification (notification) VALUES (?)",
                ((msgspec.json.encode(notification),) for notification in notifications),
            )
            self._connection.execute("INSERT OR REPLACE INTO extraction VALUES (1, ?)", (extracted,))

    def extracted(self) -> str | None:
        """Returns when the kept notifications were extracted, in the CNIL's words; None when there are none."""
        row = self._connection.execute("SELECT extracted FROM extraction").fetchone()
        return None if row is None else str(row[0])

    def notifications(self) -> Iterator[Notification]:
        """Yields every notification."""
        for (notification,) in self._connection.execute("SELECT notification FROM notification ORDER BY number"):
            yield msgspec.json.decode(notification, type=Notification)

    def __enter__(self) -> Self:
        """Uses the store for one command."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self._connection.close()


def members(path: Path) -> Iterator[tuple[str, BinaryIO]]:
    """Yields the files to read with their names: the file itself, or every JSON and CSV file of a zip archive."""
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            yield path.name, file
        return
    with _archive(path) as archive:
        for entry in archive.infolist():
            name = Path(entry.filename)
            if name.suffix.lower() in {".json", ".csv"} and "__MACOSX" not in name.parts and name.name[0] != ".":
                with _opened(archive, entry) as file:
                    yield entry.filename, file


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except _BROKEN:
        raise InvalidConfiguration(f"{path.name} is an archive that is cut off or altered") from None


def _opened(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> BinaryIO:
    try:
        return cast("BinaryIO", archive.open(entry))
    except _BROKEN:
        raise InvalidConfiguration("a file of the archive cannot be read: it is altered, or under a password") from None


def chunks(file: BinaryIO) -> Iterator[bytes]:
    """Yields the bytes of a file piece by piece."""
    try:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
    except _BROKEN:
        raise InvalidConfiguration("a file of the archive is not what its sum says: nothing of it was kept") from None
