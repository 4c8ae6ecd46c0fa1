"""What the witnesses' logs say was opened: labels of a list, found by each server's witness key (protocol.md 12)."""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from collections.abc import Collection, Iterable
from contextlib import closing
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


def _commitment(key: WitnessKey, label: bytes, entry: OpeningEntry) -> bytes:
    randomness = hmac.digest(key.reveal(), enc(Label.LEAF_RANDOMNESS, label, entry.request), "sha256")
    return hashlib.sha256(enc(Label.LEAF, label, randomness)).digest()
