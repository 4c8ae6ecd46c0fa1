"""The platforms that the tests of the parties play on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.parties.world import World

from paravent.access.quotas import QuotaLimits

MANY = 1_000_000


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A platform for one test, which may change anything in it."""
    built = World.build(tmp_path)
    yield built
    built.close()


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[World]:
    """A platform for the tests of a module that change nothing in it but counters; its quotas are endless."""
    assert engine, "a platform of its own on each engine"
    limits = QuotaLimits(lookups_per_day_max=MANY, openings_per_day_max=MANY, repeats_per_day_max=MANY)
    built = World.build(tmp_path_factory.mktemp("still"), limits=limits)
    yield built
    built.close()
