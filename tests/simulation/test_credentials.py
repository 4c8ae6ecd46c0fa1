"""Stolen device keys: no way of asking opens more than the bound, the best one reaches it, and witnesses list them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from paravent.access.quotas import QuotaLimits
from paravent.access.store import Ledger
from paravent.drill.credentials.run import SMALL, STRATEGIES, THIEF_SERVER
from paravent.drill.credentials.scene import DAY, Scene, bound, scene
from paravent.drill.credentials.stolen import between_cosignatures
from paravent.drill.credentials.strategies import Strategy, midnight, spread, together
from paravent.drill.credentials.stuffing import one_nonce
from paravent.drill.simulation.platform import Shape
from paravent.keyserver.log_store import WitnessLog
from paravent.keyserver.state import LeafPosition
from paravent.keyserver.witness import Scribe

PERSONS = 40


def figures(attacked: Scene, days: int = 1) -> dict[str, int]:
    """Returns the numbers of a row."""
    row = msgspec.to_builtins(attacked.row("attack", days, inquired=False))
    return {name: value for name, value in (row | row["figures"]).items() if isinstance(value, int)}


def attack(
    strategy: Strategy, *, devices: int = 1, stolen: tuple[int, ...] = (), limits: QuotaLimits = SMALL,
    files: bool = False,
) -> dict[str, int]:  # fmt: skip
    """Runs one attack and returns its row."""
    with scene(devices, stolen, PERSONS, limits, files=files) as attacked:
        strategy(attacked)
        return figures(attacked)


@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize(("name", "strategy", "needs_server"), STRATEGIES, ids=[name for name, _, _ in STRATEGIES])
def test_no_strategy_opens_more_than_the_bound(
    name: str, strategy: Strategy, needs_server: bool, devices: int
) -> None:  # fmt: skip
    row = attack(strategy, devices=devices, stolen=(THIEF_SERVER,) if needs_server else ())
    assert 0 < row["opened"] <= row["bound"], name
    assert row["listed_by_witnesses"] == row["opened"]
    assert (row["missing_listings"], row["false_listings"]) == (0, 0)


@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize("stolen", [(), (1,), (2,), (3,)], ids=str)
def test_the_best_strategy_reaches_the_bound(stolen: tuple[int, ...], devices: int) -> None:
    row = attack(spread, devices=devices, stolen=stolen, files=True)
    assert row["opened"] == row["bound"] == devices * (3 - len(stolen)) * 6 // (2 - len(stolen))
    assert (row["missing_listings"], row["false_listings"]) == (0, 0)


@pytest.mark.parametrize("stolen", [(), (3,)], ids=str)
def test_each_day_begun_gives_the_quota_once_more(stolen: tuple[int, ...]) -> None:
    limits = QuotaLimits(lookups_per_day_max=4, openings_per_day_max=4)
    with scene(1, stolen, PERSONS, limits) as attacked:
        for days in (1, 2, 3):
            attacked.attacker.drain(attacked.hits)
            attacked.platform.now += DAY - 1
            attacked.attacker.drain(attacked.hits)
            row = figures(attacked, days)
            assert row["opened"] == row["bound"]
            attacked.platform.now += 1


def test_the_configured_quota_gives_the_published_bound() -> None:
    shape = Shape()
    assert [bound(shape, 1, stolen, days) for stolen in (0, 1) for days in (1, 2, 3)] == [60, 120, 180, 80, 160, 240]
    assert [bound(shape, 2, stolen, 1) for stolen in (0, 1)] == [120, 160]


def test_two_devices_use_together_what_each_alone_would_leave() -> None:
    """An odd quota leaves each device half a person: the floor is taken once, over all devices."""
    limits = QuotaLimits(lookups_per_day_max=3, openings_per_day_max=3)
    alone, both = attack(spread, limits=limits), attack(spread, devices=2, limits=limits)
    assert (alone["opened"], alone["bound"]) == (4, 4)
    assert (both["opened"], both["bound"]) == (9, 9)


def test_lost_answers_lengthen_the_list_and_hide_nobody() -> None:
    with scene(1, (), PERSONS, SMALL) as attacked:
        attacked.losing = True
        attacked.attacker.drain(attacked.hits)
        row = figures(attacked)
    assert row["missing_listings"] == 0
    assert row["false_listings"] == row["listed_by_witnesses"] - row["opened"] > 0


@pytest.mark.parametrize("devices", [1, 2])
def test_a_roll_back_between_cosignatures_gains_what_was_forgotten_and_no_more(devices: int) -> None:
    with scene(devices, (THIEF_SERVER,), PERSONS, SMALL, files=False) as attacked:
        reached = between_cosignatures(attacked)
        row = figures(attacked)
        without = bound(attacked.platform.shape, devices, 0, 1)
    assert without < row["opened"] == reached <= row["bound"]
    assert (row["missing_listings"], row["false_listings"]) == (0, 0)


def test_without_a_memory_a_roll_back_gains_everything_that_one_server_can_forget(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control: nobody remembers, so that the server goes back to the beginning."""
    monkeypatch.setattr("paravent.drill.credentials.stolen.require_not_rolled_back", lambda *_: None)
    with scene(1, (THIEF_SERVER,), PERSONS, SMALL, files=False) as attacked:
        reached = between_cosignatures(attacked)
        row = figures(attacked)
    assert reached < row["opened"] <= row["bound"]


# --- the drill can see what it looks for ------------------------------------------------------------


@pytest.mark.parametrize("strategy", [spread, together, midnight], ids=lambda strategy: strategy.__name__)
def test_a_quota_that_is_not_compared_breaks_the_bound(strategy: Strategy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paravent.access.store.require_quota", lambda *_: True)
    row = attack(strategy)
    assert row["opened"] > row["bound"]


def test_a_nonce_that_is_not_compared_breaks_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger that takes a nonce seen before for the same request opens the second person free."""

    def seen_before(ledger: Ledger, caller: Any, now: int) -> bool:
        known = ledger.__dict__.setdefault("nonces", set())
        first = caller.nonce not in known
        known.add(caller.nonce)
        return first and now > 0

    monkeypatch.setattr(Ledger, "first_time", seen_before)
    monkeypatch.setattr(WitnessLog, "witnessed", lambda log, _: log.size() and _last(log))
    row = attack(one_nonce, limits=QuotaLimits(lookups_per_day_max=30, openings_per_day_max=6))
    assert row["opened"] > row["bound"]
    assert row["missing_listings"] > 0


def _last(log: WitnessLog) -> Any:
    return LeafPosition(index=log.size() - 1, leaf_hash=log.leaf_hash(log.size() - 1) or bytes(32))


def test_a_leaf_of_another_label_is_a_missing_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Scribe.opening

    def dishonest(scribe: Scribe, device: Any, insurer: str, label: bytes, *rest: Any) -> Any:
        return honest(scribe, device, insurer, bytes(len(label)), *rest)

    monkeypatch.setattr(Scribe, "opening", dishonest)
    row = attack(spread)
    assert row["missing_listings"] == row["opened"] > 0
