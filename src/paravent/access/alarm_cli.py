"""The verb by which a verifier judges its counts by day (docs/watch.md section 7).

The detectors are given by the party: this package knows devices and counts, not how they are judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

import click

from paravent.access import cli
from paravent.access.cli import Said, verb
from paravent.access.devices import BarReason
from paravent.access.quotas import WINDOW_SECONDS, QuotaKind
from paravent.access.store import VerifierStore
from paravent.wire.suspension import SubjectKind


class Found(Protocol):
    """What a detector says: of whom, which day since 1970, how high against which threshold."""

    @property
    def professional(self) -> str:
        """The professional."""

    @property
    def day(self) -> int:
        """The day, counted from 1970."""

    @property
    def level(self) -> int:
        """The level of the test."""

    @property
    def threshold(self) -> int:
        """Its threshold."""

    @property
    def baseline(self) -> float:
        """What is usual for this professional, a day."""


Judge = Callable[[Iterable[tuple[str, int, int]], int, int, float], Sequence[Found]]


def add_alarm_verb(group: click.Group, store: Callable[[Path], VerifierStore], judge: Judge) -> None:
    """Adds ``alarms``; ``judge`` takes (professional, day, count), today, professionals and the yearly budget."""

    @verb(group, "Judge each professional's look-ups against its own past; --suspend suspends who alarms.")
    @click.option("--budget", type=click.FloatRange(min=0.01), default=12.0, show_default=True,
                  help="False alarms a year that the whole fleet may give.")  # fmt: skip
    @click.option("--suspend", is_flag=True, help="Suspend them, with the reason code detection.")
    def alarms(home: Path, budget: float, suspend: bool) -> Said:
        """Judges, and suspends when the operator's policy is to."""
        now = cli.now()
        with store(home) as opened, opened.commit():
            fleet = len({device.professional for device in opened.devices.every_device()})
            found = judge(opened.counts_by_day(QuotaKind.LOOKUP), now // WINDOW_SECONDS, max(1, fleet), budget)
            suspended = [
                alarm.professional for alarm in found if suspend
                and opened.devices.suspend(SubjectKind.PROFESSIONAL, alarm.professional, BarReason.DETECTION, now)
            ]  # fmt: skip
        rows = [
            {"professional": one.professional, "sign": "volume", "day": one.day, "level": one.level,
             "threshold": one.threshold, "baseline": one.baseline}
            for one in found
        ]  # fmt: skip
        lines = [
            f"{row['professional']}: {row['level']} at {row['threshold']}, usual {row['baseline']}" for row in rows
        ]
        lines.append(f"{len(rows)} alarms among {fleet} professionals, {len(suspended)} suspended")
        return Said(text="\n".join(lines), values={"alarms": rows, "suspended": suspended, "professionals": fleet})
