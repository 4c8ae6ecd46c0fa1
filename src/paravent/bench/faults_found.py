"""What a key server that is killed has spent and kept, as another process reads it on its disk."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from paravent.wire.number_lane import OpeningContent


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultFigures:
    """``kills_between`` struck when something was spent and not answered; a lost leaf had been acknowledged."""

    kills: int
    kills_between: int
    revealed_openings: int
    spent_openings: int
    revealed_lookups: int
    spent_lookups: int
    lost_leaves: int
    seconds: float

    @property
    def sound(self) -> bool:
        """Says whether nothing was revealed that was not spent, and no acknowledged leaf was lost."""
        charged = self.revealed_openings <= self.spent_openings and self.revealed_lookups <= self.spent_lookups
        return charged and self.lost_leaves == 0


def spent(database: Path) -> tuple[int, int]:
    """Reads how many openings and look-ups are charged."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        counts = dict(connection.execute("SELECT kind, SUM(charged) FROM spending GROUP BY kind").fetchall())
    return counts.get("opening", 0), counts.get("lookup", 0)


def lost(database: Path, acknowledged: list[OpeningContent]) -> int:
    """Counts the leaves that a server signed it had, and has not, where it said, for that request."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        leaves = {
            (position, leaf_hash, request)
            for position, leaf_hash, request in connection.execute("SELECT position, leaf_hash, request FROM leaf")
        }
    return sum((found.leaf_index, found.leaf_hash, found.request) not in leaves for found in acknowledged)
