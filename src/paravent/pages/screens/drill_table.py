"""The table of a drill as a console shows it: each scenario's worst case on both platforms (docs/drill.md): pure.

It reads the JSON lines that ``paravent drill --json`` prints, and of each the figures that it shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from paravent.errors import InvalidConfiguration

DRILL_BYTES_MAX = 8_000_000


class DrillRow(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one theft that a console shows; the others of its line are left where they are."""

    scenario: str
    platform: str
    persons: int | None = None
    opened: int | None = None
    bound: int | None = None
    not_applicable: str | None = None


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
    """Reads the lines of a drill; raises InvalidConfiguration when they are not."""
    try:
        rows = [msgspec.json.decode(line, type=DrillRow) for line in content.splitlines() if line.strip()]
    except msgspec.MsgspecError:
        raise InvalidConfiguration("the file of the drill is not what paravent drill --json prints") from None
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
