"""A real platform, started once: every party a process on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from paravent.drill.platform import INSURERS, SERVERS, Platform
from paravent.drill.population import Population, synthesise

KEYSERVERS = tuple(f"keyserver-{number}" for number in range(1, SERVERS + 1))
PARTIES = (*KEYSERVERS, "hub", "desk", *(f"insurer-{amc}" for amc in INSURERS))


@pytest.fixture(scope="session")
def population() -> Population:
    return synthesise(300, list(INSURERS), 5, datetime.now(UTC).year)


@pytest.fixture(scope="session")
def platform(population: Population, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One platform for the session; Python itself lists every module a process imports."""
    running = Platform(tmp_path_factory.mktemp("platform"), environment={"PYTHONPROFILEIMPORTTIME": "1"})
    try:
        running.create(population, 20)
        running.start(*KEYSERVERS, "hub")
        for amc in INSURERS:
            running.publish(amc)
        running.start("desk", *(f"insurer-{amc}" for amc in INSURERS))
        assert running.desk("/v1/refreshes", {}) == (200, {})
        yield running
    finally:
        running.stop()
