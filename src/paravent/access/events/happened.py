"""What happened at one service, read from what it keeps anyway (docs/detection.md section 6): pure.

An event is of nobody insured: it has no number, no name, no handle, no label, no address and no text that somebody
typed. It names a professional, a shop or a device where the service barred, enrolled or alarmed about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from paravent.access.enrolment_store import DeviceEvent
from paravent.access.quotas import HOUR_SECONDS, WINDOW_SECONDS, QuotaKind
from paravent.access.tally import Counted
from paravent.wire.alarm import Alarm

SETTLING_SECONDS = 60
"""Counts are written some seconds late, and a group of requests commits together: what is younger may still change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """Requests of one hour and one handler that were answered, or refused with one code."""

    counted: Counted

    @property
    def settled_at(self) -> int:
        """When the hour was over."""
        return (self.counted.hour + 1) * HOUR_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class DayTotal:
    """What all professionals together asked on one day (counted since 1970)."""

    kind: QuotaKind
    day: int
    requests: int

    @property
    def settled_at(self) -> int:
        """When the day was over."""
        return (self.day + 1) * WINDOW_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceChange:
    """One row of the ledger of devices, and whose the device is where it is one: empty when it is not known."""

    position: int
    row: DeviceEvent
    professional: str

    @property
    def settled_at(self) -> int:
        """When it happened."""
        return self.row.happened_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """An alarm of the service's own detectors."""

    alarm: Alarm

    @property
    def settled_at(self) -> int:
        """When it was raised."""
        return self.alarm.raised_at


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOpened:
    """A case of the breach desk: its number and who raised it; nothing of what it says."""

    case: str
    origin: str
    at: int

    @property
    def settled_at(self) -> int:
        """When it was opened."""
        return self.at


Happened = Requests | DayTotal | DeviceChange | Raised | CaseOpened


class Ledger(Protocol):
    """The ledger of devices as events need it."""

    def events(self) -> Iterator[DeviceEvent]:
        """Iterates its rows, oldest first."""

    def professionals(self) -> Mapping[str, str]:
        """Returns whose each device is, by the name of its key."""


class Counts(Protocol):
    """The counts of requests as events need them."""

    def since(self, hour: int) -> list[Counted]:
        """Lists the counts from an hour on."""


class Source(Protocol):
    """The store of a verifier as events need it."""

    @property
    def devices(self) -> Ledger:
        """The ledger of devices."""

    @property
    def tally(self) -> Counts:
        """The counts of requests."""

    def totals_by_day(self, kind: QuotaKind, since: int) -> list[tuple[int, int, int]]:
        """Lists (day, requests, new persons charged) of all professionals together."""


def happened(store: Source, alarms: Sequence[Alarm], since: int, until: int) -> list[Happened]:
    """Lists what was settled from an instant on, before another, the oldest first: asked again, it is the same.

    ``until`` is at most SETTLING_SECONDS before now. An hour or a day that is not over waits for the next time.
    """
    found: list[Happened] = [Raised(alarm=alarm) for alarm in alarms]
    found += [Requests(counted=one) for one in store.tally.since(since // HOUR_SECONDS - 1)]
    for kind in QuotaKind:
        totals = store.totals_by_day(kind, since // WINDOW_SECONDS - 1)
        found += [DayTotal(kind=kind, day=day, requests=requests) for day, requests, _ in totals]
    whose = store.devices.professionals()
    for position, row in enumerate(store.devices.events(), start=1):
        found.append(DeviceChange(position=position, row=row, professional=whose.get(row.subject, "")))
    return settled(found, since, until)


def settled(found: Sequence[Happened], since: int, until: int) -> list[Happened]:
    """Keeps what was settled in a window, the oldest first."""
    return sorted((one for one in found if since <= one.settled_at < until), key=lambda one: one.settled_at)
