"""A disk with a cache that forgets: what was written and not flushed is lost when the power is cut. Pure.

As disks do, it answers a write once it is in its cache, and a flush once everything before it is on the platter. A cut
loses the cache, or keeps of it whatever had reached the platter by then: sectors in any order. No sector is torn.
"""

from __future__ import annotations

import mmap
import random
from dataclasses import dataclass, field
from enum import StrEnum

SECTOR_BYTES = 512


class DiskState(StrEnum):
    """How it stands: it works; it answers reads alone; it is without power, and answers nothing."""

    WORKS = "works"
    REFUSES_WRITES = "refuses-writes"
    OFF = "off"


class DiskFault(Exception):
    """The disk did not do what it was asked to."""


@dataclass(slots=True, kw_only=True)
class Disk:
    """``platter`` survives a cut; ``cache`` holds sectors by number; ``strike_in`` counts writes down to 0."""

    platter: bytearray | mmap.mmap
    cache: dict[int, bytes] = field(default_factory=dict)
    state: DiskState = DiskState.WORKS
    strike_in: int | None = None

    def read(self, offset: int, size: int) -> bytes:
        """Reads what was last written, flushed or not; raises DiskFault."""
        if self.state is DiskState.OFF:
            raise DiskFault
        found = bytearray(self.platter[offset : offset + size])
        first, last = offset // SECTOR_BYTES, -(-(offset + size) // SECTOR_BYTES)
        for sector in range(first, last) if self.cache else ():
            content = self.cache.get(sector)
            if content is not None:
                _overlay(found, sector * SECTOR_BYTES - offset, content)
        return bytes(found)

    def write(self, offset: int, content: bytes | memoryview) -> None:
        """Takes a write into the cache; raises DiskFault."""
        if self.state is not DiskState.WORKS:
            raise DiskFault
        written = memoryview(content)
        first, last = offset // SECTOR_BYTES, -(-(offset + len(written)) // SECTOR_BYTES)
        start, end = first * SECTOR_BYTES, last * SECTOR_BYTES
        if (start, end) != (offset, offset + len(written)):
            whole = bytearray(self.read(start, end - start))
            whole[offset - start : offset - start + len(written)] = written
            written = memoryview(whole)
        for at in range(last - first):
            self.cache[first + at] = bytes(written[at * SECTOR_BYTES : (at + 1) * SECTOR_BYTES])
        if self.strike_in:
            self.strike_in -= 1

    def flush(self) -> None:
        """Puts the cache on the platter; raises DiskFault."""
        if self.state is not DiskState.WORKS:
            raise DiskFault
        self._keep(self.cache)
        self.cache.clear()

    def cut(self, dice: random.Random | None = None) -> int:
        """Cuts the power; with dice, half of the cache had reached the platter. Returns how many sectors are lost."""
        kept = {} if dice is None else {at: what for at, what in self.cache.items() if dice.random() < 0.5}
        self._keep(kept)
        lost = len(self.cache) - len(kept)
        self.cache.clear()
        self.state, self.strike_in = DiskState.OFF, None
        return lost

    def _keep(self, sectors: dict[int, bytes]) -> None:
        for sector, content in sectors.items():
            self.platter[sector * SECTOR_BYTES : (sector + 1) * SECTOR_BYTES] = content


def _overlay(found: bytearray, at: int, content: bytes) -> None:
    """Puts a sector where it stands in what is read, as far as it is in it."""
    start, end = max(at, 0), min(at + len(content), len(found))
    found[start:end] = content[start - at : end - at]
