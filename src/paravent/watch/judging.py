"""Every detector of one verifier together: what its counts say of a professional, of the fleet, of itself: pure.

Which signs a verifier can see depends on what it counts (docs/detection.md section 2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from paravent.watch.budget import DAYS_A_YEAR, Budget
from paravent.watch.daily import Day, Outlier, judge, judge_fleet
from paravent.watch.flood import judge_minute
from paravent.watch.rewriting import LOST_MIN, lost_their_shape, rewritten_together
from paravent.watch.sequential import SequentialTest, Tried, sequential_test
from paravent.watch.volumes import is_above, judge_volume
from paravent.wire.alarm import AlarmSubject, Finding, Sign, quantity

DaysOfCounts = Mapping[int, Mapping[str, int]]
"""Counts by kind, of each day since 1970 that has any."""

_OVER = frozenset({Sign.OPENINGS_WITHOUT_CLAIMS})
FLEET_PAST_DAYS_MIN = 14
KEY_SERVER_SIGNS = frozenset(
    {Sign.VOLUME, Sign.EVALUATIONS_WITHOUT_OPENINGS, Sign.CLOSED_HOURS, Sign.NEW_DEVICES}
)  # fmt: skip
HUB_SIGNS = frozenset(
    {
        Sign.VOLUME, Sign.UNKNOWN_PERSONS, Sign.OPENINGS_WITHOUT_CLAIMS, Sign.CLOSED_HOURS, Sign.NEW_DEVICES,
        Sign.CLAIMS_MIX,
    }
)  # fmt: skip


class FilesLooked(Protocol):
    """What a look at the files of a service gave, in counts (``access.files.looked``)."""

    @property
    def planted(self) -> int:
        """Planted files."""

    @property
    def touched(self) -> int:
        """Those that are changed or gone."""

    @property
    def shaped(self) -> int:
        """Files that have a shape."""

    @property
    def lost(self) -> int:
        """Those that have it no more."""

    @property
    def pages(self) -> int:
        """Pages of databases that were looked at."""

    @property
    def broken(self) -> int:
        """Those without structure."""

    @property
    def files(self) -> int:
        """All files."""

    @property
    def rewritten(self) -> int:
        """Those that are not as they were at the last look."""


class Detectors(msgspec.Struct, frozen=True, kw_only=True):
    """The detectors that one verifier runs, on one budget."""

    budget: Budget
    signs: frozenset[Sign]
    sequential: SequentialTest

    @classmethod
    def of(cls, signs: frozenset[Sign], false_alarms_a_year: float, professionals: int) -> Detectors:
        """Computes the tests of a budget."""
        budget = Budget(false_alarms_a_year=false_alarms_a_year, professionals=max(1, professionals))
        return cls(budget=budget, signs=signs, sequential=sequential_test(budget))

    def judge(self, professional: str, counts: DaysOfCounts, tried: tuple[int, int], today: int) -> list[Finding]:
        """Lists what stands out of one professional's day, and of the look-ups since the sequential test cleared."""
        found: list[Finding] = []
        volume = judge_volume(lookups(counts), today, self.budget)
        # An alarm of a day long past was raised on that day.
        if volume is not None and volume.day >= today - 1:
            found.append(Finding(
                sign=Sign.VOLUME, kind=AlarmSubject.PROFESSIONAL, subject=professional, day=volume.day,
                observed=volume.count, whole=volume.count, usual=quantity(volume.baseline), statistic=str(volume.level),
                limit=str(volume.threshold),
            ))  # fmt: skip
        if self.sequential.alarms(Tried(*tried)):
            found.append(Finding(
                sign=Sign.UNKNOWN_PERSONS, kind=AlarmSubject.PROFESSIONAL, subject=professional, day=today,
                observed=tried[0], whole=sum(tried), usual=quantity(self.sequential.honest * sum(tried)),
                statistic=quantity(self.sequential.level(Tried(*tried))), limit=quantity(self.sequential.threshold),
            ))  # fmt: skip
        found += self._outliers(professional, counts, today)
        # Claims follow openings by hours: what was not claimed is judged once its day is over.
        found += [one for one in self._outliers(professional, counts, today - 1) if one.sign in _OVER]
        found = [one for one in found if one.sign not in _OVER or one.day < today]
        return [finding for finding in found if finding.sign in self.signs]

    def _outliers(self, professional: str, counts: DaysOfCounts, day: int) -> list[Finding]:
        if day not in counts:
            return []
        past = [_day(of) for one, of in counts.items() if one < day]
        return [
            _finding(outlier, professional, day, self.budget.level())
            for outlier in judge(_day(counts[day]), past, self.budget)
        ]

    def judge_fleet(self, day: int, above: int, professionals: int, past: Sequence[int]) -> Finding | None:
        """Judges how many professionals were above their own usual on a day that is over."""
        if len(past) < FLEET_PAST_DAYS_MIN or professionals == 0:
            return None
        found = judge_fleet(above, professionals, past, self.budget.of(Sign.FLEET))
        if found is None:
            return None
        return msgspec.structs.replace(
            _finding(found, "fleet", day, self.budget.of(Sign.FLEET) / DAYS_A_YEAR), kind=AlarmSubject.FLEET
        )

    def above(self, sums: Iterable[tuple[int, int, int, int]]) -> int:
        """Counts who is above its own usual, from (sum, sum of squares, days, count of the day)."""
        return sum(days > 0 and is_above(total, squares, days, count) for total, squares, days, count in sums)

    def judge_minute(self, verifier: str, requests: int, past: Sequence[int], day: int) -> Finding | None:
        """Judges the requests of one minute, of anybody."""
        found = judge_minute(requests, past, self.budget)
        if found is None:
            return None
        return msgspec.structs.replace(
            _finding(found, verifier, day, self.budget.level_of_a_minute()), kind=AlarmSubject.VERIFIER
        )

    def judge_files(
        self, verifier: str, looked: FilesLooked, past: Sequence[int], looks_a_day: float, day: int
    ) -> list[Finding]:
        """Judges what a look at the files of the verifier gave; ``past`` is how many were rewritten before each."""
        found = []
        if looked.touched:
            found.append(_of_files(Sign.CANARY_FILE, verifier, day, (looked.touched, looked.planted), ("1", "1")))
        lost, whole = looked.lost + looked.broken, looked.shaped + looked.pages
        probability = rewritten_together(looked.rewritten, past, looks_a_day, self.budget)
        if lost_their_shape(looked.lost, looked.broken):
            found.append(_of_files(Sign.MASS_REWRITE, verifier, day, (lost, whole), (str(lost), str(LOST_MIN))))
        elif probability is not None:
            level = quantity(self.budget.level_of_a_look(looks_a_day))
            counted = (looked.rewritten, looked.files)
            found.append(_of_files(Sign.MASS_REWRITE, verifier, day, counted, (quantity(probability), level)))
        return found

    def tried(self, before: tuple[int, int], *, unknown: bool) -> tuple[int, int]:
        """Counts one look-up in the sequential test."""
        return self.sequential.after(Tried(*before), unknown=unknown)


def file_detectors() -> Detectors:
    """Gives what judges files alone, at the usual budget."""
    return Detectors.of(frozenset(), Budget().false_alarms_a_year, Budget().professionals)


def lookups(counts: DaysOfCounts) -> dict[int, int]:
    """Gives the days on which there were look-ups: the first of them begins a baseline."""
    return {day: of["lookup"] for day, of in counts.items() if "lookup" in of}


def _of_files(sign: Sign, verifier: str, day: int, counted: tuple[int, int], test: tuple[str, str]) -> Finding:
    return Finding(
        sign=sign, kind=AlarmSubject.VERIFIER, subject=verifier, day=day, observed=counted[0], whole=counted[1],
        usual="0", statistic=test[0], limit=test[1],
    )  # fmt: skip


def _finding(outlier: Outlier, subject: str, day: int, limit: float) -> Finding:
    return Finding(
        sign=outlier.sign, kind=AlarmSubject.PROFESSIONAL, subject=subject, day=day, observed=outlier.observed,
        whole=outlier.whole, usual=quantity(outlier.usual), statistic=quantity(outlier.probability),
        limit=quantity(limit),
    )  # fmt: skip


def _day(counts: Mapping[str, int]) -> Day:
    """Reads the counts of a day: a key server counts openings, the hub the rows that it handed over."""
    return Day(
        evaluations=counts.get("lookup", 0), openings=counts.get("opening", 0) + counts.get("row", 0),
        claims=counts.get("claim", 0), closed_hours=counts.get("closed-hours", 0),
        new_devices=counts.get("new-device", 0), early_renewals=counts.get("early-renewal", 0),
    )  # fmt: skip
