"""Detectors against closed forms, and against simulation; each alarm has a day beside it that gives none."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paravent.bench.detection import measure, measure_together
from paravent.bench.fleet_year import interval
from paravent.watch.budget import DAILY_SIGNS, DAYS_A_YEAR, Budget
from paravent.watch.cusum import Cusum, alarmed_by, for_budget, mean_days_to_alarm
from paravent.watch.daily import Day, judge, judge_fleet, usual_share
from paravent.watch.distributions import (
    at_least,
    beta_binomial,
    beta_binomial_at_least,
    binomial,
    mean_of,
    negative_binomial,
    of_history,
    poisson,
    total,
)
from paravent.watch.sequential import SequentialTest, Tried, sequential_test
from paravent.wire.alarm import Sign

USUAL = Day(evaluations=12, openings=11, claims=9, closed_hours=0)


@given(st.floats(0.1, 60), st.floats(1.1, 6))
def test_distributions_sum_to_one_with_their_mean(mean: float, excess: float) -> None:
    for distribution in (poisson(mean), negative_binomial(mean, mean * excess)):
        assert sum(distribution) == pytest.approx(1.0, abs=1e-9)
        assert mean_of(distribution) == pytest.approx(mean, rel=1e-6)


def test_sums_and_tails() -> None:
    assert total(poisson(3), poisson(4))[:12] == pytest.approx(poisson(7)[:12])
    assert at_least(poisson(2), 1) == pytest.approx(1 - math.exp(-2))
    assert beta_binomial(3, 1, 1) == pytest.approx([0.25] * 4)
    assert [beta_binomial_at_least(3, 1, 1, count) for count in range(4)] == pytest.approx([1, 0.75, 0.5, 0.25])
    assert binomial(2, 0.5) == pytest.approx([0.25, 0.5, 0.25])


def test_the_chain_agrees_with_a_case_solved_by_hand() -> None:
    # One day in four adds 1, the others nothing; k = 0, h = 2: two such days, 8 days in the mean.
    assert mean_days_to_alarm(Cusum(reference=0, threshold=2), [0.75, 0.25]) == pytest.approx(8)
    assert alarmed_by(Cusum(reference=0, threshold=1), [0.75, 0.25], 2) == pytest.approx([0.25, 1 - 0.75**2])


@pytest.mark.parametrize(
    ("daily", "reference", "threshold"), [(poisson(12), 15, 27), (negative_binomial(12, 48), 18, 72)]
)
def test_the_budget_of_the_fleet_gives_the_thresholds_foretold(
    daily: list[float], reference: int, threshold: int
) -> None:
    # Foretold for 12 a year by volume alone; volume has two thirds of a fleet's budget.
    budget = Budget(false_alarms_a_year=18, professionals=13_000)
    test = for_budget(daily, reference, budget.of_one_professional())
    # Foretold with some room under the budget: the smallest threshold is at most one below.
    assert threshold - 1 <= test.threshold <= threshold
    for candidate, kept in ((test.threshold, True), (test.threshold - 1, False)):
        yearly = 13_000 * DAYS_A_YEAR / mean_days_to_alarm(Cusum(reference=reference, threshold=candidate), daily)
        assert (yearly <= 12) is kept


def test_a_reference_at_the_mean_is_refused() -> None:
    with pytest.raises(ValueError, match="too near"):
        for_budget(negative_binomial(12, 48), 12, 12 / 13_000)


def test_a_history_without_over_dispersion_is_poisson() -> None:
    assert of_history([12, 12, 13, 11]) == pytest.approx(poisson(12))
    assert mean_of(of_history([0, 40, 2, 6])) == pytest.approx(12, rel=1e-6)
    assert of_history([0, 0, 0]) == poisson(1)


@pytest.mark.parametrize(("wrong", "tries"), [(1.0, 9), (0.5, 28)])
def test_who_guesses_is_stopped_where_foretold(wrong: float, tries: int) -> None:
    rng, test, counts = random.Random(5), sequential_test(Budget()), []
    for _ in range(400):
        tried, count = Tried(), 0
        while not test.alarms(tried):
            count, tried = count + 1, test.after(tried, unknown=rng.random() < wrong)
        counts.append(count)
    assert sum(counts) / len(counts) == pytest.approx(tries, rel=0.2)
    assert test.mean_tries(wrong) == pytest.approx(sum(counts) / len(counts), rel=0.1)


def test_honest_look_ups_do_not_climb() -> None:
    rng, test, tried = random.Random(6), sequential_test(Budget()), Tried()
    for _ in range(50_000):
        tried = test.after(tried, unknown=rng.random() < 0.08)
        assert not test.alarms(tried)


def test_the_sequential_test_is_computed_from_the_budget() -> None:
    large, small = (sequential_test(Budget(professionals=size)) for size in (13_000, 13))
    assert large.false_alarm == pytest.approx(2e-7, rel=0.1)
    assert small.threshold < large.threshold
    assert SequentialTest().lookups_a_cycle() == pytest.approx(11.1, rel=0.01)


def test_the_parts_of_a_budget_are_the_whole() -> None:
    others = (Sign.VOLUME, Sign.UNKNOWN_PERSONS, Sign.FLEET, Sign.REQUEST_FLOOD, Sign.MASS_REWRITE)
    assert sum(Budget().of(sign) for sign in (*DAILY_SIGNS, *others)) == pytest.approx(12)


def test_a_share_that_varies_from_day_to_day_is_believed_less() -> None:
    steady = usual_share([(12, 3)] * 60)
    varying = usual_share([(12, 0), (12, 6)] * 30)
    assert steady.mean == pytest.approx(varying.mean, rel=0.01)
    assert steady.at_least(12, 10) < varying.at_least(12, 10) / 100
    assert steady.at_least(12, 2) == 1.0


@pytest.mark.parametrize(
    ("day", "sign"),
    [
        (Day(evaluations=40, openings=2, claims=2), Sign.EVALUATIONS_WITHOUT_OPENINGS),
        (Day(evaluations=42, openings=40, claims=2), Sign.OPENINGS_WITHOUT_CLAIMS),
        (Day(evaluations=12, openings=11, claims=9, closed_hours=9), Sign.CLOSED_HOURS),
        (Day(evaluations=12, openings=11, claims=9, early_renewals=9), Sign.CLAIMS_MIX),
        (Day(evaluations=12, openings=11, claims=9, new_devices=5), Sign.NEW_DEVICES),
    ],
)
def test_each_sign_alarms_on_its_day_and_not_on_a_usual_one(day: Day, sign: Sign) -> None:
    past = [USUAL] * 60
    assert [outlier.sign for outlier in judge(day, past, Budget())] == [sign]
    assert judge(USUAL, past, Budget()) == []


def test_a_larger_fleet_on_the_same_budget_asks_for_more() -> None:
    past, day = [USUAL] * 60, Day(evaluations=16, openings=8, claims=8)
    assert judge(day, past, Budget(professionals=1))
    assert judge(day, past, Budget()) == []


def test_a_professional_is_judged_by_its_own_past() -> None:
    night = Day(evaluations=12, openings=11, claims=9, closed_hours=9)
    assert judge(night, [USUAL] * 60, Budget())
    assert judge(night, [night] * 60, Budget()) == []


def test_a_fleet_that_moves_together_is_seen_and_a_usual_day_is_not() -> None:
    rng = random.Random(4)
    past = [sum(rng.random() < 0.05 for _ in range(1_000)) for _ in range(60)]
    alarm = judge_fleet(120, 1_000, past, 1.0)
    assert alarm is not None
    assert alarm.sign is Sign.FLEET
    assert judge_fleet(52, 1_000, past, 1.0) is None


def test_the_simulation_agrees_with_the_chain() -> None:
    rows = {(row.scenario, row.baseline): row for row in measure(200, 400, 3)}
    for baseline in ("poisson", "over-dispersed"):
        for added in (6, 12, 24, 48):
            assert 0.8 <= rows[f"+{added} a day", baseline].agreement <= 1.2
        for added in (6, 12):
            assert 0.8 <= rows[f"true hits only, +{added} a day", baseline].agreement <= 1.2
        for added in (24, 48):
            assert 0.7 <= rows[f"+{added} a day, as it runs", baseline].agreement <= 1.4
    together = {row.baseline: row for row in measure_together(200, 3)}
    assert together["all detectors"].measured <= together["all detectors"].predicted
    assert {row.low is None for row in together.values()} == {False}
    assert len(rows) == 23


def test_a_yearly_mean_has_the_interval_of_its_count() -> None:
    assert interval(0, 1) == pytest.approx((0, 3.689), abs=0.01)
    assert interval(5, 2) == pytest.approx((2.398, 9.195), abs=0.01)
