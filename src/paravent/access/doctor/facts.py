"""What was seen of a party, before anything is judged (docs/governance.md section 1): pure values.

``None`` everywhere means that it could not be seen: a check of it answers "not known", never "ok".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from paravent.wire.codec import Bytes32, Message, Natural


class PartyKind(StrEnum):
    """Which party a home belongs to."""

    KEYSERVER = "keyserver"
    HUB = "hub"
    INSURER = "insurer"
    DESK = "desk"
    BREACH = "breach"


class BackupRecord(Message, frozen=True, kw_only=True):
    """One copy of a database: when it was made (Unix seconds), when it was last restored as a trial, its SHA-256."""

    made_at: Natural
    restored_at: Natural | None
    sha256: Bytes32


class BackupRecords(Message, frozen=True, kw_only=True):
    """The file ``backups.json`` of a home, the oldest record first."""

    backups: tuple[BackupRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMode:
    """A file or folder of the home: its permission bits, and whether the owner of the home owns it."""

    name: str
    mode: int
    owned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Something that ends: a share, a batch, an epoch, a manifest; ``ends_at`` in Unix seconds."""

    name: str
    ends_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactor:
    """How professionals log in for an enrolment: at which provider, with which levels (``acr``) demanded."""

    issuer: str
    demanded: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """Versions installed, and those that a lock file allows; by normalised name."""

    installed: Mapping[str, str]
    locked: Mapping[str, frozenset[str]]
    lock: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Updated:
    """When the Python packages were last installed, and the system's; Unix seconds."""

    packages_at: int
    system_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessed:
    """One's own log: leaves, the valid cosignatures of its newest checkpoint with their instants, how many must be."""

    size: int
    cosigned_at: Mapping[str, int]
    threshold: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamping:
    """When one's own log was last stamped by an authority; ``every_seconds`` is 0 when none is set."""

    stamped_at: int | None
    every_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where a service should listen, and on which addresses something listens on its port now."""

    host: str
    addresses: tuple[str, ...]
    loopback_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Differences with what peers signed, in seconds, by name; whether the system says that it follows a source."""

    differences: Mapping[str, float]
    synchronised: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """What answers at one's own public address; ``fault`` says why a TLS connection to it failed."""

    base_url: str
    certificate_ends_at: int | None
    fault: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """How a database writes: engine, its settings, and the file system under it."""

    engine: str
    settings: Mapping[str, str]
    filesystem: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Space of the file system of the home, in bytes."""

    free_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The directory joined: the operators, hosts and administrators that its key servers declare, and t of it."""

    declared: tuple[tuple[str, str, str], ...]
    threshold: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contracting:
    """The register of processor contracts, at the breach desk: how many, and what is wrong with them."""

    contracts: int
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that was seen of a party at an instant."""

    at: int
    files: tuple[FileMode, ...] | None = None
    held: tuple[Ending, ...] | None = None
    quota_key_days: tuple[int, ...] | None = None
    second_factor: SecondFactor | None = None
    quotas: Mapping[str, int] | None = None
    backups: tuple[BackupRecord, ...] | None = None
    packages: Packages | None = None
    updated: Updated | None = None
    witnessed: Witnessed | None = None
    stamping: Stamping | None = None
    listening: Listening | None = None
    clock: Clock | None = None
    front: Front | None = None
    database: Database | None = None
    disk: Disk | None = None
    live: tuple[Ending, ...] | None = None
    trust: Trust | None = None
    contracting: Contracting | None = None
