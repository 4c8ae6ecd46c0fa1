"""The medical audit: nobody steers the draw, only the officer reads, a lost salt fails, mixes are told apart (11)."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as changed
from tests.unit.parties.shop import Shop
from tests.unit.parties.test_insurer_review import reviewer
from tests.unit.parties.world import AMC, MONTH, World

from paravent.crypto.hpke import BoxKey
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey
from paravent.desk import audit as desk_audit
from paravent.desk import trade
from paravent.desk.audit import AuditableClaim, KeptPrescription
from paravent.errors import MalformedMessage, ProofFailure
from paravent.hub.statements import AUDIT, verify_follows, verify_statement
from paravent.insurer.audit import Verdict, drawn_claims, judge, mix_by_shop, open_boxes
from paravent.insurer.audit_cli import catch_up
from paravent.insurer.ledger import LedgerChange, LedgerState
from paravent.optics import audit as optics_audit
from paravent.optics.audit import commitment_to, detection, is_drawn, outliers, require_successor
from paravent.person.store import shipped_lens_rules
from paravent.wire.audit import AuditBook, AuditMonth, AuditOpening
from paravent.wire.boxes import LETTER_BYTES
from paravent.wire.claims import Claim
from paravent.wire.codec import decode, encode
from paravent.wire.optics_terms import LensCategory
from paravent.wire.statements import Signed, sign_statement

SEED = bytes(range(32))


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """A claim that was paid, the audit of its month, and the officer."""

    world: World
    claim: Claim
    kept: KeptPrescription
    officer: BoxKey
    audit: AuditMonth

    def own(self) -> AuditableClaim:
        return AuditableClaim(claim_id=self.claim.claim_id, insurer=AMC, month=MONTH, kept=self.kept)

    def answered(self, *claims: AuditableClaim) -> desk_audit.Answered:
        return desk_audit.answer(AMC, changed(self.audit, seed=None), self.audit, claims)

    def judged(self, *boxes: bytes, claim: Claim | None = None) -> Verdict:
        openings = [opening for _, opening in open_boxes(boxes, self.audit, AMC, self.officer)]
        (one,) = judge([claim or self.claim], openings, shipped_lens_rules())
        return one.verdict


def month_of_audit(officer: BoxKey, rate: int = 1_000, seed: bytes = SEED, month: int = MONTH) -> AuditMonth:
    commitment = commitment_to(seed, AMC, month)
    return AuditMonth(month=month, rate_per_mille=rate, officer_key=officer.public, commitment=commitment, seed=seed)


@pytest.fixture
def audited(world: World) -> Audited:
    shop = Shop.of(world, world.covered())
    shop.send(shop.reservation())
    act, kept = trade.claim(
        shop.entitled, shop.quoted, shop.taken, shop.payee(), early_renewal=False, key=shop.key, rng=world.rng
    )
    shop.send(act)
    for event in world.hub_store.claims.events(AMC, 0).events:
        world.insurers[AMC].store.claims.keep(reviewer(world).review(event, world.now))
    (claim,) = world.insurers[AMC].store.claims.audited(MONTH)
    officer = BoxKey.generate(world.rng)
    return Audited(world=world, claim=claim, kept=kept, officer=officer, audit=month_of_audit(officer))


# --- opening and judging ---------------------------------------------------------------------


def test_a_drawn_claim_opens_to_the_officer_and_passes(audited: Audited) -> None:
    done = audited.answered(audited.own())
    assert (done.drawn, done.lost) == ((audited.claim.claim_id,), ())
    assert audited.judged(*done.boxes.values()) is Verdict.PASSED


def test_no_other_key_of_the_insurer_opens_an_answer(audited: Audited) -> None:
    (box,) = audited.answered(audited.own()).boxes.values()
    keys = audited.world.insurers[AMC].keys
    for key in (keys.claims, keys.payments):
        with pytest.raises(ProofFailure):
            key.open(box, Label.AUDIT_OPENING_BOX, AMC, MONTH, culprit="desk")
    plain = audited.officer.open(box, Label.AUDIT_OPENING_BOX, AMC, MONTH, culprit="desk")
    assert decode(plain, AuditOpening, bytes_max=LETTER_BYTES).document == audited.kept.document


def test_a_lost_salt_is_a_failed_audit(audited: Audited) -> None:
    done = audited.answered(replace(audited.own(), kept=None))
    assert (done.lost, done.boxes) == ((audited.claim.claim_id,), {})
    assert audited.judged(*done.boxes.values()) is Verdict.UNOPENED
    assert audited.judged() is Verdict.UNOPENED


def test_another_salt_or_document_opens_nothing(audited: Audited) -> None:
    other = changed(audited.kept, salt=bytes(32))
    assert audited.judged(*audited.answered(replace(audited.own(), kept=other)).boxes.values()) is Verdict.UNOPENED
    altered = changed(audited.kept, document=audited.kept.document + b" ")
    assert audited.judged(*audited.answered(replace(audited.own(), kept=altered)).boxes.values()) is Verdict.UNOPENED


def test_a_category_that_the_prescription_does_not_give_is_found_out(audited: Audited) -> None:
    """The fraud itself: the desk claims a higher category, and commits to the real prescription with it."""
    items = tuple(
        item if item.category is None else changed(item, category=LensCategory.VERY_COMPLEX)
        for item in audited.claim.items
    )
    shop = Shop.of(audited.world, audited.world.covered())
    lying = replace(shop.quoted, items=items)
    commitment = trade.commit_prescription(audited.kept.salt, audited.claim.claim_id, shop.taken, lying)
    false = changed(audited.claim, items=items, prescription=commitment)
    assert audited.judged(*audited.answered(audited.own()).boxes.values(), claim=false) is Verdict.OTHER_CATEGORY


def test_what_anybody_adds_to_the_answers_changes_nothing(audited: Audited) -> None:
    honest = audited.answered(audited.own()).boxes.values()
    wrong = audited.answered(replace(audited.own(), kept=changed(audited.kept, salt=bytes(32)))).boxes.values()
    assert audited.judged(b"", bytes(2_000), *wrong, *honest) is Verdict.PASSED


def test_a_reversed_claim_stays_in_the_draw(audited: Audited) -> None:
    store = audited.world.insurers[AMC].store
    line = next(line for line in store.claims.all() if line.content is not None)
    change = LedgerChange(number=line.number, state=LedgerState.REVERSED, reason="")
    store.claims.keep(replace(line, number=900, kind="reverse", state=LedgerState.NOTED, content=None, change=change))
    assert drawn_claims(store.claims.audited(MONTH), audited.audit, AMC) == [audited.claim]


# --- the draw --------------------------------------------------------------------------------


def test_desk_and_insurer_draw_the_same_claims_near_the_rate(audited: Audited) -> None:
    rng = random.Random(11)
    audit = month_of_audit(audited.officer, rate=50)
    claims = [changed(audited.claim, claim_id=rng.randbytes(16)) for _ in range(4_000)]
    drawn = [claim.claim_id for claim in drawn_claims(claims, audit, AMC)]
    own = [AuditableClaim(claim_id=claim.claim_id, insurer=AMC, month=MONTH, kept=None) for claim in claims]
    assert list(desk_audit.answer(AMC, changed(audit, seed=None), audit, own).drawn) == drawn
    assert 140 <= len(drawn) <= 260  # 200 expected, four standard deviations


def test_another_seed_or_month_draws_others() -> None:
    officer = BoxKey.generate(random.Random(3).randbytes)
    ids = [random.Random(number).randbytes(16) for number in range(500)]
    draws = [
        frozenset(name for name in ids if is_drawn(audit, AMC, name))
        for audit in (
            month_of_audit(officer, 100), month_of_audit(officer, 100, seed=bytes(32)),
            month_of_audit(officer, 100, month=MONTH + 1),
        )
    ]  # fmt: skip
    assert len(set(draws)) == 3


def grind(audit: AuditMonth, tries: int) -> int:
    """A shop that knows the seed redraws its claim identifier until it escapes: how many of 200 claims are drawn."""
    rng = random.Random(5)
    drawn = 0
    for _ in range(200):
        names = (rng.randbytes(16) for _ in range(tries))
        drawn += all(is_drawn(audit, AMC, name) for name in names)
    return drawn


def test_a_shop_cannot_steer_a_draw_whose_seed_it_does_not_know() -> None:
    audit = month_of_audit(BoxKey.generate(random.Random(3).randbytes), 300)
    with pytest.raises(ProofFailure):
        grind(changed(audit, seed=None), 10)
    # The seeded defect: a seed known before the month lets a shop escape altogether.
    assert grind(audit, 1) > 30
    assert grind(audit, 10) == 0


def book(*months: AuditMonth, counter: int = 1) -> AuditBook:
    return AuditBook(insurer=AMC, counter=counter, issued_at=0, months=months)


def test_the_insurer_cannot_steer_the_draw_once_claims_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    officer = BoxKey.generate(random.Random(3).randbytes)
    hidden = changed(month_of_audit(officer), seed=None)
    other = month_of_audit(officer, seed=bytes(32))
    require_successor(None, book(hidden), MONTH - 1)
    require_successor(book(hidden), book(month_of_audit(officer)), MONTH + 1)
    refused = [
        (None, hidden, MONTH),  # committed to once the month has begun
        (hidden, month_of_audit(officer), MONTH),  # revealed before its end: shops could still choose
        (hidden, other, MONTH + 1),  # another seed, with its own commitment
        (hidden, changed(hidden, seed=bytes(32)), MONTH + 1),  # another seed under the same commitment
        (hidden, changed(hidden, rate_per_mille=1), MONTH + 1),
        (hidden, changed(hidden, officer_key=BoxKey.generate(random.Random(4).randbytes).public), MONTH + 1),
    ]
    for former, new, current in refused:
        with pytest.raises(ProofFailure):
            require_successor(None if former is None else book(former), book(new), current)
    with pytest.raises(ProofFailure):
        require_successor(book(hidden), book(), MONTH + 1)
    # The seeded defect: without the comparison, a seed chosen after the claims is taken.
    monkeypatch.setattr(optics_audit, "unchanged", lambda *_: True)
    require_successor(book(hidden), book(other), MONTH + 1)


def test_a_desk_believes_the_commitment_that_it_saw_first(audited: Audited) -> None:
    other = month_of_audit(audited.officer, seed=bytes(32))
    with pytest.raises(ProofFailure):
        desk_audit.answer(AMC, changed(audited.audit, seed=None), other, [audited.own()])


def test_the_hub_refuses_an_audit_committed_to_late_or_changed(world: World) -> None:
    insurer = world.insurers[AMC]
    hidden = changed(month_of_audit(BoxKey.generate(world.rng)), seed=None)

    def signed(*months: AuditMonth) -> Signed:
        return sign_statement(book(*months, counter=len(months)), Label.AUDIT, AMC, insurer.keys.issuer)

    assert verify_statement(signed(hidden), AUDIT, insurer.entry) == 1
    verify_follows(signed(hidden), AUDIT, None, MONTH - 1)
    with pytest.raises(ProofFailure):
        verify_follows(signed(hidden), AUDIT, None, MONTH)
    with pytest.raises(ProofFailure):
        verify_follows(signed(changed(hidden, rate_per_mille=1)), AUDIT, signed(hidden), MONTH - 1)
    with pytest.raises(MalformedMessage):
        verify_statement(signed(hidden), "audits", insurer.entry)


# --- a run that ended before it kept what the hub took ----------------------------------------------


def served_and_kept(world: World, counter: int) -> tuple[Signed, AuditMonth]:
    """The insurer kept book 1; the hub took a later one, of which a crash left nothing at home."""
    insurer, first = world.insurers[AMC], changed(month_of_audit(BoxKey.generate(world.rng)), seed=None)
    insurer.store.keep_published(AUDIT, insurer.sign(book(first), Label.AUDIT))
    second = changed(month_of_audit(BoxKey.generate(world.rng), month=MONTH + 1), seed=None)
    return insurer.sign(book(first, second, counter=counter), Label.AUDIT), second


def test_the_next_book_continues_what_the_hub_took_before_a_crash(world: World) -> None:
    insurer = world.insurers[AMC]
    served, second = served_and_kept(world, 2)
    found = catch_up(insurer.store, served, AMC, insurer.keys.issuer.public)
    assert (found.counter, found.months[-1]) == (2, second)
    assert insurer.store.published(AUDIT) == served
    # Taken by the hub, and by the rule of 11.13: the same month again is no second one.
    following = changed(found, counter=3)
    signed = insurer.sign(following, Label.AUDIT)
    assert world.hub_store.keep_statement(AMC, AUDIT, 2, served)
    # The control: a book that went on from what was kept at home is stale.
    assert not world.hub_store.keep_statement(AMC, AUDIT, 2, insurer.sign(book(counter=2), Label.AUDIT))
    assert world.hub_store.keep_statement(AMC, AUDIT, 3, signed)
    verify_follows(signed, AUDIT, served, MONTH - 1)


def test_a_book_that_is_older_or_of_another_signer_is_not_continued(world: World) -> None:
    insurer = world.insurers[AMC]
    served, _ = served_and_kept(world, 2)
    stranger = sign_statement(decode(served.payload, AuditBook), Label.AUDIT, AMC, SigningKey.generate(world.rng))
    for other in (None, stranger, served_and_kept(world, 1)[0]):
        kept = insurer.store.published(AUDIT)
        assert catch_up(insurer.store, other, AMC, insurer.keys.issuer.public).counter == 1
        assert insurer.store.published(AUDIT) == kept


# --- power, and shops that stand out ---------------------------------------------------------


@given(st.integers(1, 60), st.integers(1, 1_000))
def test_the_power_is_the_chance_that_one_of_k_is_drawn(count: int, rate: int) -> None:
    missed = 1.0
    for _ in range(count):
        missed *= 1 - rate / 1_000
    assert detection(count, rate) == pytest.approx(1 - missed)


def mixes(rng: random.Random, shops: int, false_shop: bool) -> dict[str, Counter[str]]:
    found = {f"s{shop}": Counter(rng.choices("acf", [80, 15, 5], k=rng.randint(20, 120))) for shop in range(shops)}
    if false_shop:
        found["s0"] = Counter(rng.choices("acf", [35, 45, 20], k=100))
    return found


def test_a_shop_with_another_mix_is_named_and_others_hardly_ever() -> None:
    rng = random.Random(7)
    assert {one.shop for one in outliers(mixes(rng, 30, false_shop=True))} == {"s0"}
    alarms = sum(bool(outliers(mixes(rng, 20, false_shop=False))) for _ in range(300))
    assert alarms <= 9  # 3 expected at a level of 1 %, and no more than that


def test_a_shop_alone_stands_out_of_nothing(audited: Audited) -> None:
    assert outliers(mix_by_shop([audited.claim])) == []
    assert outliers({}) == []


def test_what_the_desk_kept_reads_back(audited: Audited) -> None:
    assert decode(encode(audited.kept), KeptPrescription) == audited.kept
    assert "REDACTED" in repr(audited.kept)
