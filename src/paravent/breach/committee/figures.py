"""The figures of the steering committee's page, computed from what others keep (docs/watch.md section 10): pure.

Each comes from one register: rows of the drill, cases and their duties, measures, contracts, the hub's counts. What
nobody has said is None, never zero.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from paravent.breach.duties import Duty
from paravent.breach.entries import Opened
from paravent.breach.registers.contracts import Fault, FaultKind
from paravent.breach.registers.measures import Standing, State
from paravent.pages.drill_rows import DrillRow
from paravent.wire.bulletins import Audience, Bulletin, BulletinCounts

HERE, CONVENTIONAL = "paravent", "conventional"
YEAR_SECONDS = 365 * 86_400
PROVED = (State.MACHINE, State.DOCUMENT)
TO_DO = (State.WRONG, State.NO, State.NOT_KNOWN, State.UNANSWERED)


class Exposed(msgspec.Struct, frozen=True, kw_only=True):
    """One attack of the drill: the most persons that it opened here, the bound published, and on the other platform."""

    attack: str
    opened: int | None
    bound: int | None
    conventional: int | None
    detected_after: int | None


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """A published count: it lies between two numbers, both possible."""

    low: int
    high: int


Count = int | Band | None


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """From the beginning of an incident to whoever became aware of it, over the cases that say both (seconds)."""

    cases: Count
    median_seconds: int | None
    longest_seconds: int | None
    within: str | None = None


class Registers(msgspec.Struct, frozen=True, kw_only=True):
    """Measures by state, and contracts with what is overdue in them."""

    measures: dict[str, int]
    proved: Count
    to_do: Count
    contracts: Count
    overdue: Count
    faults: Count


class Incidents(msgspec.Struct, frozen=True, kw_only=True):
    """Cases, those of the last 365 days, duties that run, those that are late, and the next instant."""

    cases: Count
    last_year: Count
    running: Count
    late: Count
    next_at: int | None


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """Insurers and shops connected, of how many in the sector, and shops that read the latest bulletin."""

    insurers: Count
    insurers_of_sector: int | None
    shops: Count
    shops_of_sector: int | None
    bulletins: int
    acknowledged: Count


class Committee(msgspec.Struct, frozen=True, kw_only=True):
    """The page; ``unplayed`` counts the attacks that the drill names and did not play here."""

    at: int
    public: bool
    unplayed: int
    exposure: tuple[Exposed, ...]
    detection: Detection
    registers: Registers
    incidents: Incidents
    coverage: Coverage


def exposure(rows: Iterable[DrillRow]) -> tuple[Exposed, ...]:
    """Takes, for each attack that was played here, the case that opened the most."""
    by_attack: dict[str, dict[str, list[DrillRow]]] = {}
    for row in rows:
        by_attack.setdefault(row.scenario, {}).setdefault(row.platform, []).append(row)
    found = []
    for attack, sides in by_attack.items():
        here = [row for row in sides.get(HERE, []) if row.opened is not None]
        if here:
            worst = max(here, key=lambda row: row.opened or 0)
            alarmed = [row.detected_after for row in here if row.detected_after is not None]
            other = [row.opened for row in sides.get(CONVENTIONAL, []) if row.opened is not None]
            found.append(Exposed(
                attack=attack, opened=worst.opened, bound=worst.bound, conventional=max(other, default=None),
                detected_after=max(alarmed, default=None),
            ))  # fmt: skip
    return tuple(found)


def unplayed(rows: Iterable[DrillRow]) -> int:
    """Counts the attacks that the drill names and that have no figure here."""
    named, played = set[str](), set[str]()
    for row in rows:
        named.add(row.scenario)
        if row.platform == HERE and row.opened is not None:
            played.add(row.scenario)
    return len(named - played)


def detection(cases: Iterable[Opened]) -> Detection:
    """Measures the delay of the cases that say when it began and when somebody became aware."""
    delays = sorted(
        case.aware_at - case.began_at for case in cases if case.began_at is not None and case.aware_at >= case.began_at
    )
    return Detection(
        cases=len(delays), median_seconds=int(statistics.median(delays)) if delays else None,
        longest_seconds=max(delays, default=None),
    )  # fmt: skip


def registers(standings: Sequence[Standing], contracts: int, faults: Sequence[Fault]) -> Registers:
    """Counts measures and contracts."""
    states = [one.state for one in standings]
    overdue = {fault.contract for fault in faults if fault.kind is FaultKind.OVERDUE}
    return Registers(
        measures={state.value: states.count(state) for state in State},
        proved=sum(state in PROVED for state in states), to_do=sum(state in TO_DO for state in states),
        contracts=contracts, overdue=len(overdue), faults=len({fault.contract for fault in faults}),
    )  # fmt: skip


def incidents(cases: Sequence[Opened], duties: Iterable[Duty], now: int) -> Incidents:
    """Counts cases and the clocks that run."""
    running = [duty for duty in duties if duty.due_at is not None and not duty.filings]
    return Incidents(
        cases=len(cases), last_year=sum(now - case.aware_at <= YEAR_SECONDS for case in cases), running=len(running),
        late=sum(duty.late(now) for duty in running),
        next_at=min((duty.due_at for duty in running if duty.due_at is not None and duty.due_at >= now), default=None),
    )  # fmt: skip


def coverage(
    insurers: int | None, counts: BulletinCounts | None, bulletins: Sequence[Bulletin], sector: Mapping[str, int]
) -> Coverage:
    """Compares what is connected with the sector; the latest bulletin for opticians is the one that is counted."""
    latest = next((one.number for one in reversed(bulletins) if one.audience is Audience.OPTICIANS), None)
    acknowledged = None
    if counts is not None and latest is not None:
        acknowledged = next((one.shops for one in counts.acknowledged if one.number == latest), 0)
    return Coverage(
        insurers=insurers, insurers_of_sector=sector.get("insurers"),
        shops=None if counts is None else counts.shops, shops_of_sector=sector.get("shops"), bulletins=len(bulletins),
        acknowledged=acknowledged,
    )  # fmt: skip
