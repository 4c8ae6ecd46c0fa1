"""What the witnesses' logs say was opened: labels of a list, found by each server's witness key (protocol.md 12)."""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from paravent.crypto.labels import Label, enc
from paravent.errors import MalformedMessage
from paravent.keyserver.state import WitnessKey
from paravent.wire.log import OpeningEntry

ENTRIES_SQL = "SELECT entry FROM leaf ORDER BY position"


def log_entries(database: Path) -> list[OpeningEntry]:
    """Reads the openings of a server's log from its disk, as another process sees it."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return openings(entry for (entry,) in connection.execute(ENTRIES_SQL))


def openings(entries: Iterable[bytes]) -> list[OpeningEntry]:
    """Keeps the entries of openings; the others hold hourly keys."""
    found = []
    for entry in entries:
        try:
            found.append(OpeningEntry.decode(entry))
        except MalformedMessage:
            continue
    return found


def listed(entries: Collection[OpeningEntry], key: WitnessKey, labels: Iterable[bytes]) -> set[bytes]:
    """Returns the labels that a log commits to."""
    return {label for label in labels if any(entry.commitment == _commitment(key, label, entry) for entry in entries)}


@dataclass(slots=True)
class WitnessList:
    """The labels of a manifest that logs commit to, by server; entries are read once."""

    labels: frozenset[bytes]
    read: Counter[str] = field(default_factory=Counter)
    found: dict[str, set[bytes]] = field(default_factory=dict)

    def add(self, server: str, key: WitnessKey, entries: Sequence[OpeningEntry]) -> None:
        """Reads the openings of a server's log that are new."""
        new = entries[self.read[server] :]
        self.read[server] = len(entries)
        self.found.setdefault(server, set()).update(listed(new, key, self.labels))

    def at(self, servers: int) -> set[bytes]:
        """Returns the labels that at least so many logs hold."""
        counts = Counter(label for labels in self.found.values() for label in labels)
        return {label for label, count in counts.items() if count >= servers}


def _commitment(key: WitnessKey, label: bytes, entry: OpeningEntry) -> bytes:
    randomness = hmac.digest(key.reveal(), enc(Label.LEAF_RANDOMNESS, label, entry.request), "sha256")
    return hashlib.sha256(enc(Label.LEAF, label, randomness)).digest()
