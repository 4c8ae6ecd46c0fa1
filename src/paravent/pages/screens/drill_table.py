"""The table of a drill as a console shows it: each scenario's worst case on both platforms (docs/drill.md): pure.

It reads the JSON lines that ``paravent drill --json`` prints, and of each the figures that it shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from paravent.pages.drill_rows import DrillRow, read_rows

DRILL_BYTES_MAX = 8_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Theft:
    """What a scenario opened at worst on each platform, in persons; None where it was not carried out."""

    scenario: str
    opened: int | None
    bound: int | None
    conventional: int | None
    holds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillTable:
    """The thefts that were carried out, how many persons there were at most, and the scenarios that were not run."""

    thefts: tuple[Theft, ...]
    persons: int
    not_run: tuple[str, ...]


def read_drill(content: bytes) -> DrillTable:
    """Reads the lines of a drill; raises MalformedMessage naming the line that is none."""
    rows = read_rows(content)
    names = list(dict.fromkeys(row.scenario for row in rows))
    thefts = [_theft(name, [row for row in rows if row.scenario == name]) for name in names]
    run = [one for one in thefts if one.opened is not None or one.conventional is not None]
    return DrillTable(
        thefts=tuple(run), persons=max((row.persons or 0 for row in rows), default=0),
        not_run=tuple(one.scenario for one in thefts if one not in run),
    )  # fmt: skip


def _theft(scenario: str, rows: list[DrillRow]) -> Theft:
    ours = [row for row in rows if row.platform == "paravent"]
    return Theft(
        scenario=scenario, opened=_most(row.opened for row in ours), bound=_most(row.bound for row in ours),
        conventional=_most(row.opened for row in rows if row.platform == "conventional"),
        # Row by row: a case below its bound does not make up for one above.
        holds=all(row.opened <= row.bound for row in ours if row.opened is not None and row.bound is not None),
    )  # fmt: skip


def _most(figures: Iterable[int | None]) -> int | None:
    return max((figure for figure in figures if figure is not None), default=None)
