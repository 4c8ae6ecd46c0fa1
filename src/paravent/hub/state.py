"""What the hub holds, and the store its logic needs (docs/protocol.md sections 6 and 11).

Holds: sealed rows, keyed hashes of nullifiers, sealed claim details, devices. Stolen: the number of acts
by insurer and month, and no person. Altered: roots and signatures stop verifying.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from paravent.access.alarm_store import AlarmLedger
from paravent.access.devices import DeviceRegister
from paravent.access.quotas import Charge, Pseudonyms, Seen
from paravent.access.requests import Authenticated
from paravent.crypto.sealing import Handle, Row
from paravent.crypto.signing import SigningKey
from paravent.hub.vault import DatabaseKey
from paravent.wire.statements import EpochBundle, ManifestHead


@dataclass(frozen=True, slots=True, kw_only=True)
class HubIdentity:
    """Who the hub is: its name, its own base URL, its keys."""

    name: str
    base_url: str
    signing_key: SigningKey
    database_key: DatabaseKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A live manifest: what an insurer published for an epoch."""

    number: int
    bundle: EpochBundle
    head: ManifestHead


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """An unfinished publication: how many rows it has, and which manifest they change; None when they are all."""

    bundle: EpochBundle
    rows: int
    base: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedRow:
    """A row and its position in the sorted manifest."""

    position: int
    row: Row


class HubStore(DeviceRegister, Protocol):
    """The store of the hub's number lane; writes happen inside the caller's transaction."""

    def manifest(self, insurer: str, epoch: int) -> Manifest | None:
        """Returns the live manifest of an epoch, or None."""

    def row(self, manifest: Manifest, handle: Handle) -> PlacedRow | None:
        """Finds a row by handle."""

    def neighbours(self, manifest: Manifest, handle: Handle) -> list[PlacedRow]:
        """Returns the last row below a handle and the first above, where they exist."""

    def nodes(self, manifest: Manifest, positions: Iterable[tuple[int, int]]) -> tuple[bytes, ...]:
        """Returns the tree nodes at (level, position)."""

    def first_time(self, caller: Authenticated, now: int) -> bool:
        """Records a nonce: True the first time."""

    def spend(self, charge: Charge, now: int) -> Pseudonyms:
        """Spends quota and returns the day's pseudonyms."""

    def see(self, seen: Seen, professional: str, now: int) -> None:
        """Counts what a professional's request turned out to be, for the detectors."""

    @property
    def alarms(self) -> AlarmLedger:
        """The alarms, and the state of the sequential test."""
