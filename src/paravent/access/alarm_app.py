"""The detectors of a verifier at work, and the route by which the breach desk reads alarms (protocol.md section 9).

A request adds one to a few counts; whatever an attacker sends, a professional is judged at most once in each round,
and the requests of anybody are one number a minute.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paravent.access import alarms
from paravent.access.alarms import AlarmPolicy, Detectors
from paravent.access.app import json_response, read_signed
from paravent.access.files.looked import Looked
from paravent.access.group_commit import GroupCommit
from paravent.access.logs import log_event, where
from paravent.access.store import VerifierStore
from paravent.access.suspension import Verifier
from paravent.access.tally import Tally
from paravent.wire.alarm import (
    ALARMS_PATH,
    ALARMS_PER_ANSWER_MAX,
    Alarm,
    AlarmsAnswer,
    AlarmSubject,
    Finding,
    KeptAlarm,
    Sign,
)
from paravent.wire.statements import Directory

DAY_SECONDS = 86_400
MINUTE_SECONDS = 60
PAST_MINUTES_MAX = PAST_LOOKS_MAX = 1_440
PROFESSIONALS_A_ROUND_MAX = 2_000


Carried = Callable[[str, int], tuple[KeptAlarm, ...]]
"""Called with an insurer and a number: the next alarms that a verifier keeps for the breach desk."""


def _carries_none(_amc: str, _after: int) -> tuple[KeptAlarm, ...]:
    """Is a verifier that keeps no insurer's alarms."""
    return ()


def alarm_route(
    verifier: Verifier, directory: Directory, sentry: Sentry, carried: Carried = _carries_none
) -> Route:  # fmt: skip
    """Builds the route; it answers whatever the state of the verifier's log, of its provider and of its disk."""

    async def read_alarms(request: Request) -> Response:
        received = await read_signed(request, verifier.base_url)
        asked, _ = alarms.admit(received, directory, verifier.base_url, int(time.time()))
        if asked.insurer is not None:
            return json_response(AlarmsAnswer(alarms=carried(asked.insurer, asked.after)))
        return json_response(AlarmsAnswer(alarms=tuple(sentry.alarms_after(asked.after))))

    return Route(ALARMS_PATH, read_alarms, methods=["POST"])


class Looking(Protocol):
    """Looks at the files of the verifier."""

    def look(self, now: int) -> Looked:
        """Looks once."""

    def close(self) -> None:
        """Looks no more."""


class Sentry:
    """Judges, round after round: the professionals whose counts changed, the fleet's days, the minute's requests."""

    def __init__(
        self, verifier: Verifier, store: VerifierStore, commits: GroupCommit, policy: AlarmPolicy,
        detectors: Detectors, tally: Tally, files: Looking,
    ) -> None:  # fmt: skip
        """Watches one verifier."""
        self._verifier = verifier
        self._store = store
        self._commits = commits
        self._policy = policy
        self._detectors = detectors
        self._tally = tally
        self._minutes: deque[int] = deque(maxlen=PAST_MINUTES_MAX)
        self._minute_at = time.monotonic()
        self._day = self._counted = 0
        self._files = files
        self._rewritten: deque[int] = deque(maxlen=PAST_LOOKS_MAX)
        # Alarms that a disk would not take: they live as long as the process, which is told to no disk.
        self._unrecorded: list[Alarm] = []
        self._latest = 0
        self._steps = (
            self._judge_files, self._judge_canaries, self._judge_professionals, self._judge_fleet, self._judge_minute,
        )  # fmt: skip

    def close(self) -> None:
        """Ends what looks at the files."""
        self._files.close()

    def alarms_after(self, number: int) -> list[KeptAlarm]:
        """Returns the next alarms after a number; those that the disk would not take too, while this process lives."""
        found: list[KeptAlarm] = []
        try:
            found = self._store.alarms.after(number)
        except Exception:
            if not self._unrecorded:
                raise
        if len(found) < ALARMS_PER_ANSWER_MAX:
            more = (one for one in self._unrecorded if one.number > max(number, number + len(found)))
            found += [KeptAlarm(signed=alarms.sign_alarm(one, self._verifier), leaf=None) for one in more]
        return found[:ALARMS_PER_ANSWER_MAX]

    async def work(self) -> None:
        """Judges until cancelled; a policy of 0 seconds runs no detector."""
        if self._policy.judged_seconds == 0:
            return
        self._latest = self._store.alarms.next_number() - 1
        while True:
            for step in self._steps:
                try:
                    await step(int(time.time()))
                except Exception as fault:  # noqa: BLE001 - whatever it was, the other detectors go on
                    log_event(
                        "detector-failed", party=self._verifier.name, code=type(fault).__name__,
                        where=where(fault.__traceback__),
                    )  # fmt: skip
            await asyncio.sleep(self._policy.judged_seconds)

    async def _judge_professionals(self, now: int) -> None:
        today = now // DAY_SECONDS
        if today != self._day:
            # At the start, and once a day: what was counted before a restart, and days that are over now.
            self._store.touch_counted(now)
            self._day = today
        for professional in self._store.take_touched(PROFESSIONALS_A_ROUND_MAX):
            counts, tried = self._store.counts_of(professional), self._store.alarms.tried(professional)
            # In a thread: a threshold that is met for the first time takes up to seconds to compute.
            found = await asyncio.to_thread(self._detectors.judge, professional, counts, tried, today)
            for finding in found:
                await self._raise(finding, now)

    async def _judge_files(self, now: int) -> None:
        await self._record_again()
        looked = await asyncio.to_thread(self._files.look, now)
        looks_a_day = DAY_SECONDS / self._policy.judged_seconds
        past, name = list(self._rewritten), self._verifier.name
        found = self._detectors.judge_files(name, looked, past, looks_a_day, now // DAY_SECONDS)
        if not found:
            self._rewritten.append(looked.rewritten)
        for finding in found:
            drilled = looked.drill if finding.sign is Sign.CANARY_FILE else ""
            about = f"{name} (drill {drilled})" if drilled else name
            await self._raise_anyhow(msgspec.structs.replace(finding, subject=about), now, drill=bool(drilled))

    async def _raise_anyhow(self, finding: Finding, now: int, *, drill: bool) -> None:
        """Raises an alarm, in memory when the disk does not take it: the files that alarm may be those that hold it."""
        try:
            await self._raise(finding, now, drill=drill)
        except Exception:  # noqa: BLE001 - whatever became of the database
            self._raise_unrecorded(finding, now)

    async def _record_again(self) -> None:
        """Records what the disk would not take, once it does: in order, so that the same is signed as was told."""
        while self._unrecorded:
            try:
                await self._raise(self._unrecorded[0].finding, self._unrecorded[0].raised_at)
            except Exception:  # noqa: BLE001 - not yet
                return
            del self._unrecorded[0]

    def _raise_unrecorded(self, finding: Finding, now: int) -> None:
        """Signs an alarm that the disk would not take, once for its sign and day, and keeps it in memory."""
        if any((one.finding.sign, one.finding.day) == (finding.sign, finding.day) for one in self._unrecorded):
            return
        alarm = Alarm(
            verifier=self._verifier.name, number=self._latest + len(self._unrecorded) + 1, raised_at=now,
            finding=finding, budget=self._policy.false_alarms_a_year, suspended=False, drill=False,
        )  # fmt: skip
        self._unrecorded.append(alarm)
        log_event("alarm-raised", party=self._verifier.name, code=finding.sign.value, count=alarm.number)

    async def _judge_canaries(self, now: int) -> None:
        for keyid in self._store.devices.take_canaries_used():
            found = self._store.alarms.canary(keyid)
            drill = found is not None and now <= found.drill_until
            finding = Finding(
                sign=Sign.CANARY_CREDENTIAL, kind=AlarmSubject.DEVICE, subject=f"{keyid} (drill)" if drill else keyid,
                day=now // DAY_SECONDS, observed=1, whole=1, usual="0", statistic="0", limit="0",
            )  # fmt: skip
            await self._raise(finding, now, drill=drill)
            await self._commits.run(partial(self._store.alarms.fired, keyid, now, drill=drill))

    async def _judge_fleet(self, now: int) -> None:
        yesterday = now // DAY_SECONDS - 1
        days = self._store.alarms.fleet_days()
        if yesterday in days:
            return
        sums = self._store.sums_before(yesterday)
        above = await asyncio.to_thread(self._detectors.above, sums)
        found = await asyncio.to_thread(self._detectors.judge_fleet, yesterday, above, len(sums), list(days.values()))
        await self._commits.run(lambda: self._store.alarms.keep_fleet_day(yesterday, above, yesterday - 90))
        if found is not None:
            await self._raise(found, now)

    async def _judge_minute(self, now: int) -> None:
        elapsed = time.monotonic() - self._minute_at
        if elapsed < MINUTE_SECONDS:
            return
        requests = round((self._tally.total - self._counted) * MINUTE_SECONDS / elapsed)
        self._minute_at, self._counted = time.monotonic(), self._tally.total
        found = self._detectors.judge_minute(self._verifier.name, requests, list(self._minutes), now // DAY_SECONDS)
        if found is None:
            self._minutes.append(requests)
        else:
            await self._raise(found, now)

    async def _raise(self, finding: Finding, now: int, *, drill: bool = False) -> None:
        alarm = await self._commits.run(
            lambda: alarms.raise_alarm(finding, self._store, self._verifier, self._policy, now, drill=drill)
        )
        if alarm is not None:
            self._latest = alarm.number
            log_event("alarm-raised", party=self._verifier.name, code=finding.sign.value, count=alarm.number)
            if alarm.suspended:
                log_event("suspended-by-policy", party=self._verifier.name, code=finding.sign.value, count=alarm.number)
