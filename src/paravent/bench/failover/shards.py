"""A hub on two shards of two members each, whose primaries are killed under a load of look-ups and claims.

Before each kill, what the primary sends to its standby is held back for a second, as a slow network does: with
synchronous replication nothing is acknowledged meanwhile. The control is the same with asynchronous replication: what
was acknowledged in that second is lost.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from paravent.access.postgresql_store import DatabaseUrl
from paravent.bench import claims
from paravent.bench.cluster import NotInstalled
from paravent.bench.counters import counters
from paravent.bench.engines import Engine, NotRun
from paravent.bench.failover import members
from paravent.bench.failover.load import Load
from paravent.bench.failover.members import MEMBERS, SHARDS, Shards
from paravent.bench.failover.rows import publish
from paravent.bench.measures import Measure, Sizes, asking
from paravent.drill.platform import free_ports
from paravent.errors import TechnicalFailure
from paravent.hub.shards_store import ShardedDatabase

CLIENTS = 4
ROWS, QUICK_ROWS = 100_000, 5_000
QUIET_SECONDS, QUICK_QUIET_SECONDS = 10.0, 3.0
HELD_BACK_SECONDS = 1.0
_RECOVERY_SECONDS_MAX = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardFigures:
    """What was acknowledged, and lost or doubled, over the kills; seconds until an answer that needs what was killed.

    ``recovery_seconds`` has one figure a kill, the last being of the shard that has the hub's own database too.
    """

    replication: str
    shards: int
    members: int
    rows: int
    killed: int
    acknowledged: int
    lost: int
    doubled: int
    recovery_seconds: tuple[float, ...]
    lookups: int
    lookups_per_second: int
    acts_per_second: int
    seconds: float


def measure(home: Path, *, rows: int, quiet_seconds: float) -> Iterator[ShardFigures | NotRun]:
    """Measures with synchronous replication, every shard's primary killed in turn, and the control."""
    for synchronous, killed in ((True, tuple(reversed(range(SHARDS)))), (False, (0,))):
        name = "synchronous" if synchronous else "asynchronous"
        folder = home / name
        folder.mkdir(parents=True)
        try:
            with members.running(synchronous=synchronous) as shards:
                yield _measured(folder, shards, killed, rows, quiet_seconds)
        except NotInstalled as reason:
            yield NotRun(engine=f"shards, {name}", not_run=str(reason))


def _measured(home: Path, shards: Shards, killed: tuple[int, ...], rows: int, quiet_seconds: float) -> ShardFigures:
    started = time.monotonic()
    (port,) = free_ports(1)
    url = DatabaseUrl(shards.url().encode())
    engine = Engine(name="shards", connect=lambda: ShardedDatabase(url, SHARDS))
    with counters(home, 2 * CLIENTS, start=int(time.time()), hub_address=f"http://127.0.0.1:{port}") as shops:
        store = shops.open_store(engine.connect(), home)
        published = publish(shops, store, rows)
        store.close()
        load = Load(shops=shops, published=published, place=("127.0.0.1", port), shards=SHARDS)
        with claims.hub(shops, engine, home, port):
            return asyncio.run(_played(shards, load, killed, quiet_seconds, started))


async def _played(
    shards: Shards, load: Load, killed: tuple[int, ...], quiet_seconds: float, started: float
) -> ShardFigures:  # fmt: skip
    running = asyncio.create_task(load.run(CLIENTS))
    await asyncio.sleep(quiet_seconds)
    lookups = sum(one.shard is not None for one in load.acknowledged)
    acts = len(load.acknowledged) - lookups
    recovery = [await _killed(shards, load, shard, running) for shard in killed]
    await asyncio.sleep(quiet_seconds)
    load.stopped = True
    await running
    lost = await load.lost(load.acts)
    events = _events(shards)
    decided = len(load.acts)
    return ShardFigures(
        replication="synchronous" if shards.synchronous else "asynchronous", shards=SHARDS, members=MEMBERS,
        rows=load.published.head.count, killed=len(killed), acknowledged=decided,
        lost=lost + max(0, decided - events), doubled=max(0, events - decided),
        recovery_seconds=tuple(round(seconds, 1) for seconds in recovery),
        lookups=sum(one.shard is not None for one in load.acknowledged),
        lookups_per_second=round(lookups / quiet_seconds), acts_per_second=round(acts / quiet_seconds),
        seconds=round(time.monotonic() - started, 1),
    )  # fmt: skip


async def _killed(shards: Shards, load: Load, shard: int, running: asyncio.Task[None]) -> float:
    """Kills the primary of a shard; returns the seconds until a request that needs it was sent and answered."""
    primary = await asyncio.to_thread(shards.primary, shard)
    await asyncio.to_thread(shards.wait_for_standby, shard)
    primary.stop_sending()
    await asyncio.sleep(HELD_BACK_SECONDS)
    primary.kill()
    killed_at = time.monotonic()
    before = len(load.acknowledged)
    while time.monotonic() < killed_at + _RECOVERY_SECONDS_MAX and not running.done():
        await asyncio.sleep(0.05)
        # The hub's own database is on the first shard: an act needs it, a look-up besides the shard of its row.
        back = [one.answered_at for one in load.acknowledged[before:] if one.sent_at > killed_at
                and one.shard == (None if shard == 0 else shard)]  # fmt: skip
        if back:
            await asyncio.to_thread(_mend, shards, shard, primary)
            return min(back) - killed_at
    if running.done():
        await running
    raise TechnicalFailure(f"shard {shard} did not come back in {_RECOVERY_SECONDS_MAX:.0f} s")


def _mend(shards: Shards, shard: int, member: members.Member) -> None:
    """Starts the killed member again, and waits until its shard could lose another one."""
    shards.start(member)
    shards.wait_for_standby(shard)


def _events(shards: Shards) -> int:
    with psycopg.connect(shards.url()) as connection:
        found = connection.execute("SELECT COUNT(*) FROM event").fetchone()
    return 0 if found is None else int(found[0])


def _rows(folder: Path, sizes: Sizes) -> Iterator[ShardFigures | NotRun]:
    rows, quiet = (QUICK_ROWS, QUICK_QUIET_SECONDS) if sizes.quick else (ROWS, QUIET_SECONDS)
    return measure(folder, rows=rows, quiet_seconds=quiet)


MEASURE = Measure(
    name="shards", rows=_rows,
    asked_by=asking("--shards", "Kill the primaries of a hub's shards instead, under load, with Patroni and etcd."),
)  # fmt: skip
