"""Scenarios are played side by side, each on the ground of its share, and what goes wrong in one is raised."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.unit.crypto.mutation import edited

from paravent.drill import playing
from paravent.drill.ground import Ground
from paravent.drill.platform import INSURERS
from paravent.drill.population import Population, synthesise
from paravent.drill.registry import SCENARIOS, Scenario
from paravent.drill.row import PlatformName, Row
from paravent.errors import TechnicalFailure

NAMES = ("one", "two", "three", "four", "last")


@pytest.fixture(scope="module")
def people() -> Population:
    return synthesise(20, list(INSURERS), 1, 2026)


@pytest.fixture
def scenarios(monkeypatch: pytest.MonkeyPatch) -> list[Scenario]:
    """Four scenarios and one that is played alone; each leaves a row that says where it was played."""
    made = [Scenario(name=name, paravent=plays(name), conventional="none", alone=name == "last") for name in NAMES]
    for scenario in made:
        monkeypatch.setitem(SCENARIOS, scenario.name, scenario)
    monkeypatch.setattr(Ground, "close", closed)
    return made


def plays(name: str) -> Callable[[Ground], Iterator[Row]]:
    def play(ground: Ground) -> Iterator[Row]:
        ground.home.mkdir(parents=True, exist_ok=True)
        yield row(name, process=os.getpid(), ground=ground.home.name, closed=(ground.home / "closed").exists())

    return play


def row(name: str, **figures: int | str | bool) -> Row:
    return Row(scenario=name, platform=PlatformName.PARAVENT, figures=dict(figures))


def closed(ground: Ground) -> None:
    ground.home.mkdir(parents=True, exist_ok=True)
    (ground.home / "closed").touch()


def played(folder: Path, people: Population, scenarios: list[Scenario], processes: int) -> dict[str, Row]:
    rows = list(playing.play(folder, people, scenarios, processes))
    return {row.scenario: row for row in rows if row.platform is PlatformName.PARAVENT}


def test_a_share_has_a_process_and_a_ground_which_is_closed(
    tmp_path: Path, people: Population, scenarios: list[Scenario]
) -> None:
    rows = played(tmp_path, people, scenarios, 2)
    grounds = [rows[name].figures["ground"] for name in NAMES]
    assert grounds == ["ground-1", "ground-2", "ground-1", "ground-2", "ground-1"]
    here = [rows[name].figures["process"] == os.getpid() for name in NAMES]
    assert here == [True, False, True, False, True]
    assert not any(row.figures["closed"] for row in rows.values())
    assert sorted(path.parent.name for path in tmp_path.glob("*/closed")) == ["ground-1", "ground-2"]


def test_what_is_played_alone_is_played_when_every_other_ground_is_closed(
    tmp_path: Path, people: Population, scenarios: list[Scenario], monkeypatch: pytest.MonkeyPatch
) -> None:
    def last(ground: Ground) -> Iterator[Row]:
        yield row("last", others_closed=(ground.home.parent / "ground-2" / "closed").exists())

    scenarios[-1] = Scenario(name="last", paravent=last, conventional="none", alone=True)
    scenarios.reverse()
    assert played(tmp_path, people, scenarios, 2)["last"].figures["others_closed"]
    # Among the others, it is played while they run.
    monkeypatch.setattr(playing, "play", edited(playing, "play", "if not one.alone]", "if True]"))
    first, *_ = list(playing.play(tmp_path / "again", people, scenarios, 2))
    assert not first.figures["others_closed"]


def test_shares_are_of_about_one_cost_and_always_the_same() -> None:
    """The control: by turns, one would have twice the other."""
    played = [one for one in SCENARIOS.values() if not one.alone]
    costs = [sum(one.cost for one in share) for share in playing.shares(played, 2)]
    assert max(costs) - min(costs) <= 1
    assert playing.shares(played, 2) == playing.shares(played, 2)
    assert sorted(one.name for share in playing.shares(played, 3) for one in share) == sorted(
        one.name for one in played
    )
    by_turns = [sum(one.cost for one in played[number::2]) for number in range(2)]
    assert max(by_turns) - min(by_turns) > 1


@pytest.mark.parametrize("processes", [1, 2])
def test_every_row_comes_once_however_many_processes_there_are(
    tmp_path: Path, people: Population, scenarios: list[Scenario], processes: int
) -> None:
    rows = list(playing.play(tmp_path, people, scenarios, processes))
    assert sorted(row.scenario for row in rows) == sorted(2 * NAMES)
    assert rows[-1].scenario == "last"


@pytest.mark.parametrize("name", ["one", "two"])
def test_what_fails_in_one_process_is_raised_and_every_ground_is_closed(
    tmp_path: Path, people: Population, scenarios: list[Scenario], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def fails(ground: Ground) -> Iterator[Row]:
        ground.home.mkdir(exist_ok=True)
        yield row(name)
        raise TechnicalFailure("nothing answers")

    place = NAMES.index(name)
    scenarios[place] = Scenario(name=name, paravent=fails, conventional="none")
    monkeypatch.setitem(SCENARIOS, name, scenarios[place])
    with pytest.raises(TechnicalFailure, match="nothing answers"):
        list(playing.play(tmp_path, people, scenarios, 2))
    assert sorted(path.parent.name for path in tmp_path.glob("*/closed")) == ["ground-1", "ground-2"]
