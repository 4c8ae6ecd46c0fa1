"""Thousands of desks return at once to a hub that was away, each with acts that it kept: no answer late, none lost.

The hub and the key servers are processes of their own; the hub is dead when the desks come. Its capacity is measured
before, by as many clients as keep it busy. Meanwhile one more desk checks persons by number. The list of decisions is
the desks' own, and is compared with what the insurer is told. As a control, the same return to the same hub without
admission: every request taken in, whoever still waits for it.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import msgspec
import uvicorn

from paravent.access.admission_app import InTurn
from paravent.access.app import serve
from paravent.access.client import SignedClient
from paravent.access.devices import Device
from paravent.access.logs import quieten_libraries
from paravent.bench.counters import ENDLESS, Counters, Shop
from paravent.bench.crowd import Crowd
from paravent.bench.measures import Measure, asking, counting
from paravent.bench.served import SEED, Served, listening
from paravent.bench.told import Difference
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey
from paravent.desk.client import DeskClient
from paravent.desk.config import DeskConfig
from paravent.desk.store import Store as DeskStore
from paravent.drill.members import identity_of
from paravent.drill.platform import free_ports
from paravent.drill.simulation.platform import Shape, SimulatedPlatform
from paravent.errors import ParaventError, TechnicalFailure
from paravent.hub.app import build
from paravent.hub.store import Store as HubStore
from paravent.wire.claims import Decision, Outcome, read_detail
from paravent.wire.codec import decode

RETURNING, QUICK_RETURNING = 3_000, 300
RIGHTS_PER_DESK = 2
"""Each a reservation and a claim: what a shop that sells three pairs a day keeps of most of one."""
CHECKS_PER_SECOND = 5
_BUSY_CLIENTS = 64
_BUSY_RIGHTS = 12
_PERSONS = 40
_MANY = 1_000_000_000
_LIMITS = msgspec.structs.replace(ENDLESS, new_device_per_day_max=_MANY)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReopeningFigures:
    """One return; ``floor_seconds`` is what the acts take at the capacity, ``good_by_second`` are good replies.

    ``refused`` came back when they were told to, ``untimed`` had to guess; ``late`` waited five seconds in vain. Of
    ``checks`` by number that one more desk made meanwhile, each tried once, ``checks_failed`` were refused or failed.
    """

    admission: bool
    desks: int
    acts: int
    capacity_per_second: int
    good_per_second: int
    good_of_capacity: float
    seconds_until_served: float
    floor_seconds: float
    refused: int
    untimed: int
    late: int
    broken: int
    lost: int
    doubled: int
    checks: int
    checks_failed: int
    check_p50_ms: float | None
    check_p99_ms: float | None
    good_by_second: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A platform whose key servers run; its hub is started and killed here; ``clerk`` is who checks."""

    served: Served
    counters: Counters
    clerk: Shop
    port: int
    home: Path

    @contextmanager
    def hub(self, *, admission: bool) -> Iterator[None]:
        """Runs the hub as a process of its own, killed in the end."""
        process = os.fork()
        if process == 0:
            try:
                os.dup2(os.open(self.home / "hub.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
                self._serve(admission=admission)
            finally:
                os._exit(0)
        with listening(process, self.port):
            yield

    def _serve(self, *, admission: bool) -> None:
        platform = self.served.platform
        app = build(platform.hub.identity, platform.directory, self.counters.signed_directory(), self.open_hub())
        if admission:
            serve(app, host="127.0.0.1", port=self.port)
            return
        app.user_middleware = [one for one in app.user_middleware if cast("object", one.cls) is not InTurn]
        quieten_libraries()
        uvicorn.run(app, host="127.0.0.1", port=self.port, access_log=False, log_config=None, timeout_keep_alive=75)

    def open_hub(self) -> HubStore:
        """Opens the hub's store."""
        return HubStore(self.served.platform.hub.home.folder, _LIMITS, os.urandom)

    def kept(self, shops: Sequence[Shop], rights: int) -> Crowd:
        """Makes what each shop kept during the outage: for so many rights, a reservation and a claim."""
        self.served.platform.now = int(time.time())
        acts = [(shop, [body for _ in range(rights) for body in self._acts(shop)]) for shop in shops]
        return Crowd(counters=self.counters, port=self.port, acts=acts, dice=random.Random(SEED))

    def _acts(self, shop: Shop) -> tuple[bytes, bytes]:
        right = self.counters.right()
        return self.counters.reservation(shop, right).body, self.counters.claim(shop, right).body

    def compare(self, told: set[bytes]) -> Difference:
        """Compares every decision that desks were told of with the insurer's events: each there, once, and no more."""
        insurer, hub = self.counters.insurer, self.served.platform.hub.name
        found, after = list[str](), 0
        with closing(self.open_hub()) as store:
            while events := store.claims.events(insurer.amc, after).events:
                after = events[-1].number
                for event in events:
                    detail = read_detail(insurer.keys.claims.open(
                        event.detail, Label.CLAIM_DETAIL_BOX, hub, insurer.amc, culprit=hub
                    ))  # fmt: skip
                    found.append(decode(detail.decision.payload, Decision).decision_id.hex())
        difference = Difference()
        names = {decision.hex() for decision in told}
        difference.compare("decision", names, found)
        difference.doubled += [f"decision that nobody was told of {name}" for name in found if name not in names]
        return difference


@contextmanager
def ground(home: Path, desks: int) -> Iterator[Ground]:
    """Creates the platform, enrols every desk, and starts the key servers."""
    *ports, hub_port = free_ports(Shape().servers + 1)
    platform = SimulatedPlatform.build(home, Shape(
        persons=_PERSONS, server_limits=_LIMITS, hub_limits=_LIMITS, start=int(time.time()),
        addresses=tuple(f"http://127.0.0.1:{port}" for port in ports), hub_address=f"http://127.0.0.1:{hub_port}",
    ), SEED)  # fmt: skip
    clerk, *shops = (_shop(number) for number in range(desks + 1))
    platform.enrol(clerk.device)
    with platform.hub.store.commit():
        for shop in shops:
            platform.hub.store.devices.enrol(shop.device, platform.now)
    platform.close()
    served = Served(platform=platform, device=clerk.key, other=clerk.key, ports=dict(enumerate(ports, start=1)))
    try:
        for index in platform.servers:
            served.start(index)
        yield Ground(
            served=served, counters=Counters(platform=platform, shops=shops, rng=os.urandom), clerk=clerk,
            port=hub_port, home=home,
        )  # fmt: skip
    finally:
        served.stop()


def _shop(number: int) -> Shop:
    key = SigningKey.generate(os.urandom)
    device = Device(public=key.public, professional=f"8{number:010d}", shop=f"58{number:07d}")
    return Shop(key=key, device=device)


def measure(home: Path, desks: int) -> Iterator[ReopeningFigures]:
    """Measures the return with admission, then without; raises TechnicalFailure when a decision is lost or doubled."""
    with ground(home, desks) as made:
        told = set[bytes]()
        with made.hub(admission=True):
            busy = asyncio.run(made.kept(made.counters.shops[:_BUSY_CLIENTS], _BUSY_RIGHTS).come_back())
        told |= busy.decisions.keys()
        capacity = len(busy.good) / busy.seconds
        for admission in (True, False):
            crowd = made.kept(made.counters.shops, RIGHTS_PER_DESK)
            with made.hub(admission=admission):
                checks = asyncio.run(come_back(made, crowd))
            told |= crowd.replies.decisions.keys()
            yield required(_figures(crowd, checks, capacity, made.compare(told), admission=admission))


def required(figures: ReopeningFigures) -> ReopeningFigures:
    """Raises TechnicalFailure when what desks were told is not what the insurer is, with admission or without."""
    if figures.lost or figures.doubled:
        raise TechnicalFailure(f"desks were told something else than their insurer: {figures}")
    return figures


Checks = list[tuple[float, bool]]
"""How long each check took (ms), and whether it was answered."""


async def come_back(made: Ground, crowd: Crowd) -> Checks:
    """Has the desks come back, and the clerk check somebody at fixed instants until they are served."""
    platform, folder = made.served.platform, made.home / f"clerk-{time.monotonic_ns()}"
    folder.mkdir()
    device = made.clerk.device
    settings = DeskConfig(professional=device.professional, shop=device.shop, port=1)
    with DeskStore(folder) as store:
        async with SignedClient(made.clerk.key, os.urandom) as client:
            desk = DeskClient(settings, made.clerk.key, platform.directory, store, client)
            for amc in platform.insurers:
                await desk.refresh(amc)
            checking = asyncio.create_task(_check(desk, platform))
            replies = await crowd.come_back()
            if any(one.outcome is not Outcome.ACCEPTED for one in replies.decisions.values()):
                raise TechnicalFailure("the hub of the benchmark refused what it should accept")
            checking.cancel()
            return await checking


async def _check(desk: DeskClient, platform: SimulatedPlatform) -> Checks:
    """Starts a check at each instant until it is cancelled; returns those that ended."""
    done, running = Checks(), set[asyncio.Task[None]]()
    covers = itertools.cycle((person, cover) for person in platform.population.persons for cover in person.coverages)

    async def one() -> None:
        person, cover = next(covers)
        started = time.perf_counter()
        try:
            await desk.check_number(cover.insurer, identity_of(person, cover))
        except ParaventError:
            answered = False
        else:
            answered = True
        done.append(((time.perf_counter() - started) * 1e3, answered))

    try:
        while True:
            task = asyncio.create_task(one())
            running.add(task)
            task.add_done_callback(running.discard)
            await asyncio.sleep(1 / CHECKS_PER_SECOND)
    except asyncio.CancelledError:
        await asyncio.gather(*running)
        return done


def _figures(
    crowd: Crowd, checks: Checks, capacity: float, difference: Difference, *, admission: bool
) -> ReopeningFigures:
    replies, acts = crowd.replies, sum(len(kept) for _, kept in crowd.acts)
    answered = sorted(spent for spent, good in checks if good)
    by_second = replies.by_second()
    # The last second is not a whole one; the first ones are of a hub that was just started.
    rate = statistics.median(by_second[:-1] or by_second)
    return ReopeningFigures(
        admission=admission, desks=len(crowd.acts), acts=acts, capacity_per_second=round(capacity),
        good_per_second=round(rate), good_of_capacity=round(rate / capacity, 2),
        seconds_until_served=round(replies.seconds, 1), floor_seconds=round(acts / capacity, 1),
        refused=replies.refused, untimed=replies.untimed, late=replies.late, broken=replies.broken,
        lost=len(difference.lost), doubled=len(difference.doubled), checks=len(checks),
        checks_failed=len(checks) - len(answered), check_p50_ms=_share(answered, 0.5),
        check_p99_ms=_share(answered, 0.99), good_by_second=by_second,
    )  # fmt: skip


def _share(times: Sequence[float], share: float) -> float | None:
    return round(times[int(len(times) * share)], 1) if times else None


_DESKS = counting("--desks", "How many of --reopening.")
MEASURE = Measure(
    name="reopening", options=(_DESKS,),
    asked_by=asking("--reopening", "Have thousands of desks return at once instead, with what they kept."),
    rows=lambda folder, sizes: measure(
        folder / "platform", sizes.of(_DESKS, QUICK_RETURNING if sizes.quick else RETURNING)
    ),
)  # fmt: skip
