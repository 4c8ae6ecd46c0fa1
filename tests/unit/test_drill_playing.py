"""Scenarios are played side by side, each on the ground of its share, and what goes wrong in one is raised."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.unit.crypto.mutation import edited

from paravent.drill import playing
from paravent.drill.ground import Ground
from paravent.drill.platform import INSURERS
from paravent.drill.population import Population, synthesise
from paravent.drill.registry import Scenario
from paravent.drill.row import PlatformName, Row
from paravent.errors import ParaventError, ProofFailure, TechnicalFailure

NAMES = ("one", "two", "three", "four", "last")


@pytest.fixture(scope="module")
def people() -> Population:
    return synthesise(20, list(INSURERS), 1, 2026)


@pytest.fixture
def scenarios(monkeypatch: pytest.MonkeyPatch) -> list[Scenario]:
    """Four scenarios and one that is played alone; each leaves a row that says where it was played."""
    made = [Scenario(name=name, paravent=plays(name), conventional="none", alone=name == "last") for name in NAMES]
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


def looks(ground: Ground) -> Iterator[Row]:
    """Says whether the other ground is closed, then that it has looked."""
    yield row("last", others_closed=(ground.home.parent / "ground-2" / "closed").exists())
    (ground.home.parent / "looked").touch()


def waits(name: str) -> Callable[[Ground], Iterator[Row]]:
    """Plays once somebody has looked, or after a while."""

    def play(ground: Ground) -> Iterator[Row]:
        until = time.monotonic() + 20
        while not (ground.home.parent / "looked").exists() and time.monotonic() < until:
            time.sleep(0.01)
        yield row(name)

    return play


def test_what_is_played_alone_is_played_when_the_other_ground_is_closed(
    tmp_path: Path, people: Population, scenarios: list[Scenario]
) -> None:
    scenarios[-1] = Scenario(name="last", paravent=looks, conventional="none", alone=True)
    scenarios.reverse()
    assert played(tmp_path, people, scenarios, 2)["last"].figures["others_closed"]


def test_what_is_played_among_the_others_is_found_out(
    tmp_path: Path, people: Population, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ground, "close", closed)
    monkeypatch.setattr(playing, "play", edited(playing, "play", "if not one.alone]", "if True]"))
    alone = Scenario(name="last", paravent=looks, conventional="none", alone=True)
    beside = Scenario(name="two", paravent=waits("two"), conventional="none")
    first, *_ = list(playing.play(tmp_path, people, [alone, beside], 2))
    assert first.scenario == "last"
    assert not first.figures["others_closed"]


def test_shares_are_of_one_cost_where_they_can_be_and_always_the_same() -> None:
    """The control: by turns, one would have more than the other."""
    costs = (3, 4, 8, 4, 3, 6, 8, 1, 2, 1)
    made = [Scenario(name=str(place), paravent="", conventional="", cost=cost) for place, cost in enumerate(costs)]
    divided = playing.shares(made, 2)
    assert [sum(one.cost for one in share) for share in divided] == [20, 20]
    assert divided == playing.shares(made, 2)
    assert [share == sorted(share, key=made.index) for share in divided] == [True, True]
    assert sorted(one.name for share in divided for one in share) == sorted(one.name for one in made)
    assert sum(costs[0::2]) != sum(costs[1::2])


@pytest.mark.parametrize("processes", [1, 2])
def test_every_row_comes_once_however_many_processes_there_are(
    tmp_path: Path, people: Population, scenarios: list[Scenario], processes: int
) -> None:
    rows = list(playing.play(tmp_path, people, scenarios, processes))
    assert sorted(row.scenario for row in rows) == sorted(2 * NAMES)
    assert rows[-1].scenario == "last"


def fails(error: BaseException) -> Callable[[Ground], Iterator[Row]]:
    def play(_: Ground) -> Iterator[Row]:
        yield row("failing")
        raise error

    return play


def ends_early(
    folder: Path, people: Population, scenarios: list[Scenario], place: int, error: BaseException
) -> BaseException:
    """Has one scenario fail; returns what is raised, and sees that both grounds were closed and nothing is left."""
    scenarios[place] = Scenario(name=NAMES[place], paravent=fails(error), conventional="none")
    with pytest.raises(type(error) if place % 2 == 0 else TechnicalFailure) as raised:
        list(playing.play(folder, people, scenarios, 2))
    assert sorted(path.parent.name for path in folder.glob("*/closed")) == ["ground-1", "ground-2"]
    assert multiprocessing.active_children() == []
    return raised.value


@pytest.mark.parametrize(
    "error", [TechnicalFailure("nothing answers"), ProofFailure("nothing answers", culprit="hub")]
)  # fmt: skip
@pytest.mark.parametrize("place", [0, 1])
def test_what_fails_in_one_process_is_raised_and_every_ground_is_closed(
    tmp_path: Path, people: Population, scenarios: list[Scenario], place: int, error: ParaventError
) -> None:
    assert "nothing answers" in str(ends_early(tmp_path, people, scenarios, place, error))


def test_a_fault_of_the_other_process_is_no_end_of_its_rows(
    tmp_path: Path, people: Population, scenarios: list[Scenario], capfd: pytest.CaptureFixture[str]
) -> None:
    assert "ended early" in str(ends_early(tmp_path, people, scenarios, 1, AssertionError("a fault")))
    assert "AssertionError: a fault" in capfd.readouterr().err


def test_who_interrupts_waits_for_no_scenario_of_the_other_process(
    tmp_path: Path, people: Population, scenarios: list[Scenario]
) -> None:
    """The other would wait for twenty seconds; it is interrupted, and closes its ground."""
    scenarios[1] = Scenario(name="two", paravent=waits("two"), conventional="none")
    began = time.monotonic()
    ends_early(tmp_path, people, scenarios, 0, KeyboardInterrupt())
    assert time.monotonic() - began < 15


def test_a_drill_in_the_background_of_a_script_interrupts_the_other_process_too(
    tmp_path: Path, people: Population, scenarios: list[Scenario]
) -> None:
    """Where interrupts are ignored, as a shell has it for what a script runs in its background."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        test_who_interrupts_waits_for_no_scenario_of_the_other_process(tmp_path, people, scenarios)
    finally:
        signal.signal(signal.SIGINT, before)


def test_who_loses_its_parent_closes_its_ground(tmp_path: Path, people: Population, scenarios: list[Scenario]) -> None:
    """Nobody takes its rows any more: it plays nothing further."""
    here, there = multiprocessing.get_context("fork").Pipe(duplex=False)
    ground = Ground(home=tmp_path / "ground-2", population=people)
    scenarios[1] = Scenario(name="two", paravent=fails(AssertionError("it was played")), conventional="none")
    before, handler = signal.pthread_sigmask(signal.SIG_BLOCK, set()), signal.getsignal(signal.SIGINT)
    try:
        playing._play(ground, scenarios, here, there)
    finally:
        signal.signal(signal.SIGINT, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert (ground.home / "closed").exists()
    assert there.closed
