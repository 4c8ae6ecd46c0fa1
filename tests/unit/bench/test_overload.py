"""How the bench reads what came back of too many requests: late is not good, and calm is when it is as before."""

from __future__ import annotations

import socket
import threading

import pytest

from paravent.access.client import TIMEOUT_SECONDS
from paravent.bench.open_loop import Replies, Source, count, send_at_rate
from paravent.bench.overload import _figures, _flooded, _Period, _Round, _settled
from paravent.errors import TechnicalFailure


def answered(*good: tuple[float, float]) -> Replies:
    return Replies(began=100.0, seconds=6.0, offered=60, good=list(good))


def test_only_what_comes_while_sending_goes_on_is_counted_and_not_in_its_first_second() -> None:
    replies = answered((100.0, 0.9), (100.0, 1.0), (103.0, 2.9), (103.0, 3.0), (105.9, 0.2))
    assert replies.good_per_second() == 2 / 5


def test_a_rate_is_that_of_all_its_rounds_each_against_the_capacity_beside_it() -> None:
    def played(good: int, peak: float) -> _Round:
        replies = Replies(
            began=100.0, offered=600, seconds=6.0, good=[(102.0, 0.2)] * good, refused=300, held=4, late=7, failed=3,
            others={401: 2},
        )  # fmt: skip
        return _Round(_Period(replies, Replies(), 0.9, 0.4), peak)

    row = _figures(5, [played(190, 40.0), played(100, 40.0), played(100, 20.0)], None)
    assert (row.rounds, row.offered_per_second, row.good_per_second, row.peak_per_second) == (3, 100, 20, 40)
    assert (row.good_of_peak, row.good_of_peak_by_round) == (0.78, [0.95, 0.5, 1.0])
    assert (row.refused, row.held, row.late, row.failed, row.good_p99_ms) == (900, 12, 21, 9, 200.0)
    assert row.others == {"401": 6}


def test_a_source_that_has_nothing_left_is_no_rate() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(TechnicalFailure, match="every request"):
        send_at_rate(server.getsockname(), [Source(requests=iter(()), connections_max=1, per_second=1.0)], 0.1)


def test_connections_are_open_before_anything_is_sent() -> None:
    taken: list[socket.socket] = []
    source = Source(requests=iter(()), connections_max=3, per_second=1.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = server.getsockname()
        taker = threading.Thread(target=lambda: taken.extend(server.accept()[0] for _ in range(3)), daemon=True)
        taker.start()
        with pytest.raises(TechnicalFailure, match="every request"):
            send_at_rate(place, [source], 0.1)
        taker.join(60)
    assert len(taken) == 3
    for one in taken:
        one.close()
    with pytest.raises(TechnicalFailure, match="no connections"):
        send_at_rate(place, [Source(requests=iter(()), connections_max=3, per_second=1.0)], 0.1)


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
