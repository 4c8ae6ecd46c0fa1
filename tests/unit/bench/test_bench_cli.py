"""``paravent bench``: what is asked for is what runs, in a folder of its own, one JSON object a row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from paravent.bench import cli
from paravent.bench.measures import Measure, Sizes


@dataclass(frozen=True)
class Seen:
    """What a measure was given."""

    folder: str
    quick: bool
    attempts: int


def recording(measure: Measure) -> Measure:
    attempts = next((option for option in measure.options if option.name == "attempts"), None)

    def rows(folder: Path, sizes: Sizes) -> Iterator[Seen]:
        assert folder.is_dir()
        yield Seen(folder.name, sizes.quick, 0 if attempts is None else sizes.of(attempts, 7))

    return Measure(name=measure.name, rows=rows, asked_by=measure.asked_by, options=measure.options)


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ASKED", "QUICK", "UNASKED"):
        monkeypatch.setattr(cli, name, tuple(map(recording, getattr(cli, name))))


def run(*arguments: str) -> list[dict[str, object]]:
    result = CliRunner().invoke(cli.bench, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_nothing_asked_for_runs_the_usual_measures_in_order() -> None:
    found = run()
    assert [row["benchmark"] for row in found] == [measure.name for measure in cli.UNASKED]
    assert not any(row["quick"] for row in found)
    quick = run("--quick")
    assert [row["benchmark"] for row in quick] == [*(row["benchmark"] for row in found), "population"]
    assert all(row["quick"] for row in quick)


def test_each_option_runs_its_own_measure_alone() -> None:
    for measure in cli.ASKED:
        assert measure.asked_by is not None
        arguments = measure.asked_by.opts if measure.asked_by.is_flag else [*measure.asked_by.opts, "1000"]
        assert [(row["benchmark"], row["folder"]) for row in run(*arguments)] == [(measure.name, measure.name)]


def test_a_count_is_what_was_given_or_the_measures_own() -> None:
    assert [row["attempts"] for row in run("--double-payment")] == [7]
    assert [row["attempts"] for row in run("--double-payment", "--attempts", "3")] == [3]


def test_a_count_of_zero_or_an_unknown_option_is_refused() -> None:
    for arguments in (["--attempts", "0"], ["--members", "1"], ["--nothing"]):
        assert CliRunner().invoke(cli.bench, arguments).exit_code == 2
