"""What a row of a sample says of a person: numbers, dates, months, words, found by their form (docs/leak-matcher.md).

Pure. Columns have no names here, so a number counts as a NIR when it has the form of one and, with 15 characters, its
key; every reading of a row is tried, and the history says which is anybody's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from paravent.errors import InvalidIdentity, InvalidNir
from paravent.person.identity import BirthDate, NormalisedName
from paravent.person.nir import INPUT_CHARACTERS_MAX, Nir

_TIME_OF_DAY = re.compile(r"[T ]\d{2}:\d{2}.*\Z")
_MONTH = re.compile(r"(\d{4})-?(\d{2})")
_NAMES_MAX = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Clues:
    """NIRs (13 characters), dates (YYYYMMDD), months (YYYYMM), words (as they stand), names (letters A to Z)."""

    nirs: frozenset[str]
    dates: frozenset[str]
    months: frozenset[int]
    words: frozenset[str]
    names: tuple[str, ...]

    def __repr__(self) -> str:
        return "Clues(REDACTED)"


def clues_of(cells: tuple[str, ...]) -> Clues:
    """Reads the clues of a row."""
    nirs = {nir for cell in cells if (nir := _nir(cell)) is not None}
    dates = {day for cell in cells if (day := _date(cell)) is not None}
    months = {month for cell in cells if (month := _month(cell)) is not None}
    return Clues(
        nirs=frozenset(nirs), dates=frozenset(dates), months=frozenset(months), words=frozenset(cells),
        names=_names(cells),
    )  # fmt: skip


def _nir(cell: str) -> str | None:
    if len(cell) > INPUT_CHARACTERS_MAX:
        return None
    for read in (Nir.parse, Nir.from_thirteen):
        try:
            return read(cell).thirteen
        except InvalidNir:
            continue
    return None


def _date(cell: str) -> str | None:
    try:
        return str(BirthDate.parse(_TIME_OF_DAY.sub("", cell)))
    except InvalidIdentity:
        return None


def _month(cell: str) -> int | None:
    found = _MONTH.fullmatch(cell)
    return int("".join(found.groups())) if found and 1 <= int(found.group(2)) <= 12 else None


def _names(cells: tuple[str, ...]) -> tuple[str, ...]:
    """Returns each cell that may be a name, and each two that follow on, both ways round: NAME and GIVEN NAME."""
    letters = [name for cell in cells if (name := _name(cell)) is not None][:_NAMES_MAX]
    pairs = [one + other for one, other in pairwise(letters)]
    turned = [other + one for one, other in pairwise(letters)]
    return tuple(dict.fromkeys([*letters, *pairs, *turned]))


def _name(cell: str) -> str | None:
    if any(character.isdigit() for character in cell):
        return None
    try:
        return str(NormalisedName.of(cell))
    except InvalidIdentity:
        return None


def day_of(instant: int) -> str:
    """Writes the day (UTC) of an instant as YYYYMMDD."""
    return date.fromordinal(date(1970, 1, 1).toordinal() + instant // 86_400).strftime("%Y%m%d")
