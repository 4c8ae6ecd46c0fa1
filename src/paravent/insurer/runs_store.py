"""Sealed rows sorted by handle without holding them all in memory (docs/protocol.md section 6.9).

A part is a sorted file that is whole and on disk, or absent: a publication that was broken off takes up the parts it
had. Handles are uniformly random, so that a range of them is of one size in every part: ranges are sorted one by one.
Holds: sealed rows of a publication in progress. Stolen: with A and a list, who is among them, 0 contents.
Altered: the tree that the hub rebuilds is not the one signed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from paravent.access.store import sync_directory
from paravent.crypto.sealing import HANDLE_BYTES, Row
from paravent.errors import InvalidConfiguration
from paravent.wire.publication import RECORD_BYTES, REMOVED, to_record

LINE_BYTES = 16
_DIGEST = slice(HANDLE_BYTES + LINE_BYTES, 2 * HANDLE_BYTES + LINE_BYTES)
_ENTRY_BYTES = HANDLE_BYTES + LINE_BYTES + HANDLE_BYTES + RECORD_BYTES
# Of five million rows, a range is 80,000: 40 MB.
_RANGES = 64
# Workers of a killed publication end at once; another publication takes longer than that.
_LOCK_TRIES, _LOCK_SECONDS = 100, 0.1
_PURPOSE, _PADDING, _DRAFT = "purpose", "padding", ".draft"


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
    """The parts of one publication, read together in the order of the tree."""

    def __init__(self, folder: Path, purpose: bytes) -> None:
        """Names a folder, and what is being published."""
        self._folder = folder
        self._purpose = purpose
        self._lock = ExitStack()

    def take_up(self) -> None:
        """Takes up the parts of a publication of the same purpose; deletes those of any other, and halves of parts."""
        mark = self._folder / _PURPOSE
        if not mark.exists() or mark.read_bytes() != self._purpose:
            self.clear()
        for left in (*self._folder.glob(f"*{_DRAFT}"), self._folder / _PADDING):
            left.unlink(missing_ok=True)

    def clear(self) -> None:
        """Forgets every part."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(mode=0o700)
        _write(self._folder / _PURPOSE, self._purpose)

    def part(self, number: int) -> Path:
        """Names a part of rows that are somebody's."""
        return self._folder / f"part-{number:06d}"

    def next_number(self) -> int:
        """Returns a number above that of every part."""
        return max((int(path.name.removeprefix("part-")) for path in self._folder.glob("part-*")), default=0) + 1

    def lines(self) -> Iterator[bytes]:
        """Iterates the lines of the portfolio that are sealed in the parts."""
        for path in self._folder.glob("part-*"):
            with path.open("rb") as file:
                while entry := file.read(_ENTRY_BYTES):
                    yield entry[HANDLE_BYTES : HANDLE_BYTES + LINE_BYTES]

    def pad(self, rows: Iterable[Row]) -> None:
        """Adds the rows of nobody and the removals, in the place of those added before."""
        write_part(self._folder / _PADDING, ((row, None) for row in rows))

    def rows(self) -> Iterator[SortedRow]:
        """Reads the rows sorted by handle."""
        for entries in self._ranges():
            yield from map(_row, entries)

    def digests(self) -> Iterator[tuple[bytes, bytes]]:
        """Reads (handle, H(row)) in the order of the tree."""
        for entries in self._ranges():
            for entry in entries:
                yield entry[:HANDLE_BYTES], entry[_DIGEST]

    def _ranges(self) -> Iterator[list[bytes]]:
        paths = [path for path in self._folder.iterdir() if path.name != _PURPOSE]
        for number in range(_RANGES):
            entries = [entry for path in paths for entry in _range(path, number)]
            entries.sort()
            yield entries

    def __enter__(self) -> Self:
        """Uses the runs for one publication at a time; raises InvalidConfiguration while another one goes on."""
        self._lock.enter_context(_alone(self._folder.parent))
        self.take_up()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Deletes them once the publication is done; keeps them to be taken up when it failed."""
        if kind is None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._lock.close()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Holds a lock that forked workers inherit: it is free once the last process of a killed publication is gone."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for _ in range(_LOCK_TRIES):
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(_LOCK_SECONDS)
        else:
            raise InvalidConfiguration("another publication of this insurer goes on: wait until it has ended")
        yield
    finally:
        os.close(descriptor)


def write_part(path: Path, rows: Iterable[tuple[Row, bytes | None]]) -> int:
    """Writes (row, line) as one sorted part, on disk before it has its name; returns its size in bytes."""
    entries = sorted(
        row.handle + (line or bytes(LINE_BYTES)) + row.digest() + to_record(row) for row, line in rows
    )  # fmt: skip
    content = b"".join(entries)
    _write(path, content)
    return len(content)


def _write(path: Path, content: bytes) -> None:
    draft = path.with_name(path.name + _DRAFT)
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    sync_directory(path.parent)


def _range(path: Path, number: int) -> Iterator[bytes]:
    """Reads the entries of a part whose handle is in a range."""
    with path.open("rb") as file:
        first, last = (_place(file, number + step) for step in (0, 1))
        file.seek(first * _ENTRY_BYTES)
        content = file.read((last - first) * _ENTRY_BYTES)
    for at in range(0, len(content), _ENTRY_BYTES):
        yield content[at : at + _ENTRY_BYTES]


def _place(file: BinaryIO, number: int) -> int:
    """Finds the first entry of a sorted part that is in a range, or after it."""
    count = os.fstat(file.fileno()).st_size // _ENTRY_BYTES
    if number == _RANGES:
        return count
    first = bytes([number * (256 // _RANGES)])
    return bisect_left(range(count), first, key=lambda place: os.pread(file.fileno(), 1, place * _ENTRY_BYTES))


def _row(entry: bytes) -> SortedRow:
    line = entry[HANDLE_BYTES : HANDLE_BYTES + LINE_BYTES]
    return SortedRow(
        handle=entry[:HANDLE_BYTES], line=line if any(line) else None, digest=entry[_DIGEST],
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
