"""The verb by which an operator reads the alarms of its own verifier (docs/operating.md)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import msgspec

from paravent.access import cli
from paravent.access.cli import Said, verb
from paravent.access.devices import date_text
from paravent.access.store import VerifierStore
from paravent.wire.alarm import Alarm, KeptAlarm
from paravent.wire.codec import decode

_FOLDER = click.Path(path_type=Path, file_okay=False)


def add_alarm_verb(group: click.Group, store: Callable[[Path], VerifierStore]) -> None:
    """Adds ``alarms``."""

    @verb(group, "List the alarms that this verifier raised; --out writes each as its signed file.")
    @click.option("--after", type=click.IntRange(min=0), default=0, help="Only those with a higher number.")
    @click.option("--out", type=_FOLDER, default=None, help="Folder for the signed files: alarm-VERIFIER-NUMBER.json.")
    def alarms(home: Path, after: int, out: Path | None) -> Said:
        """Lists alarms."""
        with store(home) as opened:
            kept = every_alarm(opened, after)
        read = [read_own(one) for one in kept]
        for one, alarm in zip(kept, read, strict=True):
            if out is not None:
                out.mkdir(mode=0o700, parents=True, exist_ok=True)
                cli.write_file(out / file_name(alarm), one.signed)
        return said(read)


def every_alarm(store: VerifierStore, after: int) -> list[KeptAlarm]:
    """Reads all the alarms after a number."""
    found: list[KeptAlarm] = []
    while page := store.alarms.after(after):
        found += page
        after = read_own(page[-1]).number
    return found


def read_own(kept: KeptAlarm) -> Alarm:
    """Reads an alarm of one's own database: its signature is for whoever is handed it."""
    return decode(kept.signed.payload, Alarm)


def file_name(alarm: Alarm) -> str:
    """Names the file of an alarm."""
    return f"alarm-{alarm.verifier}-{alarm.number}.json"


def said(alarms: list[Alarm]) -> Said:
    """Says alarms to people, and as values."""
    text = "\n".join([*map(line, alarms), f"{len(alarms)} alarms"])
    return Said(text=text, values={"alarms": [row(alarm) for alarm in alarms]})


def row(alarm: Alarm) -> dict[str, object]:
    """Gives an alarm as one flat object."""
    values = dict(msgspec.to_builtins(alarm))
    return {**values.pop("finding"), **values}


def line(alarm: Alarm) -> str:
    """Writes one alarm for people."""
    finding = alarm.finding
    counted = f"{finding.observed} of {finding.whole}, usual {finding.usual}"
    ends = ", suspended by policy" * alarm.suspended + ", drill" * alarm.drill
    about = f"{finding.kind.value} {finding.subject}"
    name = f"{date_text(alarm.raised_at)} {alarm.verifier} {alarm.number}"
    return f"{name}: {finding.sign.value}, {about}: {counted}{ends}"
