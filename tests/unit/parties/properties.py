"""The main safety properties, each a function that plays one attack and fails when it succeeds.

``test_seeded_defects`` runs each on the code as it is, and again with one check taken out.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest
from msgspec.structs import replace as changed
from tests.unit.parties.shop import Shop
from tests.unit.parties.world import AMC, DAY, EPOCH, THRESHOLD, World, open_hub

from paravent.access.quotas import QuotaKind, QuotaLimits
from paravent.access.requests import new_nonce
from paravent.crypto import group, hpke, sealing
from paravent.crypto.hpke import BoxKey, BoxPublicKey
from paravent.crypto.labels import Label
from paravent.crypto.merkle import path_positions
from paravent.crypto.replicated import OpeningValue
from paravent.crypto.signing import SigningKey
from paravent.desk.entitled import judge_card, judge_row
from paravent.desk.epoch import verify_bundle
from paravent.desk.number_lane import KnownRecord, Opening
from paravent.errors import (
    HolderMismatch,
    ProofFailure,
    QuotaExceeded,
    RequestNotAuthentic,
    StaleData,
    TooFewServers,
)
from paravent.hub import publication, rows
from paravent.hub.vault import RightId
from paravent.insurer import epoch as epochs
from paravent.insurer.card import card_of
from paravent.insurer.claims import Reviewer
from paravent.keyserver import deal, evaluation, opening
from paravent.keyserver.store import DATABASE
from paravent.optics.store import every_shipped_rules
from paravent.wire.card import read_card
from paravent.wire.claims import Decision, Outcome
from paravent.wire.codec import decode, encode
from paravent.wire.deal import DealBox
from paravent.wire.number_lane import Leaf, OpeningAnswer, RowAnswer, box_context
from paravent.wire.statements import ManifestHead, Signed, open_statement

# --- number lane, servers that lie -----------------------------------------------------------


def wrong_opening_values_fail_before_decryption(world: World) -> None:
    """The key commitment fails, and blames the key servers rather than the row."""
    started = world.opening(world.known_to_insurer(world.covered()))
    with pytest.raises(ProofFailure) as caught:
        sealing.open_row(started.row, started.record.output, bytes(96))
    assert caught.value.culprit == "key servers"


def wrong_share_names_its_server(world: World) -> None:
    """A share of another key, signed and proved by its server, is not taken."""
    blinding, server = world.blind(world.covered()), world.servers[1]
    request, caller = world.signed(server.identity.base_url, "/v1/evaluations", blinding.message())
    admitted = evaluation.admit(request, server.identity, server.store, world.now)
    lying = replace(admitted, share=replace(admitted.share, share=group.random_scalar(world.rng)))
    answer = evaluation.answer(lying, server.identity, world.rng)
    with pytest.raises(ProofFailure) as caught:
        blinding.take(blinding.epoch.servers[1], answer, caller.digest)
    assert caught.value.culprit == server.identity.name


def lying_opener_is_named(world: World) -> None:
    """A wrong opening value does not stop the check, and its signed evidence is kept."""
    started = world.opening(world.known(world.covered()))
    for index in (1, 2, 3):
        started.take(*world.open_at(started, index))
    started.contents[2] = {members: OpeningValue(world.rng(32)) for members in started.contents[2]}
    opened = started.finish()
    assert opened is not None
    _, _, lies = opened
    assert [lie.index for lie in lies] == [2]


def opening_is_signed_by_its_server(world: World) -> None:
    """What another server signed is not taken as this one's."""
    started = world.opening(world.known(world.covered()))
    server, answer, nonce, digest = world.open_at(started, 2)
    context = box_context(server.entry.name, AMC, EPOCH, nonce)
    opened = started.answer_key.open(answer.box, Label.OPENING_BOX, *context, culprit="")
    forged = encode(changed(decode(opened, Signed), signature=bytes(64)))
    box = hpke.seal(BoxPublicKey(started.answer_key.public), forged, Label.OPENING_BOX, *context)
    with pytest.raises(ProofFailure):
        started.take(server, OpeningAnswer(box=box), nonce, digest)


# --- number lane, a hub that lies ------------------------------------------------------------


def _leaf(world: World, index: int) -> Leaf:
    manifest = world.hub_store.manifest(AMC, EPOCH)
    assert manifest is not None
    row = world.insurers[AMC].rows[index]
    path = world.hub_store.nodes(manifest, path_positions(index, manifest.head.count))
    return Leaf(index=index, handle=row.handle, row_digest=row.digest(), path=path)


def _taken(world: World, record: KnownRecord, answer: RowAnswer) -> None:
    record.take_row(answer, world.hub.name, now=world.now, counter_min=0)


def a_row_is_never_hidden(world: World) -> None:
    """True leaves on either side of a row do not prove that it is absent."""
    record = world.known_to_insurer(world.covered())
    answer = world.fetch(record)
    at, last = answer.leaves[0].index, len(world.insurers[AMC].rows) - 1
    leaves = tuple(_leaf(world, place) for place in (at - 1, at + 1) if 0 <= place <= last)
    with pytest.raises(ProofFailure):
        _taken(world, record, changed(answer, row=None, leaves=leaves))


def a_path_leads_to_the_signed_root(world: World) -> None:
    """A leaf whose path was altered proves nothing."""
    record = world.known_to_insurer(world.covered())
    answer = world.fetch(record)
    leaf = changed(answer.leaves[0], path=tuple(bytes(32) for _ in answer.leaves[0].path))
    with pytest.raises(ProofFailure):
        _taken(world, record, changed(answer, leaves=(leaf,)))


def an_old_manifest_is_refused(world: World) -> None:
    """A head of more than 48 hours ago is stale."""
    record = world.known_to_insurer(world.covered())
    answer = world.fetch(record)
    world.now += 2 * DAY + 1
    with pytest.raises(StaleData):
        _taken(world, record, answer)


def an_older_counter_is_refused(world: World) -> None:
    """A manifest older than one already seen is stale."""
    record = world.known_to_insurer(world.covered())
    with pytest.raises(StaleData):
        record.take_row(world.fetch(record), world.hub.name, now=world.now, counter_min=2)


def presence_shows_in_no_length(world: World) -> None:
    """Answers about members and strangers have one length."""
    members = [world.covered(position) for position in range(3)]
    strangers = [world.stranger(number) for number in range(1, 6)]
    answers = [world.fetch(world.known_to_insurer(person)) for person in members + strangers]
    assert {answer.row is None for answer in answers} == {True, False}
    assert len({len(encode(answer)) for answer in answers}) == 1


# --- nobody asks without knowing -------------------------------------------------------------


def _thief(world: World) -> KnownRecord:
    """Somebody with an enrolled device who holds a key of their own and no record."""
    key = SigningKey.generate(world.rng)
    return replace(world.known_to_insurer(world.covered()), handle_key=key)


def a_key_fetches_its_own_row_only(world: World) -> None:
    """The hub recomputes the handle from the key that is proved."""
    assert world.fetch(_thief(world)).row is None


def a_row_needs_the_secret_of_its_key(world: World) -> None:
    """The public handle key of somebody is not enough at the hub."""
    record, nonce = world.known_to_insurer(world.covered()), new_nonce(world.rng)
    message = _thief(world).row_message(world.hub.name, nonce, world.device.keyid)
    stolen = changed(message, handle_key=record.handle_key.public)
    request, _ = world.signed(world.hub.base_url, "/v1/rows", stolen, nonce=nonce)
    with pytest.raises(RequestNotAuthentic):
        rows.admit(request, world.hub, world.hub_store, world.now)


def _asked(world: World, record: KnownRecord, **stolen: object) -> opening.AdmittedOpening:
    """Asks the first server to open the first member's row with some record's key."""
    row = world.row(world.known_to_insurer(world.covered()))
    begun = Opening(record=record, row=row, answer_key=BoxKey.generate(world.rng))
    nonce, server = new_nonce(world.rng), world.servers[1]
    message = changed(begun.message(record.epoch.servers[1], nonce, world.device.keyid), **stolen)
    request, _ = world.signed(server.identity.base_url, "/v1/openings", message, nonce=nonce)
    return opening.admit(request, server.identity, server.store, world.now)


def a_key_opens_its_own_label_only(world: World) -> None:
    """The server recomputes handle and label, so that a thief's key never gives a member's values."""
    thief, victim = _thief(world), world.known_to_insurer(world.covered())
    own = sealing.handle_of(AMC, EPOCH, thief.handle_key.public)
    label = sealing.open_label(AMC, EPOCH, 1, own)
    row = replace(world.row(victim), handle=own)
    begun = Opening(record=thief, row=row, answer_key=BoxKey.generate(world.rng))
    nonce, server = new_nonce(world.rng), world.servers[1]
    message = begun.message(thief.epoch.servers[1], nonce, world.device.keyid)
    request, _ = world.signed(server.identity.base_url, "/v1/openings", message, nonce=nonce)
    try:
        admitted = opening.admit(request, server.identity, server.store, world.now)
    except RequestNotAuthentic as error:
        raise AssertionError("the server does not recompute what was proved") from error
    assert admitted.label == label != sealing.open_label(AMC, EPOCH, 1, victim.handle)


def an_opening_needs_the_secret_of_its_key(world: World) -> None:
    """The public handle key of somebody is not enough at a key server."""
    victim = world.known_to_insurer(world.covered())
    assert _asked(world, victim).handle == victim.handle
    with pytest.raises(RequestNotAuthentic):
        _asked(world, _thief(world), handle_key=victim.handle_key.public)


# --- quotas and witness ----------------------------------------------------------------------


def look_ups_end_with_the_quota(world: World) -> None:
    """One look-up more than the quota is refused."""
    for _ in range(QuotaLimits().lookups_per_day_max):
        world.evaluate(world.blind(world.stranger()), 1)
    with pytest.raises(QuotaExceeded):
        world.evaluate(world.blind(world.stranger()), 1)


def an_identical_request_is_free(world: World) -> None:
    """The same signed request twice costs one look-up."""
    server = world.servers[1]
    message = world.blind(world.covered()).message()
    request, _ = world.signed(server.identity.base_url, "/v1/evaluations", message)
    for _ in range(2):
        admitted = evaluation.admit(request, server.identity, server.store, world.now)
        with server.store.commit():
            evaluation.spend(admitted, server.store, world.now)
    left = server.store.remaining(QuotaKind.LOOKUP, world.device, world.now)
    assert left == QuotaLimits().lookups_per_day_max - 1


def every_answer_has_its_leaf(world: World) -> None:
    """A check leaves one leaf on the disk of each server that opened."""
    world.check(world.covered())
    for index in (1, 2):
        path = world.home / world.names()[index] / DATABASE
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        (leaves,) = connection.execute("SELECT COUNT(*) FROM leaf WHERE request IS NOT NULL").fetchone()
        connection.close()
        assert leaves == 1


# --- deals and publications ------------------------------------------------------------------


def _drawn(world: World) -> epochs.DrawnEpoch:
    dates = (world.now, world.now + DAY)
    servers = world.directory.keyservers
    return epochs.draw_epoch(world.insurers[AMC].dealer, 2, servers, THRESHOLD, dates, world.rng)


def _take(world: World, box: DealBox) -> None:
    server = world.servers[1]
    deal.take_epoch(box, server.identity, world.directory, server.store, world.now)


def a_wrong_share_is_not_receipted(world: World) -> None:
    """A share that does not match the commitments is refused."""
    insurer, drawn = world.insurers[AMC], _drawn(world)
    wrong = replace(drawn, shares={1: group.random_scalar(world.rng)})
    with pytest.raises(ProofFailure):
        _take(world, epochs.epoch_box(insurer.dealer, wrong, 1, world.recipient(1)))


def a_wrong_opening_key_is_not_receipted(world: World) -> None:
    """An opening key that does not match the batch file is refused."""
    insurer, server = world.insurers[AMC], world.servers[1]
    file = insurer.epoch.file
    first, second = (epochs.draw_batch(insurer.dealer, file, 5, world.now, world.rng) for _ in range(2))
    box = epochs.batch_box(insurer.dealer, replace(first, keys=second.keys), 1, world.recipient(1))
    with pytest.raises(ProofFailure):
        deal.take_batch(box, server.identity, world.directory, server.store)


def t_receipts_are_needed(world: World) -> None:
    """A desk does not use an epoch that one server alone receipted."""
    bundle = world.bundle()
    few = changed(bundle.epoch, receipts=bundle.epoch.receipts[:1])
    with pytest.raises(TooFewServers):
        world.verify(changed(bundle, epoch=few))


def one_house_is_refused(world: World) -> None:
    """T servers of one operator are refused."""
    entries = tuple(changed(entry, operator="one") for entry in world.directory.keyservers)
    directory = changed(world.directory, keyservers=entries)
    with pytest.raises(ProofFailure):
        verify_bundle(world.bundle(), AMC, directory, now=world.now, single_operator_allowed=False)


def altered_rows_never_go_live(world: World) -> None:
    """The hub rebuilds the tree before it serves."""
    insurer = world.insurers[AMC]
    key = insurer.keys.issuer.public
    head = open_statement(world.bundle().head, ManifestHead, Label.MANIFEST_HEAD, AMC, key)
    altered = [replace(row, stored=bytes(len(row.stored))) for row in insurer.rows]
    with pytest.raises(ProofFailure):
        publication.build_tree(((row.handle, row.digest()) for row in altered), head)


# --- entitlements ----------------------------------------------------------------------------


def a_row_is_bound_to_its_label(world: World) -> None:
    """What one row held is not accepted for another."""
    started = world.opening(world.known(world.covered()))
    for index in (1, 2):
        started.take(*world.open_at(started, index))
    opened = started.finish()
    assert opened is not None
    entitlement, desk_part, _ = opened
    other = sealing.open_label(AMC, EPOCH, 1, world.known_to_insurer(world.covered(2)).handle)
    with pytest.raises(ProofFailure):
        judge_row((entitlement, desk_part), world.covered().holder, AMC, other, world.judgement())


def a_card_is_of_its_holder(world: World) -> None:
    """Somebody else's name does not pass with a card."""
    insurer = world.insurers[AMC]
    member = insurer.members[0]
    numbers = insurer.store.register.rights([member.member_id], world.rng)[member.member_id]
    card = read_card(card_of(AMC, insurer.keys.issuer, member, numbers, world.rng))
    with pytest.raises(HolderMismatch):
        judge_card(card, world.covered(2).holder, world.judgement())


# --- the trade -------------------------------------------------------------------------------


def the_same_act_has_one_decision(world: World) -> None:
    """Sent again, an act gets the same bytes and adds no event."""
    shop = Shop.of(world, world.covered())
    act = shop.reservation()
    assert shop.send(act) == shop.send(act)
    assert len(world.hub_store.claims.events(AMC, 0).events) == 1


def one_writer_wins(world: World) -> None:
    """Of two connections that read one state, one writes."""
    name, other = RightId(world.rng(32)), open_hub(world.home / "hub", QuotaLimits(), world.rng)
    record = b"sealed"
    try:
        for _ in range(2):
            formers = [(store, store.claims.record(name)) for store in (world.hub_store, other)]
            won = []
            for store, former in formers:
                with store.commit():
                    won.append(store.claims.keep_record(name, former, record))
            assert won == [True, False]
    finally:
        other.close()


def the_second_shop_is_refused(world: World) -> None:
    """A right that one shop reserved is refused to another."""
    shop = Shop.of(world, world.covered())
    second = shop.other()
    assert shop.decide(shop.reservation()).outcome is Outcome.ACCEPTED
    assert second.decide(second.reservation()).reason == "already-reserved"


def a_revoked_right_is_refused(world: World) -> None:
    """The hub reads the status list."""
    shop = Shop.of(world, world.covered())
    world.hand_over(AMC, revoked=[world.insurers[AMC].members[0].member_id])
    assert shop.decide(shop.reservation()).reason == "entitlement-revoked"


def _overclaimed(world: World) -> Decision:
    """The decision on a claim of one euro more than the rules give."""
    shop = Shop.of(world, world.covered())
    shop.send(shop.reservation())
    act, claim = shop.claim()
    more = changed(claim, amc_cents=claim.amc_cents + 100, rest_cents=claim.rest_cents - 100)
    return shop.decide(shop.with_claim(act, more))


def _reviewer(world: World) -> Reviewer:
    insurer = world.insurers[AMC]
    return Reviewer(
        amc=AMC, keys=insurer.keys, directory=world.directory, tables=insurer.tables, rules=every_shipped_rules(),
        register=insurer.store.register,
        ledger=insurer.store.claims,
    )  # fmt: skip


def the_hub_recomputes_amounts(world: World) -> None:
    """A claim of more than the rules give is refused by the hub."""
    assert _overclaimed(world).outcome is Outcome.REFUSED


def the_insurer_recomputes_amounts(world: World) -> None:
    """Whatever the hub accepted, the insurer pays nothing more than the rules give."""
    _overclaimed(world)
    event = world.hub_store.claims.events(AMC, 0).events[1]
    assert _reviewer(world).review(event, world.now).payable_cents == 0


def a_claim_is_paid_once(world: World) -> None:
    """The same event reviewed twice is payable once, even of a renewal that is always due."""
    shop = Shop.of(world, world.covered())
    shop.send(shop.reservation())
    shop.send(shop.claim(early=True)[0])
    event = world.hub_store.claims.events(AMC, 0).events[1]
    payable = []
    for _ in range(2):
        judged = _reviewer(world).review(event, world.now)
        world.insurers[AMC].store.claims.keep(judged)
        payable.append(judged.payable_cents)
    assert payable == [shop.quoted.quote.amc_cents, 0]


def a_second_pair_too_soon_is_not_paid(world: World) -> None:
    """A hub that forgets what was consumed is not followed: the insurer remembers what it found payable."""
    shop = Shop.of(world, world.covered())
    store = world.insurers[AMC].store
    payable = []
    for number in (1, 3):
        shop.send(shop.reservation())
        shop.send(shop.claim()[0])
        judged = _reviewer(world).review(world.hub_store.claims.events(AMC, 0).events[number], world.now)
        store.claims.keep(judged)
        payable.append(judged.payable_cents)
        with world.hub_store.commit():
            world.hub_store._connection.execute("DELETE FROM record")
    assert payable == [shop.quoted.quote.amc_cents, 0]
