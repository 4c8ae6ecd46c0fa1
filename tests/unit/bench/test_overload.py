"""How the bench reads what came back of too many requests: late is not good, and calm is when it is as before."""

from __future__ import annotations

import pytest

from paravent.bench.overload import _figures, _Replies, _settled


def test_good_replies_are_counted_against_the_peak() -> None:
    period = _Replies(sent=500, seconds=5.0, good=[(0.0, 0.2)] * 190, refused=300, late=7, failed=3)
    row = _figures(5, 20.0, period, 40.0, None)
    assert (row.offered_per_second, row.good_per_second, row.good_of_peak) == (100, 38, 0.95)
    assert (row.refused, row.late, row.failed, row.good_p99_ms) == (300, 7, 3, 200.0)


@pytest.mark.parametrize(("slow_seconds", "settled"), [(0, 1.0), (3, 4.0), (10, 11.0)])
def test_calm_is_the_first_second_that_is_as_before(slow_seconds: int, settled: float) -> None:
    """It says eleven, past the end of the period, when calm never came."""
    good = [(100.0 + second + part / 10, 1.0 if second < slow_seconds else 0.02)
            for second in range(10) for part in range(10)]  # fmt: skip
    assert _settled(_Replies(good=good), calm=0.02) == settled
