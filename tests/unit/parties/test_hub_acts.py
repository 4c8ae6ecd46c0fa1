"""The hub's decisions: reserve, consume, cancel, each once, each signed."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread

import pytest
from msgspec.structs import replace as changed
from tests import engines
from tests.unit.parties.shop import BASKET, TARIFF, Shop
from tests.unit.parties.world import AMC, DAY, MONTH, NOT_DUE, NOT_DUE_MONTH, OTHER_AMC, World, open_hub

from paravent.access.quotas import QuotaLimits
from paravent.crypto.entitlement import HubPart, issue
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey, VerifyKey
from paravent.desk import trade
from paravent.errors import (
    EpochNotLive,
    IdempotencyConflict,
    InvalidBasket,
    MalformedMessage,
    ParaventError,
    ProofFailure,
    StaleData,
    StorageDown,
    UnknownDevice,
    UnknownInsurer,
)
from paravent.hub.claim_store import ClaimStore
from paravent.hub.store import DATABASE, Store
from paravent.hub.vault import RightId
from paravent.insurer.claims import Reviewer
from paravent.insurer.ledger import LedgerState, ReviewedClaim
from paravent.optics.claim_states import RESERVATION_DAYS
from paravent.optics.items import EquipmentClass
from paravent.optics.months import month_of
from paravent.optics.store import every_shipped_rules
from paravent.wire.claims import Act, ActKind, Claim, Decision, Outcome
from paravent.wire.statements import Signed, open_statement, sign_statement

pytestmark = engines.BOTH


@pytest.fixture
def shop(world: World) -> Shop:
    """A shop with a customer whose equipment is payable."""
    return Shop.of(world, world.covered())


def records(world: World) -> int:
    """How many records the hub keeps."""
    (count,) = world.hub_store._connection.execute("SELECT COUNT(*) FROM record").fetchone()
    return int(count)


def events(world: World) -> int:
    """How many sealed events wait for the insurer."""
    return len(world.hub_store.claims.events(AMC, 0).events)


def accepted(decision: Decision) -> Decision:
    assert (decision.outcome, decision.reason, decision.detail) == (Outcome.ACCEPTED, "", "")
    return decision


def refused(decision: Decision, reason: str) -> Decision:
    assert (decision.outcome, decision.reason, decision.amc_cents) == (Outcome.REFUSED, reason, 0)
    return decision


def end_of_reservation(now: int) -> int:
    """Midnight in France after 60 days: 22:00 UTC in summer."""
    return -(-(now + RESERVATION_DAYS * DAY + 7_200) // DAY) * DAY - 7_200


# --- one pair of glasses ---------------------------------------------------------------------


def test_reserve_then_consume(shop: Shop) -> None:
    reserved = accepted(shop.decide(shop.reservation()))
    assert reserved.reserved_until == end_of_reservation(shop.world.now)
    act, claim = shop.claim()
    paid = accepted(shop.decide(act))
    assert (paid.kind, paid.claim_id, paid.amc_cents) == (ActKind.CONSUME, claim.claim_id, claim.amc_cents)
    assert paid.amc_cents > 0
    assert (paid.month, paid.decided_at) == (MONTH, shop.world.now)
    assert events(shop.world) == 2


def test_a_claim_without_a_reservation_is_refused(shop: Shop) -> None:
    refused(shop.decide(shop.claim()[0]), "no-reservation")


def test_a_cancelled_reservation_frees_the_right(shop: Shop) -> None:
    accepted(shop.decide(shop.reservation()))
    accepted(shop.decide(shop.cancellation()))
    refused(shop.decide(shop.claim()[0]), "no-reservation")
    accepted(shop.other().decide(shop.other().reservation()))


def test_cancelling_nothing_is_refused(shop: Shop) -> None:
    refused(shop.decide(shop.cancellation()), "no-reservation")


def test_the_decision_is_signed_by_the_hub(shop: Shop) -> None:
    signed = shop.send(shop.reservation())
    hub = shop.world.directory.hub
    open_statement(signed, Decision, Label.DECISION, hub.name, VerifyKey(hub.verify_key))
    with pytest.raises(ProofFailure):
        open_statement(signed, Decision, Label.DECISION, hub.name, shop.world.device_key.public)


# --- the same act again ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["reservation", "cancellation"])
def test_the_same_act_again_gets_the_same_bytes_and_one_event(kind: str, shop: Shop) -> None:
    act = shop.reservation() if kind == "reservation" else shop.cancellation()
    first = shop.send(act)
    kept = records(shop.world)
    shop.world.now += 30
    assert {shop.send(act) for _ in range(3)} == {first}
    assert (events(shop.world), records(shop.world)) == (1, kept)


def test_the_same_claim_again_is_paid_once(shop: Shop) -> None:
    accepted(shop.decide(shop.reservation()))
    act, _ = shop.claim()
    first = shop.send(act)
    assert shop.send(act) == first
    assert events(shop.world) == 2


def test_an_idempotency_key_stands_for_one_body(shop: Shop) -> None:
    act = shop.reservation()
    shop.send(act)
    with pytest.raises(IdempotencyConflict):
        shop.send(changed(act, early_renewal=True))
    assert events(shop.world) == 1


def test_an_idempotency_key_is_of_one_device(shop: Shop) -> None:
    act = shop.reservation()
    accepted(shop.decide(act))
    refused(shop.other().decide(act), "already-reserved")


def test_a_refusal_is_kept_too(shop: Shop) -> None:
    act = shop.claim()[0]
    first = shop.send(act)
    accepted(shop.decide(shop.reservation()))
    assert shop.send(act) == first


# --- two shops -------------------------------------------------------------------------------


def test_the_second_shop_gets_a_signed_refusal(shop: Shop) -> None:
    accepted(shop.decide(shop.reservation()))
    second = shop.other()
    refused(second.decide(second.reservation()), "already-reserved")
    refused(second.decide(second.claim()[0]), "already-reserved")
    refused(second.decide(second.cancellation()), "already-reserved")
    accepted(shop.decide(shop.claim()[0]))


def test_the_same_shop_may_reserve_again(shop: Shop) -> None:
    accepted(shop.decide(shop.reservation()))
    shop.world.now += DAY
    again = accepted(shop.decide(shop.reservation()))
    assert again.reserved_until == end_of_reservation(shop.world.now)


@pytest.mark.parametrize(("seconds", "free"), [(-1, False), (0, True)])
def test_a_reservation_ends_after_60_days(seconds: int, *, free: bool, shop: Shop) -> None:
    accepted(shop.decide(shop.reservation()))
    shop.world.now = end_of_reservation(shop.world.now) + seconds
    shop.world.hand_over(AMC)
    second = shop.other()
    decision = second.decide(second.reservation())
    if free:
        accepted(decision)
        refused(shop.decide(shop.claim()[0]), "already-reserved")
    else:
        refused(decision, "already-reserved")


def test_two_children_of_one_family_do_not_block_each_other(world: World) -> None:
    for position in (0, 2, 3):
        one = Shop.of(world, world.covered(position))
        accepted(one.decide(one.reservation()))


def test_two_handles_of_one_person_are_one_right(world: World) -> None:
    (member,) = [m for m in world.insurers[AMC].members if len(m.identities) == 2][:1]
    first, second = (Shop.of(world, identity) for identity in member.identities)
    accepted(first.decide(first.reservation()))
    second = second.other()
    refused(second.decide(second.reservation()), "already-reserved")


# --- renewal ---------------------------------------------------------------------------------


def consumed(shop: Shop) -> Shop:
    """Buys one pair of glasses."""
    accepted(shop.decide(shop.reservation()))
    accepted(shop.decide(shop.claim()[0]))
    return shop


def test_a_second_pair_is_refused_with_its_date(shop: Shop) -> None:
    decision = refused(consumed(shop).decide(shop.reservation()), "renewal-not-due")
    assert "2028-06" in decision.detail


def test_a_right_that_is_not_due_yet_is_refused_with_its_date(world: World) -> None:
    waiting = Shop.of(world, world.covered(NOT_DUE))
    decision = refused(waiting.decide(waiting.reservation()), "renewal-not-due")
    assert f"{NOT_DUE_MONTH // 100}-{NOT_DUE_MONTH % 100:02d}" in decision.detail


def test_an_early_renewal_is_accepted(shop: Shop) -> None:
    consumed(shop)
    accepted(shop.decide(shop.reservation(early=True)))
    accepted(shop.decide(shop.claim(early=True)[0]))


def test_a_second_early_renewal_is_for_the_insurer_to_look_at(shop: Shop) -> None:
    consumed(shop)
    accepted(shop.decide(shop.reservation(early=True)))
    accepted(shop.decide(shop.claim(early=True)[0]))
    decision = refused(shop.decide(shop.reservation(early=True)), "renewal-not-due")
    assert decision.payable_from is not None


def test_a_claim_of_an_early_renewal_says_so(shop: Shop) -> None:
    consumed(shop)
    accepted(shop.decide(shop.reservation(early=True)))
    refused(shop.decide(shop.claim()[0]), "renewal-not-due")


def test_an_act_and_its_claim_agree_on_early_renewal(shop: Shop) -> None:
    consumed(shop)
    accepted(shop.decide(shop.reservation(early=True)))
    act, _ = shop.claim()
    try:
        decision = shop.decide(changed(act, early_renewal=True))
    except ParaventError:
        return
    assert decision.outcome is Outcome.REFUSED


def test_a_new_entitlement_of_the_same_person_is_the_same_right(shop: Shop) -> None:
    consumed(shop)
    shop.world.publish(AMC, 2)
    again = Shop.of(shop.world, shop.world.covered())
    assert again.entitled.entitlement != shop.entitled.entitlement
    refused(again.decide(again.reservation()), "renewal-not-due")


# --- the entitlement -------------------------------------------------------------------------


def with_entitlement(shop: Shop, **changes: object) -> Act:
    """Reserves with an entitlement that the insurer signed with other terms."""
    part = shop.entitled.part
    values = {name: getattr(part, name) for name in HubPart.__dataclass_fields__} | changes
    key = shop.world.insurers[AMC].keys.issuer
    return changed(shop.reservation(), entitlement=issue(HubPart(**values), key))


@pytest.mark.parametrize(("since", "until"), [(-2 * DAY, 0), (1, DAY)])
def test_an_entitlement_outside_its_dates_is_refused(since: int, until: int, shop: Shop) -> None:
    now = shop.world.now
    act = with_entitlement(shop, valid_from=now + since, valid_until=now + until)
    refused(shop.decide(act), "outside-validity")


def test_the_last_second_is_inside(shop: Shop) -> None:
    now = shop.world.now
    accepted(shop.decide(with_entitlement(shop, valid_from=now, valid_until=now + 1)))


def test_a_revoked_entitlement_is_refused(shop: Shop) -> None:
    shop.world.hand_over(AMC, revoked=[shop.world.insurers[AMC].members[0].member_id])
    refused(shop.decide(shop.reservation()), "entitlement-revoked")
    other = Shop.of(shop.world, shop.world.covered(2))
    accepted(other.decide(other.reservation()))


def test_an_old_status_list_decides_nothing(shop: Shop) -> None:
    shop.world.now += 2 * DAY + 1
    with pytest.raises(StaleData):
        shop.decide(shop.reservation())
    assert records(shop.world) == 0


def test_no_status_list_decides_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "statement", lambda *_: None)
    with pytest.raises(EpochNotLive):
        shop.decide(shop.reservation())


def test_an_insurer_outside_the_directory_is_unknown(shop: Shop) -> None:
    with pytest.raises(UnknownInsurer):
        shop.decide(with_entitlement(shop, insurer="99009999"))


def test_an_insurer_cannot_sign_for_another(shop: Shop) -> None:
    with pytest.raises(ProofFailure):
        shop.decide(with_entitlement(shop, insurer=OTHER_AMC))


@pytest.mark.parametrize("place", [0, 10, 60, 120, -1])
def test_an_altered_entitlement_decides_nothing(place: int, shop: Shop) -> None:
    act = shop.reservation()
    altered = bytearray(act.entitlement)
    altered[place] ^= 1
    with pytest.raises((ProofFailure, MalformedMessage, UnknownInsurer)):
        shop.decide(changed(act, entitlement=bytes(altered)))
    assert (events(shop.world), records(shop.world)) == (0, 0)


def test_an_unknown_device_decides_nothing(shop: Shop) -> None:
    shop.world.hub_store.withdraw(shop.device.keyid, shop.world.now)
    with pytest.raises(UnknownDevice):
        shop.decide(shop.reservation())


# --- the claim -------------------------------------------------------------------------------


CHANGES: dict[str, tuple[str, Callable[[Claim], Claim]]] = {
    "more for the insurer": (
        "amount-mismatch",
        lambda claim: changed(claim, amc_cents=claim.amc_cents + 1, rest_cents=claim.rest_cents - 1),
    ),
    "less for the insurer": (
        "amount-mismatch",
        lambda claim: changed(claim, amc_cents=claim.amc_cents - 1, rest_cents=claim.rest_cents + 1),
    ),
    "a higher price": (
        "amount-mismatch",
        lambda claim: changed(claim, items=(changed(claim.items[0], price_cents=90_000), *claim.items[1:])),
    ),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_wrong_amounts_are_refused(kind: str, shop: Shop) -> None:
    reason, change = CHANGES[kind]
    accepted(shop.decide(shop.reservation()))
    act, claim = shop.claim()
    refused(shop.decide(shop.with_claim(act, change(claim))), reason)
    accepted(shop.decide(shop.claim()[0]))  # the reservation still stands


def test_a_basket_that_is_none_decides_nothing(shop: Shop) -> None:
    accepted(shop.decide(shop.reservation()))
    act, claim = shop.claim()
    with pytest.raises(InvalidBasket):
        shop.decide(shop.with_claim(act, changed(claim, items=claim.items[:2])))
    assert events(shop.world) == 1


def test_a_claim_identifier_is_used_once(shop: Shop) -> None:
    consumed(shop)
    accepted(shop.decide(shop.reservation(early=True)))
    act, claim = shop.claim(early=True)
    used = sole_claim(shop.world)
    refused(shop.decide(shop.with_claim(act, changed(claim, claim_id=used))), "idempotency-conflict")
    accepted(shop.decide(shop.claim(early=True)[0]))


def sole_claim(world: World) -> bytes:
    """The one claim identifier that the hub has accepted."""
    lines = [line for line in told(world) if line.state is LedgerState.PAYABLE]
    assert len(lines) == 1
    return lines[0].claim or b""


def told(world: World) -> list[ReviewedClaim]:
    """What the insurer makes of every event so far."""
    insurer = world.insurers[AMC]
    reviewer = Reviewer(
        amc=AMC, keys=insurer.keys, directory=world.directory, tables=insurer.tables, rules=every_shipped_rules(),
        register=insurer.store.register,
        ledger=insurer.store.claims,
    )  # fmt: skip
    while found := world.hub_store.claims.events(AMC, insurer.store.exchange.last_pulled()).events:
        for event in found:
            insurer.store.claims.keep(reviewer.review(event, world.now))
            insurer.store.exchange.keep_pulled(event.number)
    return insurer.store.claims.all()


def test_a_refused_claim_does_not_take_its_identifier(shop: Shop) -> None:
    act, claim = shop.claim()
    refused(shop.decide(act), "no-reservation")
    accepted(shop.decide(shop.reservation()))
    again, _ = shop.claim()
    accepted(shop.decide(shop.with_claim(again, claim)))


def test_a_claim_signed_by_another_device_decides_nothing(shop: Shop) -> None:
    act, claim = shop.claim()
    key = SigningKey.generate(shop.world.rng)
    forged = sign_statement(claim, Label.CLAIM, shop.device.keyid, key)
    with pytest.raises(ProofFailure):
        shop.decide(changed(act, claim=forged))


def test_a_claim_for_another_insurer_decides_nothing(shop: Shop) -> None:
    act, claim = shop.claim()
    with pytest.raises(MalformedMessage):
        shop.decide(shop.with_claim(act, changed(claim, insurer=OTHER_AMC)))


def test_a_claim_goes_with_a_consumption_and_nothing_else(shop: Shop) -> None:
    act, _ = shop.claim()
    for changes in ({"kind": ActKind.RESERVE}, {"kind": ActKind.CANCEL}, {"claim": None}):
        with pytest.raises(MalformedMessage):
            shop.decide(changed(act, **changes))


# --- what the hub keeps ----------------------------------------------------------------------


def test_the_database_says_neither_who_nor_where(shop: Shop) -> None:
    consumed(shop)
    connection, path = shop.world.hub_store._connection, shop.world.home / "hub" / DATABASE
    lines = [line for name in engines.tables(path) for line in connection.execute(f"SELECT * FROM {name}").fetchall()]  # noqa: S608
    content = b"".join(value if isinstance(value, bytes) else str(value).encode() for line in lines for value in line)
    assert shop.entitled.part.insurer.encode() in content
    assert shop.entitled.part.nullifier not in content
    assert shop.entitled.part.serial not in content
    assert shop.entitled.entitlement not in content


def test_a_storage_fault_keeps_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The decision, the state and the event are one transaction."""
    accepted(shop.decide(shop.reservation()))

    def fails(claims: ClaimStore, *_: object) -> None:
        claims._connection.execute("INSERT INTO nowhere VALUES (1)")

    act, _ = shop.claim()
    with monkeypatch.context() as broken:
        broken.setattr(type(shop.world.hub_store.claims), "keep_record", fails)
        with pytest.raises(StorageDown):
            shop.decide(act)
    assert events(shop.world) == 1
    accepted(shop.decide(act))


# --- at the same time ------------------------------------------------------------------------


def test_compare_and_set_lets_one_writer_win(world: World) -> None:
    """Two connections read the same state; only one may write."""
    name = RightId(world.rng(32))
    other = open_hub(world.home / "hub", QuotaLimits(), world.rng)
    record = b"sealed"
    stores = (world.hub_store, other)
    for _ in range(2):  # the first round inserts, the second updates
        formers = [store.claims.record(name) for store in stores]
        won = []
        for store, former in zip(stores, formers, strict=True):
            with store.commit():
                won.append(store.claims.keep_record(name, former, record))
        assert won == [True, False]
    other.close()


def test_two_shops_at_once_get_one_reservation(shop: Shop) -> None:
    """Both are admitted before either decides, each through its own connection."""
    second = shop.other()
    stores = [shop.world.hub_store, open_hub(shop.world.home / "hub", QuotaLimits(), shop.world.rng)]
    admitted = [one.admit(one.reservation()) for one in (shop, second)]
    found: list[Signed] = []
    together = Barrier(2)

    def decide(place: int) -> None:
        together.wait()
        with stores[place].commit():
            signed = shop.world.adjudicator().decide(admitted[place], stores[place], shop.world.now, shop.world.rng)
        found.append(signed)

    threads = [Thread(target=decide, args=(place,)) for place in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stores[1].close()
    outcomes = sorted(shop.read(signed).outcome.value for signed in found)
    assert outcomes == ["accepted", "refused"]


def test_a_right_that_changed_meanwhile_is_a_technical_failure(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(shop.world.hub_store.claims), "keep_record", lambda *_: False)
    with pytest.raises(StorageDown):
        shop.decide(shop.reservation())
    assert (events(shop.world), records(shop.world)) == (0, 0)


@pytest.mark.parametrize(
    ("now", "month"), [(0, 197001), (1_767_221_999, 202512), (1_767_222_000, 202601), (1_782_856_800, 202607)]
)
def test_a_month_is_that_of_france(now: int, month: int) -> None:
    assert month_of(now) == month


def test_trade_signs_what_it_claims(shop: Shop) -> None:
    act, kept = trade.claim(
        shop.entitled,
        shop.quoted,
        shop.taken,
        shop.payee(),
        early_renewal=False,
        key=shop.key,
        rng=shop.world.rng,
    )
    assert act.claim is not None
    claim = open_statement(act.claim, Claim, Label.CLAIM, shop.device.keyid, shop.key.public)
    assert claim.prescription == trade.commit_prescription(kept.salt, claim.claim_id, shop.taken, shop.quoted)
    assert claim.prescription != trade.commit_prescription(bytes(32), claim.claim_id, shop.taken, shop.quoted)


def test_a_class_a_lens_costs_at_most_the_limit_of_its_correction(shop: Shop) -> None:
    """The desk alone knows the correction: hub and insurer would take the highest limit of the category."""
    rules = every_shipped_rules()[-1]
    limits = trade.class_a_limits(shop.taken.prescription, shop.taken.classification, TARIFF, rules)
    tables, highest = shop.world.insurers[AMC].tables, rules.content.class_a_lens_limit.cents
    for extra, allowed in ((0, True), (1, False)):
        basket = changed(
            BASKET, frame_class=EquipmentClass.A, frame_cents=3_000, lens_class=EquipmentClass.A,
            right_cents=limits[0] + extra, left_cents=limits[1],
        )  # fmt: skip
        arguments = (basket, shop.taken, shop.entitled, tables, rules, 30_000, TARIFF)
        if allowed:
            assert trade.quote(*arguments).quote.rest_cents == 0
            continue
        assert shop.taken.classification.right is not None
        assert limits[0] < highest[shop.taken.classification.right]
        with pytest.raises(InvalidBasket, match="costs at most"):
            trade.quote(*arguments)
