"""Sixteen clients of several hubs on one database, all at once, each hub with its own connection and group commit.

A hub here is the adjudicators, the store and the group commit of the real one, in a thread of its own; HTTP is left
out. An act is verified once; it is sent as often as wanted, and again when the store asks to come back.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from paravent.access.group_commit import GroupCommit
from paravent.bench.hasty import EarlyDecision
from paravent.errors import StorageDown, TechnicalFailure
from paravent.hub.acts import Adjudicator, AdmittedAct
from paravent.hub.insurer_acts import AdmittedInsurerAct, InsurerAdjudicator
from paravent.hub.shards_app import settle_and_sweep
from paravent.hub.store import Store
from paravent.wire.claims import Decision
from paravent.wire.codec import decode
from paravent.wire.statements import Signed

CLIENTS = 16
HUBS = 4
_TRIES_MAX = 100


class Conduct(StrEnum):
    """When a hub checks, and whether it looks at what its writes did."""

    SOUND = "sound"
    LATE = "late"
    HASTY = "hasty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A verified act on a right, as sent by one client; the same act may be attempted by many."""

    right: int
    admitted: AdmittedAct | AdmittedInsurerAct


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an attempt was answered, after how many refusals to decide now."""

    attempt: Attempt
    decision: Decision
    asked_again: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rivals:
    """Hubs on one database; ``now`` is the clock of all."""

    stores: Sequence[Store]
    shops: Adjudicator
    insurers: InsurerAdjudicator
    conduct: Conduct
    now: int

    def run(self, attempts: Sequence[Attempt]) -> list[Answer]:
        """Runs attempts, by every client at once; returns what each was answered."""
        waiting, answers = deque(attempts), deque[Answer]()
        with ThreadPoolExecutor(len(self.stores)) as pool:
            hubs = [pool.submit(asyncio.run, self._hub(store, waiting, answers)) for store in self.stores]
            for hub in hubs:
                hub.result()
        return list(answers)

    async def _hub(self, store: Store, waiting: deque[Attempt], answers: deque[Answer]) -> None:
        commits = GroupCommit(store)
        # On shards, records are settled meanwhile, as the hub does: what was decided must stay so.
        workers = [asyncio.create_task(work) for work in (commits.work(), settle_and_sweep(store, commits))]
        clients = CLIENTS // len(self.stores)
        await asyncio.gather(*(self._client(store, commits, waiting, answers) for _ in range(clients)))
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    async def _client(
        self, store: Store, commits: GroupCommit, waiting: deque[Attempt], answers: deque[Answer]
    ) -> None:
        while waiting:
            try:
                attempt = waiting.popleft()
            except IndexError:
                return
            for tries in range(_TRIES_MAX):
                # What a desk does when a store is down: the same act again, under the same key.
                with suppress(StorageDown):
                    signed = await commits.run(self._decision(store, attempt.admitted))
                    answers.append(
                        Answer(attempt=attempt, decision=decode(signed.payload, Decision), asked_again=tries)
                    )
                    break
            else:
                raise TechnicalFailure("an act was never decided")

    def _decision(self, store: Store, admitted: AdmittedAct | AdmittedInsurerAct) -> Callable[[], Signed]:
        if isinstance(admitted, AdmittedInsurerAct):
            return lambda: self.insurers.decide(admitted, store, self.now, os.urandom)
        if self.conduct is Conduct.SOUND:
            return lambda: self.shops.decide(admitted, store, self.now, os.urandom)
        early = EarlyDecision.check(
            self.shops, store, admitted, self.now, heedless=self.conduct is Conduct.HASTY
        )  # fmt: skip
        return lambda: early.decide(admitted, self.now)
