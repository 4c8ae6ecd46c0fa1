"""The hub's machine lost with every file, and the hub built again by its insurers and desks: timed, and compared.

A real platform, published and at work: what is done is what docs/continuity.md says, verb by verb. The client's own
list is compared with what every party then has, and every right that was used is asked for again. Beside it, the same
hub put back from a backup; and as a control one that reopens without being told what it had decided: it must lose
decisions and promise rights again, or the comparison sees nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from paravent.bench.kill_ground import kill_ground
from paravent.bench.kills import require_same
from paravent.bench.loss import LosableHub, Stages
from paravent.bench.measures import PERSONS, Measure, Sizes, asking
from paravent.bench.told import Difference
from paravent.drill.platform import INSURERS
from paravent.errors import TechnicalFailure

REBUILT_PERSONS, QUICK_PERSONS = 200_000, 4_000
PURCHASES, QUICK_PURCHASES = 40, 4
COUNTRY_MILLIONS = 33
_ROWS, _EVERYTHING = "rows.backup", "everything.backup"


class Source(StrEnum):
    """From what the hub came back."""

    INSURERS = "insurers and desks"
    BACKUP = "backup"
    FORGETFUL = "control: told nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildFigures:
    """One return: seconds of each stage, and from the loss until a desk checks, and until it claims.

    ``minutes_per_million`` and its product are of publishing alone, which grows with persons: insurers publish one
    after another, each with ``processes`` workers. Of ``rights_used``, ``promised_again`` were promised a second time.
    """

    source: str
    persons: int
    insurers: int
    processes: int
    restoring_seconds: float
    publishing_seconds: float
    enrolling_seconds: float
    returning_seconds: float
    reopening_seconds: float
    until_checks_seconds: float
    until_claims_seconds: float
    minutes_per_million: float | None
    minutes_for_33_million: float | None
    decisions: int
    claims: int
    paid_cents: int
    lost: int
    doubled: int
    rights_used: int
    promised_again: int


def measure(home: Path, persons: int, purchases: int) -> Iterator[RebuildFigures]:
    """Loses the hub three times; raises TechnicalFailure when something was lost, doubled or promised again.

    Also when the control was seen to lose nothing: then nothing was proved.
    """
    with kill_ground(home, persons) as ground:
        hub = LosableHub.of(ground)
        hub.trade(purchases)
        require_same(ground, whole=True)
        hub.trade(purchases)
        # Of these, the remittances are with the hub, and no shop has fetched them.
        ground.settle()
        ground.platform.stop(*(f"insurer-{amc}" for amc in INSURERS))
        yield required(from_insurers(hub, persons))
        hub.back_up(_EVERYTHING)
        hub.trade(purchases)
        yield required(from_backup(hub, persons))
        yield required(forgetful(hub, persons), sound=False)


def required(figures: RebuildFigures, *, sound: bool = True) -> RebuildFigures:
    """Raises TechnicalFailure for a return that is not ``sound``, or for a control that is."""
    wrong = bool(figures.lost or figures.doubled or figures.promised_again)
    if wrong == sound:
        raise TechnicalFailure(f"a return from {figures.source} should be {'sound' if sound else 'seen'}: {figures}")
    return figures


def from_insurers(hub: LosableHub, persons: int) -> RebuildFigures:
    """Loses the hub, and builds it again from nothing but what insurers and desks have."""
    stages = Stages()
    hub.lose()
    stages.time("restoring", hub.restore)
    stages.time("publishing", hub.publish)
    stages.time("enrolling", hub.enrol)
    hub.back_up(_ROWS)
    return _given_back(hub, Source.INSURERS, persons, stages)


def from_backup(hub: LosableHub, persons: int) -> RebuildFigures:
    """Loses the hub, and puts it back from a backup; what was decided since is given back."""
    stages = Stages()
    hub.lose()
    stages.time("restoring", lambda: hub.restore(_EVERYTHING))
    return _given_back(hub, Source.BACKUP, persons, stages)


def forgetful(hub: LosableHub, persons: int) -> RebuildFigures:
    """Loses the hub, and reopens it with its rows and devices, and with nothing of what it had decided."""
    stages = Stages()
    hub.lose()
    stages.time("restoring", lambda: hub.restore(_ROWS))
    checks = stages.total()
    stages.time("reopening", lambda: hub.reopen(waiting=False))
    again, difference = hub.promised_again(), Difference()
    hub.ground.compare_decisions(difference, whole=True)
    return _figures(hub, Source.FORGETFUL, persons, stages, checks, difference, again)


def _given_back(hub: LosableHub, source: Source, persons: int, stages: Stages) -> RebuildFigures:
    stages.time("returning", hub.refresh)
    checks = stages.total()
    stages.time("returning", hub.pull)
    stages.time("reopening", hub.reopen)
    again = hub.promised_again()
    return _figures(hub, source, persons, stages, checks, hub.ground.compare(whole=True), again)


def _figures(
    hub: LosableHub, source: Source, persons: int, stages: Stages, checks: float, difference: Difference, again: int
) -> RebuildFigures:
    publishing, claims = stages.of("publishing"), hub.ground.told.claims().values()
    minutes = publishing / 60 * 1_000_000 / persons if publishing else None
    return RebuildFigures(
        source=source, persons=persons, insurers=len(INSURERS), processes=len(os.sched_getaffinity(0)),
        restoring_seconds=round(stages.of("restoring"), 1), publishing_seconds=round(publishing, 1),
        enrolling_seconds=round(stages.of("enrolling"), 1), returning_seconds=round(stages.of("returning"), 1),
        reopening_seconds=round(stages.of("reopening"), 1), until_checks_seconds=round(checks, 1),
        until_claims_seconds=round(stages.total(), 1),
        minutes_per_million=None if minutes is None else round(minutes, 2),
        minutes_for_33_million=None if minutes is None else round(minutes * COUNTRY_MILLIONS, 1),
        decisions=len(hub.ground.told.decisions), claims=len(claims), paid_cents=sum(one.cents for one in claims),
        lost=len(difference.lost), doubled=len(difference.doubled), rights_used=len(hub.used()), promised_again=again,
    )  # fmt: skip


def _rows(folder: Path, sizes: Sizes) -> Iterator[RebuildFigures]:
    persons = sizes.of(PERSONS, QUICK_PERSONS if sizes.quick else REBUILT_PERSONS)
    return measure(folder, persons, QUICK_PURCHASES if sizes.quick else PURCHASES)


MEASURE = Measure(
    name="rebuild", rows=_rows, options=(PERSONS,),
    asked_by=asking("--rebuild", "Lose the hub instead, and build it again from insurers and desks, timed."),
)  # fmt: skip
