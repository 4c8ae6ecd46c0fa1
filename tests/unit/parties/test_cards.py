"""One card in use for each member, with its own place in the status list; each way to lose it (protocol.md 8.5)."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.parties.world import AMC, World

from paravent.errors import InvalidMemberFile
from paravent.insurer.card import card_of, printed, says_the_same
from paravent.insurer.members import Member
from paravent.insurer.sealing import RightNumbers
from paravent.insurer.store import Store
from paravent.optics.guarantee import Guarantee
from paravent.wire.optics_terms import Band

GUARANTEE = Guarantee(
    code="G", label="Optique", responsible=True, class_b_cents=dict.fromkeys(Band, 1), frame_max_cents=1
)
NOW = 1_800_000_000


def issue(store: Store, world: World, member: Member, now: int) -> tuple[int, bool]:
    """Issues a card as the verb does; returns its index and whether it replaced one."""
    index = store.register.next_card_index(member.member_id, world.rng)
    nullifier = store.register.rights([member.member_id], world.rng)[member.member_id].nullifier
    numbers = RightNumbers(nullifier=nullifier, status_index=index)
    key = world.insurers[AMC].keys.issuer
    card = printed(card_of(AMC, key, member, numbers, world.rng), member, GUARANTEE, now)
    return index, store.register.keep_card(index, card)


def test_a_new_card_takes_the_place_of_the_one_before(world: World, tmp_path: Path) -> None:
    first, second = world.insurers[AMC].members[:2]
    with Store(tmp_path) as store:
        row = store.register.rights([first.member_id], world.rng)[first.member_id].status_index
        one, replaced = issue(store, world, first, NOW)
        other, _ = issue(store, world, second, NOW)
        assert not replaced
        assert store.register.revoked()[0] == []
        two, replaced = issue(store, world, first, NOW + 9)
        assert replaced
        assert len({row, one, two, other}) == 4
        assert store.register.revoked()[0] == [one]
        # What the insurer judges claims by knows all three: the row, the card refused since, the card in use.
        assert store.register.revocations(first.member_id) == {row: None, one: NOW + 9, two: None}


def test_a_revoked_member_has_no_card_and_gets_none(world: World, tmp_path: Path) -> None:
    member = world.insurers[AMC].members[0]
    with Store(tmp_path) as store:
        index, _ = issue(store, world, member, NOW)
        store.register.revoke(member.member_id, NOW + 1)
        assert index in store.register.revoked()[0]
        assert store.cards.in_use(member.member_id) is None
        with pytest.raises(InvalidMemberFile):
            store.register.next_card_index(member.member_id, world.rng)


def test_a_card_is_printed_again_only_while_it_says_what_the_file_does(world: World, tmp_path: Path) -> None:
    insurer = world.insurers[AMC]
    member, other = insurer.members[:2]
    issuers = {AMC: insurer.keys.issuer.public}
    with Store(tmp_path) as store:
        issue(store, world, member, NOW)
        card = store.cards.in_use(member.member_id)
    assert card is not None
    assert says_the_same(card, member, issuers)
    assert not says_the_same(card, replace(member, renewal_months=12 if member.renewal_months == 24 else 24), issuers)
    assert not says_the_same(card, replace(member, identities=other.identities), issuers)
    stranger = next(one for amc, one in world.insurers.items() if amc != AMC)
    assert not says_the_same(card, member, {AMC: stranger.keys.issuer.public})
    assert member.printed_name not in repr(card)


@settings(max_examples=10)
@given(cards=st.integers(1, 40), seed=st.integers(0, 2**32))
def test_every_index_is_inside_the_list_that_was_published_before(
    cards: int, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rng = random.Random(seed).randbytes
    with Store(tmp_path_factory.mktemp("cards")) as store:
        for number in range(cards):
            _, bits = store.register.revoked()
            store.register.rights([f"M{number}"], rng)
            assert store.register.next_card_index(f"M{number}", rng) < bits
