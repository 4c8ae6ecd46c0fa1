"""How a party of a simulation dies: with its transaction open, or durable and nothing answered; and what is left."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from paravent.access.store import VerifierStore

R = TypeVar("R")


class Moment(StrEnum):
    """When a party dies: with its transaction open, or with it durable and nothing answered."""

    BEFORE_COMMIT = "crash-before-commit"
    AFTER_COMMIT = "crash-after-commit"


class Died(Exception):
    """A party died in the middle of a request; it is back, with what was on its disk."""


@dataclass(slots=True)
class Home:
    """The folder of a party; a crash goes on in a copy of what was on disk at that instant."""

    folder: Path
    copies: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def copy(self) -> Path:
        """Copies the disk as it is: an open transaction is in it as far as it was written, and not committed."""
        target = self.folder.with_name(f"{self.folder.name.split('~')[0]}~{next(self.copies)}")
        # The shared memory of SQLite does not survive the processes that share it.
        shutil.copytree(self.folder, target, ignore=shutil.ignore_patterns("*-shm"))
        return target


class Gate:
    """Where a party writes: the write and its commit, or its death around them."""

    def __init__(self, home: Home, moment: Moment | None = None) -> None:
        """Lets a party with this home die at a moment, or never."""
        self._home = home
        self._moment = moment
        self.survivor: Path | None = None

    def commit(self, store: VerifierStore, write: Callable[[], R]) -> R:
        """Runs one write in a durable transaction of its own; raises Died."""
        with store.commit():
            with store.request():
                written = write()
            self._die_at(Moment.BEFORE_COMMIT)
        self._die_at(Moment.AFTER_COMMIT)
        return written

    def _die_at(self, moment: Moment) -> None:
        if self._moment is moment:
            self.survivor = self._home.copy()
            raise Died
