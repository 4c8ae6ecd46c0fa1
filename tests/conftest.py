"""What every test shares: the same examples at each run, one event loop, the engine under the stores.

Sockets reach loopback only (``--allow-hosts`` in pyproject.toml). ``--hypothesis-profile=search`` looks for
new examples instead of repeating the known ones.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from paravent.bench import cluster as clusters
from paravent.bench.cluster import Cluster, NotInstalled
from tests import engines

settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=2_000)
settings.load_profile("same")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Runs asynchronous tests as the servers run: on asyncio."""
    return "asyncio"


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One private PostgreSQL for all tests; where there is none, its tests are skipped with that reason."""
    try:
        running = clusters.running()
        started = running.__enter__()
    except NotInstalled as reason:
        pytest.skip(str(reason))
    yield started
    running.__exit__(None, None, None)


@pytest.fixture(scope="module", autouse=True)
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """The engine under the stores of a module: SQLite, and PostgreSQL where the module asks for both."""
    name: str = getattr(request, "param", "sqlite")
    with pytest.MonkeyPatch.context() as patch:
        if name == "postgresql":
            patch.setattr(engines, "locate", engines.on(request.getfixturevalue("cluster")))
        yield name
