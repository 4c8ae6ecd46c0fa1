"""Copies of a home's databases, made while it is served, and tried by being read back (docs/operating.md section 6).

Holds: what the databases hold, and no secret file. Stolen: as each database; a copy outlives what is deleted since.
Altered: its sums differ from the record of the home, and it is refused.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from paravent.access.doctor.facts import BackupRecord
from paravent.access.doctor.machine_store import backup_records, record_backup, record_restoration
from paravent.access.sqlite_store import connect
from paravent.errors import InvalidConfiguration

SUMS = "SHA256SUMS"
# A home with this secret file has a database that is no file of it.
ELSEWHERE = "database.url"
# SQLite 3.40 reports these about the order of columns; no value is missing (docs/operating.md section 6).
_FALSE_ALARM = re.compile(r"NULL value in spending\.(?:subject|device|charged)")


def make(home: Path, folder: Path, now: int) -> tuple[BackupRecord, int]:
    """Copies every database of a home into a new folder, reads each copy back and records it; returns the rows too.

    Raises InvalidConfiguration when the home has no database of its own, or one elsewhere; or when the folder is in the
    home, or not new.
    """
    databases = sorted(home.glob("*.db"))
    if (home / ELSEWHERE).exists():
        raise InvalidConfiguration(
            "the cases are in PostgreSQL: copy that database with pg_dump, and this folder by hand; nothing was copied"
        )
    if not databases:
        raise InvalidConfiguration("this home has no database")
    if home.resolve() in folder.resolve().parents or folder.resolve() == home.resolve():
        raise InvalidConfiguration("a copy beside the original is lost with it: give a folder outside the home")
    if folder.exists() and any(folder.iterdir()):
        raise InvalidConfiguration(f"{folder} is not empty: give a new folder")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    rows = 0
    for database in databases:
        _copy(database, folder / database.name)
        rows += read_back(folder / database.name)
    sums = "".join(f"{_sum(folder / one.name)}  {one.name}\n" for one in databases).encode()
    _write(folder / SUMS, sums)
    digest = hashlib.sha256(sums).digest()
    record_backup(home, now, digest)
    return BackupRecord(made_at=now, restored_at=None, sha256=digest), rows


def try_restore(home: Path, folder: Path, now: int) -> tuple[BackupRecord, int]:
    """Puts a copy back in a temporary folder, reads it whole, and records that it was done; returns the rows too.

    Raises InvalidConfiguration when the copy is not one that this home recorded, or differs from what was recorded.
    """
    try:
        sums = (folder / SUMS).read_bytes()
    except OSError:
        raise InvalidConfiguration(f"{folder} is no backup: it has no {SUMS}") from None
    digest = hashlib.sha256(sums).digest()
    known = next((record for record in backup_records(home) or () if record.sha256 == digest), None)
    if known is None:
        raise InvalidConfiguration("this home recorded no such backup, or its sums were altered")
    with tempfile.TemporaryDirectory(prefix=".restoring-", dir=home) as trial:
        rows = sum(_read(folder, Path(trial), line) for line in sums.decode().splitlines())
    record_restoration(home, known.made_at, digest, now)
    return msgspec.structs.replace(known, restored_at=now), rows


def _read(folder: Path, trial: Path, line: str) -> int:
    digest, _, name = line.partition("  ")
    copy = folder / name
    if not copy.is_file() or _sum(copy) != digest:
        raise InvalidConfiguration(f"the copy of {name} is missing or altered: make another backup")
    shutil.copyfile(copy, trial / name)
    return read_back(trial / name)


def read_back(path: Path) -> int:
    """Opens a copy as a party would, checks every page, and counts the rows; raises InvalidConfiguration."""
    try:
        with closing(connect(path)) as connection:
            found = [str(line) for (line,) in connection.execute("PRAGMA integrity_check")]
            if any(line != "ok" and not _FALSE_ALARM.fullmatch(line) for line in found):
                raise InvalidConfiguration(f"the copy of {path.name} does not hold together: make another backup")
            rows = sum(_counts(connection))
            # One file: what was in its journal is in it, and the sums are of the whole.
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.DatabaseError:
        raise InvalidConfiguration(f"the copy of {path.name} cannot be read: make another backup") from None
    return rows


def _counts(connection: sqlite3.Connection) -> Iterator[int]:
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (name,) in tables:
        (count,) = connection.execute(f'SELECT COUNT(*) FROM "{name}"').fetchone()  # noqa: S608 - own tables
        yield int(count)


def _copy(database: Path, copy: Path) -> None:
    """Copies a database in one state, whoever writes it meanwhile."""
    _write(copy, b"")
    with (
        closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(path: Path, content: bytes) -> None:
    """Writes a new file for its owner alone, on disk before it returns."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
