"""The three worked cases, each played once for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from paravent.access.quotas import QuotaLimits
from paravent.breach.case import compute
from paravent.breach.exposure import Exposure
from paravent.breach.store import Store
from paravent.drill.cases.attacks import PERSONS, Attack, Played, clear_file, stolen_credential, stolen_hub
from paravent.drill.credentials.scene import Scene, scene


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case: the platform attacked, the breach desk's store, the thief's truth, the exposure computed."""

    scene: Scene
    store: Store
    played: Played
    exposures: list[Exposure]


def _played(attack: Attack, home: Path) -> Iterator[Case]:
    with scene(2, (), PERSONS, QuotaLimits()) as attacked, Store(home / "breach") as store:
        found = attack(attacked, store)
        computed = compute(store, found.case, attacked.platform.directory, QuotaLimits(), attacked.platform.now)
        yield Case(scene=attacked, store=store, played=found, exposures=[exposure for exposure, _ in computed])


@pytest.fixture(scope="session")
def credential(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    yield from _played(stolen_credential, tmp_path_factory.mktemp("credential"))


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    yield from _played(stolen_hub, tmp_path_factory.mktemp("hub"))


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    yield from _played(clear_file, tmp_path_factory.mktemp("file"))
