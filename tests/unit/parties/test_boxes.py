"""Boxes between desks and insurers: the hub reads none, keeps each once, and tells the insurer whose it is (11.17)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest
from msgspec.structs import replace as changed
from tests import engines
from tests.unit.crypto.mutation import edited
from tests.unit.parties.shop import Shop
from tests.unit.parties.test_medical_audit import Audited, audited, month_of_audit
from tests.unit.parties.test_settlement import IBAN, PAYER_IBAN, claim_line, keep, settle
from tests.unit.parties.world import AMC, DAY, MONTH, NOW, OTHER_AMC, World

from paravent.access import sqlite_store
from paravent.access.client import SignedClient
from paravent.access.devices import Device
from paravent.access.group_commit import GroupCommit
from paravent.access.postgresql_store import PostgresqlConnection
from paravent.access.quotas import QuotaLimits
from paravent.crypto import hpke
from paravent.crypto.hpke import BoxKey
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey
from paravent.desk import remittances
from paravent.desk.audit import AuditableClaim
from paravent.desk.box_client import keep_letters, readable
from paravent.desk.remittances import Payee, agree, open_letter, read_letters, read_remittance, seal_details
from paravent.desk.store import Store
from paravent.errors import MalformedMessage, ProofFailure, QuotaExceeded, StorageDown, UnknownInsurer
from paravent.hub import boxes
from paravent.insurer import audit_cli, box_client
from paravent.insurer.accounts import CHANGE_SECONDS
from paravent.insurer.audit import repeated_documents
from paravent.insurer.audit_cli import judge_month_of
from paravent.insurer.box_client import keep_boxes, write_again, write_letters
from paravent.insurer.boxes import letterboxes, open_sender
from paravent.insurer.config import InsurerConfig
from paravent.insurer.confirmation import confirm_account
from paravent.wire.audit import AuditOpening
from paravent.wire.boxes import (
    SHOP_BOX_SECONDS,
    BoxesRequest,
    BoxKind,
    BoxTaken,
    Letter,
    LetterKind,
    PlacedBox,
    SentBox,
    ShopBox,
    ShopBoxes,
    digest_of,
)
from paravent.wire.claims import ActKind, Decision, Outcome, PullRequest
from paravent.wire.codec import encode
from paravent.wire.settlement import AccountNotice, Remittance
from paravent.wire.statements import sign_statement

__all__ = ["audited"]
SHOP = "580000001"
pytestmark = engines.BOTH


@dataclass(slots=True)
class Post:
    """Both directions through the hub's own functions and database."""

    world: World
    letterbox: BoxKey

    def details(self, iban: str = IBAN, amc: str = AMC) -> tuple[str, SentBox]:
        entry = self.world.insurers[amc].entry
        payee = Payee(professional="80000000001", shop=SHOP, holder="Optique Exemple", iban=iban)
        world = self.world
        return seal_details(payee, entry, world.hub.name, world.device_key, self.letterbox.public, world.now)

    def send(self, box: SentBox, key: SigningKey | None = None) -> bool:
        world = self.world
        request, _ = world.signed(world.hub.base_url, "/v1/boxes", box, key=key)
        admitted = boxes.admit(request, world.hub_store, world.directory, world.hub, world.now)
        with world.hub_store.commit(), world.hub_store.request():
            return boxes.keep(admitted, world.hub_store, world.hub, world.now).first

    def pull(self, amc: str = AMC) -> int:
        """What the insurer's client does, its HTTP apart."""
        world, insurer, new = self.world, self.world.insurers[amc], 0
        taken: tuple[bytes, ...] = ()
        while True:
            with world.hub_store.commit():
                answer = boxes.hand_over(amc, BoxesRequest(taken=taken), world.hub_store)
            new += keep_boxes(answer, amc, insurer.keys, world.directory.hub, insurer.store, world.now)
            taken = tuple(digest_of(one.box) for one in answer.boxes)
            if not taken:
                return new

    def confirm(self) -> None:
        world, insurer = self.world, self.world.insurers[AMC]
        number = insurer.store.settlements.accounts()[-1].number
        confirm_account(insurer.store, insurer.keys, world.hub.name, AMC, number, world.now)

    def post_letters(self) -> int:
        world, store = self.world, self.world.insurers[AMC].store
        write_letters(world.hub.name, store, world.now)
        letters = store.boxes.letters()
        for number, shop, box in letters:
            request, _ = world.signed(
                world.hub.base_url, "/v1/shop-boxes", ShopBox(shop=shop, box=box), key=world.insurers[AMC].keys.issuer
            )
            letter = boxes.admit_letter(request, world.directory, world.hub, world.now)
            with world.hub_store.commit():
                assert boxes.keep_letter(letter, world.hub_store, world.hub, world.now).first
            with store.commit():
                store.boxes.drop_letter(number)
        return len(letters)

    def at_hub(self, shop: str = SHOP, after: int = 0) -> tuple[PlacedBox, ...]:
        return self.world.hub_store.boxes.of_shop(self.world.hub.database_key.letterbox(shop), after).boxes

    def letters(self, letterbox: BoxKey | None = None) -> list[Letter]:
        found = [readable(one, SHOP, letterbox or self.letterbox, self.world.directory) for one in self.at_hub()]
        return [one for one in found if one is not None]


@pytest.fixture
def post(world: World) -> Post:
    return Post(world, BoxKey.generate(world.rng))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Store]:
    (tmp_path / "desk").mkdir()
    with Store(tmp_path / "desk") as store:
        yield store


# --- from a desk to an insurer -----------------------------------------------------------------


def test_bank_details_reach_the_insurer_and_pay_nothing_before_they_are_confirmed(post: Post) -> None:
    text, box = post.details()
    assert post.send(box)
    assert post.pull() == 1
    (account,) = post.world.insurers[AMC].store.settlements.accounts()
    assert (account.shop, account.fingerprint, account.letterbox) == (SHOP, text, post.letterbox.public)
    keep(post.world, claim_line(1, 10_000))
    assert settle(post.world) == []
    post.confirm()
    assert settle(post.world) == [(SHOP, 10_000)]


def test_the_same_box_is_kept_once_handed_over_once_and_to_its_insurer_only(post: Post) -> None:
    _, box = post.details()
    assert post.send(box)
    assert not post.send(box)
    world = post.world
    with world.hub_store.commit():
        # Another insurer sees nothing, and deletes nothing.
        assert boxes.hand_over(OTHER_AMC, BoxesRequest(taken=(digest_of(box.box),)), world.hub_store).boxes == ()
    assert post.pull() == 1
    assert post.pull() == 0
    with world.hub_store.commit():
        assert boxes.hand_over(AMC, BoxesRequest(taken=()), world.hub_store).boxes == ()


def test_a_box_whose_keeping_was_not_said_is_handed_over_again(post: Post) -> None:
    post.send(post.details()[1])
    world = post.world
    for _ in range(2):
        with world.hub_store.commit():
            assert len(boxes.hand_over(AMC, BoxesRequest(taken=()), world.hub_store).boxes) == 1


def test_what_the_hub_refuses(post: Post) -> None:
    _, box = post.details()
    with pytest.raises(MalformedMessage):
        post.send(changed(box, box=box.box[:-1]))
    with pytest.raises(MalformedMessage):
        post.send(changed(box, kind=BoxKind.AUDIT_OPENING))
    with pytest.raises(UnknownInsurer):
        post.send(changed(box, insurer="12345678"))


def test_boxes_are_within_the_quota_of_acts(post: Post) -> None:
    _, box = post.details()
    for _ in range(QuotaLimits().acts_per_day_max):
        post.send(box)
    with pytest.raises(QuotaExceeded):
        post.send(box)


def spent(world: World) -> int:
    (count,) = world.hub_store._connection.execute("SELECT COUNT(*) FROM spending").fetchone()
    return int(count)


async def committed_together(world: World, *writes: Callable[[], object]) -> list[object]:
    """What each caller gets when these writes reach the hub in one group."""
    commits = GroupCommit(world.hub_store)
    worker = asyncio.create_task(commits.work())
    try:
        return await asyncio.wait_for(asyncio.gather(*map(commits.run, writes), return_exceptions=True), 20)
    finally:
        worker.cancel()


async def an_act_and_one_box_twice(post: Post) -> tuple[int, int, int, list[object]]:
    """Answers and spendings of one group: an honest act, then two copies of one signed request with a box."""
    world = post.world
    shop = Shop.of(world, world.covered())
    act = shop.admit(shop.reservation())
    request, _ = world.signed(world.hub.base_url, "/v1/boxes", post.details()[1])
    admitted = boxes.admit(request, world.hub_store, world.directory, world.hub, world.now)

    def decide() -> object:
        return world.adjudicator().decide(act, world.hub_store, world.now, world.rng)

    def keep_box() -> object:
        return boxes.keep(admitted, world.hub_store, world.hub, world.now)

    before = spent(world)
    answers = await committed_together(world, decide, keep_box, keep_box)
    with world.hub_store.commit():
        waiting = len(boxes.hand_over(AMC, BoxesRequest(taken=()), world.hub_store).boxes)
    return len(world.hub_store.claims.events(AMC, 0).events), waiting, spent(world) - before, answers


async def test_two_copies_of_a_signed_box_cost_one_unit_and_nobody_anything_else(post: Post) -> None:
    events, waiting, units, answers = await an_act_and_one_box_twice(post)
    assert (events, waiting, units) == (1, 1, 2)
    assert not any(isinstance(answer, BaseException) for answer in answers)
    assert [answer.first for answer in answers[1:] if isinstance(answer, BoxTaken)] == [True, False]


async def test_an_engine_error_of_one_request_undoes_that_one_only(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """With the nonce not looked at, the second copy breaks a key of the database: the honest act is kept still."""
    monkeypatch.setattr(type(post.world.hub_store), "first_time", lambda *_: True)
    events, waiting, units, answers = await an_act_and_one_box_twice(post)
    assert (events, waiting, units) == (1, 1, 2)
    assert [isinstance(answer, StorageDown) for answer in answers] == [False, False, True]


async def test_without_its_own_savepoint_error_one_sender_undoes_everybody(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """The seeded defect of the two tests above, on each engine: the act of another shop was undone."""
    monkeypatch.setattr(type(post.world.hub_store), "first_time", lambda *_: True)
    unsaid = edited(sqlite_store, "savepoint", "isinstance(error, sqlite3.Error)", "False")
    monkeypatch.setattr(sqlite_store, "savepoint", unsaid)
    for name, old in (("savepoint", "isinstance(error, psycopg.Error)"), ("_declared", "psycopg.Error")):
        broken = edited(PostgresqlConnection, name, old, "False" if name == "savepoint" else "ZeroDivisionError")
        monkeypatch.setattr(PostgresqlConnection, name, broken)
    events, _, units, answers = await an_act_and_one_box_twice(post)
    assert (events, units) == (0, 0)
    assert all(isinstance(answer, StorageDown) for answer in answers)


def test_a_signed_box_sent_again_brings_back_nothing_that_was_taken(post: Post) -> None:
    world = post.world
    request, _ = world.signed(world.hub.base_url, "/v1/boxes", post.details()[1])
    admitted = boxes.admit(request, world.hub_store, world.directory, world.hub, world.now)
    for first, pulled in ((True, 1), (False, 0)):
        with world.hub_store.commit(), world.hub_store.request():
            assert boxes.keep(admitted, world.hub_store, world.hub, world.now).first is first
        with world.hub_store.commit():
            waiting = boxes.hand_over(AMC, BoxesRequest(taken=()), world.hub_store).boxes
            boxes.hand_over(AMC, BoxesRequest(taken=tuple(digest_of(one.box) for one in waiting)), world.hub_store)
        assert len(waiting) == pulled


def test_the_database_of_the_hub_says_neither_shop_nor_device_nor_account(post: Post) -> None:
    post.send(post.details()[1])
    post.pull()
    post.confirm()
    keep(post.world, claim_line(1, 10_000))
    settle(post.world)
    post.send(post.details(PAYER_IBAN)[1])
    assert post.post_letters() == 1
    connection = post.world.hub_store._connection
    rows = [*connection.execute("SELECT * FROM insurer_box"), *connection.execute("SELECT * FROM shop_box")]
    kept = b"".join(value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row)
    for secret in (SHOP.encode(), post.world.device.public, IBAN.encode(), b"10000", post.world.device.keyid.encode()):
        assert secret not in kept
    assert AMC.encode() in kept  # the control: what the tables do say is found


def test_a_box_of_another_shop_than_its_details_is_passed_over_and_stops_no_other(post: Post) -> None:
    """A device of another shop that says where this one is paid: the hub's word on the sender is what counts."""
    world, thief = post.world, SigningKey.generate(post.world.rng)
    world.enrol(Device(public=thief.public, professional="80000000002", shop="580000002"))
    payee = Payee(professional="80000000002", shop=SHOP, holder="X", iban=PAYER_IBAN)
    _, stolen = seal_details(payee, world.insurers[AMC].entry, world.hub.name, thief, post.letterbox.public, NOW)
    assert post.send(stolen, thief)
    assert post.send(post.details()[1])
    assert post.pull() == 1
    assert [one.shop for one in world.insurers[AMC].store.settlements.accounts()] == [SHOP]


def test_without_the_word_of_the_hub_on_the_shop_a_thief_is_kept(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seeded defect of the test above: an insurer that believed the shop that the details themselves name."""
    world, thief = post.world, SigningKey.generate(post.world.rng)
    world.enrol(Device(public=thief.public, professional="80000000002", shop="580000002"))
    payee = Payee(professional="80000000002", shop=SHOP, holder="X", iban=PAYER_IBAN)
    _, stolen = seal_details(payee, world.insurers[AMC].entry, world.hub.name, thief, post.letterbox.public, NOW)
    post.send(stolen, thief)
    monkeypatch.setattr(box_client, "open_sender", lambda *asked: changed(open_sender(*asked), shop=SHOP))
    assert post.pull() == 1


def test_a_sender_put_beside_another_box_is_found_out(post: Post) -> None:
    world = post.world
    post.send(post.details()[1])
    post.send(post.details(PAYER_IBAN)[1])
    with world.hub_store.commit():
        first, second = boxes.hand_over(AMC, BoxesRequest(taken=()), world.hub_store).boxes
    key = world.insurers[AMC].keys.claims
    assert open_sender(first, key, world.directory.hub, AMC).shop == SHOP
    with pytest.raises(ProofFailure):
        open_sender(changed(first, sender=second.sender), key, world.directory.hub, AMC)


def test_a_change_waits_and_the_shop_is_told_by_the_desk_that_it_had(post: Post) -> None:
    post.send(post.details()[1])
    post.pull()
    post.confirm()
    text, box = post.details(PAYER_IBAN)
    post.send(box)
    assert post.pull() == 1
    account = post.world.insurers[AMC].store.settlements.accounts()[-1]
    assert account.usable_from == post.world.now + CHANGE_SECONDS
    assert post.post_letters() == 1
    (letter,) = post.letters()
    assert letter.kind is LetterKind.ACCOUNT
    notice = remittances.read_letter(letter, post.world.directory, SHOP)
    assert isinstance(notice, AccountNotice)
    assert notice.fingerprint == text


def test_a_shop_is_told_again_when_a_change_is_confirmed(post: Post) -> None:
    """Details received before any were confirmed told nobody: their confirmation does."""
    waiting, box = post.details(PAYER_IBAN)
    post.send(box)
    post.pull()
    _, first = post.details()
    post.send(first)
    post.pull()
    post.confirm()
    assert post.post_letters() == 0  # the control: a first account is confirmed, and nobody is told
    insurer, world = post.world.insurers[AMC], post.world
    world.now += 60 * DAY
    confirm_account(insurer.store, insurer.keys, world.hub.name, AMC, 1, world.now)
    assert post.post_letters() == 1
    (letter,) = post.letters()
    notice = remittances.read_letter(letter, world.directory, SHOP)
    assert isinstance(notice, AccountNotice)
    assert (notice.fingerprint, notice.usable_from) == (waiting, world.now + CHANGE_SECONDS)


# --- from an insurer to a shop -----------------------------------------------------------------


def paid(post: Post) -> Remittance:
    post.send(post.details()[1])
    post.pull()
    post.confirm()
    keep(post.world, claim_line(1, 10_000), claim_line(2, 12_550))
    settle(post.world)
    assert post.post_letters() == 1
    (letter,) = post.letters()
    found = remittances.read_letter(letter, post.world.directory, SHOP)
    assert isinstance(found, Remittance)
    return found


def decision_of(number: int, cents: int) -> Decision:
    return Decision(
        decision_id=number.to_bytes(16, "big"), kind=ActKind.CONSUME, outcome=Outcome.ACCEPTED, reason="", detail="",
        insurer=AMC, ground=None, request=bytes(32), claim_id=number.to_bytes(16, "little"), corrects=None,
        amc_cents=cents, month=MONTH, decided_at=NOW, reserved_until=None, payable_from=None,
    )  # fmt: skip


def test_a_remittance_reaches_the_desk_once_and_agrees_with_its_decisions(post: Post) -> None:
    remittance = paid(post)
    assert remittance.total_cents == 22_550
    assert post.post_letters() == 0  # sent once
    own = decision_of(1, 10_000)
    found = agree(remittance, {own.decision_id: own})
    assert (found.agreeing, found.elsewhere) == (1, 1)
    less = decision_of(1, 9_999)
    found = agree(remittance, {less.decision_id: less})
    assert (found.agreeing, found.elsewhere, found.differing) == (0, 1, (less.decision_id,))


def test_a_correction_that_crosses_the_end_of_a_month_is_no_disagreement(post: Post) -> None:
    remittance = paid(post)
    later = changed(decision_of(1, 10_000), month=MONTH + 1)
    correction = changed(later, kind=ActKind.CORRECT, corrects=bytes(16))
    assert agree(remittance, {correction.decision_id: correction}).differing == ()
    # The controls: a first claim has its month, a correction its amount.
    assert agree(remittance, {later.decision_id: later}).differing == (later.decision_id,)
    more = changed(correction, amc_cents=10_001)
    assert agree(remittance, {more.decision_id: more}).differing == (more.decision_id,)


def boxed(post: Post, content: bytes, number: int) -> PlacedBox:
    box = hpke.seal(post.letterbox.public, content, Label.SHOP_LETTER_BOX, post.world.hub.name, SHOP)
    return PlacedBox(number=number, box=box)


def test_a_letter_that_cannot_be_read_stops_no_other_and_is_counted(post: Post, desk: Store) -> None:
    remittance, world = paid(post), post.world
    (good,) = post.at_hub()
    key = world.insurers[AMC].keys.issuer
    unknown = Letter(
        kind=LetterKind.REMITTANCE, statement=sign_statement(remittance, Label.REMITTANCE, "12345678", key)
    )
    false = Letter(kind=LetterKind.ACCOUNT, statement=sign_statement(remittance, Label.REMITTANCE, AMC, key))
    answer = ShopBoxes(boxes=(
        boxed(post, b"no letter", 1), boxed(post, encode(false), 2), boxed(post, encode(unknown), 3),
        changed(good, number=4), PlacedBox(number=5, box=bytes(100)),
    ))  # fmt: skip
    pulled = keep_letters(answer, SHOP, post.letterbox, world.directory, desk.letters)
    assert (pulled.new, pulled.unreadable, desk.letters.last()) == (2, 2, 5)
    read = read_letters(desk.letters.letters(), world.directory, SHOP)
    assert (read.letters, len(read.unreadable)) == ((remittance,), 1)
    # The control: read all or nothing, the letter of an unknown insurer hides the remittance.
    with pytest.raises(UnknownInsurer):
        [remittances.read_letter(letter, world.directory, SHOP) for letter in desk.letters.letters()]


def test_a_desk_that_the_insurer_does_not_know_and_another_shop_read_nothing(post: Post) -> None:
    paid(post)
    assert post.letters(BoxKey.generate(post.world.rng)) == []
    assert post.at_hub("580000002") == ()
    (placed,) = post.at_hub()
    with pytest.raises(ProofFailure):
        open_letter(placed.box, post.letterbox, post.world.hub.name, "580000002")


def test_a_rejected_account_gets_no_letter_and_an_unconfirmed_one_neither(post: Post) -> None:
    post.send(post.details()[1])
    post.pull()
    store = post.world.insurers[AMC].store.settlements
    assert letterboxes(store.accounts(), SHOP) == []
    post.confirm()
    assert letterboxes(store.accounts(), SHOP) == [post.letterbox.public]
    with post.world.insurers[AMC].store.commit():
        store.reject(1, NOW)
    assert letterboxes(store.accounts(), SHOP) == []


def test_a_remittance_that_is_not_the_insurers_or_does_not_add_up_is_refused(post: Post) -> None:
    remittance, world = paid(post), post.world
    for false, signer in (
        (remittance, SigningKey.generate(world.rng)),
        (changed(remittance, total_cents=22_551), world.insurers[AMC].keys.issuer),
        (changed(remittance, shop="580000002"), world.insurers[AMC].keys.issuer),
    ):
        with pytest.raises(ProofFailure):
            read_remittance(sign_statement(false, Label.REMITTANCE, AMC, signer), world.directory, SHOP)
    signed = sign_statement(remittance, Label.REMITTANCE, AMC, world.insurers[AMC].keys.issuer)
    assert read_remittance(signed, world.directory, SHOP) == remittance


def test_boxes_of_a_shop_are_forgotten_after_90_days_and_no_number_is_given_twice(post: Post) -> None:
    store, shop = post.world.hub_store.boxes, post.world.hub.database_key.letterbox(SHOP)
    with post.world.hub_store.commit():
        for number in range(3):
            store.keep_for_shop(shop, bytes([number]), NOW)
        store.forget(NOW + SHOP_BOX_SECONDS)
    assert len(post.at_hub()) == 3
    with post.world.hub_store.commit():
        store.forget(NOW + SHOP_BOX_SECONDS + 1)
        store.keep_for_shop(shop, b"new", NOW + SHOP_BOX_SECONDS + DAY)
    assert [one.box for one in post.at_hub(after=3)] == [b"new"]


def test_letters_lost_with_the_hub_are_sent_once_more_under_numbers_that_no_desk_has_passed(
    post: Post, desk: Store
) -> None:
    remittance, world = paid(post), post.world
    insurer, hub = world.insurers[AMC], world.hub_store
    fetched = ShopBoxes(boxes=post.at_hub())
    assert keep_letters(fetched, SHOP, post.letterbox, world.directory, desk.letters).new == 1
    with hub.commit():
        hub.database.execute("DELETE FROM shop_box")
        hub.recovery.begin(0, world.now)
    again = (hub.recovery.state(), AMC, insurer.keys, world.hub.name, insurer.store)
    write_again(*again)
    # The remittance, and the notice of the account, which nobody could be told of before it was confirmed.
    assert post.post_letters() == 2
    boxes = post.at_hub(after=desk.letters.last())
    assert len(boxes) == 2
    pulled = keep_letters(ShopBoxes(boxes=boxes), SHOP, post.letterbox, world.directory, desk.letters)
    assert (pulled.new, pulled.unreadable) == (1, 0)
    kept = read_letters(desk.letters.letters(), world.directory, SHOP).letters
    assert kept[0] == remittance
    assert isinstance(kept[1], AccountNotice)
    write_again(*again)
    assert post.post_letters() == 0


# --- the medical audit, whole -------------------------------------------------------------------


def test_reveal_draw_open_and_judge_through_the_hub(audited: Audited) -> None:
    world = audited.world
    post, insurer = Post(world, BoxKey.generate(world.rng)), world.insurers[AMC]
    done = audited.answered(audited.own())
    (box,) = done.boxes.values()
    noise = audited.answered(changed_salt(audited)).boxes[audited.claim.claim_id]
    for one in (noise, box):
        assert post.send(SentBox(insurer=AMC, kind=BoxKind.AUDIT_OPENING, box=one))
    assert audited.kept.document not in box

    def judged(*, keep: bool = True) -> dict[bytes, str]:
        return judge_month_of(insurer.store, AMC, audited.audit, audited.officer, world.now, keep=keep).verdicts

    assert judged() == {audited.claim.claim_id: "unopened"}
    assert post.pull() == 2
    assert judged(keep=False) == {audited.claim.claim_id: "unopened"}  # a dry run keeps what was said
    assert judged() == {audited.claim.claim_id: "passed"}
    assert insurer.store.boxes.openings() == []  # the prescription is gone from the insurer
    assert judged() == {audited.claim.claim_id: "passed"}  # and its verdict stands


@dataclass(slots=True)
class HubInProcess:
    """A client whose hub is the hub's own functions and database, HTTP apart."""

    world: World

    async def get(self, *_: object, **__: object) -> object:
        return self.world.hub_store.recovery.state()

    async def post(self, _party: str, _url: str, path: str, message: object, *_: object, **__: object) -> object:
        store = self.world.hub_store
        if isinstance(message, PullRequest):
            return store.claims.events(AMC, message.after)
        assert isinstance(message, BoxesRequest), path
        with store.commit():
            return boxes.hand_over(AMC, message, store)


def opening_before_its_claim(audited: Audited) -> Post:
    """A drawn claim of which the insurer has the opening at the hub and not yet the decision at home."""
    world = audited.world
    post, store = Post(world, BoxKey.generate(world.rng)), world.insurers[AMC].store
    store.keep_guarantees(world.insurers[AMC].sign(world.insurers[AMC].tables, Label.GUARANTEES))
    with store.commit():
        store._connection.execute("DELETE FROM claim")
    (box,) = audited.answered(audited.own()).boxes.values()
    post.send(SentBox(insurer=AMC, kind=BoxKind.AUDIT_OPENING, box=box))
    return post


def judged_in(audited: Audited) -> dict[bytes, str]:
    store = audited.world.insurers[AMC].store
    return audit_cli.judge_month_of(store, AMC, audited.audit, audited.officer, audited.world.now, keep=True).verdicts


def receive(audited: Audited) -> None:
    insurer = audited.world.insurers[AMC]
    settings = InsurerConfig(amc=AMC, name="Mutuelle", synthetic=True, host="127.0.0.1", port=1)
    client = cast("SignedClient", HubInProcess(audited.world))
    asyncio.run(audit_cli.receive(settings, insurer.keys, audited.world.directory, insurer.store, client))


def test_a_judgement_has_the_claim_of_every_opening_that_arrives(audited: Audited) -> None:
    opening_before_its_claim(audited)
    receive(audited)
    assert judged_in(audited) == {audited.claim.claim_id: "passed"}
    assert audited.world.insurers[AMC].store.boxes.openings() == []


def test_without_the_decisions_a_judgement_has_no_claim(audited: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seeded defect of the test above: boxes alone are pulled."""
    opening_before_its_claim(audited)
    unpulled = edited(audit_cli, "receive", "await pull_events(settings, keys, directory, store, client)", "pass")
    monkeypatch.setattr(audit_cli, "receive", unpulled)
    receive(audited)
    assert judged_in(audited) == {}


def judged_before_and_after_its_decision(audited: Audited) -> list[dict[bytes, str]]:
    opening_before_its_claim(audited).pull()
    before = judged_in(audited)
    receive(audited)
    return [before, judged_in(audited)]


def test_an_opening_whose_claim_comes_later_is_judged_with_it(audited: Audited) -> None:
    assert judged_before_and_after_its_decision(audited) == [{}, {audited.claim.claim_id: "passed"}]


def test_when_whatever_opens_is_deleted_an_honest_shop_fails(
    audited: Audited, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """The seeded defect of the test above."""
    hasty = edited(audit_cli, "judge_month_of", "if opening.claim_id in known", "")
    monkeypatch.setattr(audit_cli, "judge_month_of", hasty)
    assert judged_before_and_after_its_decision(audited) == [{}, {audited.claim.claim_id: "unopened"}]


def changed_salt(audited: Audited) -> AuditableClaim:
    return replace(audited.own(), kept=changed(audited.kept, salt=bytes(32)))


def test_an_opening_of_another_month_stays_for_its_own_judgement(audited: Audited) -> None:
    world = audited.world
    post = Post(world, BoxKey.generate(world.rng))
    (box,) = audited.answered(audited.own()).boxes.values()
    post.send(SentBox(insurer=AMC, kind=BoxKind.AUDIT_OPENING, box=box))
    post.pull()
    other = month_of_audit(audited.officer, month=MONTH + 1)
    store = world.insurers[AMC].store
    assert judge_month_of(store, AMC, other, audited.officer, world.now, keep=True).verdicts == {}
    assert store.boxes.openings() == [box]


def test_one_document_under_two_claims_is_named() -> None:
    own = AuditOpening(claim_id=b"a" * 16, document=b"one", salt=bytes(32))
    other = changed(own, claim_id=b"b" * 16)
    assert repeated_documents([own, own, changed(other, document=b"two")]) == ()
    assert repeated_documents([own, other, own]) == ((b"a" * 16, b"b" * 16),)


def test_an_opening_is_sent_once(desk: Store) -> None:
    assert desk.letters.openings_sent() == set()
    desk.letters.keep_opening_sent(b"c" * 16)
    assert desk.letters.openings_sent() == {b"c" * 16}
