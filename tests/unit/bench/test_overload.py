"""How the bench reads what came back of too many requests: late is not good, and calm is when it is as before."""

from __future__ import annotations

import pytest

from paravent.access.client import TIMEOUT_SECONDS
from paravent.bench.open_loop import Replies, Source, count
from paravent.bench.overload import _figures, _flooded, _Period, _settled


def test_good_replies_are_counted_against_the_peak() -> None:
    replies = Replies(
        offered=500, seconds=5.0, good=[(0.0, 0.2)] * 190, refused=300, held=4, late=7, failed=3, others={401: 2}
    )
    row = _figures(5, 20.0, _Period(replies, Replies(), 0.9, 0.4), 40.0, None)
    assert (row.offered_per_second, row.good_per_second, row.good_of_peak) == (100, 38, 0.95)
    assert (row.refused, row.held, row.late, row.failed, row.good_p99_ms) == (300, 4, 7, 5, 200.0)


def test_what_a_flood_costs_is_counted_against_the_same_without_it() -> None:
    replies = Replies(offered=200, seconds=1.0, good=[(0.0, 0.1)] * 160)
    row = _flooded("garbage", _Period(replies, Replies(offered=900, seconds=1.0, refused=800), 0.9, 0.4), 1.0)
    assert (row.cost, row.flood_offered_per_second, row.flood_refused) == (0.2, 900, 800)


def test_an_answer_after_its_asker_has_given_up_is_late() -> None:
    replies = Replies()
    for status, spent in ((200, 0.1), (200, TIMEOUT_SECONDS + 0.1), (503, 0.1), (401, 0.1)):
        count(replies, status, 0.0, spent)
    assert (len(replies.good), replies.late, replies.refused, replies.others) == (1, 1, 1, {401: 1})


def test_a_loop_offers_at_its_rate_whatever_comes_back() -> None:
    source = Source(requests=iter(()), connections_max=3, per_second=100.0)
    assert source.due(0.5) == 51
    source.replies.offered = 50
    assert source.due(0.5) == 1
    assert Source(requests=iter(()), connections_max=3, per_second=None, opened=2).due(0.5) == 1


@pytest.mark.parametrize(("slow_seconds", "settled"), [(0, 1.0), (3, 4.0), (10, 11.0)])
def test_calm_is_the_first_second_that_is_as_before(slow_seconds: int, settled: float) -> None:
    """It says eleven, past the end of the period, when calm never came."""
    good = [(100.0 + second + part / 10, 1.0 if second < slow_seconds else 0.02)
            for second in range(10) for part in range(10)]  # fmt: skip
    assert _settled(Replies(good=good), calm=0.02) == settled
