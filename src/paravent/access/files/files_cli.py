"""Verbs for planted files: plant one, try it, list which were ever tried (docs/detection.md section 3.3)."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from paravent.access import cli
from paravent.access.alarm_cli import every_alarm, read_own
from paravent.access.alarms import Detectors
from paravent.access.cli import Said, verb
from paravent.access.devices import date_text
from paravent.access.files import file_watch_store
from paravent.access.files.file_watch_store import DRILL_SECONDS, FileWatch, read_register
from paravent.access.logs import log_event
from paravent.access.store import VerifierStore
from paravent.errors import BadInput
from paravent.wire.alarm import Finding, Sign
from paravent.wire.codec import encode

DAY_SECONDS = 86_400
PAST_LOOKS_MAX = 1_440
_FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)
_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)
Stores = Callable[[Path], VerifierStore]


def add_planting_verbs(group: click.Group) -> None:
    """Adds canary-file, canary-files."""

    @verb(group, "Plant a file that nobody has a reason to touch: whoever changes or deletes it alarms.")
    @click.option("--in", "folder", type=_FOLDER, default=None, help="Folder, of backups say; default: the home.")
    def canary_file(home: Path, folder: Path | None) -> Said:
        """Plants a file."""
        one = file_watch_store.plant(home, folder or home, cli.now(), os.urandom)
        return Said(text=f"{one.path}; untested until canary-file-drill has made it fire", values={"file": one.path})

    @verb(group, "List planted files; one that never fired in a drill is untested.")
    def canary_files(home: Path) -> Said:
        """Lists planted files."""
        found = read_register(home).files
        untested = [one.path for one in found if not one.drilled_at]
        lines = [
            f"{one.path}: {'tested ' + date_text(one.drilled_at) if one.drilled_at else 'UNTESTED'}" for one in found
        ]
        lines.append(f"{len(found)} planted files, {len(untested)} untested")
        rows = [{"file": one.path, "planted_at": one.planted_at, "tested": bool(one.drilled_at)} for one in found]
        return Said(text="\n".join(lines), values={"files": rows, "untested": untested})


def add_watch_verb(
    group: click.Group, detectors: Callable[[], Detectors], found: Callable[[Path, Finding], None]
) -> None:
    """Adds watch-files."""

    @verb(group, "Look at the files of this home again and again: what loses its shape, or was planted, alarms.")
    @click.option("--every", type=click.IntRange(1, 3_600), default=None, help="Seconds between looks, and alarm.")
    def watch_files(home: Path, every: int | None) -> None:
        """Looks until stopped; without --every, once for each instant that it is given, as a service asks it."""
        watch = FileWatch(home, os.urandom)
        if every is None:
            for line in sys.stdin:
                click.echo(encode(watch.look(int(line))).decode())
            return
        judge_again(watch, detectors(), home.name, every, partial(found, home))


def judge_again(
    watch: FileWatch, detectors: Detectors, name: str, every: int, found: Callable[[Finding], None]
) -> None:
    """Looks, judges and tells what is found, once for its sign and day, until stopped."""
    past: deque[int] = deque(maxlen=PAST_LOOKS_MAX)
    told: set[tuple[Sign, int]] = set()
    while True:
        looked, day = watch.look(cli.now()), cli.now() // DAY_SECONDS
        findings = detectors.judge_files(name, looked, list(past), DAY_SECONDS / every, day)
        if not findings:
            past.append(looked.rewritten)
        for one in findings:
            if (one.sign, one.day) not in told and not (one.sign is Sign.CANARY_FILE and looked.drill):
                told.add((one.sign, one.day))
                log_event("alarm-raised", party=name, code=one.sign.value, count=one.observed)
                found(one)
        time.sleep(every)


def add_file_drill_verb(group: click.Group, store: Stores) -> None:
    """Adds canary-file-drill, where a service raises alarms."""

    @verb(group, "Change a planted file in a drill that is announced, and put it back once it alarmed.")
    @click.argument("file", type=_EXISTING)
    @click.option("--seconds", type=click.IntRange(1, DRILL_SECONDS), default=60, help="How long to wait for it.")
    def canary_file_drill(home: Path, file: Path, seconds: int) -> Said:
        """Fires a planted file at this service, which has to be serving."""
        began = cli.now()
        content = file_watch_store.drill(home, file, began + DRILL_SECONDS)
        try:
            fired = _fires(home, store, began, seconds)
        finally:
            file_watch_store.put_back(home, file, content)
        if not fired:
            raise BadInput("no alarm came: the service is down, has no detector, or this file fired today already")
        file_watch_store.record_drill(home, file, cli.now())
        return Said(text=f"{file} fired; its alarm is a drill's", values={"file": str(file), "fired": True})


def _fires(home: Path, store: Stores, began: int, seconds: int) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with store(home) as opened:
            alarms = [read_own(one) for one in every_alarm(opened, 0)]
        if any(one.drill and one.finding.sign is Sign.CANARY_FILE and one.raised_at >= began for one in alarms):
            return True
        time.sleep(0.5)
    return False
