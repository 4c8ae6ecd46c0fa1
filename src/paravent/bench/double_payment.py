"""Many clients try to have one right paid twice, on each engine: every claim is paid at most once.

After each batch the books are closed: what the insurer is told to pay equals what shops were answered, to the cent.
The same attempts are made on hubs that check before they write (``hasty``): the one that still looks at its
conditional writes pays once, the one that does not pays twice, or this proves nothing.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from paravent.bench.counters import Counters, counters
from paravent.bench.engines import Engine, NotRun, every_engine
from paravent.bench.measures import Measure, asking, counting
from paravent.bench.quarrel import ROUNDS, Quarrel
from paravent.bench.rivals import CLIENTS, HUBS, Conduct, Rivals
from paravent.bench.tally import Tally
from paravent.errors import TechnicalFailure
from paravent.hub.acts import Adjudicator
from paravent.hub.insurer_acts import InsurerAdjudicator
from paravent.optics.store import every_shipped_rules
from paravent.wire.claims import ActKind, Outcome

ATTEMPTS = 100_000
CONTROL_ATTEMPTS_MAX = 3_000
ATTEMPTS_PER_SHOP = 250
RIGHTS_PER_BATCH = 24
_SEED = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class DoublePaymentFigures:
    """What was tried, and what came of it; amounts in cents; ``late`` and ``hasty`` count rights paid twice there."""

    engine: str
    attempts: int
    clients: int
    hubs: int
    rights: int
    acts: int
    replays: int
    asked_again: int
    claims_accepted: int
    claims_refused: int
    cancelled: int
    corrected: int
    reversed: int
    paid_twice: int
    batches: int
    debits_cents: int
    credits_cents: int
    late_paid_twice: int
    hasty_paid_twice: int
    seconds: float


def measure(home: Path, attempts: int = ATTEMPTS) -> Iterator[DoublePaymentFigures | NotRun]:
    """Runs the attempts on each engine; raises TechnicalFailure when a right is paid twice, or the control is not."""
    with counters(home, max(CLIENTS, attempts // ATTEMPTS_PER_SHOP)) as shops, every_engine(home / "db") as engines:
        for engine in engines:
            yield engine if isinstance(engine, NotRun) else _figures(shops, engine, home / engine.name, attempts)


def _figures(shops: Counters, engine: Engine, home: Path, attempts: int) -> DoublePaymentFigures:
    few = min(attempts, CONTROL_ATTEMPTS_MAX)
    controls = {conduct: _run(shops, engine, home, few, conduct)[0] for conduct in (Conduct.LATE, Conduct.HASTY)}
    started = time.perf_counter()
    tally, tried, batches = _run(shops, engine, home, attempts, Conduct.SOUND)
    late, hasty = (len(controls[conduct].twice) for conduct in (Conduct.LATE, Conduct.HASTY))
    if tally.twice or late:
        raise TechnicalFailure(f"{len(tally.twice)} rights were paid twice on {engine.name}, {late} by late checks")
    if not hasty:
        raise TechnicalFailure(f"a hub that checks before it writes paid nothing twice on {engine.name}: no proof")
    return DoublePaymentFigures(
        engine=engine.name, attempts=tried, clients=CLIENTS, hubs=HUBS, rights=batches * RIGHTS_PER_BATCH,
        acts=len(tally.decided), replays=tally.replays, asked_again=tally.asked_again,
        claims_accepted=tally.count(ActKind.CONSUME), claims_refused=tally.count(ActKind.CONSUME, Outcome.REFUSED),
        cancelled=tally.count(ActKind.CANCEL), corrected=tally.count(ActKind.CORRECT),
        reversed=tally.count(ActKind.REVERSE), paid_twice=len(tally.twice), batches=batches,
        debits_cents=tally.debits.total(), credits_cents=tally.credits.total(), late_paid_twice=late,
        hasty_paid_twice=hasty, seconds=round(time.perf_counter() - started, 1),
    )  # fmt: skip


def _run(shops: Counters, engine: Engine, home: Path, attempts: int, conduct: Conduct) -> tuple[Tally, int, int]:
    """Runs batch after batch; returns both books, how many attempts were made, in how many batches."""
    platform, folder = shops.platform, home / conduct.value
    folder.mkdir(parents=True)
    tally = Tally(insurer=shops.insurer, hub=platform.hub.name, strict=conduct is not Conduct.HASTY)
    chance, tried, batches = random.Random(_SEED), 0, 0
    with ExitStack() as stack:
        stores = [stack.enter_context(closing(shops.open_store(engine.connect(), folder))) for _ in range(HUBS)]
        tally.begin(stores[0])
        rivals = Rivals(
            stores=stores, conduct=conduct, now=platform.now,
            shops=Adjudicator(
                identity=platform.hub.identity, directory=platform.directory, rules=every_shipped_rules()
            ),
            insurers=InsurerAdjudicator(identity=platform.hub.identity, directory=platform.directory),
        )  # fmt: skip
        while tried < attempts:
            quarrels = [
                Quarrel(
                    number=batches * RIGHTS_PER_BATCH + number, right=shops.right(),
                    shops=chance.sample(shops.shops, 2), counters=shops, rivals=rivals, tally=tally, chance=chance,
                )
                for number in range(RIGHTS_PER_BATCH)
            ]  # fmt: skip
            for round_ in range(ROUNDS):
                waiting = [attempt for quarrel in quarrels for attempt in quarrel.attempts(round_)]
                chance.shuffle(waiting)
                for answer in rivals.run(waiting):
                    tally.take(answer)
                tried += len(waiting)
            tally.close(stores[0])
            batches += 1
    return tally, tried, batches


_ATTEMPTS = counting("--attempts", f"How many of those: {ATTEMPTS:,} unless another is given.")
MEASURE = Measure(
    name="double-payment",
    asked_by=asking("--double-payment", "Try instead to have rights paid twice, on SQLite and on PostgreSQL."),
    options=(_ATTEMPTS,),
    rows=lambda folder, sizes: measure(folder, sizes.of(_ATTEMPTS, ATTEMPTS)),
)
