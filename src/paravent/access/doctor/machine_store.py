"""What a machine shows of itself: files, packages, sockets, file systems (docs/governance.md section 1).

It reads the home of a party and what Linux says of the machine; never the content of a secret, and it writes nothing.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import struct
import sys
from collections.abc import Iterator
from ipaddress import IPv4Address, ip_address
from pathlib import Path

from paravent.access.config import DirectoryPin, read_directory
from paravent.access.doctor.facts import (
    BackupRecord,
    BackupRecords,
    Database,
    Disk,
    Facts,
    FileMode,
    Listening,
    Packages,
    SecondFactor,
    Updated,
)
from paravent.access.openid_config import OpenIdConfig, shipped_profile
from paravent.errors import MalformedMessage, ParaventError
from paravent.wire.codec import decode, encode
from paravent.wire.statements import Directory

BACKUP_RECORDS = "backups.json"
BACKUPS_RECORDED_MAX = 400
SECRETS = "secrets"
_LISTENING = "0A"
_PROC = Path("/proc")
_DPKG = Path("/var/lib/dpkg/status")
_TIMESYNCD = Path("/run/systemd/timesync/synchronized")


def files_of(home: Path) -> tuple[FileMode, ...]:
    """Lists the home, its secrets and its databases with their permissions."""
    found = [home, *home.glob("*.key"), *home.glob("*.db*"), home / SECRETS, *(home / SECRETS).glob("*")]
    owner = home.stat().st_uid
    return tuple(_mode(path, home, owner) for path in sorted(found) if path.exists())


def _mode(path: Path, home: Path, owner: int) -> FileMode:
    status = path.stat()
    name = "." if path == home else str(path.relative_to(home))
    return FileMode(name=name, mode=status.st_mode & 0o777, owned=status.st_uid == owner)


def quota_key_days(home: Path) -> tuple[int, ...]:
    """Lists the days of which a pseudonym key is there."""
    names = (path.stem.removeprefix("quota-") for path in (home / SECRETS).glob("quota-*.key"))
    return tuple(sorted(int(name) for name in names if name.isdigit()))


def backup_records(home: Path) -> tuple[BackupRecord, ...] | None:
    """Reads the record of backups: empty when there is none, None when it cannot be read."""
    path = home / BACKUP_RECORDS
    if not path.exists():
        return ()
    try:
        return decode(path.read_bytes(), BackupRecords).backups
    except (MalformedMessage, OSError):
        return None


def record_backup(home: Path, made_at: int, sha256: bytes) -> None:
    """Adds a backup to the record, which keeps the newest; a record that cannot be read is begun again."""
    kept = (backup_records(home) or ())[-BACKUPS_RECORDED_MAX + 1 :]
    _write_records(home, (*kept, BackupRecord(made_at=made_at, restored_at=None, sha256=sha256)))


def record_restoration(home: Path, made_at: int, sha256: bytes, now: int) -> None:
    """Notes that a backup was restored, in earnest or as a trial."""
    others = tuple(one for one in backup_records(home) or () if one.sha256 != sha256)[-BACKUPS_RECORDED_MAX + 1 :]
    _write_records(home, (*others, BackupRecord(made_at=made_at, restored_at=now, sha256=sha256)))


def _write_records(home: Path, records: tuple[BackupRecord, ...]) -> None:
    draft = home / f".{BACKUP_RECORDS}.draft"
    draft.write_bytes(encode(BackupRecords(backups=records)))
    draft.rename(home / BACKUP_RECORDS)


def second_factor_of(openid: OpenIdConfig | None) -> SecondFactor | None:
    """Reads which levels of authentication an enrolment accepts; None without a provider."""
    if openid is None:
        return None
    return SecondFactor(
        issuer=openid.issuer, demanded=openid.acr_accepted or shipped_profile(openid.profile).acr_values
    )


def directory_of(home: Path, pin: DirectoryPin | None, *, cosigned: bool) -> Directory | None:
    """Reads the directory joined; None when there is none that verifies, which the checks then say."""
    try:
        return read_directory(home, pin, cosigned=cosigned)
    except (ParaventError, OSError):
        return None


def disk_of(home: Path) -> Disk:
    """Reads the space of the file system of a home."""
    usage = shutil.disk_usage(home)
    return Disk(free_bytes=usage.free, total_bytes=usage.total)


def sqlite_of(path: Path) -> Database | None:
    """Reads how an SQLite file writes, without opening it for writing."""
    if not path.exists():
        return None
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    finally:
        connection.close()
    return Database(engine="sqlite", settings={"journal_mode": str(mode)}, filesystem=filesystem_of(path))


def filesystem_of(path: Path, mounts: Path = _PROC / "self" / "mounts") -> str | None:
    """Names the kind of file system under a path; None where Linux does not say."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    points = [(Path(fields[1]), fields[2]) for fields in map(str.split, lines) if len(fields) > 2]
    above = [(point, kind) for point, kind in points if path.resolve().is_relative_to(point)]
    return max(above, key=lambda one: len(one[0].parts), default=(None, None))[1]


# --- packages -----------------------------------------------------------------------------------


def default_lock(name: str) -> Path | None:
    """Finds a lock file of the checkout that this program runs from, when it does."""
    path = Path(__file__).parents[4] / "requirements" / name
    return path if path.exists() else None


def packages_of(lock: Path | None) -> Packages | None:
    """Reads the versions installed and those of a lock file; None without one."""
    if lock is None:
        return None
    locked: dict[str, set[str]] = {}
    for name, version in re.findall(
        r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)", lock.read_text(encoding="utf-8"), re.MULTILINE
    ):
        locked.setdefault(_normal(name), set()).add(version)
    installed = {_normal(name): version for name, version, _ in _distributions()}
    return Packages(
        installed=installed, locked={name: frozenset(found) for name, found in locked.items()}, lock=lock.name
    )


def updated() -> Updated | None:
    """Reads when Python packages were last installed here, and the system's (Debian's record of packages)."""
    instants = [at for _, _, at in _distributions()]
    if not instants:
        return None
    return Updated(packages_at=max(instants), system_at=int(_DPKG.stat().st_mtime) if _DPKG.exists() else None)


def _distributions() -> Iterator[tuple[str, str, int]]:
    """Yields name, version and instant of installation of each package of this interpreter."""
    for folder in map(Path, sys.path):
        for metadata in folder.glob("*.dist-info/METADATA") if folder.is_dir() else ():
            head = metadata.read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]
            fields = dict(re.findall(r"^(Name|Version): (.+)$", head, re.MULTILINE))
            if {"Name", "Version"} <= fields.keys():
                yield fields["Name"], fields["Version"].strip(), int(metadata.stat().st_mtime)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


# --- sockets and time -----------------------------------------------------------------------------


def listening_on(host: str, port: int, *, loopback_only: bool) -> Listening | None:
    """Lists the addresses on which something listens on a port; None where Linux does not say."""
    tables = [_PROC / "net" / "tcp", _PROC / "net" / "tcp6"]
    if not tables[0].exists():
        return None
    found = {address for table in tables if table.exists() for address in _listeners(table.read_text(), port)}
    return Listening(host=host, addresses=tuple(sorted(found)), loopback_only=loopback_only)


def _listeners(table: str, port: int) -> Iterator[str]:
    for line in table.splitlines()[1:]:
        fields = line.split()
        address, _, number = fields[1].partition(":")
        if fields[3] == _LISTENING and int(number, 16) == port:
            yield _address(address)


def _address(text: str) -> str:
    """Reads an address as Linux prints it: 32-bit words of this machine's order."""
    words = struct.pack(f"={len(text) // 8}I", *struct.unpack(f">{len(text) // 8}I", bytes.fromhex(text)))
    found = ip_address(words)
    return str(found if isinstance(found, IPv4Address) else found.ipv4_mapped or found)


def synchronised() -> bool | None:
    """Says whether systemd-timesyncd follows a source; None where something else keeps the time."""
    if _TIMESYNCD.exists():
        return True
    return None


def machine_facts(home: Path, database: str, at: int) -> Facts:
    """Gathers what every party's machine shows; ``database`` is the name of its SQLite file."""
    return Facts(
        at=at, files=files_of(home), backups=backup_records(home), updated=updated(),
        database=sqlite_of(home / database), disk=disk_of(home),
    )  # fmt: skip
