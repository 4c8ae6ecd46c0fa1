"""Readers of what comes from outside, a few thousand inputs each: read, or refused with a declared error, in time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from paravent import errors
from paravent.errors import MalformedMessage, NotCovered
from paravent.wire.codec import read_object
from tests.fuzz import target as targets
from tests.fuzz.plain import run
from tests.fuzz.shapes import JSON
from tests.fuzz.target import VALID, Fault, Target, execute
from tests.fuzz.targets import REGRESSIONS, TARGETS, regressions

EXECUTIONS, SLOW_EXECUTIONS = 2_000, 200
REPORT = Path(__file__).parents[2] / "docs" / "reports" / "fuzzing.jsonl"


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_drawn_is_read_or_refused_with_a_declared_error(name: str) -> None:
    target = TARGETS[name]()
    found = run(target, SLOW_EXECUTIONS if target.slow else EXECUTIONS, 1, regressions(name))
    assert found.fault is None, f"{found.fault[1]}: {found.fault[0][:200]!r}"
    assert found.answers[VALID], "no input is valid: the target reaches nothing"


def test_each_regression_is_of_a_target() -> None:
    assert {path.name for path in REGRESSIONS.iterdir()} <= set(TARGETS)


def test_the_published_run_found_nothing_that_is_not_declared() -> None:
    rows = [json.loads(line) for line in REPORT.read_text(encoding="utf-8").splitlines()]
    declared = {
        VALID,
        *(error.code for error in vars(errors).values() if isinstance(error, type) and hasattr(error, "code")),
    }
    for row in rows:
        assert row["target"] in TARGETS
        assert row["undeclared"] == 0
        assert row["executions"] == sum(row["answers"].values()) > 0
        assert set(row["answers"]) <= declared


# --- the controls: seeded faults -------------------------------------------------------------------

SEED = b'{"name":"x","number":7}'


def forgets(data: bytes) -> object:
    """A reader that takes a field for granted."""
    found = read_object(data)
    return found["number"] if isinstance(found, dict) else None


def never_ends(data: bytes) -> object:
    """A reader that waits for a quote that need not come."""
    while data.count(b'"') % 2:
        data += b"x"
    return data


def misreads(_: bytes, found: object) -> None:
    assert isinstance(found, dict)
    assert found.get("number", 7) == 7


@pytest.mark.parametrize(
    ("seeded", "said"),
    [
        (Target(seeds=(SEED,), shape=JSON, read=forgets), "KeyError"),
        (Target(seeds=(SEED,), shape=JSON, read=never_ends), "processor time"),
        (Target(seeds=(SEED,), shape=JSON, read=read_object, same=misreads), "AssertionError"),
    ],
    ids=["undeclared error", "hang", "misreading"],
)
def test_a_seeded_fault_turns_its_target_red(seeded: Target, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "SECONDS_MAX", 0.3)
    found = run(seeded, EXECUTIONS, 1)
    assert found.fault is not None
    assert said in found.fault[1]
    with pytest.raises(Fault, match=said):
        execute(seeded, found.fault[0])


def test_an_error_that_is_declared_elsewhere_turns_its_target_red(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MalformedMessage, "__module__", "paravent.elsewhere")
    found = run(Target(seeds=(SEED,), shape=JSON, read=read_object), EXECUTIONS, 1)
    assert found.fault is not None
    assert "not declared" in found.fault[1]


def test_a_sound_reader_has_no_fault() -> None:
    found = run(Target(seeds=(SEED,), shape=JSON, read=read_object), EXECUTIONS, 1)
    assert (found.fault, set(found.answers)) == (None, {VALID, MalformedMessage.code})
    assert NotCovered.code not in found.answers
