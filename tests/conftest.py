"""What every test shares: the same examples at each run, one event loop, the engine under the stores.

Sockets reach loopback only (``--allow-hosts`` in pyproject.toml). ``--hypothesis-profile=search`` looks for
new examples instead of repeating the known ones.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings
from playwright.async_api import Browser, Page

from paravent.bench import cluster as clusters
from paravent.bench.cluster import Cluster, NotInstalled
from paravent.drill.platform import INSURERS, Platform
from paravent.drill.population import Population, synthesise
from tests import browser as browsers
from tests import engines

settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=2_000)
settings.load_profile("same")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Runs asynchronous tests as the servers run: on asyncio."""
    return "asyncio"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--pictures", type=Path, help="run only what takes pictures of pages, and write them to this folder"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("pictures"):
        items[:] = [item for item in items if "picture" in getattr(item, "fixturenames", ())]


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """One browser for all tests; where there is none, its tests are skipped with that reason."""
    if browsers.CHROMIUM is None:
        pytest.skip(browsers.ABSENT)
    async with browsers.running() as started:
        yield started


@pytest.fixture
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """A French page in a context of its own, which fails the test for what no page may do."""
    async with browsers.visit(chromium) as opened:
        yield opened


@pytest.fixture
def picture(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Page, str], Awaitable[Path]]:
    """Takes a picture of a page, by name: for docs/pictures with ``--pictures docs/pictures``, else for nobody."""
    folder = (request.config.getoption("pictures") or tmp_path).resolve()
    return lambda shown, name: browsers.take_picture(shown, folder, name)


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
        if name == "shards":
            cluster = request.getfixturevalue("cluster")
            try:
                cluster.fresh_shards(engines.SHARDS)
            except NotInstalled as reason:
                pytest.skip(str(reason))
            patch.setattr(engines, "locate", engines.on_shards(cluster))
        yield name


@pytest.fixture(scope="session")
def population() -> Population:
    return synthesise(300, list(INSURERS), 5, datetime.now(UTC).year)


@pytest.fixture(scope="session")
def platform(population: Population, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One platform for the session; Python itself lists every module a process imports."""
    running = Platform(tmp_path_factory.mktemp("platform"), environment={"PYTHONPROFILEIMPORTTIME": "1"})
    try:
        running.create(population, 20)
        keyservers = [name for name in running.verifiers() if name != "hub"]
        running.start(*keyservers, "hub")
        for amc in INSURERS:
            running.publish(amc)
        running.start("desk", *(f"insurer-{amc}" for amc in INSURERS))
        assert running.desk("/v1/refreshes", {}) == (200, {})
        yield running
    finally:
        running.stop()
