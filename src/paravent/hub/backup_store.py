"""Backup files of the hub, and a database put back from one (docs/protocol.md sections 18.1 and 18.2)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from paravent.access.database import Database, Value, migrate_inside
from paravent.access.sqlite_store import connect
from paravent.access.store import sync_directory
from paravent.crypto.group import Rng
from paravent.crypto.hpke import BoxKey, BoxPublicKey
from paravent.crypto.signing import VerifyKey
from paravent.errors import InvalidConfiguration, ProofFailure
from paravent.hub.backup import NOT_KEPT, BackupReader, BackupSummary, write_backup
from paravent.hub.recovery_store import RecoveryStore
from paravent.hub.state import HubIdentity
from paravent.hub.store import DATABASE, MIGRATIONS
from paravent.wire.recovery import HeadCounter

_ASIDE = "set-aside"


def write_file(
    path: Path, database: Database, heads: Sequence[HeadCounter], identity: HubIdentity, recipient: BoxPublicKey, *,
    now: int, rng: Rng,
) -> int:  # fmt: skip
    """Writes a backup of one state of the database, whole and on disk before it has its name; returns its bytes.

    Raises InvalidConfiguration when there is a file of this name already.
    """
    if path.exists():
        raise InvalidConfiguration(f"{path} exists: a backup is never written over another")
    draft = path.with_name(f".{path.name}.draft")
    with database.snapshot(), draft.open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        for piece in write_backup(
            _tables(database), heads, identity, recipient, migrations=len(MIGRATIONS), now=now, rng=rng
        ):
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
        size = file.tell()
    draft.rename(path)
    sync_directory(path.parent)
    return size


def _tables(database: Database) -> Iterator[tuple[str, Iterator[Sequence[Value]]]]:
    for table in database.tables():
        if table not in NOT_KEPT:
            yield table, database.read(table)


def file_digest(path: Path) -> bytes:
    """Returns the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def verify_file(path: Path, key: BoxKey, hub: str, signer: VerifyKey) -> BackupSummary:
    """Reads a whole backup; raises ProofFailure unless it is, to the last byte, what the hub signed."""
    with path.open("rb") as file:
        reader = BackupReader(file.read, key)
        for _ in reader.rows():
            pass
        return reader.summary(hub, signer)


def load_file(path: Path, key: BoxKey, summary: BackupSummary, database: Database) -> None:
    """Loads a backup that was verified into an empty database, in the caller's transaction.

    Raises InvalidConfiguration when the database is not empty, ProofFailure when the file is no longer that one.
    """
    if database.tables():
        raise InvalidConfiguration("the database to put a backup into is not empty: give an empty one")
    migrate_inside(database, MIGRATIONS[: summary.migrations])
    with path.open("rb") as file:
        _load(file, key, summary, database)
    database.number_on()


def _load(file: BinaryIO, key: BoxKey, summary: BackupSummary, database: Database) -> None:
    reader = BackupReader(file.read, key)
    if (reader.header.hub, reader.header.made_at) != (summary.hub, summary.made_at):
        raise ProofFailure("the backup changed while it was read", culprit="backup")
    known = set(database.tables()) - NOT_KEPT
    for table, rows in reader.rows():
        if table not in known:
            raise ProofFailure("the backup has a table that its version does not", culprit="backup")
        database.load(table, rows)


def set_aside(home: Path, now: int) -> Path | None:
    """Moves what is left of an SQLite database out of the way, to be looked at; returns where, None when none is."""
    files = [path for path in home.glob(f"{DATABASE}*") if path.is_file()]
    if not files:
        return None
    folder = home / f"{_ASIDE}-{now}"
    folder.mkdir(mode=0o700)
    for path in files:
        path.rename(folder / path.name)
    sync_directory(home)
    return folder


def put_back(
    database: Database, source: tuple[Path, BoxKey, BackupSummary] | None, stale: Sequence[str], *, now: int
) -> None:
    """Loads a verified backup into an empty database, or nothing, and begins the time in which acts are given back.

    One transaction. Manifests of the ``stale`` insurers are not kept: they are older than what key servers cosigned.
    """
    with database.transaction():
        if source is None:
            if database.tables():
                raise InvalidConfiguration("the database to begin again in is not empty: give an empty one")
        else:
            load_file(*source, database)
        migrate_inside(database, MIGRATIONS)
        for insurer in stale:
            for table in ("row", "node"):
                database.execute(
                    f"DELETE FROM {table} WHERE manifest IN (SELECT number FROM manifest WHERE insurer = ?)",  # noqa: S608 - constants
                    (insurer,),
                )
            database.execute("DELETE FROM manifest WHERE insurer = ?", (insurer,))
        RecoveryStore(database).begin(0 if source is None else source[2].made_at, now)


def empty_database(home: Path) -> Database:
    """Opens a new SQLite database of a home."""
    return connect(home / DATABASE)
