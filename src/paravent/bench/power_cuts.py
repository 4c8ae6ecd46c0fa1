"""The power cut under load, again and again: what was acknowledged is on the disk, and the control shows a loss.

A party serves from a file system on a simulated disk; all its processes die at once, and what was not flushed is gone.
Half of the cuts come at a moment drawn by lot, half in the middle of a flush. Then the file system is mounted and the
party started again, and everything acknowledged since the beginning compared.

Nothing is left behind: it runs in a mount and a process namespace of its own, which end with their first process.
"""

from __future__ import annotations

import dataclasses
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from paravent.bench.cluster import NotInstalled
from paravent.bench.counters import counters
from paravent.bench.drive import Drive, drive
from paravent.bench.engines import NotRun
from paravent.bench.measures import CYCLES, Figures, Measure, Sizes, asking
from paravent.bench.power_subject import HubAndPostgresql, HubOnDrive, KeyServersOnDrive, Settings, Subject
from paravent.bench.served import served
from paravent.drill.platform import free_ports
from paravent.errors import TechnicalFailure

CUTS, QUICK_CUTS, CONTROL_CUTS_MAX = 100, 5, 20
SHOPS = 8
PROBE_BYTES = 16 << 20
_SEED = 23
_LOAD_SECONDS = (0.1, 0.6)
_WRITES_MAX = 40
_NAMESPACES = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")


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


Making = Callable[[Path, Path, Settings], AbstractContextManager[Subject]]
"""Makes a party: the drive's folder, a folder outside it, how it waits for the disk."""


@contextmanager
def _hub(drive: Path, outside: Path, settings: Settings) -> Iterator[Subject]:
    (port,) = free_ports(1)
    with counters(outside, SHOPS, start=int(time.time()), hub_address=f"http://127.0.0.1:{port}") as shops:
        yield HubOnDrive(settings=settings, shops=shops, folder=drive, port=port)


@contextmanager
def _hub_postgresql(drive: Path, outside: Path, settings: Settings) -> Iterator[Subject]:
    (port,) = free_ports(1)
    with counters(outside, SHOPS, start=int(time.time()), hub_address=f"http://127.0.0.1:{port}") as shops:
        yield HubAndPostgresql(settings=settings, shops=shops, folder=drive, port=port)


@contextmanager
def _keyservers(drive: Path, _: Path, settings: Settings) -> Iterator[Subject]:
    with served(drive) as running:
        yield KeyServersOnDrive(settings=settings, running=running)


PARTIES: tuple[tuple[str, Making, tuple[Settings, ...]], ...] = (
    ("key servers, SQLite", _keyservers, (Settings.SQLITE_OFF,)),
    ("hub, SQLite", _hub, (Settings.SQLITE_OFF,)),
    ("hub, PostgreSQL", _hub_postgresql, (Settings.COMMIT_OFF, Settings.FSYNC_OFF)),
)


def measure(home: Path, cuts: int) -> Iterator[PowerFigures | NotRun]:
    """Cuts the power of each party; raises TechnicalFailure at a loss, or when a control loses nothing."""
    (probe := home / "probe").mkdir()
    try:
        with drive(probe, PROBE_BYTES):
            pass
    except TechnicalFailure as reason:
        yield NotRun(engine="all", not_run=f"not run: {reason}")
        return
    for name, making, controls in PARTIES:
        for settings in (Settings.SHIPPED, *controls):
            folder = home / f"{name}-{settings.name}".replace(", ", "-").replace(" ", "-").lower()
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
        with making(disk.folder, outside, settings) as subject, _ended(subject):
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


@contextmanager
def _ended(subject: Subject) -> Iterator[None]:
    """Ends its processes, whatever happened."""
    try:
        yield
    finally:
        subject.kill()
        subject.reap()


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
    time.sleep(dice.uniform(*_LOAD_SECONDS))
    struck = dice.random() < 0.5 and disk.strike(dice.randrange(1, _WRITES_MAX))
    subject.kill()
    sectors = disk.cut(dice)
    subject.reap()
    subject.closing.set()
    for client in clients:
        client.join()
    disk.power_on()
    return struck, sectors


# --- apart from everything else -------------------------------------------------------------------


def _rows(folder: Path, sizes: Sizes) -> Iterator[Figures]:
    """Runs ``measure`` in namespaces of its own; where this machine gives none, the row says so."""
    cuts = sizes.of(CYCLES, QUICK_CUTS if sizes.quick else CUTS)
    may = subprocess.run([*_NAMESPACES, "true"], capture_output=True, check=False)  # noqa: S603 - the system's own
    if may.returncode:
        yield NotRun(engine="all", not_run=f"not run: {may.stderr.decode().strip()}")
        return
    inside = subprocess.Popen(  # noqa: S603 - our own module
        [*_NAMESPACES, sys.executable, "-m", __name__, str(folder), str(cuts)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with inside:
        for line in inside.stdout or ():
            row = json.loads(line)
            yield NotRun(**row) if "not_run" in row else PowerFigures(**row)
    if inside.returncode:
        raise TechnicalFailure("the power cuts ended before their time: see above")


def main() -> None:
    """Measures in a folder, one line of JSON a row; ends with whoever started it, and everything with it."""

    def watch() -> None:
        os.read(0, 1)
        os._exit(1)

    Thread(target=watch, daemon=True).start()
    for row in measure(Path(sys.argv[1]), int(sys.argv[2])):
        print(json.dumps(dataclasses.asdict(row)), flush=True)


MEASURE = Measure(
    name="power-cuts",
    asked_by=asking("--power-cuts", "Cut the power of a simulated disk instead, under load; needs rights to mount."),
    options=(CYCLES,),
    rows=_rows,
)

if __name__ == "__main__":
    main()
