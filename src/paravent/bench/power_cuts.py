"""The power cut under load, again and again: what was acknowledged is on the disk, and the control shows a loss.

A party serves from a file system on a simulated disk; all its processes die at once, and what was not flushed is gone.
Half of the cuts come at a moment drawn by lot, half in the middle of a flush. Then the file system is mounted and the
party started again, and everything acknowledged since the beginning compared.

Nothing is left behind: it runs apart (``apart``).
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from paravent.bench.apart import apart, tell
from paravent.bench.cluster import NotInstalled
from paravent.bench.drive import Drive, drive
from paravent.bench.engines import NotRun
from paravent.bench.measures import CYCLES, Figures, Measure, Sizes, asking
from paravent.bench.power_parties import PARTIES, Making, ended, folder_name
from paravent.bench.power_subject import Settings, Subject
from paravent.errors import TechnicalFailure

CUTS, QUICK_CUTS, CONTROL_CUTS_MAX = 100, 5, 20
_SEED = 23
_LOAD_SECONDS_MAX = 10.0
_ACKNOWLEDGED_MAX = 40
_WRITES_MAX = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerFigures:
    """``lost`` and ``doubled`` of ``acknowledged``; ``struck`` cuts came in the middle of a flush.

    ``cached_sectors`` were in the disk's own cache when it was cut, and half of them or all are lost.
    ``not_started`` cuts left files on which the party does not start: what it had acknowledged is lost.
    """

    party: str
    settings: str
    cuts: int
    struck: int
    cached_sectors: int
    acknowledged: int
    lost: int
    doubled: int
    not_started: int
    seconds: float


def measure(home: Path, cuts: int) -> Iterator[PowerFigures | NotRun]:
    """Cuts the power of each party; raises TechnicalFailure at a loss, or when a control loses nothing."""
    for name, making, controls in PARTIES:
        for settings in (Settings.SHIPPED, *controls):
            folder = home / folder_name(name, settings)
            folder.mkdir()
            shipped = settings is Settings.SHIPPED
            try:
                figures = _measured(folder, name, making, settings, cuts if shipped else CONTROL_CUTS_MAX)
            except NotInstalled as reason:
                yield NotRun(engine=name, not_run=str(reason))
                break
            yield figures
            if shipped is (figures.lost + figures.doubled + figures.not_started > 0):
                raise TechnicalFailure(
                    f"what was acknowledged is lost: {figures}" if shipped else f"the harness sees no loss: {figures}"
                )


def _measured(folder: Path, name: str, making: Making, settings: Settings, cuts: int) -> PowerFigures:
    dice, started = random.Random(_SEED), time.perf_counter()
    struck = cached = lost = doubled = not_started = done = 0
    with drive(folder) as disk:
        (outside := folder / "outside").mkdir()
        with making(disk.folder, outside, settings) as subject, ended(subject):
            _start(subject)
            disk.sync()
            while done < cuts and not lost + doubled + not_started:
                done += 1
                at_flush, sectors = _cut(subject, disk, dice)
                struck, cached = struck + at_flush, cached + sectors
                if not _start(subject):
                    not_started += 1
                    break
                found = subject.found()
                lost, doubled = found.lost, found.doubled
            acknowledged = subject.acknowledged
    return PowerFigures(
        party=name, settings=settings.value, cuts=done, struck=struck, cached_sectors=cached,
        acknowledged=acknowledged, lost=lost, doubled=doubled, not_started=not_started,
        seconds=round(time.perf_counter() - started, 1),
    )  # fmt: skip


def _start(subject: Subject) -> bool:
    try:
        subject.start()
    except (TechnicalFailure, NotInstalled):
        if subject.settings is Settings.SHIPPED:
            raise
        return False
    return True


def _cut(subject: Subject, disk: Drive, dice: random.Random) -> tuple[bool, int]:
    """Has it asked, and cuts its power; returns whether in the middle of a flush, and what was in the cache."""
    subject.closing.clear()
    clients = [Thread(target=subject.ask, daemon=True) for _ in range(subject.CLIENTS)]
    for client in clients:
        client.start()
    # Whatever the speed of the machine, something was acknowledged since it started.
    enough, deadline = subject.acknowledged + dice.randrange(1, _ACKNOWLEDGED_MAX), time.monotonic() + _LOAD_SECONDS_MAX
    while subject.acknowledged < enough and time.monotonic() < deadline:
        time.sleep(0.005)
    struck = dice.random() < 0.5 and disk.strike(dice.randrange(1, _WRITES_MAX))
    subject.kill()
    sectors = disk.cut(dice)
    subject.reap()
    subject.closing.set()
    for client in clients:
        client.join()
    disk.power_on()
    return struck, sectors


def _rows(folder: Path, sizes: Sizes) -> Iterator[Figures]:
    cuts = sizes.of(CYCLES, QUICK_CUTS if sizes.quick else CUTS)
    return apart(__name__, PowerFigures, folder, str(cuts))


MEASURE = Measure(
    name="power-cuts",
    asked_by=asking("--power-cuts", "Cut the power of a simulated disk instead, under load; needs rights to mount."),
    options=(CYCLES,),
    rows=_rows,
)

if __name__ == "__main__":
    tell(Path(sys.argv[1]), measure(Path(sys.argv[1]), int(sys.argv[2])))
