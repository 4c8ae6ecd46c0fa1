"""Judging an entitlement in front of its holder, in both lanes (sections 4 and 8)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace as changed
from tests.unit.parties.world import AMC, DAY, OTHER_AMC, World

from paravent.crypto.entitlement import HubPart, issue, verify_entitlement
from paravent.crypto.labels import Label
from paravent.crypto.sealing import OpenLabel, open_label
from paravent.desk.entitled import Entitled, Judgement, Lane, judge_card, judge_row
from paravent.errors import (
    EntitlementRevoked,
    HolderMismatch,
    NotCovered,
    OutsideValidity,
    ParaventError,
    ProofFailure,
    StaleData,
    UnknownInsurer,
    UnreadableCard,
)
from paravent.insurer.card import card_of
from paravent.person.identity import Holder
from paravent.wire.card import card_text, read_card
from paravent.wire.statements import StatusList

Parts = tuple[bytes, bytes]


def card(world: World, position: int = 0) -> str:
    """The text of a member's card."""
    insurer = world.insurers[AMC]
    member = insurer.members[position]
    numbers = insurer.store.register.rights([member.member_id], world.rng)[member.member_id]
    return card_of(AMC, insurer.keys.issuer, member, numbers, world.rng)


def holder(world: World, position: int = 0) -> Holder:
    return world.covered(position).holder


def row(world: World, position: int = 0) -> tuple[Parts, OpenLabel]:
    """What a member's row holds, and its label."""
    started = world.opening(world.known(world.covered(position)))
    for index in (1, 2):
        started.take(*world.open_at(started, index))
    opened = started.finish()
    assert opened is not None
    entitlement, desk_part, _ = opened
    return (entitlement, desk_part), open_label(AMC, 1, started.row.batch, started.row.handle)


def judge(lane: Lane, world: World, judgement: Judgement | None = None, who: Holder | None = None) -> Entitled:
    """Judges the first member's entitlement, in front of that member unless told."""
    judgement, who = judgement or world.judgement(), who or holder(world)
    if lane is Lane.CARD:
        return judge_card(read_card(card(world)), who, judgement)
    parts, label = row(world)
    return judge_row(parts, who, AMC, label, judgement)


@pytest.mark.parametrize("lane", Lane)
class TestBothLanes:
    """The same checks in both lanes."""

    def test_a_right_entitlement_is_taken(self, lane: Lane, still: World) -> None:
        entitled = judge(lane, still)
        assert (entitled.lane, entitled.degraded, entitled.status_age_seconds) == (lane, False, 0)
        assert entitled.part.guarantee == "OPT-CONFORT"

    def test_another_holder_is_told_to_check_the_name(self, lane: Lane, still: World) -> None:
        with pytest.raises(HolderMismatch) as caught:
            judge(lane, still, who=holder(still, 2))
        assert not isinstance(caught.value, NotCovered)
        assert "Vérifiez le nom" in caught.value.title_fr

    @pytest.mark.parametrize("wrong", ["name", "birth date"])
    def test_either_particular_is_enough_to_mismatch(self, wrong: str, lane: Lane, still: World) -> None:
        right = holder(still)
        name, birth = ("MARTIN Zoé", right.birth_date) if wrong == "name" else (right.name, "19010101")
        with pytest.raises(HolderMismatch):
            judge(lane, still, who=Holder.from_card(name=name, birth_date=birth))

    @pytest.mark.parametrize("now", [1_767_225_599, 1_830_297_599])
    def test_outside_its_dates(self, now: int, lane: Lane, still: World) -> None:
        with pytest.raises(OutsideValidity):
            judge(lane, still, still.judgement(now=now))

    @pytest.mark.parametrize(("age", "degraded"), [(0, False), (DAY, False), (DAY + 1, True), (7 * DAY, True)])
    def test_an_older_status_list_is_degraded(self, age: int, *, degraded: bool, lane: Lane, still: World) -> None:
        entitled = judge(lane, still, still.judgement(now=still.now + age))
        assert (entitled.degraded, entitled.status_age_seconds) == (degraded, age)

    def test_a_status_list_too_old_is_no_answer(self, lane: Lane, still: World) -> None:
        with pytest.raises(StaleData):
            judge(lane, still, still.judgement(now=still.now + 7 * DAY + 1))

    def test_the_limit_of_the_degraded_mode_is_configured(self, lane: Lane, still: World) -> None:
        with pytest.raises(StaleData):
            judge(lane, still, still.judgement(now=still.now + DAY + 1, degraded_days_max=1))

    def test_without_a_status_list_there_is_no_answer(self, lane: Lane, still: World) -> None:
        with pytest.raises(StaleData):
            judge(lane, still, still.judgement(status_list=lambda _: None))

    def test_a_status_list_shorter_than_the_index_is_of_before(self, lane: Lane, still: World) -> None:
        statuses = StatusList(insurer=AMC, counter=9, issued_at=still.now, bits=b"")
        signed = still.insurers[AMC].sign(statuses, Label.STATUS_LIST)
        with pytest.raises(StaleData):
            judge(lane, still, still.judgement(status_list=lambda _: signed))

    @pytest.mark.parametrize("wrong", ["signer", "purpose"])
    def test_a_status_list_that_is_not_the_insurers(self, wrong: str, lane: Lane, still: World) -> None:
        statuses = StatusList(insurer=AMC, counter=9, issued_at=still.now, bits=bytes(128))
        signed = {
            "signer": still.insurers[OTHER_AMC].sign(statuses, Label.STATUS_LIST),
            "purpose": still.insurers[AMC].sign(statuses, Label.BATCH),
        }[wrong]
        with pytest.raises(ProofFailure):
            judge(lane, still, still.judgement(status_list=lambda _: signed))

    def test_an_insurer_that_left_the_directory(self, lane: Lane, still: World) -> None:
        left = changed(still.directory, insurers=still.directory.insurers[1:])
        with pytest.raises(UnknownInsurer):
            judge(lane, still, still.judgement(directory=left))

    def test_revoked(self, lane: Lane, world: World) -> None:
        world.hand_over(AMC, revoked=[world.insurers[AMC].members[0].member_id])
        with pytest.raises(EntitlementRevoked):
            judge(lane, world)

    def test_an_error_shows_no_person(self, lane: Lane, still: World) -> None:
        with pytest.raises(ParaventError) as caught:
            judge(lane, still, who=holder(still, 2))
        for who in (holder(still), holder(still, 2)):
            for secret in (str(who.name), str(who.birth_date)):
                assert secret not in str(caught.value)


def test_only_the_revoked_one_is_revoked(world: World) -> None:
    world.hand_over(AMC, revoked=[world.insurers[AMC].members[0].member_id])
    assert judge_card(read_card(card(world, 2)), holder(world, 2), world.judgement()).lane is Lane.CARD


def test_a_status_list_of_the_future_is_of_now(still: World) -> None:
    assert judge(Lane.CARD, still, still.judgement(now=still.now - 60)).status_age_seconds == 0


# --- cards -----------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 3, 4, 10, 150, 250, 300, -1])
def test_an_altered_card_is_unreadable(place: int, still: World) -> None:
    text = card(still)
    other = "B" if text[place] != "B" else "C"
    altered = text[:place] + other + (text[place + 1 :] if place != -1 else "")
    with pytest.raises(UnreadableCard):
        judge_card(read_card(altered), holder(still), still.judgement())


@pytest.mark.parametrize("size", [0, 3, 4, 5, 100, -3, -1])
def test_a_truncated_card_is_unreadable(size: int, still: World) -> None:
    with pytest.raises(UnreadableCard):
        judge_card(read_card(card(still)[:size]), holder(still), still.judgement())


def test_parts_of_two_cards_are_unreadable(still: World) -> None:
    mine, other = read_card(card(still)), read_card(card(still, 2))
    for parts in ((mine[0], other[1]), (other[0], mine[1])):
        with pytest.raises(UnreadableCard):
            judge_card(parts, holder(still), still.judgement())


def test_a_card_signed_by_another_insurer_is_unreadable(still: World) -> None:
    entitlement, desk_part = read_card(card(still))
    part = verify_entitlement(entitlement, still.directory.issuers())
    values = {name: getattr(part, name) for name in HubPart.__dataclass_fields__}
    forged = issue(HubPart(**values), still.insurers[OTHER_AMC].keys.issuer)
    with pytest.raises(UnreadableCard):
        judge_card((forged, desk_part), holder(still), still.judgement())


def test_a_card_survives_being_written_and_read(still: World) -> None:
    text = card(still)
    assert card_text(*read_card(text)) == text
    assert card_text(*read_card(text + "\r\n")) == text


def test_a_card_says_no_name_number_or_birth_date(still: World) -> None:
    person, parts = still.covered(), b"".join(read_card(card(still)))
    for secret in (person.nir.thirteen, str(person.name), str(person.birth_date)):
        assert secret.encode() not in parts


# --- rows ------------------------------------------------------------------------------------


def test_what_a_row_holds_is_bound_to_its_label(still: World) -> None:
    (parts, label), (_, other) = row(still), row(still, 2)
    assert judge_row(parts, holder(still), AMC, label, still.judgement()).lane is Lane.NUMBER
    with pytest.raises(ProofFailure):
        judge_row(parts, holder(still), AMC, other, still.judgement())


def test_what_a_row_holds_is_no_card_and_a_card_is_no_row(still: World) -> None:
    parts, label = row(still)
    with pytest.raises(UnreadableCard):
        judge_card(parts, holder(still), still.judgement())
    with pytest.raises(ProofFailure):
        judge_row(read_card(card(still)), holder(still), AMC, label, still.judgement())


def test_a_row_altered_after_opening_is_a_technical_failure(still: World) -> None:
    (entitlement, desk_part), label = row(still)
    altered = entitlement[:-1] + bytes([entitlement[-1] ^ 1])
    with pytest.raises(ProofFailure):
        judge_row((altered, desk_part), holder(still), AMC, label, still.judgement())
    with pytest.raises(ProofFailure):
        judge_row((entitlement, desk_part[:-1] + b"\0"), holder(still), AMC, label, still.judgement())
