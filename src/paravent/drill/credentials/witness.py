"""What the witnesses' logs say was opened: labels of a list, found by each server's witness key (protocol.md 12)."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
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


def listed(
    entries: Iterable[OpeningEntry], key: WitnessKey, labels: Collection[bytes], likely: Collection[bytes] = ()
) -> set[bytes]:
    """Returns the labels that a log commits to; an entry commits to one, so that ``likely`` ones are tried first."""
    found: set[bytes] = set()
    for entry in entries:
        found.update(itertools.islice(_committed(entry, key, itertools.chain(likely, labels)), 1))
    return found


def _committed(entry: OpeningEntry, key: WitnessKey, labels: Iterable[bytes]) -> Iterator[bytes]:
    return (label for label in labels if entry.commitment == _commitment(key, label, entry))


@dataclass(slots=True)
class WitnessList:
    """The labels of a manifest that logs commit to, by server; entries are read once."""

    labels: frozenset[bytes]
    read: Counter[str] = field(default_factory=Counter)
    found: dict[str, set[bytes]] = field(default_factory=dict)

    def add(
        self, server: str, key: WitnessKey, entries: Sequence[OpeningEntry], likely: Collection[bytes] = ()
    ) -> None:
        """Reads the openings of a server's log that are new; ``likely`` labels of the manifest are tried first."""
        new = entries[self.read[server] :]
        self.read[server] = len(entries)
        self.found.setdefault(server, set()).update(listed(new, key, self.labels, likely))

    def at(self, servers: int) -> set[bytes]:
        """Returns the labels that at least so many logs hold."""
        counts = Counter(label for labels in self.found.values() for label in labels)
        return {label for label, count in counts.items() if count >= servers}


def _commitment(key: WitnessKey, label: bytes, entry: OpeningEntry) -> bytes:
    randomness = hmac.digest(key.reveal(), enc(Label.LEAF_RANDOMNESS, label, entry.request), "sha256")
    return hashlib.sha256(enc(Label.LEAF, label, randomness)).digest()
