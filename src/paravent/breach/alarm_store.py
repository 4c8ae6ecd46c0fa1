"""The alarms that a breach desk took, as files beside its cases (docs/protocol.md section 9, step 9.14).

Holds: each alarm as its verifier signed it. Stolen: which professionals alarmed, when and why; nothing of an insured
person. Altered: an alarm that is gone is asked for again, and its case says it twice.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from paravent.access.alarm_cli import file_name
from paravent.access.cli import read_file, write_file
from paravent.breach.alarm_client import AlarmClient, Fetched, digest_of
from paravent.breach.alarms import read_any_alarm, take_alarm
from paravent.breach.store import Store
from paravent.crypto.group import Rng
from paravent.errors import ParaventError
from paravent.wire.alarm import Alarm
from paravent.wire.statements import Directory, Signed

FOLDER = "alarms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What came of asking every verifier once: the new alarms, their cases, and who did not tell everything, with why.

    A case is true when this round opened it.
    """

    alarms: tuple[Alarm, ...]
    cases: Mapping[str, bool]
    failed: Mapping[str, ParaventError]

    @property
    def opened(self) -> list[str]:
        """Lists the cases that this round opened."""
        return [case for case, new in self.cases.items() if new]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRounds:
    """Asks the verifiers of a directory for what they did not tell this home yet."""

    home: Path
    directory: Directory
    client: AlarmClient
    rng: Rng

    async def run(self, now: int, *, dry_run: bool = False) -> Round:
        """Asks every verifier, and takes what is new unless it is a dry run; one that fails stops no other."""
        fetched = await self.client.fetch(known_alarms(self.home, self.directory))
        failed = {one.verifier: one.error for one in fetched if one.error is not None}
        if dry_run:
            new = tuple(alarm for one in fetched for _, alarm in one.alarms)
            return Round(alarms=new, cases={}, failed=failed)
        # In a thread: it waits for whoever takes alarms of this home at the same moment.
        alarms, cases = await asyncio.to_thread(take_alarms, self.home, self.directory, fetched, now, self.rng)
        return Round(alarms=alarms, cases=cases, failed=failed)


def known_alarms(home: Path, directory: Directory) -> dict[str, dict[int, set[bytes]]]:
    """Gives the alarms taken of each verifier, by number; raises ProofFailure for a file that is none of theirs."""
    known: dict[str, dict[int, set[bytes]]] = {}
    for path in sorted((home / FOLDER).glob("alarm-*.json")):
        signed = read_file(path, Signed)
        alarm = read_any_alarm(signed, directory)
        known.setdefault(alarm.verifier, {}).setdefault(alarm.number, set()).add(digest_of(signed))
    return known


def take_alarms(
    home: Path, directory: Directory, fetched: Sequence[Fetched], now: int, rng: Rng
) -> tuple[tuple[Alarm, ...], dict[str, bool]]:
    """Takes each alarm that is still new: first the case, then the file that says so, so that a crash loses none.

    A timer and the console may ask at one moment: each waits here for the other, and takes what that one did not.
    """
    taken: list[Alarm] = []
    cases: dict[str, bool] = {}
    with _alone(home / FOLDER) as folder, Store(home) as store:
        known = known_alarms(home, directory)
        for signed, alarm in (pair for one in fetched for pair in one.alarms):
            if digest_of(signed) in known.get(alarm.verifier, {}).get(alarm.number, ()):
                continue
            case, new = take_alarm(store, signed, alarm, now, rng)
            cases[case] = cases.get(case, False) or new
            path = folder / file_name(alarm)
            # Two alarms of one number: the verifier's database was put back between them.
            if path.exists():
                path = path.with_stem(f"{path.stem}-{digest_of(signed).hex()[:8]}")
            write_file(path, signed)
            taken.append(alarm)
    return tuple(taken), cases


@contextmanager
def _alone(folder: Path) -> Iterator[Path]:
    """Makes a folder, and holds it: another process that takes alarms of this home waits."""
    folder.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(descriptor)
