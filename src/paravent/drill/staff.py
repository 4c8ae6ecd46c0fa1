"""Opticians who have worked with a running platform for a month, and the detectors that watch them (docs/detection.md).

The month is written where each verifier counts it: by day, under its own lasting key, with no label.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from paravent.access.devices import Device
from paravent.access.quotas import QuotaKind, QuotaLimits, professional_pseudonym
from paravent.access.sqlite_store import connect
from paravent.access.store import DailyKeys, VerifierStore
from paravent.crypto.signing import SigningKey, key_id
from paravent.drill.platform import Platform
from paravent.hub import store as hub_store
from paravent.keyserver import store as keyserver_store
from paravent.watch.budget import Budget
from paravent.watch.judging import DaysOfCounts, lookups
from paravent.watch.volumes import BASELINE_DAYS_MIN, judge_volume

DAY_SECONDS = 86_400
USUAL_LOOKUPS = 12
"""Persons a day whom a busy shop looks up at one server, in the mean (docs/detection.md section 4)."""

_SECRETS = "secrets"
_MONTH = BASELINE_DAYS_MIN + 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Optician:
    """Somebody whose device the thief will hold."""

    key: SigningKey
    professional: str

    @property
    def keyid(self) -> str:
        """The name of the device's key."""
        return key_id(self.key.public)


def hire(platform: Platform, number: int, now: int, seed: int) -> Optician:
    """Enrols an optician's device everywhere, as of a month ago, with an ordinary month behind it."""
    optician = Optician(key=SigningKey.generate(os.urandom), professional=f"8{20000000000 + number}")
    device = Device(public=optician.key.public, professional=optician.professional, shop=f"{590000000 + number}")
    for verifier in platform.verifiers():
        with _ledger(platform, verifier) as store:
            store.enrol(device, now - _MONTH * DAY_SECONDS)
        write_month(
            platform.home / verifier, _database(verifier), optician.professional, now // DAY_SECONDS, seed + number
        )
    return optician


def write_month(home: Path, database: str, professional: str, today: int, seed: int) -> None:
    """Writes the month before today of a professional among a verifier's counts by day."""
    dice = random.Random(seed)
    name = professional_pseudonym(DailyKeys(home / _SECRETS, os.urandom).lasting(), professional)
    days = [
        (QuotaKind.LOOKUP.value, name, day, count, count)
        for day in range(today - _MONTH, today) if (count := max(0, round(dice.gauss(USUAL_LOOKUPS, 3.5))))
    ]  # fmt: skip
    with closing(sqlite3.connect(home / database)) as connection, connection:
        connection.executemany("INSERT INTO daily VALUES (?, ?, ?, ?, ?)", days)


@dataclass(slots=True, kw_only=True)
class Watchmen:
    """The detectors, at the size of a real fleet, on the counts of key servers after each person that is read."""

    counts: Sequence[Callable[[str], DaysOfCounts]]
    professionals: frozenset[str]
    clock: Callable[[], int]
    detected_after: int | None = None

    def look(self, read: int) -> None:
        """Judges every server's counts; keeps after how many persons the first alarm rang."""
        if self.detected_after is None and any(self._alarms(counts) for counts in self.counts):
            self.detected_after = read

    def _alarms(self, counts: Callable[[str], DaysOfCounts]) -> bool:
        today = self.clock() // DAY_SECONDS
        return any(judge_volume(lookups(counts(who)), today, Budget()) is not None for who in self.professionals)


def watchmen(platform: Platform, servers: Sequence[str], opticians: Sequence[Optician]) -> Watchmen:
    """Puts the detectors on running key servers."""

    def counts(server: str, professional: str) -> DaysOfCounts:
        with _ledger(platform, server) as store:
            return store.counts_of(professional)

    return Watchmen(
        counts=[partial(counts, server) for server in servers],
        professionals=frozenset(optician.professional for optician in opticians), clock=lambda: int(time.time()),
    )  # fmt: skip


def _ledger(platform: Platform, verifier: str) -> VerifierStore:
    """Opens a verifier's ledger beside the process that runs on it."""
    migrations = hub_store.MIGRATIONS if verifier == "hub" else keyserver_store.MIGRATIONS
    connection = connect(platform.home / verifier / _database(verifier))
    keys = DailyKeys(platform.home / verifier / _SECRETS, os.urandom)
    return VerifierStore(connection, migrations, keys, QuotaLimits())


def _database(verifier: str) -> str:
    return hub_store.DATABASE if verifier == "hub" else keyserver_store.DATABASE
