"""Sealed rows sorted by handle without holding them all in memory (docs/protocol.md section 6).

Handles are uniformly random, so that files by their first byte are of one size: each is sorted alone.
Holds: sealed rows of a publication in progress. Stolen: with A and a list, who is among them, 0 contents.
Altered: the tree that the hub rebuilds is not the one signed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from paravent.crypto.sealing import HANDLE_BYTES, Row
from paravent.wire.publication import RECORD_BYTES, REMOVED, to_record

LINE_BYTES = 16
_ENTRY_BYTES = HANDLE_BYTES + LINE_BYTES + HANDLE_BYTES + RECORD_BYTES
_BUFFER_BYTES = 32_768


@dataclass(frozen=True, slots=True, kw_only=True)
class SortedRow:
    """A row as it is uploaded, its digest, and the line of the portfolio it is of; None for a decoy."""

    handle: bytes
    digest: bytes
    line: bytes | None
    record: bytes

    @property
    def batch(self) -> int:
        """The batch of the row; REMOVED when its handle leaves the manifest."""
        return int.from_bytes(self.record[:8], "big")


class Runs:
    """Rows added in any order, read in the order of the tree."""

    def __init__(self, folder: Path) -> None:
        """Starts an empty folder."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        self._folder = folder
        self._files = [(folder / f"{first:02x}").open("wb", buffering=_BUFFER_BYTES) for first in range(256)]

    def add(self, row: Row, line: bytes | None) -> None:
        """Adds a row."""
        entry = row.handle + (line or bytes(LINE_BYTES)) + row.digest() + to_record(row)
        self._files[row.handle[0]].write(entry)

    def rows(self) -> Iterator[SortedRow]:
        """Reads the rows sorted by handle."""
        for file in self._files:
            file.flush()
            content = Path(file.name).read_bytes()
            entries = sorted(content[at : at + _ENTRY_BYTES] for at in range(0, len(content), _ENTRY_BYTES))
            yield from map(_row, entries)

    def __enter__(self) -> Self:
        """Uses the runs for one publication."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Deletes them."""
        for file in self._files:
            file.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _row(entry: bytes) -> SortedRow:
    line = entry[HANDLE_BYTES : HANDLE_BYTES + LINE_BYTES]
    digest = entry[HANDLE_BYTES + LINE_BYTES : 2 * HANDLE_BYTES + LINE_BYTES]
    return SortedRow(
        handle=entry[:HANDLE_BYTES], line=line if any(line) else None, digest=digest,
        record=entry[2 * HANDLE_BYTES + LINE_BYTES :],
    )  # fmt: skip


def merged(
    live: Iterator[tuple[bytes, bytes, int]], changes: Iterator[SortedRow]
) -> Iterator[tuple[bytes, bytes, int]]:
    """Merges live rows (handle, H(row), batch) with changes, both sorted: a change takes the place of a live row."""
    row = next(live, None)
    for change in changes:
        while row is not None and row[0] < change.handle:
            yield row
            row = next(live, None)
        if row is not None and row[0] == change.handle:
            row = next(live, None)
        if change.batch != REMOVED:
            yield change.handle, change.digest, change.batch
    while row is not None:
        yield row
        row = next(live, None)
