"""Acts given back to a hub that was put back, and its reopening: how many a second, in how much memory.

Reservations and claims as insurers were told of them, each of another right: the hub verifies and keeps them a request
at a time, flushed before it answers, then applies them in a process of its own. Done once, and with twice as many on a
database of its own: memory that grew with their number would show. No network; signatures of desks, insurer and hub
are real.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import NamedTuple

from paravent.bench.counters import ENDLESS, Counters, Shop, counters
from paravent.bench.engines import Engine, NotRun, every_engine
from paravent.bench.machine import peak_bytes
from paravent.bench.measures import Measure, asking, counting
from paravent.crypto.labels import Label
from paravent.desk import trade
from paravent.errors import TechnicalFailure
from paravent.hub.recovery_store import Restoration
from paravent.hub.reopening import Reopening
from paravent.hub.returns import AdmittedReturns, Returns, take
from paravent.hub.store import Store
from paravent.optics.months import month_of
from paravent.wire.claims import Act, ActDetail, Claim, Decision, Outcome
from paravent.wire.codec import decode, encode
from paravent.wire.recovery import RETURNS_PER_REQUEST_MAX, ReturnedAct
from paravent.wire.statements import sign_statement

ACTS_GIVEN, QUICK_ACTS = 50_000, 1_000
YEAR_ACTS = 26_000_000
"""Reservations and claims of the country in a year (docs/scaling.md section 5)."""
PEAK_ACTS_A_SECOND = 35
SHOPS = 64
GROWTH_BYTES_MAX = 8 * 2**20
"""Of twice as many acts beside as many: the allocator's, and the database's own cache."""


class Spent(NamedTuple):
    """Seconds that passed, and of those of a processor, this process's."""

    seconds: float = 0.0
    cpu: float = 0.0

    @classmethod
    def now(cls) -> Spent:
        """Reads both clocks."""
        return cls(time.perf_counter(), time.process_time())

    def __sub__(self, before: Spent) -> Spent:
        return Spent(self.seconds - before.seconds, self.cpu - before.cpu)

    def __add__(self, more: Spent) -> Spent:  # type: ignore[override]
        return Spent(self.seconds + more.seconds, self.cpu + more.cpu)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturningFigures:
    """Acts taken back and applied a second, and the peak memory of the process that reopened.

    ``hours_for_a_year`` is what applying a year of the country would take at this rate, ``taking_hours`` verifying and
    keeping it. Milliseconds of a processor say how much of it is work, whatever else the machine does.
    """

    engine: str
    acts: int
    taken_per_second: float
    applied_per_second: float
    taking_cpu_ms: float
    applying_cpu_ms: float
    peak_bytes: int
    taking_hours_for_a_year: float
    hours_for_a_year: float


def measure(home: Path, acts: int) -> Iterator[ReturningFigures | NotRun]:
    """Measures each engine; raises TechnicalFailure when memory grows with the number, or an act is not applied."""
    home.mkdir(parents=True, exist_ok=True)
    with every_engine(home / "once") as once, every_engine(home / "twice") as twice:
        for first, second in zip(once, twice, strict=True):
            if isinstance(first, NotRun):
                yield first
            elif isinstance(second, Engine):
                yield from _both(home, first, second, acts)


def _both(home: Path, first: Engine, second: Engine, acts: int) -> Iterator[ReturningFigures]:
    few = _measured(home / f"{first.name}-once", first, acts)
    yield few
    many = _measured(home / f"{second.name}-twice", second, acts * 2)
    yield many
    if many.peak_bytes > few.peak_bytes + GROWTH_BYTES_MAX:
        raise TechnicalFailure(f"twice as many acts take more memory: {few.peak_bytes} bytes, then {many.peak_bytes}")


def _measured(home: Path, engine: Engine, acts: int) -> ReturningFigures:
    home.mkdir()
    with counters(home, SHOPS, start=int(time.time())) as shops:
        taking = _give_back(shops, engine, home, acts)
        restoration, applying, peak = _in_a_process_of_its_own(shops, engine, home)
    if (restoration.taken, restoration.conflicting) != (acts, 0) or restoration.reopened_at is None:
        raise TechnicalFailure(f"of {acts} acts given back, this became: {restoration}")
    return ReturningFigures(
        engine=engine.name, acts=acts, taken_per_second=round(acts / taking.seconds, 1),
        applied_per_second=round(acts / applying.seconds, 1), taking_cpu_ms=round(taking.cpu / acts * 1_000, 3),
        applying_cpu_ms=round(applying.cpu / acts * 1_000, 3), peak_bytes=peak,
        taking_hours_for_a_year=round(YEAR_ACTS / acts * taking.seconds / 3_600, 1),
        hours_for_a_year=round(YEAR_ACTS / acts * applying.seconds / 3_600, 1),
    )  # fmt: skip


def _returns(shops: Counters) -> Returns:
    return Returns(identity=shops.platform.hub.identity, directory=shops.platform.directory)


def _give_back(shops: Counters, engine: Engine, home: Path, acts: int) -> Spent:
    """Gives acts back to an empty hub; returns what it spent on them."""
    returns, entry, now, spent = _returns(shops), shops.insurer.entry, shops.platform.now, Spent()
    store = shops.open_store(engine.connect(), home)
    with store.commit():
        store.recovery.begin(0, now)
    given = _decided(shops, acts)
    while request := tuple(islice(given, RETURNS_PER_REQUEST_MAX)):
        started = Spent.now()
        verified, refused = returns.verify_all(request, lambda one: returns.of_insurer(one, entry))
        with store.commit():
            take(AdmittedReturns(verified=verified, refused=refused, complete=None), returns, store, now, os.urandom)
        spent += Spent.now() - started
    store.close()
    return spent


def _decided(shops: Counters, acts: int) -> Iterator[ReturnedAct]:
    """Reserves and claims right after right, and has the hub's key accept each: as many a second as at the peak."""
    first = shops.platform.now - acts // PEAK_ACTS_A_SECOND - 1
    for number in range(0, acts, 2):
        shop, right = shops.shops[number // 2 % SHOPS], shops.right()
        yield _accepted(shops, shop, trade.reservation(right, early_renewal=False, rng=shops.rng), number, first)
        yield _accepted(shops, shop, shops.claimed(shop, right), number + 1, first)


def _accepted(shops: Counters, shop: Shop, act: Act, number: int, first: int) -> ReturnedAct:
    identity, decided_at = shops.platform.hub.identity, first + number // PEAK_ACTS_A_SECOND
    claim = None if act.claim is None else decode(act.claim.payload, Claim)
    decision = Decision(
        decision_id=shops.rng(16), kind=act.kind, insurer=shops.insurer.amc, outcome=Outcome.ACCEPTED, reason="",
        detail="", request=hashlib.sha256(encode(act)).digest(), claim_id=None if claim is None else claim.claim_id,
        corrects=None, ground=None, amc_cents=0 if claim is None else claim.amc_cents, month=month_of(decided_at),
        decided_at=decided_at, reserved_until=None, payable_from=None,
    )  # fmt: skip
    detail = ActDetail(
        act=act, device_key=shop.device.public, professional=shop.device.professional, shop=shop.device.shop,
        decision=sign_statement(decision, Label.DECISION, identity.name, identity.signing_key), padding="",
    )  # fmt: skip
    return ReturnedAct(number=number + 1, detail=encode(detail))


def _in_a_process_of_its_own(shops: Counters, engine: Engine, home: Path) -> tuple[Restoration, Spent, int]:
    """Reopens in a process forked for it; returns what it did, what it spent and its peak memory in bytes."""
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe(duplex=False)
    process = fork.Process(target=_reopen, args=(shops, engine, home, there))
    process.start()
    there.close()
    try:
        done: tuple[Restoration, Spent, int] = here.recv()
    except EOFError:
        raise TechnicalFailure("the process that reopens ended without a word") from None
    finally:
        process.join()
    return done


def _reopen(shops: Counters, engine: Engine, home: Path, told: Pipe) -> None:
    store = Store(home, ENDLESS, os.urandom, engine.connect())
    started = Spent.now()
    reopening = Reopening(returns=_returns(shops), store=store, rng=os.urandom, told=lambda _: None)
    done = reopening.run(int(time.time()))
    told.send((done, Spent.now() - started, peak_bytes()))
    store.close()


ACTS = counting("--acts", "Acts given back, of --returns; then twice as many.")

MEASURE = Measure(
    name="returns",
    rows=lambda folder, sizes: measure(folder / "hubs", sizes.of(ACTS, QUICK_ACTS if sizes.quick else ACTS_GIVEN)),
    options=(ACTS,), asked_by=asking("--returns", "Give many acts back to a hub that was put back, and reopen it."),
)  # fmt: skip
