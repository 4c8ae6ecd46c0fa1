"""The table of states of a right, alone (section 11)."""

from __future__ import annotations

from datetime import datetime, time
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.parties.world import MONTH, NOW

from paravent.errors import AlreadyReserved, NoReservation, ParaventError, RenewalNotDue, StorageDown
from paravent.optics.claim_states import (
    RESERVATION_SECONDS,
    TRANSITIONS,
    Paid,
    Request,
    RightRecord,
    RightState,
    apply,
    diagram,
    payable_from,
)
from paravent.optics.months import month_of
from paravent.wire.claims import ActKind

SHOP_KINDS = [ActKind.RESERVE, ActKind.CONSUME, ActKind.CANCEL]
MINE, THEIRS = b"mine", b"theirs"
FREE = RightRecord()
RESERVED = RightRecord(state=RightState.RESERVED, holder=MINE, reserved_until=NOW + 10)
PAID = (Paid(month=202501, early=False),)
CONSUMED = RightRecord(state=RightState.CONSUMED, paid=PAID)
RECORDS = {RightState.FREE: FREE, RightState.RESERVED: RESERVED, RightState.CONSUMED: CONSUMED}


def request(kind: ActKind, *, holder: bytes = MINE, now: int = NOW, free_from: int = 202601, months: int = 12,
            early: bool = False) -> Request:  # fmt: skip
    return Request(
        kind=kind, holder=holder, now=now, month=MONTH, free_from=free_from, renewal_months=months,
        early_renewal=early,
    )  # fmt: skip


@pytest.mark.parametrize(("state", "kind"), list(product(RightState, SHOP_KINDS)), ids=str)
def test_every_cell_of_the_table(state: RightState, kind: ActKind) -> None:
    target = TRANSITIONS.get((state, kind))
    if target is None:
        with pytest.raises(NoReservation):
            apply(RECORDS[state], request(kind))
    else:
        assert apply(RECORDS[state], request(kind)).state is target


def test_the_table_has_no_way_to_be_paid_without_a_reservation() -> None:
    assert [before for (before, _), after in TRANSITIONS.items() if after is RightState.CONSUMED] == [
        RightState.RESERVED
    ]
    assert len(TRANSITIONS) == 14


@pytest.mark.parametrize("kind", SHOP_KINDS)
def test_another_holder_is_told_who_came_first(kind: ActKind) -> None:
    with pytest.raises(AlreadyReserved):
        apply(RESERVED, request(kind, holder=THEIRS))


@pytest.mark.parametrize(("later", "ended"), [(9, False), (10, True)])
def test_an_ended_reservation_is_nobodys(later: int, *, ended: bool) -> None:
    theirs = request(ActKind.RESERVE, holder=THEIRS, now=NOW + later)
    if ended:
        assert apply(RESERVED, theirs).holder == THEIRS
        with pytest.raises(NoReservation):
            apply(RESERVED, request(ActKind.CONSUME, now=NOW + later))
    else:
        with pytest.raises(AlreadyReserved):
            apply(RESERVED, theirs)


def test_a_reservation_lasts_60_days() -> None:
    until = apply(None, request(ActKind.RESERVE)).reserved_until
    assert until is not None
    # To the midnight that ends its last day: the instant of a reservation is not kept.
    assert month_of(until - 1) == month_of(NOW + 60 * 86_400) == 202608
    assert datetime.fromtimestamp(until, ZoneInfo("Europe/Paris")).time() == time()
    assert 0 <= until - (NOW + RESERVATION_SECONDS) < 86_400


@pytest.mark.parametrize("kind", [ActKind.RESERVE, ActKind.CONSUME])
@pytest.mark.parametrize(("months", "due"), [(17, True), (18, False)])
def test_consumed_equipment_is_payable_again_after_the_renewal(kind: ActKind, months: int, *, due: bool) -> None:
    """Consumed in 2025-01: payable from 2026-06 after 17 months, from 2026-07 after 18."""
    record = RESERVED if kind is ActKind.CONSUME else CONSUMED
    record = RightRecord(state=record.state, holder=record.holder, reserved_until=record.reserved_until, paid=PAID)
    if due:
        apply(record, request(kind, months=months))
    else:
        with pytest.raises(RenewalNotDue, match="2026-07"):
            apply(record, request(kind, months=months))
        apply(record, request(kind, months=months, early=True))


def test_a_month_is_never_forgotten() -> None:
    again = apply(CONSUMED, request(ActKind.RESERVE))
    assert again.consumed_month == CONSUMED.consumed_month
    assert apply(again, request(ActKind.CANCEL)).consumed_month == CONSUMED.consumed_month
    assert apply(again, request(ActKind.CONSUME)).consumed_month == MONTH


def test_payable_from_is_the_later_of_both() -> None:
    assert payable_from(FREE, 202704, 24).number == 202704
    assert payable_from(CONSUMED, 202601, 24).number == 202701
    assert payable_from(CONSUMED, 202704, 24).number == 202704


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": RightState.RESERVED}, {"state": RightState.RESERVED, "holder": MINE},
        {"state": RightState.FREE, "holder": MINE, "reserved_until": NOW}, {"state": RightState.CONSUMED},
    ],
    ids=str,
)  # fmt: skip
def test_a_record_that_was_never_written_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(StorageDown):
        RightRecord(**wrong)  # type: ignore[arg-type]


ACTS = st.tuples(
    st.sampled_from(SHOP_KINDS), st.sampled_from([MINE, THEIRS]), st.integers(0, 40 * 86_400), st.booleans()
)


@given(st.lists(ACTS, max_size=30))
def test_nobody_is_paid_for_a_reservation_of_somebody_else(
    acts: list[tuple[ActKind, bytes, int, bool]],
) -> None:
    """Whatever two shops do, who consumes holds a live reservation, and an early renewal is said."""
    record, now, reserved = FREE, NOW, {MINE: 0, THEIRS: 0}
    for kind, holder, later, early in acts:
        now += later
        try:
            after = apply(record, request(kind, holder=holder, now=now, early=early))
        except ParaventError:
            continue
        if kind is ActKind.RESERVE:
            assert all(now >= until for other, until in reserved.items() if other != holder)
            reserved[holder] = now + RESERVATION_SECONDS
        else:
            assert now < reserved[holder]
            reserved[holder] = 0
        if kind is ActKind.CONSUME:
            assert early or record.consumed_month is None
        record = after


def test_the_diagram_shows_every_transition() -> None:
    for (before, act), after in TRANSITIONS.items():
        assert f"{before.value} --> {after.value}: {act.value}" in diagram()
