"""Every party at once, 200 seeds: nothing that must never happen happens, and each property can be seen to fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from paravent.access.quotas import Charge, Pseudonyms
from paravent.access.store import Ledger
from paravent.desk.number_lane import Opening
from paravent.drill.simulation.desk import SimulatedDesk
from paravent.drill.simulation.operations import Failure, Operation, draw, read_failures, shorten, write_failure
from paravent.drill.simulation.run import broken_by, find_failure, run
from paravent.drill.simulation.watch import Property
from paravent.errors import ParaventError, QuotaExceeded
from paravent.hub.books import Books
from paravent.hub.claim_store import ClaimStore, StoredRecord
from paravent.hub.store import Store as HubStore
from paravent.insurer.claim_store import Claims
from paravent.keyserver.log_store import WitnessLog
from paravent.keyserver.state import LeafPosition
from paravent.keyserver.witness import Scribe
from paravent.optics.claim_states import Paid, RightRecord, RightState

SEEDS = 200
PROCESSES = 2
SEEDS_PER_DEFECT = 60
FAILURES = Path(__file__).parent / "failures"
FOUND = list(read_failures(FAILURES))


def test_no_seed_breaks_a_property(tmp_path: Path) -> None:
    with ProcessPoolExecutor(PROCESSES, get_context("fork")) as pool:
        failures = [found for found in pool.map(find_failure, range(SEEDS), chunksize=5) if found is not None]
    # What failed is written down as it must be kept, in tests/simulation/failures.
    kept = [write_failure(tmp_path, failure).read_text() for failure in failures]
    assert not failures, "\n".join(kept)


@pytest.mark.parametrize(("name", "failure"), FOUND, ids=[name for name, _ in FOUND])
def test_a_failure_once_found_stays_away(name: str, failure: Failure) -> None:
    assert name
    assert broken_by(failure.seed, failure.operations) is None


# --- the simulation itself -----------------------------------------------------------------------


@pytest.mark.parametrize("seed", [3, 4])
def test_the_same_seed_gives_the_same_trace(seed: int) -> None:
    first, second = run(seed), run(seed)
    assert first.lines == second.lines
    assert first.hash == second.hash


def test_another_seed_gives_another_trace() -> None:
    assert len({run(seed).hash for seed in range(4)}) == 4


def test_a_literal_list_is_what_its_seed_draws() -> None:
    assert run(5, draw(5, 10)).lines == run(5, count=10).lines


def test_a_failure_is_shortened_and_kept(tmp_path: Path) -> None:
    drawn = draw(9, 30)
    wanted = drawn[7]
    shortest = shorten(drawn, lambda operations: wanted in operations)
    assert shortest == [wanted]
    failure = Failure(seed=9, broken=Property.LISTED.name, operations=tuple(shortest))
    write_failure(tmp_path, failure)
    assert list(read_failures(tmp_path)) == [("seed-9", failure)]


def test_every_kind_of_ending_is_reached() -> None:
    lines = "\n".join(line for seed in range(16) for line in run(seed).lines)
    for ending in ("opened", "not-covered", "quota-exceeded", "too-few-servers", "unreachable", "accepted", "refused",
                   "unanswered-act", "answered again", "['keyserver-"):  # fmt: skip
        assert ending in lines, ending


PUT_BACK: tuple[Operation, ...] = (
    ("snapshot", 0), ("snapshot", 1), ("snapshot", 2), ("check", 0, 2, 0, "none", 0), ("roll-back", 0),
    ("roll-back", 1), ("roll-back", 2), ("check", 1, 3, 0, "none", 0),
)  # fmt: skip
"""Every server is put back to before an opening that others cosigned."""


def test_a_server_that_was_put_back_is_refused_and_takes_its_log_back() -> None:
    lines = "\n".join(run(3, PUT_BACK).lines)
    assert lines.count("refused, ") >= 2
    assert "leaves restored" in lines


# --- each property can fail -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """What is taken out of the code, and which property notices."""

    name: str
    broken: Property
    changes: tuple[tuple[str | tuple[type, str], object], ...]
    operations: tuple[Operation, ...] = ()


def nothing(*_: Any, **__: Any) -> None:
    """A check that accepts everything."""


def always(value: object) -> Callable[..., object]:
    """A function that says the same whatever it is asked."""
    return lambda *_, **__: value


def uncharged(_: Ledger, charge: Charge, now: int) -> Pseudonyms:
    """A ledger that charges nothing."""
    assert charge.professional
    return Pseudonyms(professional=bytes(32), subject=now.to_bytes(32, "big"))


def unwritten(_: WitnessLog, __: bytes, ___: bytes | None) -> LeafPosition:
    """A log that says it has a leaf and writes none."""
    return LeafPosition(index=0, leaf_hash=bytes(32))


def another_label(scribe: Scribe, *arguments: Any) -> LeafPosition:
    """A witness that commits to another label than the one it opens."""
    device, insurer, label, *rest = arguments
    return HONEST_SCRIBE(scribe, device, insurer, bytes(len(label)), *rest)


def first_set_only(indices: Sequence[int], size: int) -> list[tuple[int, ...]]:
    """Tries one set of servers, and no other."""
    return [tuple(indices[:size])]


def unnamed(desk: SimulatedDesk, *arguments: Any) -> object:
    """A desk that goes on with other servers and forgets who lied."""
    checked = HONEST_CHECK(desk, *arguments)
    desk.culprits.clear()
    return checked


def as_refusal(failures: Sequence[ParaventError], *_: int) -> ParaventError:
    """Says of whatever went wrong that the quota is spent."""
    return QuotaExceeded(f"{len(failures)} servers did not answer")


def replaced(store: ClaimStore, name: bytes, _: StoredRecord | None, sealed: bytes) -> bool:
    """A write that compares nothing."""
    store._connection.execute("INSERT OR REPLACE INTO record VALUES (?, ?, 1)", (name, sealed))
    return True


BOUGHT = RightRecord(state=RightState.CONSUMED, paid=(Paid(month=202606, early=False),))
HONEST_SCRIBE = Scribe.opening
HONEST_CHECK = SimulatedDesk.check

DEFECTS = [
    Defect(name="nothing is charged", broken=Property.DURABLE, changes=(((Ledger, "spend"), uncharged),)),
    Defect(name="no leaf is written", broken=Property.DURABLE, changes=(((WitnessLog, "append"), unwritten),)),
    Defect(
        name="the quota is not compared", broken=Property.BOUND,
        changes=(("paravent.access.store.require_quota", always(value=True)),),
    ),
    Defect(
        name="a claim is paid at every turn", broken=Property.PAID_ONCE,
        changes=(
            ((Books, "decided"), always(None)), ((Books, "right"), always(None)), ((Books, "claim"), always(None)),
            ((Books, "keep"), nothing), ("paravent.hub.changes.apply", always(BOUGHT)),
            ((Claims, "line_of"), always(None)), ((Claims, "paid"), always(RightRecord())),
        ),
    ),
    Defect(
        name="an act is decided anew", broken=Property.ONE_DECISION,
        changes=(((Books, "decided"), always(None)), ((ClaimStore, "keep_record"), replaced)),
    ),
    Defect(
        name="absence is not proved", broken=Property.COVERED,
        changes=(
            ((HubStore, "row"), always(None)), ("paravent.desk.number_lane.verify_absence", nothing),
        ),
    ),
    Defect(
        name="failures are read as refusals", broken=Property.TECHNICAL,
        changes=(("paravent.drill.simulation.desk.too_few", as_refusal),),
    ),
    Defect(
        name="a share is not verified", broken=Property.COVERED,
        changes=(("paravent.desk.number_lane.verify_proof", nothing),),
        operations=(("lie", 1, "wrong-share"), ("check", 0, 2, 0, "none", 0)),
    ),
    Defect(name="values are not compared", broken=Property.NAMED, changes=(((Opening, "_lies"), always([])),)),
    Defect(name="liars are forgotten", broken=Property.NAMED, changes=(((SimulatedDesk, "check"), unnamed),)),
    Defect(
        name="other sets of servers are not tried", broken=Property.AVAILABLE,
        changes=(("paravent.desk.number_lane.combinations", first_set_only),),
    ),
    Defect(
        name="what others remember is not compared", broken=Property.ROLLED_BACK,
        changes=(("paravent.drill.simulation.rolling.require_not_rolled_back", nothing),),
        operations=PUT_BACK,
    ),
    Defect(
        name="the log commits to another label", broken=Property.LISTED,
        changes=(((Scribe, "opening"), another_label),),
    ),
]  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_the_property_notices_the_defect(defect: Defect, monkeypatch: pytest.MonkeyPatch) -> None:
    for target, replacement in defect.changes:
        if isinstance(target, str):
            monkeypatch.setattr(target, replacement)
        else:
            monkeypatch.setattr(*target, replacement)
    broken: list[Property | None] = []
    for seed in range(SEEDS_PER_DEFECT):
        broken.append(broken_by(seed, defect.operations or draw(seed, 16)))
        if broken[-1] is defect.broken:
            return
    pytest.fail(f"{defect.name} was noticed as {set(broken)}")


def test_every_property_has_its_defect() -> None:
    assert {defect.broken for defect in DEFECTS} == set(Property)
