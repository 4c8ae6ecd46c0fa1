"""What waits for the hub's answer has a limit in euros; a customer's dossier finds again what was decided."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as changed
from tests.unit.parties.shop import Shop
from tests.unit.parties.world import World

from paravent.access.client import SignedClient
from paravent.desk.client import DeskClient
from paravent.desk.config import DeskConfig
from paravent.desk.screens.dossier import Dossier, same_right
from paravent.desk.store import Store
from paravent.desk.waiting import Waiting, require_room, waiting
from paravent.errors import UnansweredAct, WaitingLimitReached
from paravent.optics.claim_states import CORRECTION_SECONDS
from paravent.wire.claims import Act, ActKind, Decision

DAY = 86_400


@pytest.fixture
def shop(world: World) -> Shop:
    return Shop.of(world, world.covered())


def another(act: Act, number: int) -> Act:
    return changed(act, idempotency_key=bytes([number]) * 16)


def test_what_waits_is_added_up(shop: Shop) -> None:
    claim, content = shop.claim()
    assert waiting([shop.reservation(), claim, another(claim, 1)]) == Waiting(
        acts=3, claims=2, cents=2 * content.amc_cents
    )


def test_a_claim_waits_up_to_the_cent_and_a_reservation_always(shop: Shop) -> None:
    claim, content = shop.claim()
    require_room([], claim, 0)
    require_room([shop.reservation()], claim, 0)
    require_room([claim], another(claim, 1), 2 * content.amc_cents)
    require_room([claim], shop.reservation(), 0)
    with pytest.raises(WaitingLimitReached):
        require_room([claim], another(claim, 1), 2 * content.amc_cents - 1)


def test_beyond_the_limit_nothing_is_sent_nor_kept_and_what_waits_can_be_sent_again(
    world: World, shop: Shop, tmp_path: Path
) -> None:
    """Without a hub: the claims up to the limit are on disk, the next one is not, and the first may go again.

    What is sent again says that it can wait (13.5): an overloaded hub keeps places for customers at a counter.
    """
    claim, content = shop.claim()
    settings = DeskConfig(
        professional=shop.device.professional, shop=shop.device.shop, port=8_123,
        waiting_cents_max=2 * content.amc_cents,
    )  # fmt: skip
    away = changed(world.directory, hub=changed(world.directory.hub, address="http://127.0.0.1:1"))
    refused, urgency = [], list[str | None]()

    def observe(_: str, __: str, ___: str, headers: Mapping[str, str], ____: bytes) -> None:
        urgency.append(headers.get("priority"))

    async def sell(store: Store) -> None:
        async with SignedClient(shop.key, world.rng, timeout_seconds=1.0, observer=observe) as client:
            desk = DeskClient(settings, shop.key, away, store, client)
            for act in (claim, another(claim, 1), another(claim, 2), claim):
                try:
                    await desk.act(act)
                except (UnansweredAct, WaitingLimitReached) as error:
                    refused.append(error.code)

    with Store(tmp_path) as store:
        asyncio.run(sell(store))
    with Store(tmp_path) as again:
        assert len(again.undecided()) == 2
    assert refused == ["unanswered-act", "unanswered-act", "waiting-limit-reached", "unanswered-act"]
    assert urgency == [None, None, "u=7"]


def decided(shop: Shop, *acts: Act) -> list[tuple[Act, Decision]]:
    return [(act, shop.decide(act)) for act in acts]


def test_a_dossier_finds_again_its_reservation_then_its_claim(shop: Shop, world: World) -> None:
    dossier = Dossier(check="c", customer="x", entitled=shop.entitled)
    kept = decided(shop, shop.reservation(early=True))
    found = dossier.recalled(kept)
    assert (found.reserved, found.early, found.to_correct(world.now)) == (kept[0][1], True, None)
    kept += decided(shop, shop.claim(early=True)[0])
    found = dossier.recalled(kept)
    assert (found.reserved, found.to_correct(world.now)) == (None, kept[1][1])
    assert found.to_correct(kept[1][1].decided_at + CORRECTION_SECONDS) is None
    assert kept[1][1].claim_id is not None
    kept += decided(shop.cheaper(), shop.cheaper().claim(early=True, corrects=kept[1][1].claim_id)[0])
    last = dossier.recalled(kept).to_correct(world.now)
    assert last is not None
    assert (last.kind, last.claim_id) == (ActKind.CORRECT, kept[2][1].claim_id)


def test_a_right_is_known_by_its_nullifier_whatever_the_lane(shop: Shop) -> None:
    part = shop.entitled.part
    assert same_right(shop.entitled.entitlement, replace(part, serial=bytes(16)))
    assert not same_right(shop.entitled.entitlement, replace(part, nullifier=bytes(len(part.nullifier))))
    assert not same_right(shop.entitled.entitlement, replace(part, insurer="99000002"))
