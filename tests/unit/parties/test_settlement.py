"""Each decision is paid once; the file is what the bank takes; the books name the decision that breaks them (11)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iban as oracle
from tests.unit.parties.shop import Shop
from tests.unit.parties.test_insurer_review import reviewer
from tests.unit.parties.world import AMC, DAY, World

from paravent.crypto import hpke
from paravent.crypto.hpke import BoxKey, BoxPublicKey
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey
from paravent.errors import (
    AmountMismatch,
    BooksUnbalanced,
    InvalidBankDetails,
    InvalidConfiguration,
    ProofFailure,
    StorageDown,
)
from paravent.insurer import settlement
from paravent.insurer.accounts import CHANGE_SECONDS, accounts_in_use, open_account, paper_account, receive
from paravent.insurer.books import open_books, open_payment_file, settle_now
from paravent.insurer.config import InsurerConfig
from paravent.insurer.confirmation import confirm_account
from paravent.insurer.ledger import CORRECTED, LedgerChange, LedgerState, ReviewedClaim
from paravent.insurer.payment_file import Payer, Transfer, control_sum, write_payment_file
from paravent.insurer.reconciliation import Books, balance_books, require_balanced
from paravent.insurer.settlement_store import KeptSettlement, SettledLine, Settlements
from paravent.insurer.store import Store
from paravent.optics.settlement import fitting, require_iban, total_of
from paravent.wire.codec import decode, encode
from paravent.wire.settlement import BankDetails, LineKind, Reconciliation, Remittance, RemittanceLine
from paravent.wire.statements import sign_statement

# The published example of the French IBAN registry entry, and one that was computed: no real account.
IBAN = "FR1420041010050500013M02606"
PAYER_IBAN = "FR7630006000011234567890189"
PAID_ON = date(2026, 6, 16)
SETTINGS = InsurerConfig(
    amc=AMC, name="Mutuelle Horizon", synthetic=True, host="127.0.0.1", port=1, settlement_iban=PAYER_IBAN
)


def claim_line(
    number: int, cents: int, state: LedgerState = LedgerState.PAYABLE, shop: str = "580000001"
) -> ReviewedClaim:
    return ReviewedClaim(
        number=number, decision=number.to_bytes(16, "big"), claim=number.to_bytes(16, "little"), member="M",
        professional="80000000001", shop=shop, kind="consume", state=state, reason="", claimed_cents=cents,
        payable_cents=cents if state is LedgerState.PAYABLE else 0, month=202606, early=False,
        decided_at=1_781_524_800 + number * 3_600, correctable_until=0,
    )  # fmt: skip


@pytest.fixture
def paying(world: World) -> World:
    """An insurer with one shop whose account is confirmed."""
    give_account(world, "580000001")
    return world


def give_account(world: World, shop: str, text: str = IBAN) -> None:
    insurer = world.insurers[AMC]
    books = insurer.store.settlements
    new = paper_account(AMC, insurer.keys, world.hub.name, shop, "Optique Exemple", text, books.accounts(), world.now)
    with insurer.store.commit():
        assert books.keep_account(new)
    confirm_account(insurer.store, insurer.keys, world.hub.name, AMC, books.accounts()[-1].number, world.now)


def keep(world: World, *claims: ReviewedClaim) -> Store:
    store = world.insurers[AMC].store
    for claim in claims:
        store.claims.keep(claim)
    return store


def settle(world: World, *, dry_run: bool = False) -> list[tuple[str, int]]:
    insurer = world.insurers[AMC]
    done = settle_now(insurer.store, SETTINGS, insurer.keys, world.hub.name, world.now, PAID_ON, dry_run=dry_run)
    return [(one.shop, one.total_cents) for one in done.remittances]


def books_of(world: World) -> Reconciliation:
    insurer = world.insurers[AMC]
    return balance_books(open_books(insurer.store, insurer.keys, AMC), AMC, world.now)


def reverse(world: World, number: int) -> None:
    change = LedgerChange(number=number, state=LedgerState.REVERSED, reason="right-given-back")
    keep(world, replace(claim_line(number + 1_000, 0, LedgerState.NOTED), kind="reverse", change=change))


# --- accounts --------------------------------------------------------------------------------


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ", min_size=10, max_size=36))
def test_an_iban_is_judged_as_the_oracle_judges_it(text: str) -> None:
    compact = "".join(text.split())
    ours, theirs = True, oracle.is_valid(compact, check_country=False) and 15 <= len(compact) <= 34
    try:
        require_iban(text)
    except InvalidBankDetails:
        ours = False
    assert ours == (theirs and not (compact.startswith("FR") and len(compact) != 27))


@pytest.mark.parametrize("text", [IBAN, PAYER_IBAN, "FR14 2004 1010 0505 0001 3M02 606", "de89370400440532013000"])
def test_an_iban_is_read_with_its_spaces(text: str) -> None:
    assert oracle.is_valid(require_iban(text), check_country=False)


@pytest.mark.parametrize("place", range(len(IBAN)))
def test_one_wrong_character_of_an_iban_is_found_out(place: int) -> None:
    wrong = IBAN[:place] + ("7" if IBAN[place] != "7" else "8") + IBAN[place + 1 :]
    with pytest.raises(InvalidBankDetails):
        require_iban(wrong)


def test_nothing_is_paid_to_an_account_that_nobody_confirmed(world: World) -> None:
    insurer = world.insurers[AMC]
    keep(world, claim_line(1, 10_000))
    new = paper_account(AMC, insurer.keys, world.hub.name, "580000001", "Optique", IBAN, (), world.now)
    with insurer.store.commit():
        insurer.store.settlements.keep_account(new)
    assert settle(world) == []


def test_a_changed_account_waits_a_week_and_the_former_one_is_paid_meanwhile(paying: World) -> None:
    books = paying.insurers[AMC].store.settlements
    give_account(paying, "580000001", PAYER_IBAN)
    first, second = books.accounts()
    assert accounts_in_use(books.accounts(), paying.now)["580000001"] == first
    assert accounts_in_use(books.accounts(), paying.now + CHANGE_SECONDS - 1)["580000001"] == first
    assert accounts_in_use(books.accounts(), paying.now + CHANGE_SECONDS)["580000001"] == second
    with paying.insurers[AMC].store.commit():
        assert books.reject(second.number, paying.now)
    assert accounts_in_use(books.accounts(), paying.now + CHANGE_SECONDS)["580000001"] == first


def test_an_account_received_before_any_was_confirmed_waits_from_its_confirmation(world: World) -> None:
    insurer = world.insurers[AMC]
    books = insurer.store.settlements
    for text in (PAYER_IBAN, IBAN):
        new = paper_account(AMC, insurer.keys, world.hub.name, "580000001", "X", text, books.accounts(), world.now)
        with insurer.store.commit():
            books.keep_account(new)

    def confirm(number: int) -> int:
        return confirm_account(insurer.store, insurer.keys, world.hub.name, AMC, number, world.now).usable_from

    assert confirm(1) == world.now  # the control: a first account waits for nobody
    world.now += 60 * DAY
    assert confirm(2) == world.now + CHANGE_SECONDS
    assert accounts_in_use(books.accounts(), world.now + CHANGE_SECONDS - 1)["580000001"].number == 1
    with pytest.raises(InvalidBankDetails):
        confirm(2)


def test_details_that_were_rejected_are_refused_when_they_come_again(world: World) -> None:
    insurer = world.insurers[AMC]
    books = insurer.store.settlements

    def give(text: str) -> None:
        new = paper_account(AMC, insurer.keys, world.hub.name, "580000001", "X", text, books.accounts(), world.now)
        with insurer.store.commit():
            assert books.keep_account(new)

    give(IBAN)
    give(IBAN)  # sealed anew, the same details
    with insurer.store.commit():
        books.reject(1, world.now)
    with pytest.raises(InvalidBankDetails):
        give(IBAN)
    with pytest.raises(InvalidBankDetails):
        confirm_account(insurer.store, insurer.keys, world.hub.name, AMC, 2, world.now)
    give(PAYER_IBAN)


@pytest.mark.parametrize(
    "change", ["usable_from = 0", "fingerprint = '0'", "shop = '580000002'", "confirmation = NULL", "number = 9"]
)
def test_an_account_altered_in_the_database_is_paid_nothing(change: str, paying: World) -> None:
    keep(paying, claim_line(1, 10_000), claim_line(2, 10_000, shop="580000002"))
    assert settle(paying, dry_run=True) == [("580000001", 10_000)]
    paying.insurers[AMC].store._connection.execute(f"UPDATE account SET {change}")  # noqa: S608
    with pytest.raises(ProofFailure):
        settle(paying)


def test_no_account_stands_in_clear_on_the_insurers_disk(paying: World, tmp_path: Path) -> None:
    keep(paying, claim_line(1, 10_000))
    settle(paying)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name.startswith("insurer.db") for path in files)
    assert [path.name for path in files if IBAN.encode() in path.read_bytes()] == []
    # The control: sealed under the payments key, it is there.
    insurer = paying.insurers[AMC]
    assert IBAN.encode() in open_payment_file(insurer.store, insurer.keys, AMC, 1)


def test_the_claims_key_opens_no_account(paying: World) -> None:
    insurer = paying.insurers[AMC]
    account = insurer.store.settlements.accounts()[0]
    assert open_account(account, insurer.keys.payments, paying.hub.name, AMC).iban == IBAN
    with pytest.raises(ProofFailure):
        open_account(account, insurer.keys.claims, paying.hub.name, AMC)


def sent(world: World, key: SigningKey, **changes: object) -> bytes:
    """Seals bank details as a desk does."""
    insurer = world.insurers[AMC]
    values: dict[str, object] = {
        "insurer": AMC, "professional": "80000000001", "shop": "580000001", "account_holder": "Optique Exemple",
        "iban": IBAN, "letterbox": BoxKey.generate(world.rng).public, "signed_at": world.now,
    }  # fmt: skip
    details = BankDetails(**(values | changes))  # type: ignore[arg-type]
    signed = sign_statement(details, Label.BANK_DETAILS, world.device.keyid, key)
    public = BoxPublicKey(insurer.keys.payments.public)
    return hpke.seal(public, encode(signed), Label.BANK_DETAILS_BOX, world.hub.name, AMC)


def received(world: World, sealed: bytes) -> str:
    insurer = world.insurers[AMC]
    account = receive(
        sealed, insurer.keys.payments, world.hub.name, AMC, world.device_key.public, "580000001", (), world.now
    )
    return open_account(account, insurer.keys.payments, world.hub.name, AMC).iban


def test_details_are_taken_from_the_device_of_the_shop_alone(world: World) -> None:
    assert received(world, sent(world, world.device_key)) == IBAN
    with pytest.raises(ProofFailure):
        received(world, sent(world, SigningKey.generate(world.rng)))
    with pytest.raises(ProofFailure):
        received(world, sent(world, world.device_key, shop="580000099"))
    with pytest.raises(InvalidBankDetails):
        received(world, sent(world, world.device_key, iban="FR1420041010050500013M02607"))


# --- settling --------------------------------------------------------------------------------


def test_a_claim_that_the_hub_decided_is_paid_to_the_cent(paying: World) -> None:
    shop = Shop.of(paying, paying.covered())
    shop.send(shop.reservation())
    shop.send(shop.claim()[0])
    for event in paying.hub_store.claims.events(AMC, 0).events:
        keep(paying, reviewer(paying).review(event, paying.now))
    expected = shop.quoted.quote.amc_cents
    assert settle(paying) == [("580000001", expected)]
    report = books_of(paying)
    assert (report.breaks, sum(line.paid_cents for line in report.balances)) == ((), expected)


def test_a_dry_run_keeps_nothing_and_a_second_run_pays_nothing(paying: World) -> None:
    keep(paying, claim_line(1, 10_000), claim_line(2, 2_550))
    assert settle(paying, dry_run=True) == [("580000001", 12_550)]
    assert settle(paying) == [("580000001", 12_550)]
    assert settle(paying) == []


def test_a_reversal_after_payment_is_taken_back_from_the_next_remittance(paying: World) -> None:
    keep(paying, claim_line(1, 10_000), claim_line(2, 2_550))
    settle(paying)
    reverse(paying, 1)
    assert books_of(paying).breaks == ()
    keep(paying, claim_line(3, 4_000))
    assert settle(paying) == [("580000001", 4_000)]  # 100.00 EUR would leave less than nothing: it waits
    keep(paying, claim_line(4, 30_000))
    assert settle(paying) == [("580000001", 20_000)]
    assert settle(paying) == []
    report = books_of(paying)
    assert report.breaks == ()
    (line,) = report.balances
    assert (line.decided_cents, line.paid_cents, line.deducted_cents, line.reversed_cents) == (
        46_550, 46_550, 10_000, 10_000
    )  # fmt: skip


def test_a_correction_by_another_professional_of_the_shop_takes_back_what_was_paid(paying: World) -> None:
    keep(paying, claim_line(1, 10_000))
    settle(paying)
    change = LedgerChange(number=1, state=LedgerState.REVERSED, reason=CORRECTED)
    correction = replace(claim_line(2, 12_000), kind="correct", professional="80000000002", change=change)
    keep(paying, correction)
    assert [line.to_take_back_cents for line in books_of(paying).balances] == [10_000]
    assert settle(paying) == [("580000001", 2_000)]
    (line,) = books_of(paying).balances
    assert (line.paid_cents - line.deducted_cents, line.to_take_back_cents) == (12_000, 0)
    (kept,) = paying.insurers[AMC].store.settlements.remittances(2)
    lines = decode(kept.signed.payload, Remittance).lines
    assert [(one.kind, one.professional) for one in lines] == [
        (LineKind.PAYMENT, "80000000002"), (LineKind.DEDUCTION, "80000000001")
    ]  # fmt: skip


def test_a_deduction_that_does_not_fit_stays_owed_and_another_shop_does_not_pay_it(paying: World) -> None:
    """The control of the test above: what is owed by one shop is shown, and no other shop bears it."""
    give_account(paying, "580000002")
    keep(paying, claim_line(1, 10_000))
    settle(paying)
    reverse(paying, 1)
    keep(paying, claim_line(2, 9_999), claim_line(3, 20_000, shop="580000002"))
    assert settle(paying) == [("580000001", 9_999), ("580000002", 20_000)]
    assert sum(line.to_take_back_cents for line in books_of(paying).balances) == 10_000


def test_a_reversal_before_payment_is_never_paid(paying: World) -> None:
    keep(paying, claim_line(1, 10_000))
    reverse(paying, 1)
    assert settle(paying) == []
    assert books_of(paying).balances[0].reversed_cents == 10_000


def test_the_database_itself_refuses_a_decision_a_second_payment(
    paying: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(paying, claim_line(1, 10_000))
    settle(paying)
    # The seeded defect: a run that forgets what was settled.
    monkeypatch.setattr(Settlements, "lines", lambda _: [])
    with pytest.raises(StorageDown):
        settle(paying)
    monkeypatch.undo()
    assert len(paying.insurers[AMC].store.settlements.settlements()) == 1


def test_the_same_run_is_refused_without_an_account_to_debit(paying: World) -> None:
    insurer = paying.insurers[AMC]
    keep(paying, claim_line(1, 10_000))
    poor = InsurerConfig(amc=AMC, name="Mutuelle", synthetic=True, host="127.0.0.1", port=1)
    with pytest.raises(InvalidConfiguration):
        settle_now(insurer.store, poor, insurer.keys, paying.hub.name, paying.now, PAID_ON, dry_run=False)
    assert insurer.store.settlements.settlements() == []


def test_a_remittance_is_signed_and_adds_up(paying: World) -> None:
    keep(paying, claim_line(1, 10_000), claim_line(2, 2_550))
    settle(paying)
    (kept,) = paying.insurers[AMC].store.settlements.remittances()
    remittance = decode(kept.signed.payload, Remittance)
    assert (remittance.total_cents, total_of(remittance.lines), remittance.account_ends) == (12_550, 12_550, "2606")


# --- the payment file ------------------------------------------------------------------------


def test_the_payment_file_fits_the_schema_of_iso_20022() -> None:
    transfers = [
        Transfer(holder="Optique Élégante & Fils", iban=IBAN, cents=cents, reference=f"PV-{AMC}-{cents}")
        for cents in (1, 49_991)
    ]
    content = write_payment_file(Payer(name="Prévoyance", iban=PAYER_IBAN), transfers, "PV-99000001-S1", PAID_ON)
    assert control_sum(content) == "499.92"
    assert b"<MsgId>PV-99000001-S1</MsgId>" in content
    assert b"<Nm>Optique Elegante   Fils</Nm>" in content
    again = write_payment_file(Payer(name="Prévoyance", iban=PAYER_IBAN), transfers, "PV-99000001-S1", PAID_ON)
    assert control_sum(again) == control_sum(content)


@pytest.mark.parametrize("wrong", [{"iban": "nonsense"}, {"reference": "x" * 36}], ids=str)
def test_a_file_that_a_bank_would_refuse_is_not_written(wrong: dict[str, str]) -> None:
    good = {"holder": "Optique", "iban": IBAN, "cents": 100, "reference": "PV-1"}
    with pytest.raises(InvalidConfiguration):
        write_payment_file(
            Payer(name="Mutuelle", iban=PAYER_IBAN), [Transfer(**(good | wrong))], "M-1", PAID_ON  # type: ignore[arg-type]
        )  # fmt: skip


# --- the books -------------------------------------------------------------------------------

_DEFECTS = {
    "paid another amount": lambda books: replace(books, lines=[replace(books.lines[0], cents=1), *books.lines[1:]]),
    "paid and not decided": lambda books: replace(books, claims=books.claims[1:]),
    "taken back and not reversed": lambda books: replace(
        books, lines=[*books.lines, replace(books.lines[0], kind=LineKind.DEDUCTION)]
    ),
    "refused and paid": lambda books: replace(
        books, claims=[replace(books.claims[0], state=LedgerState.REFUSED), *books.claims[1:]]
    ),
    "payable another amount": lambda books: replace(
        books, claims=[replace(books.claims[0], payable_cents=7), *books.claims[1:]]
    ),
}


@pytest.mark.parametrize("name", _DEFECTS)
def test_a_break_is_an_error_that_names_the_decision(name: str, paying: World) -> None:
    keep(paying, claim_line(1, 10_000), claim_line(2, 2_550))
    settle(paying)
    insurer = paying.insurers[AMC]
    whole = open_books(insurer.store, insurer.keys, AMC)
    require_balanced(balance_books(whole, AMC, paying.now))
    with pytest.raises(BooksUnbalanced) as raised:
        require_balanced(balance_books(_DEFECTS[name](whole), AMC, paying.now))
    assert whole.claims[0].decision.hex() in str(raised.value)


def test_totals_that_differ_from_what_they_hold_are_found_out(paying: World) -> None:
    keep(paying, claim_line(1, 10_000))
    settle(paying)
    insurer = paying.insurers[AMC]
    whole = open_books(insurer.store, insurer.keys, AMC)
    wrong = [
        replace(whole, remittances=[replace(whole.remittances[0], total_cents=1)]),
        replace(whole, settlements=[replace(whole.settlements[0], total_cents=1)]),
        replace(whole, file_pays={1: False}),
        replace(whole, file_pays={}),
    ]
    assert all(balance_books(books, AMC, paying.now).breaks for books in wrong)


_STATES = st.sampled_from([*(state for state in LedgerState if state is not LedgerState.NOTED), LedgerState.PAYABLE])
_CLAIMS = st.lists(st.tuples(st.integers(1, 60_000), _STATES, st.sampled_from(["s1", "s2"])), max_size=12)


def played(rounds: list[list[tuple[int, LedgerState, str]]], reversals: list[int]) -> Books:
    """Settles round after round, reversing some of what was paid before; returns the books."""
    claims: list[ReviewedClaim] = []
    lines: list[SettledLine] = []
    for round_ in rounds:
        claims += [
            claim_line(len(claims) + place + 1, cents, state, shop) for place, (cents, state, shop) in enumerate(round_)
        ]
        for made in settlement.draft(claims, lines, lambda _: True).drafts:
            lines += [
                SettledLine(decision=line.decision_id, kind=line.kind, remittance=1, cents=line.cents)
                for line in made.lines
            ]
        claims = [
            replace(claim, state=LedgerState.REVERSED, payable_cents=0)
            if claim.number in reversals and claim.state is LedgerState.PAYABLE else claim
            for claim in claims
        ]  # fmt: skip
    return Books(claims=claims, lines=lines, remittances=[], settlements=[], file_pays={})


@given(st.lists(_CLAIMS, min_size=1, max_size=4), st.lists(st.integers(1, 40), max_size=10))
def test_whatever_happens_every_cent_is_somewhere_once(
    rounds: list[list[tuple[int, LedgerState, str]]], reversals: list[int]
) -> None:
    books = played(rounds, reversals)
    report = balance_books(books, AMC, 0)
    assert report.breaks == ()
    assert sum(line.decided_cents for line in report.balances) == sum(claim.claimed_cents for claim in books.claims)
    keys = [(line.decision, line.kind) for line in books.lines]
    assert len(keys) == len(set(keys))


@given(st.lists(st.integers(1, 9_999), max_size=20), st.lists(st.integers(1, 9_999), max_size=20))
def test_a_shop_is_never_debited(payments: list[int], deductions: list[int]) -> None:
    def line(kind: LineKind, cents: int) -> RemittanceLine:
        return RemittanceLine(
            kind=kind, decision_id=bytes(16), claim_id=bytes(16), professional="P", month=202606, cents=cents
        )

    chosen = fitting(
        [line(LineKind.PAYMENT, cents) for cents in payments], [line(LineKind.DEDUCTION, cents) for cents in deductions]
    )
    assert total_of(chosen) >= 0
    with pytest.raises(AmountMismatch):
        total_of([line(LineKind.DEDUCTION, 1)])


def test_a_settlement_of_a_later_day_leaves_what_was_kept(paying: World) -> None:
    keep(paying, claim_line(1, 10_000))
    settle(paying)
    paying.now += DAY
    keep(paying, claim_line(2, 500))
    assert settle(paying) == [("580000001", 500)]
    assert [type(one) for one in paying.insurers[AMC].store.settlements.settlements()] == [KeptSettlement] * 2


def test_the_example_of_the_specification_is_what_the_code_computes(paying: World) -> None:
    def row() -> tuple[int, ...]:
        (line,) = books_of(paying).balances
        return (
            line.decided_cents, line.paid_cents, line.deducted_cents, line.pending_cents, line.refused_cents,
            line.reversed_cents,
        )  # fmt: skip

    keep(paying, claim_line(1, 10_000), claim_line(2, 12_550), claim_line(3, 14_000, LedgerState.REFUSED))
    assert row() == (36_550, 0, 0, 22_550, 14_000, 0)
    assert settle(paying) == [("580000001", 22_550)]
    assert row() == (36_550, 22_550, 0, 0, 14_000, 0)
    reverse(paying, 1)
    keep(paying, claim_line(4, 30_000))
    assert row() == (66_550, 22_550, 0, 30_000, 14_000, 0)
    assert settle(paying) == [("580000001", 20_000)]
    assert row() == (66_550, 52_550, 10_000, 0, 14_000, 10_000)
