"""Any process killed at random, again and again, under load: what was acknowledged is there, and there once.

Every party is its real process, with its real store. The list that everything is compared with is the client's own.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from paravent.bench import cluster
from paravent.bench.cluster import NotInstalled
from paravent.bench.engines import NotRun
from paravent.bench.kill_ground import KillGround, kill_ground
from paravent.bench.kill_load import BREACH_DESK
from paravent.bench.measures import CYCLES, Measure, Sizes, asking
from paravent.errors import TechnicalFailure

KILLS, QUICK_KILLS = 500, 25
COMPARE_EVERY = 25
PERSONS = 4_000
_SEED = 19
_UP_SECONDS_MAX = 1.5
_DOWN_SECONDS_MAX = 0.4
_VERB_SECONDS = (0.3, 4.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class KillFigures:
    """What the client was told, and how often what it found differs: ``lost``, or ``doubled``.

    ``unanswered`` acts got no answer, and were settled by sending them again. ``failed_starts`` are those after which a
    process was started once more: its port was lent to somebody, or the machine was too slow.
    """

    engine: str
    kills: int
    killed: dict[str, int]
    decisions: int
    claims: int
    paid_cents: int
    leaves: int
    entries: int
    unanswered: int
    failed_starts: int
    comparisons: int
    lost: int
    doubled: int
    seconds: float


def measure(home: Path, kills: int, engine: str = "sqlite", hub_options: tuple[str | Path, ...] = ()) -> KillFigures:
    """Kills that many processes; raises TechnicalFailure as soon as a comparison finds a difference."""
    started, killed, comparisons = time.perf_counter(), Counter[str](), 0
    with kill_ground(home, PERSONS, hub_options) as ground:
        dice = random.Random(_SEED)
        for first in range(0, kills, COMPARE_EVERY):
            with under_load(ground):
                for _ in range(min(COMPARE_EVERY, kills - first)):
                    killed[_cycle(ground, dice)] += 1
            comparisons += 1
            require_same(ground, whole=first + COMPARE_EVERY >= kills)
        told = ground.told
        return KillFigures(
            engine=engine, kills=kills, killed=dict(killed), decisions=len(told.decisions), claims=len(told.claims()),
            paid_cents=sum(one.cents for one in told.claims().values()), leaves=sum(map(len, told.leaves.values())),
            entries=len(told.entries), unanswered=told.unanswered, failed_starts=ground.failed_starts,
            comparisons=comparisons, lost=0, doubled=0,
            seconds=round(time.perf_counter() - started, 1),
        )  # fmt: skip


def require_same(ground: KillGround, *, whole: bool) -> None:
    """Compares the client's list with what the parties have; raises TechnicalFailure naming what differs."""
    found = ground.compare(whole=whole)
    if found.lost or found.doubled:
        raise TechnicalFailure(f"acknowledged and lost: {found.lost[:5]}; doubled: {found.doubled[:5]}")


def _cycle(ground: KillGround, dice: random.Random) -> str:
    """Kills one process at a moment drawn by lot and starts it again; returns whose it was."""
    victim = dice.choice(ground.victims())
    if victim == BREACH_DESK:
        ground.breach_desk.note(dice.uniform(*_VERB_SECONDS))
        return victim
    time.sleep(dice.uniform(0, _UP_SECONDS_MAX))
    ground.kill(victim)
    time.sleep(dice.uniform(0, _DOWN_SECONDS_MAX))
    ground.start(victim)
    return victim


@contextmanager
def under_load(ground: KillGround) -> Iterator[None]:
    """Runs customers and openings meanwhile, each in a thread."""
    work = [*(one.serve for one in ground.counters), *(one.ask for one in ground.openings)]
    threads = [Thread(target=run, daemon=True) for run in work]
    ground.closing.clear()
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ground.closing.set()
        for thread in threads:
            thread.join()


def _rows(folder: Path, sizes: Sizes) -> Iterator[KillFigures | NotRun]:
    """Kills with the hub on SQLite, then with it on PostgreSQL where there is one."""
    kills = sizes.of(CYCLES, QUICK_KILLS if sizes.quick else KILLS)
    (folder / "sqlite").mkdir()
    yield measure(folder / "sqlite", kills)
    try:
        with cluster.running() as server:
            home = folder / "postgresql"
            home.mkdir()
            file = home / "database.url"
            file.touch(0o600)
            file.write_text(server.fresh())
            yield measure(home, kills, "postgresql", ("--database-url-file", file))
    except NotInstalled as reason:
        yield NotRun(engine="postgresql", not_run=str(reason))


MEASURE = Measure(
    name="kills",
    asked_by=asking("--kills", "Kill any process at random instead, under load, and compare what was acknowledged."),
    options=(CYCLES,),
    rows=_rows,
)
