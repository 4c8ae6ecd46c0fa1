"""``paravent bench --timing``: the test finds out what leaks, and nothing in what does not."""

from __future__ import annotations

import json
import math
import random
import statistics
from collections.abc import Callable
from pathlib import Path

import pytest

from paravent.bench.timing import measure as timing
from paravent.bench.timing.controls import early_exit
from paravent.bench.timing.measure import T_MAX, Kind, Primitive, Verdict, judged
from paravent.bench.timing.table import primitives
from paravent.bench.timing.welch import Comparison, Measured, Moments, joined, welch

REPORT = Path(__file__).parents[3] / "docs" / "reports" / "timing.jsonl"
SECRET_BYTES = 4_096


def moments(values: list[float]) -> Moments:
    found = Moments()
    for value in values:
        found.add(value)
    return found


def t_of(spent: Callable[[random.Random, int, int], int], count: int = 20_000) -> tuple[float, float]:
    """Invented measurements, without a clock: the same at each run."""
    dice, comparison = random.Random(3), Comparison()
    for _ in range(count // 500):
        plan = [(dice.getrandbits(1), dice.getrandbits(1)) for _ in range(500)]
        comparison.feed(
            [Measured(of_class=one, half=half, nanoseconds=spent(dice, one, half)) for one, half in plan]
        )  # fmt: skip
    found = comparison.compared()
    return found.t, found.control_t


def test_welch_s_t_is_that_of_the_formula() -> None:
    left, right = [3.0, 4.0, 5.5, 7.25], [1.0, 2.5, 2.0, 9.0, 4.5]
    expected = (statistics.mean(left) - statistics.mean(right)) / math.sqrt(
        statistics.variance(left) / len(left) + statistics.variance(right) / len(right)
    )
    assert welch(moments(left), moments(right)) == pytest.approx(expected)
    both = joined(moments(left), moments(right))
    assert both.count == 9
    assert both.mean == pytest.approx(statistics.mean(left + right))
    assert both.squares / 8 == pytest.approx(statistics.variance(left + right))


def test_alike_classes_are_alike_on_a_noisy_machine() -> None:
    t, control = t_of(lambda dice, _, __: round(1_000 + dice.expovariate(0.01) + 90_000 * (dice.random() < 0.01)))
    assert judged(t, control) is Verdict.NOTHING_SEEN


def test_a_difference_of_one_in_a_hundred_is_seen() -> None:
    t, control = t_of(lambda dice, one, _: round(1_000 + 10 * one + dice.expovariate(0.01)))
    assert judged(t, control) is Verdict.DIFFERS


def test_a_machine_that_differs_from_itself_says_nothing() -> None:
    t, control = t_of(lambda dice, _, half: round(1_000 + 50 * half + dice.expovariate(0.01)))
    assert abs(control) > T_MAX
    assert judged(t, control) is Verdict.NOISY


def test_a_comparison_that_ends_early_is_found_out() -> None:
    """The negative control on this machine's own clock: the leak is a thousand times what is looked for."""
    secret = random.Random(1).randbytes(SECRET_BYTES)
    leaky = Primitive(
        name="leaky", kind=Kind.LEAKY, run=lambda given: early_exit(secret, given),
        draw=lambda dice, other: dice.randbytes(SECRET_BYTES) if other else bytes(bytearray(secret)),
    )  # fmt: skip
    assert abs(timing.compare(leaky, 1_000, random.Random(2)).t) > T_MAX


def test_each_primitive_runs_on_inputs_of_both_classes() -> None:
    dice, every = random.Random(4), primitives()
    assert len({one.name for one in every}) == len(every) > 30
    assert [one.name for one in every if one.kind is Kind.LEAKY] == [one.name for one in every[:2]]
    for one in every:
        for other in (False, True):
            one.run(one.draw(dice, other))


def test_the_published_run_found_out_the_controls_and_nothing_in_what_is_secret() -> None:
    rows = [json.loads(line) for line in REPORT.read_text(encoding="utf-8").splitlines()]
    assert [(row["primitive"], row["kind"]) for row in rows] == [(one.name, one.kind) for one in primitives()]
    expected = {Kind.SECRET: {Verdict.NOTHING_SEEN}, Kind.LEAKY: {Verdict.DIFFERS}, Kind.KNOWN: set(Verdict)}
    for row in rows:
        assert row["samples"] >= 100_000
        assert row["verdict"] == judged(row["t"], row["control_t"])
        assert row["verdict"] in expected[Kind(row["kind"])], row["primitive"]
