"""The insurer recomputes before it pays: it trusts neither the hub nor the desk (section 11)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace as changed
from tests.unit.parties.shop import Shop
from tests.unit.parties.world import AMC, DAY, OTHER_AMC, World

from paravent.crypto import hpke
from paravent.crypto.hpke import BoxPublicKey
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey
from paravent.errors import MalformedMessage, ProofFailure
from paravent.insurer.claims import Reviewer
from paravent.insurer.ledger import LedgerState, ReviewedClaim
from paravent.optics.months import month_of
from paravent.optics.store import every_shipped_rules
from paravent.wire.claims import (
    ActDetail,
    ActKind,
    Claim,
    Decision,
    PaymentLine,
    SealedEvent,
)
from paravent.wire.codec import Message, decode, encode
from paravent.wire.statements import Signed, open_statement, sign_statement

DISPUTED, NOTED, PAYABLE, REFUSED = (
    LedgerState.DISPUTED, LedgerState.NOTED, LedgerState.PAYABLE, LedgerState.REFUSED
)  # fmt: skip


@pytest.fixture
def shop(world: World) -> Shop:
    """A shop whose customer has just bought a pair of glasses."""
    bought = Shop.of(world, world.covered())
    bought.send(bought.reservation())
    bought.send(bought.claim()[0])
    return bought


def reviewer(world: World, amc: str = AMC) -> Reviewer:
    insurer = world.insurers[amc]
    return Reviewer(
        amc=amc, keys=insurer.keys, directory=world.directory, tables=insurer.tables, rules=every_shipped_rules(),
        register=insurer.store.register,
        ledger=insurer.store.claims,
    )  # fmt: skip


def pulled(world: World) -> tuple[SealedEvent, ...]:
    return world.hub_store.claims.events(AMC, 0).events


def reviewed(world: World, event: SealedEvent) -> ReviewedClaim:
    """Reviews and keeps, as the insurer's service does."""
    judged = reviewer(world).review(event, world.now)
    world.insurers[AMC].store.claims.keep(judged)
    return judged


# --- a hub that lies -------------------------------------------------------------------------


def detail_of(world: World, event: SealedEvent) -> ActDetail:
    """Opens what the hub sealed."""
    keys = world.insurers[AMC].keys
    return decode(keys.claims.open(event.detail, Label.CLAIM_DETAIL_BOX, world.hub.name, AMC, culprit=""), ActDetail)


def decision_of(world: World, detail: ActDetail) -> Decision:
    key = world.hub.signing_key.public
    return open_statement(detail.decision, Decision, Label.DECISION, world.hub.name, key)


def claim_of(detail: ActDetail) -> Claim:
    assert detail.act.claim is not None
    return decode(detail.act.claim.payload, Claim)


def decided(world: World, decision: Decision) -> Signed:
    """Signs a decision with the hub's own key."""
    return sign_statement(decision, Label.DECISION, world.hub.name, world.hub.signing_key)


def sealed(world: World, message: Message, label: Label, amc: str = AMC) -> bytes:
    """Seals to the insurer as the hub does."""
    keys = world.insurers[AMC].keys
    box = keys.claims if label is Label.CLAIM_DETAIL_BOX else keys.payments
    return hpke.seal(BoxPublicKey(box.public), encode(message), label, world.hub.name, amc)


def event_of(
    world: World, detail: ActDetail, decision: Decision, line: PaymentLine | None = None, **changes: object
) -> SealedEvent:
    """Makes the event of a detail and a decision; the payment line follows the decision unless given."""
    line = line or PaymentLine(
        decision_id=decision.decision_id, professional=detail.professional, shop=detail.shop,
        amc_cents=decision.amc_cents, padding="",
    )  # fmt: skip
    event = SealedEvent(
        number=world.rng(4)[0] + 100, insurer=AMC, month=decision.month,
        detail=sealed(world, changed(detail, decision=decided(world, decision)), Label.CLAIM_DETAIL_BOX),
        payment=sealed(world, line, Label.PAYMENT_LINE_BOX),
    )  # fmt: skip
    return changed(event, **changes)


def consumption(world: World) -> tuple[ActDetail, Decision]:
    """The detail and decision of the claim that the hub accepted."""
    detail = detail_of(world, pulled(world)[1])
    return detail, decision_of(world, detail)


def with_claim(world: World, detail: ActDetail, claim: Claim) -> ActDetail:
    """Puts another claim in a detail, correctly signed by the device."""
    signed = sign_statement(claim, Label.CLAIM, world.device.keyid, world.device_key)
    return changed(detail, act=changed(detail.act, claim=signed))


# --- an honest hub ---------------------------------------------------------------------------


def test_a_claim_is_payable_for_what_the_insurer_computes(shop: Shop) -> None:
    reserved, claimed = (reviewed(shop.world, event) for event in pulled(shop.world))
    member = shop.world.insurers[AMC].members[0].member_id
    assert (reserved.state, reserved.payable_cents, reserved.member) == (NOTED, 0, member)
    payable = shop.quoted.quote.amc_cents
    assert (claimed.state, claimed.payable_cents, claimed.member) == (PAYABLE, payable, member)
    assert claimed.claim is not None


def test_a_refusal_of_the_hub_costs_nothing(shop: Shop) -> None:
    shop.send(shop.reservation())
    judged = reviewed(shop.world, pulled(shop.world)[2])
    assert (judged.state, judged.reason, judged.payable_cents) == (REFUSED, "renewal-not-due", 0)


def test_the_same_event_again_is_paid_once(shop: Shop) -> None:
    first = reviewed(shop.world, pulled(shop.world)[1])
    again = reviewed(shop.world, pulled(shop.world)[1])
    assert (first.state, again.payable_cents) == (PAYABLE, 0)
    assert shop.world.insurers[AMC].store.claims.all() == [first]


def test_the_same_claim_under_another_decision_is_paid_once(shop: Shop) -> None:
    world = shop.world
    reviewed(world, pulled(world)[1])
    detail, decision = consumption(world)
    again = reviewed(world, event_of(world, detail, changed(decision, decision_id=world.rng(16))))
    assert (again.state, again.payable_cents) == (DISPUTED, 0)
    assert again.reason.startswith("idempotency-conflict")
    payable = sum(claim.payable_cents for claim in world.insurers[AMC].store.claims.all())
    assert payable == shop.quoted.quote.amc_cents


def test_the_harness_of_a_lying_hub_makes_payable_events(shop: Shop) -> None:
    """Shows that nothing but the lie is refused below."""
    assert reviewed(shop.world, event_of(shop.world, *consumption(shop.world))).state == PAYABLE


# --- amounts ---------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [1, -1, 5_000])
def test_wrong_amounts_that_the_hub_accepted_are_disputed(more: int, shop: Shop) -> None:
    detail, decision = consumption(shop.world)
    claim = claim_of(detail)
    wrong = changed(claim, amc_cents=claim.amc_cents + more)
    event = event_of(shop.world, with_claim(shop.world, detail, wrong), changed(decision, amc_cents=wrong.amc_cents))
    judged = reviewed(shop.world, event)
    assert (judged.state, judged.payable_cents) == (DISPUTED, 0)
    assert judged.reason.startswith("amount-mismatch")


def test_a_basket_that_is_none_is_disputed(shop: Shop) -> None:
    detail, decision = consumption(shop.world)
    wrong = changed(claim_of(detail), items=claim_of(detail).items[:2])
    judged = reviewed(shop.world, event_of(shop.world, with_claim(shop.world, detail, wrong), decision))
    assert (judged.state, judged.payable_cents) == (DISPUTED, 0)
    assert judged.reason.startswith("invalid-basket")


def test_a_claim_computed_with_other_rules_is_disputed(shop: Shop) -> None:
    detail, decision = consumption(shop.world)
    wrong = changed(claim_of(detail), rules="2019-01-01-00000000")
    judged = reviewed(shop.world, event_of(shop.world, with_claim(shop.world, detail, wrong), decision))
    assert judged.state == DISPUTED


@pytest.mark.parametrize("field", ["amc_cents", "claim_id"])
def test_a_decision_for_another_claim_is_disputed(field: str, shop: Shop) -> None:
    detail, decision = consumption(shop.world)
    other = {"amc_cents": decision.amc_cents + 1, "claim_id": bytes(16)}[field]
    judged = reviewed(shop.world, event_of(shop.world, detail, changed(decision, **{field: other})))
    assert (judged.state, judged.payable_cents) == (DISPUTED, 0)


# --- the payment line ------------------------------------------------------------------------


def line_of(detail: ActDetail, decision: Decision, **changes: object) -> PaymentLine:
    line = PaymentLine(
        decision_id=decision.decision_id, professional=detail.professional, shop=detail.shop,
        amc_cents=decision.amc_cents, padding="",
    )  # fmt: skip
    return changed(line, **changes)


@pytest.mark.parametrize("wrong", [{"amc_cents": 1}, {"decision_id": bytes(16)}], ids=str)
def test_a_payment_line_of_another_decision_is_disputed(wrong: dict[str, object], shop: Shop) -> None:
    detail, decision = consumption(shop.world)
    event = event_of(shop.world, detail, decision, line_of(detail, decision, **wrong))
    assert reviewed(shop.world, event).state == DISPUTED


@pytest.mark.parametrize("wrong", [{"professional": "80000000099"}, {"shop": "580000099"}], ids=str)
def test_a_payment_to_somebody_else_is_disputed(wrong: dict[str, object], shop: Shop) -> None:
    detail, decision = consumption(shop.world)
    event = event_of(shop.world, detail, decision, line_of(detail, decision, **wrong))
    assert reviewed(shop.world, event).state == DISPUTED


@pytest.mark.parametrize("payment", [b"", b"\x00" * 1_300])
def test_a_payment_line_that_does_not_open_is_disputed(payment: bytes, shop: Shop) -> None:
    event = event_of(shop.world, *consumption(shop.world), payment=payment)
    judged = reviewed(shop.world, event)
    assert (judged.state, judged.payable_cents) == (DISPUTED, 0)


# --- whose right, whose claim ----------------------------------------------------------------


def test_an_unknown_nullifier_is_disputed(shop: Shop) -> None:
    world = shop.world
    insurer = world.insurers[AMC]
    insurer.store._connection.execute("DELETE FROM member_right")
    judged = reviewer(world).review(pulled(world)[1], world.now)
    assert (judged.state, judged.payable_cents, judged.member) == (DISPUTED, 0, None)
    assert judged.reason.startswith("not-covered")


def test_a_claim_that_no_device_signed_is_disputed(shop: Shop) -> None:
    detail, decision = consumption(shop.world)
    forged = sign_statement(claim_of(detail), Label.CLAIM, shop.device.keyid, SigningKey.generate(shop.world.rng))
    detail = changed(detail, act=changed(detail.act, claim=forged))
    assert reviewed(shop.world, event_of(shop.world, detail, decision)).state == DISPUTED


def test_an_entitlement_that_the_insurer_did_not_sign_is_disputed(shop: Shop) -> None:
    detail, decision = consumption(shop.world)
    altered = detail.act.entitlement[:-1] + bytes([detail.act.entitlement[-1] ^ 1])
    detail = changed(detail, act=changed(detail.act, entitlement=altered))
    assert reviewed(shop.world, event_of(shop.world, detail, decision)).state == DISPUTED


def test_a_consumption_without_a_claim_is_never_payable(shop: Shop) -> None:
    detail, decision = consumption(shop.world)
    with pytest.raises(MalformedMessage):
        changed(detail.act, claim=None)
    event = event_of(shop.world, detail, decision)
    opened = encode(changed(detail, decision=decided(shop.world, decision))).replace(
        b'"kind":"consume"', b'"kind":"cancel"'
    )
    keys = shop.world.insurers[AMC].keys
    box = hpke.seal(BoxPublicKey(keys.claims.public), opened, Label.CLAIM_DETAIL_BOX, shop.world.hub.name, AMC)
    assert reviewed(shop.world, changed(event, detail=box)).payable_cents == 0


def test_a_claim_moved_to_another_members_entitlement_is_disputed(shop: Shop) -> None:
    detail, decision = consumption(shop.world)
    other = Shop.of(shop.world, shop.world.covered(2)).entitled.entitlement
    detail = changed(detail, act=changed(detail.act, entitlement=other))
    assert reviewed(shop.world, event_of(shop.world, detail, decision)).state == DISPUTED


def test_a_claim_for_another_insurer_is_disputed(shop: Shop) -> None:
    detail, decision = consumption(shop.world)
    detail = with_claim(shop.world, detail, changed(claim_of(detail), insurer=OTHER_AMC))
    assert reviewed(shop.world, event_of(shop.world, detail, decision)).state == DISPUTED


def test_two_pairs_in_one_renewal_period_are_disputed(shop: Shop) -> None:
    """A hub taken over could accept pair after pair: the insurer knows what it has already paid."""
    world = shop.world
    reviewed(world, pulled(world)[1])
    detail, decision = consumption(world)
    second = changed(claim_of(detail), claim_id=world.rng(16))
    decision = changed(decision, decision_id=world.rng(16), claim_id=second.claim_id)
    assert reviewed(world, event_of(world, with_claim(world, detail, second), decision)).state == DISPUTED


# --- the event itself ------------------------------------------------------------------------


def test_an_altered_detail_does_not_open(shop: Shop) -> None:
    event = pulled(shop.world)[1]
    for altered in (event.detail[:-1], event.detail[:-1] + b"\0", b""):
        judged = reviewed(shop.world, changed(event, detail=altered))
        assert (judged.state, judged.payable_cents, judged.member) == (DISPUTED, 0, None)
        assert judged.reason.startswith("proof-failure: hub")


def test_an_event_that_does_not_open_stops_nothing(shop: Shop) -> None:
    first, second = pulled(shop.world)
    assert reviewed(shop.world, changed(first, detail=b"")).state == DISPUTED
    assert reviewed(shop.world, second).state == PAYABLE


def test_an_event_of_another_month_than_its_decision_is_disputed(shop: Shop) -> None:
    assert reviewed(shop.world, changed(pulled(shop.world)[1], month=202501)).state == DISPUTED


def test_a_claim_called_a_reservation_is_disputed(shop: Shop) -> None:
    """A hub could call a claim a reservation, which is paid nothing but could be counted."""
    detail, decision = consumption(shop.world)
    event = event_of(shop.world, detail, changed(decision, kind=ActKind.RESERVE))
    judged = reviewed(shop.world, event)
    assert (judged.state, judged.payable_cents) == (DISPUTED, 0)


@pytest.mark.parametrize("late", [-400 * DAY, 1_500 * DAY])
def test_a_decision_outside_the_entitlement_is_disputed(late: int, shop: Shop) -> None:
    detail, decision = consumption(shop.world)
    at = decision.decided_at + late
    wrong = changed(decision, decided_at=at, month=month_of(at))
    shop.world.now = max(shop.world.now, at)
    judged = reviewed(shop.world, event_of(shop.world, detail, wrong))
    assert (judged.state, judged.reason.split(":")[0]) == (DISPUTED, "outside-validity")


@pytest.mark.parametrize("wrong", [{"month": 202812}, {"decided_at": 1_900_000_000, "month": 203003}], ids=str)
def test_a_decision_of_another_month_or_of_the_future_is_disputed(wrong: dict[str, object], shop: Shop) -> None:
    detail, decision = consumption(shop.world)
    assert reviewed(shop.world, event_of(shop.world, detail, changed(decision, **wrong))).state == DISPUTED


def test_one_decision_identifier_for_two_events_is_disputed(shop: Shop) -> None:
    first, second = pulled(shop.world)
    assert reviewed(shop.world, second).state == PAYABLE
    detail, decision = detail_of(shop.world, first), decision_of(shop.world, detail_of(shop.world, first))
    same = changed(decision, decision_id=decision_of(shop.world, detail_of(shop.world, second)).decision_id)
    assert reviewed(shop.world, event_of(shop.world, detail, same)).state == DISPUTED


def test_a_claim_whose_shop_was_replaced_is_disputed(shop: Shop) -> None:
    """The payee is signed by the device: a hub cannot be paid for the claim of a shop."""
    detail, decision = consumption(shop.world)
    stolen = changed(detail, shop="580000099")
    assert reviewed(shop.world, event_of(shop.world, stolen, decision)).state == DISPUTED


@pytest.mark.parametrize(("days", "state"), [(1, PAYABLE), (3, DISPUTED)])
def test_a_right_long_revoked_is_not_paid(days: int, state: str, shop: Shop) -> None:
    detail, decision = consumption(shop.world)
    world, insurer = shop.world, shop.world.insurers[AMC]
    insurer.store.register.revoke(insurer.members[0].member_id, decision.decided_at - days * DAY)
    assert reviewed(world, event_of(world, detail, decision)).state == state


def test_a_decision_that_the_hub_did_not_sign_is_disputed(shop: Shop) -> None:
    detail, decision = consumption(shop.world)
    key = SigningKey.generate(shop.world.rng)
    forged = changed(detail, decision=sign_statement(decision, Label.DECISION, shop.world.hub.name, key))
    event = changed(pulled(shop.world)[1], detail=sealed(shop.world, forged, Label.CLAIM_DETAIL_BOX))
    assert reviewed(shop.world, event).state == DISPUTED


def test_an_event_of_one_insurer_tells_another_nothing(shop: Shop) -> None:
    judged = reviewer(shop.world, OTHER_AMC).review(pulled(shop.world)[1], shop.world.now)
    assert (judged.state, judged.member, judged.claim) == (DISPUTED, None, None)


def test_a_payment_line_does_not_open_with_the_claims_key(shop: Shop) -> None:
    event, keys = pulled(shop.world)[1], shop.world.insurers[AMC].keys
    assert event.payment is not None
    keys.payments.open(event.payment, Label.PAYMENT_LINE_BOX, shop.world.hub.name, AMC, culprit="")
    with pytest.raises(ProofFailure):
        keys.claims.open(event.payment, Label.PAYMENT_LINE_BOX, shop.world.hub.name, AMC, culprit="")


def test_the_insurer_reads_who_claimed(shop: Shop) -> None:
    detail = detail_of(shop.world, pulled(shop.world)[1])
    assert (detail.professional, detail.shop) == (shop.device.professional, shop.device.shop)
    assert detail.device_key == shop.key.public
