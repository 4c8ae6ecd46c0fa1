"""Reads the hub's own store for its console: counts alone (docs/screens.md).

Holds nothing of its own. The store is opened for each reading and closed again, so that a console outlives a
database that does not answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from paravent.access.alarm_cli import every_alarm
from paravent.access.quotas import WINDOW_SECONDS, QuotaKind, QuotaLimits
from paravent.hub.screens import readings
from paravent.hub.screens.readings import DAYS_SHOWN, Readings
from paravent.hub.store import Store
from paravent.wire.alarm import Alarm
from paravent.wire.codec import decode
from paravent.wire.statements import Directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """How a reading is made: the store, opened anew, the limits configured, the directory joined."""

    open_store: Callable[[], Store]
    limits: QuotaLimits
    directory: Directory

    def read(self, now: int) -> Readings:
        """Reads the store; raises StorageDown, or what its engine raises, when it does not answer."""
        insurers = [entry.amc for entry in self.directory.insurers]
        with self.open_store() as store:
            counted = store.tally.since(readings.week_ago(now))
            return Readings(
                at=now, load=readings.load(counted, now), refusals=tuple(readings.refusals(counted, now)),
                quotas=tuple(self._spent(store, kind, now) for kind in (QuotaKind.LOOKUP, QuotaKind.ACT)),
                limits=self.limits, devices=Counter(store.devices.states(now)), alarms=_alarms(store, now),
                measures=tuple(store.devices.measures()),
                published=tuple(
                    readings.published(self.directory, {amc: store.live(amc) for amc in insurers}, now)
                ),
                claims=tuple(
                    (entry.name, month, lines)
                    for entry in self.directory.insurers for month, lines in store.claims.lines_by_month(entry.amc)
                ),
                remembered=tuple(
                    (server.name, store.memory.seen(server.name).size) for server in self.directory.keyservers
                ),
            )  # fmt: skip

    def _spent(self, store: Store, kind: QuotaKind, now: int) -> readings.Spent:
        first = now // WINDOW_SECONDS - DAYS_SHOWN + 1
        used = store.spent_by_professional(kind, now)
        return readings.spent(kind, self.limits, used, store.totals_by_day(kind, first), now)


def _alarms(store: Store, now: int) -> int:
    """Counts the alarms of the days shown, those of a drill left out."""
    return sum(
        not alarm.drill and alarm.raised_at > now - DAYS_SHOWN * WINDOW_SECONDS
        for alarm in (decode(one.signed.payload, Alarm) for one in every_alarm(store, 0))
    )
