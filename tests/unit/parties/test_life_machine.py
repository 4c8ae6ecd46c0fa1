"""Claims live as the model says, on the real code; each defect seeded in it is found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from msgspec.structs import replace
from tests.unit.crypto.mutation import Defect
from tests.unit.parties.conftest import MANY
from tests.unit.parties.life_machine import LifeOfClaims
from tests.unit.parties.shop import Shop
from tests.unit.parties.world import World

from paravent.access.quotas import QuotaLimits
from paravent.errors import StorageDown
from paravent.hub import acts, changes
from paravent.hub.books import Books
from paravent.insurer.claim_store import Claims
from paravent.insurer.claims import Reviewer
from paravent.optics import claim_states
from paravent.optics.claim_states import RightRecord

# Runs of the machine end at the first fault: a control is long only when it finds none.
PLAYED = settings(
    max_examples=200, stateful_step_count=40, deadline=None, derandomize=True, report_multiple_bugs=False,
    phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[type[LifeOfClaims]]:
    """The machine on a platform of its own, whose quotas are endless."""
    limits = QuotaLimits(
        acts_per_day_max=MANY, lookups_per_day_max=MANY, openings_per_day_max=MANY, insurer_per_day_max=MANY,
        shop_per_day_max=MANY, server_per_day_max=MANY,
    )  # fmt: skip
    built: list[World] = []

    def build() -> World:
        built.append(World.build(tmp_path / str(len(built)), limits=limits))
        return built[-1]

    world = build()
    members = {"build": staticmethod(build), "world": world, "shop": Shop.of(world, world.covered())}
    yield type("Played", (LifeOfClaims,), members)
    for world in built:
        world.close()


def play(machine: type[LifeOfClaims]) -> None:
    """Plays the machine until it finds a fault, and raises it."""
    run_state_machine_as_test(machine, settings=PLAYED)


def test_claims_live_as_the_model_says(machine: type[LifeOfClaims]) -> None:
    run_state_machine_as_test(machine, settings=settings(PLAYED, max_examples=60))


def forgetful(record: RightRecord, *_: object) -> RightRecord:
    """Gives a right back without anything that was paid before."""
    return replace(record, state=claim_states.RightState.FREE, holder=None, reserved_until=None, paid=())


DEFECTS = [
    Defect(name="the shop of a reservation is not compared", owner=claim_states, attribute="apply",
           old="current.holder != request.holder", new="False", broken=play),
    Defect(name="reservations never end", owner=claim_states, attribute="_expire",
           replacement=lambda record, _: record, broken=play),
    Defect(name="a renewal that is not due is paid", owner=claim_states, attribute="require_due",
           replacement=lambda *_, **__: False, broken=play),
    Defect(name="any number of early renewals", owner=claim_states, attribute="require_due",
           old="record.early_month is not None and", new="False and", broken=play),
    Defect(name="the state of a claim is not looked at", owner=claim_states, attribute="change_claim",
           old="if not isinstance(target, ClaimState):", new="target = target or ClaimState.REVERSED\n    if False:",
           broken=play),
    Defect(name="corrections have no term", owner=claim_states, attribute="change_claim",
           old="kind is ActKind.CORRECT and", new="False and", broken=play),
    Defect(name="reversals have no term", owner=claim_states, attribute="change_claim",
           old="record.state is ClaimState.ACCEPTED and", new="False and", broken=play),
    Defect(name="a reversal does not give the right back", owner=changes, attribute="_give_back",
           replacement=lambda *_: None, broken=play),
    Defect(name="a reversal forgets the equipment before", owner=changes, attribute="give_back",
           replacement=forgetful, broken=play),
    Defect(name="a release frees nothing", owner=changes, attribute="release",
           replacement=lambda record, _: record, broken=play),
    Defect(name="an act is decided anew", owner=Books, attribute="decided",
           replacement=lambda *_: None, broken=play),
    Defect(name="one key decides two bodies", owner=Books, attribute="decided",
           old="known.request != request", new="False", broken=play),
    Defect(name="the claim corrected stays open", owner=changes, attribute="correct_claim",
           old="replace(former.kept, record=former.closed)", new="former.kept", broken=play),
    Defect(name="a correction is of any shop", owner=changes, attribute="find_corrected",
           old="(kept.right, kept.shop) != (act.right(books), act.holder(books))",
           new="kept.right != act.right(books)", broken=play),
    Defect(name="the insurer does not follow", owner=Claims, attribute="_change_line",
           replacement=lambda *_: None, broken=play),
    Defect(name="a correction is judged as a second pair", owner=Reviewer, attribute="_early",
           old="former is not None and former.state is LedgerState.PAYABLE", new="False", broken=play),
]  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_defect_is_found(defect: Defect, machine: type[LifeOfClaims], monkeypatch: pytest.MonkeyPatch) -> None:
    defect.seed(monkeypatch)
    for module in (acts, changes):
        # A module that imported the function holds it under its own name.
        if defect.owner in (claim_states, changes) and hasattr(module, defect.attribute):
            monkeypatch.setattr(module, defect.attribute, getattr(defect.owner, defect.attribute))
    with pytest.raises((AssertionError, StorageDown)):
        play(machine)
