"""The life of a claim after it was accepted: corrected, disputed, upheld, reversed; and of a reservation, released."""

from __future__ import annotations

import pytest
from msgspec.structs import replace as changed
from tests.unit.parties.life import Insurer
from tests.unit.parties.shop import Shop
from tests.unit.parties.world import AMC, DAY, OTHER_AMC, World

from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey
from paravent.errors import IdempotencyConflict, MalformedMessage, NoReservation, ProofFailure, UnknownClaim
from paravent.insurer.ledger import LedgerState
from paravent.optics.claim_states import CORRECTION_DAYS, REVERSAL_DAYS
from paravent.wire.claims import ActKind, Decision, Ground, InsurerAct, Outcome
from paravent.wire.statements import sign_statement


@pytest.fixture
def shop(world: World) -> Shop:
    """A shop with a customer whose equipment is payable."""
    return Shop.of(world, world.covered())


@pytest.fixture
def insurer(world: World) -> Insurer:
    """The customer's insurer."""
    return Insurer(world)


def bought(shop: Shop, *, early: bool = False) -> bytes:
    """Reserves and claims; returns the identifier of the claim."""
    accepted(shop.decide(shop.reservation(early=early)))
    return accepted(shop.decide(shop.claim(early=early)[0])).claim_id or b""


def accepted(decision: Decision) -> Decision:
    assert (decision.outcome, decision.reason, decision.detail) == (Outcome.ACCEPTED, "", "")
    return decision


def refused(decision: Decision, reason: str) -> Decision:
    assert (decision.outcome, decision.reason, decision.amc_cents) == (Outcome.REFUSED, reason, 0)
    return decision


# --- the shop corrects -----------------------------------------------------------------------


def test_a_correction_takes_the_place_of_its_claim(shop: Shop, insurer: Insurer) -> None:
    claim = bought(shop)
    cheaper = shop.cheaper()
    correction = accepted(cheaper.decide(cheaper.claim(corrects=claim)[0]))
    assert (correction.kind, correction.corrects) == (ActKind.CORRECT, claim)
    assert 0 < correction.amc_cents < shop.quoted.quote.amc_cents
    reserved, first, second = insurer.lines()
    assert (first.state, first.reason, first.payable_cents) == (LedgerState.REVERSED, "corrected", 0)
    assert (second.state, second.payable_cents, second.month) == (
        LedgerState.PAYABLE,
        correction.amc_cents,
        first.month,
    )
    assert reserved.state is LedgerState.NOTED
    assert insurer.payable() == correction.amc_cents


def test_a_correction_is_corrected_and_what_it_replaced_is_not(shop: Shop, insurer: Insurer) -> None:
    claim = bought(shop)
    second = accepted(shop.cheaper(4_000).decide(shop.cheaper(4_000).claim(corrects=claim)[0]))
    refused(shop.decide(shop.claim(corrects=claim)[0]), "claim-closed")
    third = accepted(shop.cheaper(6_000).decide(shop.cheaper(6_000).claim(corrects=second.claim_id)[0]))
    assert insurer.payable() == third.amc_cents


@pytest.mark.parametrize(("seconds", "reason"), [(CORRECTION_DAYS * DAY - 1, ""), (CORRECTION_DAYS * DAY, "too-late")])
def test_a_claim_is_corrected_within_three_days_of_the_first(seconds: int, reason: str, shop: Shop) -> None:
    """A correction of a correction gains no time."""
    claim = bought(shop)
    shop.world.now += DAY
    second = accepted(shop.decide(shop.claim(corrects=claim)[0]))
    shop.world.now += seconds - DAY
    shop.world.hand_over(AMC)
    assert shop.decide(shop.claim(corrects=second.claim_id)[0]).reason == reason


def test_a_correction_is_of_the_shop_and_the_right_of_its_claim(shop: Shop) -> None:
    claim = bought(shop)
    other = shop.other()
    refused(other.decide(other.claim(corrects=claim)[0]), "unknown-claim")
    customer = Shop.of(shop.world, shop.world.covered(2))
    refused(customer.decide(customer.claim(corrects=claim)[0]), "unknown-claim")
    refused(shop.decide(shop.claim(corrects=bytes(16))[0]), "unknown-claim")


def test_a_correction_counts_in_the_month_of_its_claim(shop: Shop, insurer: Insurer) -> None:
    """Claimed on the 30th of June, corrected on the 1st of July: the guarantee and the renewal are those of June."""
    world = shop.world
    world.now += 15 * DAY
    world.hand_over(AMC)
    claim = bought(shop)
    world.now += DAY
    assert accepted(shop.cheaper().decide(shop.cheaper().claim(corrects=claim)[0])).month == 202607
    assert [line.month for line in insurer.lines(LedgerState.PAYABLE)] == [202606]


def test_wrong_amounts_are_refused_in_a_correction_too(shop: Shop) -> None:
    claim = bought(shop)
    act, content = shop.claim(corrects=claim)
    refused(shop.decide(shop.with_claim(act, changed(content, rest_cents=content.rest_cents + 1))), "amount-mismatch")


# --- the insurer disputes, upholds, reverses ---------------------------------------------------


def test_a_reversed_claim_gives_the_right_back(shop: Shop, insurer: Insurer) -> None:
    claim = bought(shop)
    assert insurer.payable() == shop.quoted.quote.amc_cents
    refused(shop.decide(shop.reservation()), "renewal-not-due")
    reversal = accepted(insurer.decide(insurer.on_claim(ActKind.REVERSE, claim, Ground.NOT_DELIVERED)))
    assert (reversal.kind, reversal.ground, reversal.claim_id) == (ActKind.REVERSE, Ground.NOT_DELIVERED, claim)
    assert insurer.payable() == 0
    assert [line.reason for line in insurer.lines(LedgerState.REVERSED)] == ["not-delivered"]
    bought(shop)
    assert insurer.payable() == shop.quoted.quote.amc_cents


def test_reversing_an_early_renewal_brings_back_the_month_before(shop: Shop, insurer: Insurer) -> None:
    bought(shop)
    shop.world.now += 60 * DAY
    shop.world.hand_over(AMC)
    early = bought(shop, early=True)
    refused(shop.decide(shop.reservation(early=True)), "renewal-not-due")
    accepted(insurer.decide(insurer.on_claim(ActKind.REVERSE, early)))
    # The first pair still counts: nothing is due without a ground, and the ground is free again.
    assert refused(shop.decide(shop.reservation()), "renewal-not-due").payable_from == 202806
    bought(shop, early=True)
    assert insurer.payable() == 2 * shop.quoted.quote.amc_cents


def test_a_renewal_reserved_meanwhile_outlives_a_reversal(shop: Shop, insurer: Insurer) -> None:
    claim = bought(shop)
    accepted(shop.decide(shop.reservation(early=True)))
    accepted(insurer.decide(insurer.on_claim(ActKind.REVERSE, claim)))
    accepted(shop.decide(shop.claim()[0]))
    assert insurer.payable() == shop.quoted.quote.amc_cents


@pytest.mark.parametrize(("seconds", "reason"), [(REVERSAL_DAYS * DAY - 1, ""), (REVERSAL_DAYS * DAY, "too-late")])
@pytest.mark.parametrize("kind", [ActKind.REVERSE, ActKind.DISPUTE])
def test_a_claim_is_reversed_or_disputed_within_thirty_days(
    kind: ActKind, seconds: int, reason: str, shop: Shop, insurer: Insurer
) -> None:
    claim = bought(shop)
    shop.world.now += seconds
    assert insurer.decide(insurer.on_claim(kind, claim)).reason == reason


def test_a_disputed_claim_is_not_paid_until_upheld(shop: Shop, insurer: Insurer) -> None:
    claim = bought(shop)
    accepted(insurer.decide(insurer.on_claim(ActKind.DISPUTE, claim, Ground.MEMBER_CONTESTS)))
    disputed = insurer.lines(LedgerState.DISPUTED)
    assert [(line.reason, line.payable_cents) for line in disputed] == [("member-contests", 0)]
    refused(shop.decide(shop.claim(corrects=claim)[0]), "claim-closed")
    refused(insurer.decide(insurer.on_claim(ActKind.DISPUTE, claim)), "claim-closed")
    shop.world.now += 90 * DAY
    accepted(insurer.decide(insurer.on_claim(ActKind.UPHOLD, claim)))
    assert insurer.payable() == shop.quoted.quote.amc_cents
    refused(insurer.decide(insurer.on_claim(ActKind.UPHOLD, claim)), "claim-closed")


def test_a_disputed_claim_still_counts_for_its_right(shop: Shop, insurer: Insurer) -> None:
    claim = bought(shop)
    accepted(insurer.decide(insurer.on_claim(ActKind.DISPUTE, claim)))
    refused(shop.decide(shop.reservation()), "renewal-not-due")
    insurer.pull()
    member = insurer.party.members[0].member_id
    assert insurer.party.store.claims.paid(member).consumed_month == 202606


def test_a_dispute_may_end_in_a_reversal_at_any_time(shop: Shop, insurer: Insurer) -> None:
    claim = bought(shop)
    accepted(insurer.decide(insurer.on_claim(ActKind.DISPUTE, claim)))
    shop.world.now += 100 * DAY
    accepted(insurer.decide(insurer.on_claim(ActKind.REVERSE, claim)))
    refused(insurer.decide(insurer.on_claim(ActKind.REVERSE, claim)), "claim-closed")
    assert insurer.payable() == 0


def test_a_claim_disputed_by_recomputing_can_be_upheld(shop: Shop, insurer: Insurer) -> None:
    """The insurer's own tables changed after the sale: what it disputed by itself, it may accept by name."""
    tables = insurer.party.tables
    insurer.party.tables = changed(tables, guarantees=tables.guarantees[1:])
    claim = bought(shop)
    assert insurer.payable() == 0
    accepted(insurer.decide(insurer.on_claim(ActKind.DISPUTE, claim, Ground.AMOUNT)))
    accepted(insurer.decide(insurer.on_claim(ActKind.UPHOLD, claim)))
    assert insurer.payable() == shop.quoted.quote.amc_cents


def test_claimed_money_is_in_one_state_each(shop: Shop, insurer: Insurer) -> None:
    first = bought(shop)
    accepted(shop.cheaper().decide(shop.cheaper().claim(corrects=first)[0]))
    refused(shop.decide(shop.claim()[0]), "no-reservation")
    by_state = {state: sum(line.claimed_cents for line in insurer.lines(state)) for state in LedgerState}
    full, less = shop.quoted.quote.amc_cents, shop.cheaper().quoted.quote.amc_cents
    assert by_state == {
        LedgerState.PAYABLE: less, LedgerState.REVERSED: full, LedgerState.REFUSED: full, LedgerState.NOTED: 0,
        LedgerState.DISPUTED: 0,
    }  # fmt: skip


# --- whose claim -----------------------------------------------------------------------------


def test_another_insurer_cannot_act_on_a_claim(shop: Shop, insurer: Insurer) -> None:
    claim = bought(shop)
    other = Insurer(shop.world, OTHER_AMC)
    act = changed(insurer.on_claim(ActKind.REVERSE, claim), insurer=OTHER_AMC)
    refused(other.decide(act), "unknown-claim")
    with pytest.raises(UnknownClaim):
        other.on_claim(ActKind.REVERSE, claim)
    with pytest.raises(ProofFailure):
        other.decide(changed(act, insurer=AMC))


def test_an_act_names_the_decision_it_is_about(shop: Shop, insurer: Insurer) -> None:
    act = insurer.on_claim(ActKind.REVERSE, bought(shop))
    refused(insurer.decide(changed(act, decision_id=bytes(16))), "unknown-claim")
    refused(insurer.decide(changed(act, claim_id=bytes(16), idempotency_key=bytes(16))), "unknown-claim")


def test_an_act_that_the_insurer_did_not_sign_is_refused(shop: Shop, insurer: Insurer) -> None:
    act = insurer.on_claim(ActKind.REVERSE, bought(shop))
    forged = sign_statement(act, Label.INSURER_ACT, AMC, SigningKey.generate(shop.world.rng))
    with pytest.raises(ProofFailure):
        insurer.send_signed(forged)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": ActKind.CONSUME}, {"claim_id": None}, {"nullifier": bytes(16)}, {"ground": None},
        {"kind": ActKind.UPHOLD}, {"kind": ActKind.RELEASE},
    ],
    ids=str,
)  # fmt: skip
def test_an_act_that_makes_no_sense_is_malformed(wrong: dict[str, object], shop: Shop, insurer: Insurer) -> None:
    act = insurer.on_claim(ActKind.REVERSE, bought(shop))
    with pytest.raises(MalformedMessage):
        changed(act, **wrong)


# --- the same act again ------------------------------------------------------------------------


def test_the_same_act_of_an_insurer_again_gets_the_same_bytes(shop: Shop, insurer: Insurer) -> None:
    act = insurer.on_claim(ActKind.REVERSE, bought(shop))
    first = insurer.send(act)
    shop.world.now += 40 * DAY
    assert {insurer.send(act) for _ in range(3)} == {first}
    assert len(insurer.lines()) == 3


def test_a_key_of_an_insurer_stands_for_one_body(shop: Shop, insurer: Insurer) -> None:
    act = insurer.on_claim(ActKind.REVERSE, bought(shop))
    insurer.send(act)
    with pytest.raises(IdempotencyConflict):
        insurer.send(changed(act, ground=Ground.DUPLICATE))


def test_a_correction_again_is_paid_once(shop: Shop, insurer: Insurer) -> None:
    act, _ = shop.claim(corrects=bought(shop))
    assert shop.send(act) == shop.send(act)
    assert insurer.payable() == shop.quoted.quote.amc_cents


# --- reservations ------------------------------------------------------------------------------


def test_any_device_of_the_shop_consumes_and_cancels(shop: Shop) -> None:
    second = shop.second_device()
    accepted(shop.decide(shop.reservation()))
    accepted(second.decide(second.cancellation()))
    accepted(second.decide(second.reservation()))
    accepted(shop.decide(shop.claim()[0]))


def test_an_insurer_releases_what_a_shop_holds(shop: Shop, insurer: Insurer) -> None:
    accepted(shop.decide(shop.reservation()))
    other = shop.other()
    refused(other.decide(other.reservation()), "already-reserved")
    released = accepted(insurer.decide(insurer.release(insurer.party.members[0].member_id)))
    assert (released.kind, released.ground) == (ActKind.RELEASE, Ground.HELD_TOO_LONG)
    refused(shop.decide(shop.claim()[0]), "no-reservation")
    accepted(other.decide(other.reservation()))


def test_a_release_is_of_the_reservation_that_the_insurer_saw(shop: Shop, insurer: Insurer) -> None:
    """Between the look and the act another shop reserved: that one is not released by mistake."""
    accepted(shop.decide(shop.reservation()))
    act = insurer.release(insurer.party.members[0].member_id)
    accepted(shop.decide(shop.cancellation()))
    other = shop.other()
    accepted(other.decide(other.reservation()))
    refused(insurer.decide(act), "no-reservation")


def test_releasing_nothing_is_refused(shop: Shop, insurer: Insurer) -> None:
    member = insurer.party.members[0].member_id
    with pytest.raises(NoReservation):
        insurer.release(member)
    accepted(shop.decide(shop.reservation()))
    act = insurer.release(member)
    accepted(shop.decide(shop.claim()[0]))
    refused(insurer.decide(act), "no-reservation")
    shop.world.now += 61 * DAY
    refused(insurer.decide(changed(act, idempotency_key=bytes(16))), "no-reservation")


# --- what the shop is told -----------------------------------------------------------------------


def test_a_shop_reads_what_followed_on_its_claim(shop: Shop, insurer: Insurer) -> None:
    claim = bought(shop)
    corrected = accepted(shop.cheaper().decide(shop.cheaper().claim(corrects=claim)[0])).claim_id or b""
    accepted(insurer.decide(insurer.on_claim(ActKind.DISPUTE, corrected, Ground.ENTRY_ERROR)))
    accepted(insurer.decide(insurer.on_claim(ActKind.REVERSE, corrected, Ground.ENTRY_ERROR)))
    told = [ActKind.CONSUME, ActKind.CORRECT, ActKind.DISPUTE, ActKind.REVERSE]
    assert [decision.kind for decision in shop.told(claim=claim)] == told
    assert [decision.kind for decision in shop.second_device().told(claim=corrected)] == told[1:]
    assert shop.other().told(claim=claim) == []


def test_a_shop_reads_what_became_of_its_own_act(shop: Shop, insurer: Insurer) -> None:
    reservation = shop.reservation()
    assert shop.told(act=reservation.idempotency_key) == []
    first = accepted(shop.decide(reservation))
    accepted(insurer.decide(insurer.release(insurer.party.members[0].member_id)))
    decision, released = shop.told(act=reservation.idempotency_key)
    assert decision == first
    assert (released.kind, released.ground) == (ActKind.RELEASE, Ground.HELD_TOO_LONG)
    assert shop.second_device().told(act=reservation.idempotency_key) == []


def test_a_refused_act_is_told_too(shop: Shop) -> None:
    act, _ = shop.claim()
    refused(shop.decide(act), "no-reservation")
    assert [decision.reason for decision in shop.told(act=act.idempotency_key)] == ["no-reservation"]


# --- months of a guarantee -------------------------------------------------------------------------


@pytest.mark.parametrize("party", ["hub", "insurer"])
def test_a_guarantee_is_in_force_in_the_month_of_its_claim(party: str, shop: Shop, insurer: Insurer) -> None:
    tables = insurer.party.tables
    ended = changed(tables, counter=2, guarantees=tuple(changed(one, valid_to=202605) for one in tables.guarantees))
    insurer.party.tables = ended
    if party == "hub":
        shop.world.hand_over(AMC)
        accepted(shop.decide(shop.reservation()))
        refused(shop.decide(shop.claim()[0]), "outside-validity")
    else:
        bought(shop)
        assert [line.reason.split(":")[0] for line in insurer.lines(LedgerState.DISPUTED)] == ["outside-validity"]


# --- a hub that lies about the insurer's acts ---------------------------------------------------------


def test_an_act_that_the_insurer_never_signed_changes_nothing(shop: Shop, insurer: Insurer) -> None:
    """A hub that makes up a reversal is disputed: the statement is not under the insurer's key."""
    claim = bought(shop)
    act = insurer.on_claim(ActKind.REVERSE, claim)
    key = SigningKey.generate(shop.world.rng)
    before = insurer.payable()

    def forge(one: InsurerAct) -> bytes:
        from paravent.hub.decisions import seal_event
        from paravent.wire.claims import InsurerActDetail, PaymentLine

        world = shop.world
        decision = insurer.world.read(insurer.send(changed(one, kind=ActKind.DISPUTE)))
        lie = changed(decision, kind=ActKind.REVERSE, decision_id=world.rng(16))
        detail = InsurerActDetail(
            insurer_act=sign_statement(one, Label.INSURER_ACT, AMC, key),
            decision=sign_statement(lie, Label.DECISION, world.hub.name, world.hub.signing_key), padding="",
        )  # fmt: skip
        line = PaymentLine(decision_id=lie.decision_id, professional="-", shop="-", amc_cents=0, padding="")
        sealed = seal_event(world.hub, insurer.party.entry, detail, line)
        with world.hub_store.commit():
            world.hub_store.claims.add_event(AMC, lie.month, *sealed)
        return lie.decision_id

    forged = forge(act)
    accepted(insurer.decide(insurer.on_claim(ActKind.UPHOLD, claim)))
    assert insurer.payable() == before
    assert [line.state for line in insurer.lines() if line.decision == forged] == [LedgerState.DISPUTED]
