"""What the page of the committee is computed from, read in a home (docs/watch.md section 10).

Holds: sizes of the sector with their sources, no case and no answer. Stolen: nothing is learnt. Altered: coverage is
compared with another size; whoever can write here can write the program.
"""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from pathlib import Path

from paravent.access.doctor.rules_store import shipped_rules
from paravent.breach.bulletins.store import DATABASE as BULLETINS
from paravent.breach.bulletins.store import Store as BulletinStore
from paravent.breach.closing import closing
from paravent.breach.committee import figures
from paravent.breach.committee.figures import Committee
from paravent.breach.duties import Duty
from paravent.breach.duties_store import duties_in
from paravent.breach.entries import Opened, Origin
from paravent.breach.registers.contracts import faults
from paravent.breach.registers.measures import standings
from paravent.breach.registers.store import answers_in, contracts_in, shipped
from paravent.breach.standing import opened, standing
from paravent.breach.store import Store, has_cases
from paravent.pages.drill_rows import DrillRow
from paravent.wire.bulletins import Bulletin, BulletinCounts
from paravent.wire.statements import Directory

_SIZES = Path(__file__).parent / "data" / "sector-sizes.csv"


def gather(
    home: Path, rows: list[DrillRow], directory: Directory | None, counts: BulletinCounts | None, now: int
) -> Committee:  # fmt: skip
    """Computes the page from the registers of a home; what the home has not is None or counts as none."""
    contracts = contracts_in(home)
    insurers = [] if directory is None else [entry.amc for entry in directory.insurers]
    cases, clocks = _cases(home, insurers)
    known = standings(shipped(), answers_in(home), now, shipped_rules().limits.answer_age_days_max)
    return Committee(
        at=now, public=False, unplayed=figures.unplayed(rows), exposure=figures.exposure(rows),
        detection=figures.detection(cases),
        registers=figures.registers(known, len(contracts), faults(contracts, _day(now))),
        incidents=figures.incidents(cases, clocks, now),
        coverage=figures.coverage(None if directory is None else len(insurers), counts, bulletins_in(home), sizes()),
    )  # fmt: skip


def sizes() -> dict[str, int]:
    """Reads how many insurers and shops the sector has."""
    with _SIZES.open(encoding="utf-8", newline="") as file:
        return {row["what"]: int(row["value"]) for row in csv.DictReader(file)}


def bulletins_in(home: Path) -> list[Bulletin]:
    """Reads the bulletins of a home; none when it has published none."""
    if not (home / BULLETINS).exists():
        return []
    with BulletinStore(home) as store:
        return store.list.all()


def _cases(home: Path, insurers: list[str]) -> tuple[list[Opened], list[Duty]]:
    """Reads the cases of a home with their duties, false alarms and exercises left out; none when it has no case."""
    if not has_cases(home):
        return [], []
    cases, clocks = [], []
    with Store(home) as store:
        for name in store.cases():
            placed = store.entries(name)
            said = opened(standing(placed)).entry.said
            if isinstance(said, Opened) and said.origin is not Origin.DRILL and closing(placed) is None:
                cases.append(said)
                clocks += duties_in(store, name, insurers, home)
    return cases, clocks


def _day(at: int) -> date:
    return datetime.fromtimestamp(at, UTC).date()
