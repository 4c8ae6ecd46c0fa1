"""What a hub that lies cannot do to a line of the insurer's ledger (docs/protocol.md section 11, step 11.6)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from msgspec.structs import replace as changed
from tests.unit.parties.life import Insurer
from tests.unit.parties.shop import Shop
from tests.unit.parties.test_claim_life import accepted, bought
from tests.unit.parties.test_settlement import give_account, settle
from tests.unit.parties.world import AMC, DAY, World

from paravent.crypto.labels import Label
from paravent.errors import StaleData, StorageDown
from paravent.hub.decisions import seal_event
from paravent.insurer import claims
from paravent.insurer.claim_store import Claims
from paravent.insurer.exchange_store import Exchange
from paravent.insurer.ledger import CHANGES, LedgerState, ReviewedClaim
from paravent.insurer.register_store import Register
from paravent.wire.claims import ActKind, Decision, Ground, InsurerAct, InsurerActDetail, PaymentLine
from paravent.wire.codec import encode
from paravent.wire.statements import sign_statement

Property = Callable[[Shop, Insurer], None]


@pytest.fixture
def shop(world: World) -> Shop:
    """A shop with a customer whose equipment is payable."""
    return Shop.of(world, world.covered())


@pytest.fixture
def insurer(world: World) -> Insurer:
    """The customer's insurer."""
    return Insurer(world)


def always(value: object) -> Callable[..., object]:
    return lambda *_: value


def dated(shop: Shop, days: int) -> None:
    shop.world.now += days * DAY
    shop.world.hand_over(AMC)


def line_of(insurer: Insurer, claim: bytes) -> ReviewedClaim:
    insurer.pull()
    found = insurer.party.store.claims.line_of(claim)
    assert found is not None
    return found


# --- a correction that recomputing disputes ------------------------------------------------------


def disputed_correction(shop: Shop, insurer: Insurer) -> tuple[bytes, bytes]:
    """Buys at the end of June; the correction is of July, after the insurer's own tables changed."""
    dated(shop, 15)
    former = bought(shop)
    assert line_of(insurer, former).state is LedgerState.PAYABLE
    cheaper, tables = shop.cheaper(), insurer.party.tables
    insurer.party.tables = changed(tables, guarantees=tables.guarantees[1:])
    shop.world.now += 2 * DAY
    return former, accepted(cheaper.decide(cheaper.claim(corrects=former)[0])).claim_id or b""


def one_of_claim_and_correction_is_paid(shop: Shop, insurer: Insurer) -> None:
    former, correction = disputed_correction(shop, insurer)
    first, second = line_of(insurer, former), line_of(insurer, correction)
    assert (first.state, first.reason) == (LedgerState.REVERSED, "corrected")
    assert (second.state, second.month, second.early) == (LedgerState.DISPUTED, first.month, first.early)
    assert (second.month, second.correctable_until) == (202606, first.correctable_until)
    assert insurer.payable() == 0
    accepted(insurer.decide(insurer.on_claim(ActKind.DISPUTE, correction, Ground.AMOUNT)))
    accepted(insurer.decide(insurer.on_claim(ActKind.UPHOLD, correction)))
    assert insurer.payable() == second.claimed_cents > 0
    assert line_of(insurer, correction).month == 202606


def a_disputed_correction_counts_as_what_it_replaced(shop: Shop, insurer: Insurer) -> None:
    _, correction = disputed_correction(shop, insurer)
    insurer.pull()
    store, member = insurer.party.store, insurer.party.members[0].member_id
    assert [paid.month for paid in store.claims.paid(member).paid] == [202606]
    accepted(insurer.decide(insurer.on_claim(ActKind.REVERSE, correction)))
    insurer.pull()
    assert store.claims.paid(member).paid == ()


def test_a_disputed_correction_is_in_the_draw_of_the_audit(shop: Shop, insurer: Insurer) -> None:
    former, correction = disputed_correction(shop, insurer)
    insurer.pull()
    drawn = [claim.claim_id for month in (202606, 202607) for claim in insurer.party.store.claims.audited(month)]
    assert drawn == [former, correction]


# --- the insurer's own acts, again or out of their order ------------------------------------------


def lies(insurer: Insurer, act: InsurerAct, decision: Decision) -> ReviewedClaim:
    """The hub tells an act that the insurer did sign under a new decision; returns the line of that event."""
    world = insurer.world
    signed = insurer.actor.sign(act)
    lie = changed(
        decision, decision_id=world.rng(16), kind=act.kind, ground=act.ground, claim_id=act.claim_id,
        request=hashlib.sha256(encode(signed)).digest(),
    )  # fmt: skip
    detail = InsurerActDetail(
        insurer_act=signed, padding="",
        decision=sign_statement(lie, Label.DECISION, world.hub.name, world.hub.signing_key),
    )  # fmt: skip
    payment = PaymentLine(decision_id=lie.decision_id, professional="-", shop="-", amc_cents=0, padding="")
    sealed = seal_event(world.hub, insurer.party.entry, detail, payment)
    with world.hub_store.commit():
        world.hub_store.claims.add_event(AMC, lie.month, *sealed)
    return insurer.lines()[-1]


def an_act_replayed_changes_nothing(shop: Shop, insurer: Insurer) -> None:
    claim = bought(shop)
    accepted(insurer.decide(insurer.on_claim(ActKind.DISPUTE, claim)))
    upheld = insurer.on_claim(ActKind.UPHOLD, claim)
    decision = accepted(insurer.decide(upheld))
    accepted(insurer.decide(insurer.on_claim(ActKind.DISPUTE, claim)))
    assert insurer.payable() == 0
    told = lies(insurer, upheld, decision)
    assert (told.state, told.reason.split(":")[:2]) == (LedgerState.DISPUTED, ["proof-failure", " hub"])
    assert (insurer.payable(), line_of(insurer, claim).state) == (0, LedgerState.DISPUTED)


def what_was_reversed_is_final(shop: Shop, insurer: Insurer) -> None:
    claim = bought(shop)
    decision = accepted(insurer.decide(insurer.on_claim(ActKind.REVERSE, claim)))
    for kind in (ActKind.UPHOLD, ActKind.DISPUTE, ActKind.REVERSE):
        told = lies(insurer, insurer.on_claim(kind, claim), decision)
        assert (told.state, told.reason.split(":")[0]) == (LedgerState.DISPUTED, "proof-failure")
        assert (insurer.payable(), line_of(insurer, claim).state) == (0, LedgerState.REVERSED)


def test_only_what_is_disputed_is_upheld(shop: Shop, insurer: Insurer) -> None:
    claim = bought(shop)
    act = insurer.on_claim(ActKind.DISPUTE, claim)
    upheld = insurer.on_claim(ActKind.UPHOLD, claim)
    told = lies(insurer, upheld, accepted(insurer.decide(act)))
    assert (told.state, line_of(insurer, claim).state) == (LedgerState.NOTED, LedgerState.PAYABLE)
    told = lies(insurer, changed(upheld, idempotency_key=bytes(16)), insurer.world.read(insurer.send(act)))
    assert (told.state, told.reason.split(":")[0]) == (LedgerState.DISPUTED, "proof-failure")


def test_an_act_on_another_decision_changes_nothing(shop: Shop, insurer: Insurer) -> None:
    claim = bought(shop)
    act = insurer.on_claim(ActKind.DISPUTE, claim)
    decision = accepted(insurer.decide(act))
    other = changed(act, kind=ActKind.REVERSE, decision_id=bytes(16), idempotency_key=bytes(16))
    told = lies(insurer, other, decision)
    assert (told.state, told.reason.split(":")[0]) == (LedgerState.DISPUTED, "proof-failure")
    assert line_of(insurer, claim).state is LedgerState.DISPUTED


def nothing_is_settled_before_its_acts_are_pulled(shop: Shop, insurer: Insurer) -> None:
    give_account(shop.world, shop.device.shop)
    act = insurer.on_claim(ActKind.REVERSE, bought(shop))
    store = insurer.party.store
    store.exchange.keep_act(act.idempotency_key, insurer.actor.sign(act), shop.world.now)
    store.exchange.keep_decision(act.idempotency_key, insurer.send(act))
    with pytest.raises(StaleData):
        settle(shop.world)
    insurer.pull()
    assert settle(shop.world) == []


# --- a member who came back ------------------------------------------------------------------------


def come_back(shop: Shop, insurer: Insurer, days: int) -> None:
    """The member left some days ago and was taken in again: the entitlement has the former index."""
    store, member = insurer.party.store, insurer.party.members[0].member_id
    store.register.revoke(member, shop.world.now - days * DAY)
    store._connection.execute("INSERT INTO ended_member VALUES (?)", (member,))
    store.register.readmit([member], shop.world.rng)


def a_former_index_is_revoked_for_ever(shop: Shop, insurer: Insurer) -> None:
    claim = bought(shop)
    come_back(shop, insurer, 3)
    line = line_of(insurer, claim)
    assert (line.state, line.reason.split(":")[0]) == (LedgerState.DISPUTED, "entitlement-revoked")


def test_a_former_index_is_good_for_48_hours(shop: Shop, insurer: Insurer) -> None:
    claim = bought(shop)
    come_back(shop, insurer, 1)
    assert line_of(insurer, claim).state is LedgerState.PAYABLE


def test_an_index_that_the_member_never_had_is_refused(shop: Shop, insurer: Insurer) -> None:
    claim = bought(shop)
    insurer.party.store._connection.execute("UPDATE member_right SET status_index = status_index + 1000000")
    line = line_of(insurer, claim)
    assert (line.state, line.reason.split(":")[0]) == (LedgerState.DISPUTED, "not-covered")


# --- each check is needed --------------------------------------------------------------------------

ANY_CHANGE = {**CHANGES, (LedgerState.REVERSED, ActKind.UPHOLD): LedgerState.PAYABLE}
DEFECTS: list[tuple[object, str, object, Property]] = [
    (claims, "_replaced", always(None), one_of_claim_and_correction_is_paid),
    (Claims, "_takes_count", always(False), a_disputed_correction_counts_as_what_it_replaced),
    (Claims, "act_known", always(False), an_act_replayed_changes_nothing),
    (claims, "CHANGES", ANY_CHANGE, what_was_reversed_is_final),
    (Exchange, "_followed", always(True), nothing_is_settled_before_its_acts_are_pulled),
    (Register, "revocations", always(dict.fromkeys(range(1 << 20))),
     a_former_index_is_revoked_for_ever),
]  # fmt: skip


@pytest.mark.parametrize("held", [defect[3] for defect in DEFECTS])
def test_the_property_holds(held: Property, shop: Shop, insurer: Insurer) -> None:
    held(shop, insurer)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect[1])
def test_each_check_is_needed(
    defect: tuple[object, str, object, Property], shop: Shop, insurer: Insurer, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, name, value, held = defect
    monkeypatch.setattr(owner, name, value)
    with pytest.raises((AssertionError, pytest.fail.Exception, StorageDown)):
        held(shop, insurer)
