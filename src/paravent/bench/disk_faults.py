"""A disk that is full, and one that fails, under a party that serves: what its client is told, and what is there after.

Every request meanwhile is answered with a technical failure, never with a refusal and never as if it had been done;
when there is room again, or another disk, it goes on, with all that was acknowledged and nothing twice.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from http.client import HTTPException
from pathlib import Path
from threading import Thread

from paravent.bench.apart import apart, tell
from paravent.bench.cluster import NotInstalled
from paravent.bench.drive import Drive, drive
from paravent.bench.engines import NotRun
from paravent.bench.measures import Measure, asking
from paravent.bench.power_parties import PARTIES, Making, ended, folder_name
from paravent.bench.power_subject import Settings, Subject
from paravent.errors import ParaventError, TechnicalFailure, Unreachable

EVERY = tuple(name for name, _, _ in PARTIES)
QUICK = ("hub, SQLite",)
_BALLAST_BYTES = (1 << 20, 1 << 12, 1)
_SERVED_SECONDS = 0.5
_ASKED = 12
_ASKED_MAX = 20_000
_ACKNOWLEDGED = "acknowledged"
_TECHNICAL = "technical: "
_RECOVERS_SECONDS_MAX = 60.0


class DiskTrouble(StrEnum):
    """What befalls the disk."""

    FULL = "full (ENOSPC)"
    FAILING = "failing (EIO)"


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubleFigures:
    """How requests ended while the disk was in trouble: technical failures by code, refusals in ``refused``.

    ``meanwhile`` was acknowledged all the same, where there was room. ``went_on`` without being started again, once the
    trouble was over; ``lost`` and ``doubled`` of all that was ``acknowledged`` before, meanwhile and after.
    """

    party: str
    settings: str
    trouble: str
    failures: dict[str, int]
    refused: dict[str, int]
    meanwhile: int
    went_on: bool
    acknowledged: int
    lost: int
    doubled: int
    seconds: float

    @property
    def sound(self) -> bool:
        """Says whether requests failed as they should, and nothing acknowledged was lost or doubled."""
        return bool(self.failures) and not self.refused and self.lost + self.doubled == 0


def measure(home: Path, parties: Sequence[str]) -> Iterator[TroubleFigures | NotRun]:
    """Brings each party into each trouble; raises TechnicalFailure when it is not sound, or a control is."""
    for name, making, _ in (one for one in PARTIES if one[0] in parties):
        for settings, trouble in (
            (Settings.SHIPPED, DiskTrouble.FULL), (Settings.SHIPPED, DiskTrouble.FAILING),
            (Settings.SQLITE_OFF, DiskTrouble.FAILING),
        ):  # fmt: skip
            if settings is Settings.SQLITE_OFF and "SQLite" not in name:
                continue
            folder = home / f"trouble-{folder_name(name, settings)}-{trouble.name.lower()}"
            folder.mkdir()
            try:
                figures = _measured(folder, name, making, settings, trouble)
            except NotInstalled as reason:
                yield NotRun(engine=name, not_run=str(reason))
                break
            yield figures
            if figures.sound is not (settings is Settings.SHIPPED):
                raise TechnicalFailure(f"a disk in trouble, or its control, is not as it should be: {figures}")


def _measured(folder: Path, name: str, making: Making, settings: Settings, trouble: DiskTrouble) -> TroubleFigures:
    started = time.perf_counter()
    with drive(folder, 192 << 20) as disk:
        (outside := folder / "outside").mkdir()
        with making(disk.folder, outside, settings) as subject, ended(subject):
            subject.start()
            disk.sync()
            _serve_for(subject, _SERVED_SECONDS)
            with _in(trouble, disk):
                outcomes = _asked(subject, trouble)
            went_on = trouble is DiskTrouble.FULL and _serves_again(subject)
            if not went_on:
                _start_again(subject, disk, trouble)
            _serve_for(subject, _SERVED_SECONDS)
            found = subject.found()
            acknowledged = subject.acknowledged
    technical = [code for code in outcomes if code.startswith(_TECHNICAL)]
    return TroubleFigures(
        party=name, settings=settings.value, trouble=trouble.value,
        failures={code.removeprefix(_TECHNICAL): outcomes[code] for code in technical},
        refused={code: outcomes[code] for code in outcomes.keys() - {*technical, _ACKNOWLEDGED}},
        meanwhile=outcomes[_ACKNOWLEDGED], went_on=went_on, acknowledged=acknowledged,
        lost=found.lost, doubled=found.doubled, seconds=round(time.perf_counter() - started, 1),
    )  # fmt: skip


def _serve_for(subject: Subject, seconds: float) -> None:
    """Has it asked for a while, as ever."""
    subject.closing.clear()
    client = Thread(target=subject.ask, daemon=True)
    client.start()
    time.sleep(seconds)
    subject.closing.set()
    client.join()


def _asked(subject: Subject, trouble: DiskTrouble) -> Counter[str]:
    """Asks a dozen times; of a full disk, until so many fail: a log has the room that it already took."""
    outcomes: Counter[str] = Counter()
    for _ in range(_ASKED if trouble is DiskTrouble.FAILING else _ASKED_MAX):
        outcomes[_outcome(subject)] += 1
        if outcomes.total() - outcomes[_ACKNOWLEDGED] >= _ASKED:
            break
    return outcomes


def _outcome(subject: Subject) -> str:
    """Asks once; returns the code of the failure, or that it was acknowledged."""
    try:
        with closing(subject.connection()) as connection:
            subject.once(connection)
    except TechnicalFailure as error:
        return f"{_TECHNICAL}{error.code}"
    except ParaventError as error:
        return error.code
    except (OSError, HTTPException):
        return f"{_TECHNICAL}{Unreachable.code}"
    return _ACKNOWLEDGED


@contextmanager
def _in(trouble: DiskTrouble, disk: Drive) -> Iterator[None]:
    """Fills the disk, or has it refuse writes; empties it again afterwards."""
    if trouble is DiskTrouble.FAILING:
        disk.refuse_writes()
        yield
        return
    ballast = disk.folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in _BALLAST_BYTES:
            with suppress(OSError):
                while file.write(bytes(size)):
                    os.fsync(file.fileno())
    yield
    ballast.unlink()
    disk.sync()


def _serves_again(subject: Subject) -> bool:
    deadline = time.monotonic() + _RECOVERS_SECONDS_MAX
    while time.monotonic() < deadline:
        if _outcome(subject) == _ACKNOWLEDGED:
            return True
        time.sleep(0.2)
    return False


def _start_again(subject: Subject, disk: Drive, trouble: DiskTrouble) -> None:
    subject.kill()
    subject.reap()
    if trouble is DiskTrouble.FAILING:
        disk.mend()
    subject.start()


MEASURE = Measure(
    name="disk-faults",
    asked_by=asking("--disk-faults", "Fill the disk of each party instead, and have it fail; needs rights to mount."),
    rows=lambda folder, sizes: apart(__name__, TroubleFigures, folder, *(QUICK if sizes.quick else EVERY)),
)

if __name__ == "__main__":
    tell(Path(sys.argv[1]), measure(Path(sys.argv[1]), sys.argv[2:]))
