"""A large member file through the insurer's own verb: checked, sealed, published; then a day of changes.

The figures are the verb's: its time and the most memory it or a worker of it had, on a platform whose parties all run
on this machine. There is no floor to compare with: sealing has its own (``sealing``).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from paravent.bench.measures import Measure, counting
from paravent.drill.platform import DATA, INSURERS, SERVERS, Platform
from paravent.drill.population import SyntheticPerson, stream, synthesise, write_members

_SEED = 17
_SMALL_PERSONS = 60
# A day changes one person in a thousand, and ends as many.
_UNCHANGED_PER_CHANGE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFileFigures:
    """A complete publication, then one of changes: lines, seconds, bytes."""

    lines: int
    rejected: int
    persons: int
    sealed: int
    checking_seconds: float
    seconds: float
    peak_bytes: int
    day_sealed: int
    day_ended: int
    day_checking_seconds: float
    day_seconds: float
    day_peak_bytes: int


def measure(folder: Path, persons: int) -> MemberFileFigures:
    """Publishes that many persons, then what a day changes."""
    amc, year = next(iter(INSURERS)), datetime.now(UTC).year
    folder.mkdir()
    platform = Platform(folder)
    try:
        platform.create(synthesise(_SMALL_PERSONS, [amc], _SEED, year), 20)
        platform.start(*(f"keyserver-{number}" for number in range(1, SERVERS + 1)), "hub")
        everybody = itertools.islice(stream([amc], _SEED, year), persons)
        first = _publish(platform, amc, _write(folder / "members.csv", everybody, amc, year))
        others = itertools.islice(stream([amc], _SEED, year), persons)
        day = _publish(platform, amc, _write(folder / "members.csv", _next_day(others), amc, year))
    finally:
        platform.stop()
    both = ("lines", "rejected", "persons", "sealed", "checking_seconds", "seconds", "peak_bytes")
    changes = ("sealed", "ended", "checking_seconds", "seconds", "peak_bytes")
    return MemberFileFigures(**{name: first[name] for name in both}, **{f"day_{name}": day[name] for name in changes})


def _write(path: Path, persons: Iterable[SyntheticPerson], amc: str, year: int) -> Path:
    """Writes a member file; returns its path."""
    write_members(path, persons, amc, year)
    return path


def _next_day(persons: Iterable[SyntheticPerson]) -> Iterable[SyntheticPerson]:
    for number, person in enumerate(persons):
        if number % _UNCHANGED_PER_CHANGE == 1:
            yield replace(person, free_from=person.free_from + 100)
        elif number % _UNCHANGED_PER_CHANGE != 2:
            yield person


def _publish(platform: Platform, amc: str, path: Path) -> dict[str, Any]:
    return platform.command(
        "insurer", "publish", path, "--home", platform.home / f"insurer-{amc}", "--guarantees",
        DATA / f"guarantees-{amc}.toml", "--json",
    )  # fmt: skip


_MEMBERS = counting("--members", "Publish a file of that many members instead, then a day.", least=1_000)
MEASURE = Measure(
    name="member-file", asked_by=_MEMBERS,
    rows=lambda folder, sizes: [measure(folder / "platform", sizes.of(_MEMBERS, 0))],
)  # fmt: skip
