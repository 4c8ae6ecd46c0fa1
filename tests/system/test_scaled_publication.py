"""A publication sealed on a Dask cluster, taken over HTTP by a hub on shards; persons are checked by number there."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from paravent.bench import bulk
from paravent.bench.cluster import Cluster, NotInstalled
from paravent.drill.platform import INSURERS, Platform
from paravent.drill.population import Population, SyntheticPerson
from tests.system.conftest import KEYSERVERS
from tests.system.customers import adults, particulars

SHARDS, WORKERS = 2, 2
SEALED_ELSEWHERE, SEALED_HERE = INSURERS
SWEPT_SECONDS_MAX = 60.0


@pytest.fixture(scope="module")
def url(cluster: Cluster) -> str:
    """The database of a hub, and its shards."""
    try:
        return cluster.fresh_shards(SHARDS)
    except NotInstalled as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def platform(url: str, population: Population, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform whose hub is on shards; nothing is published yet."""
    home = tmp_path_factory.mktemp("platform-shards")
    file = home / "database.url"
    file.touch(0o600)
    file.write_text(url)
    running = Platform(home, hub_options=("--database-url-file", file, "--shards", str(SHARDS)))
    try:
        running.create(population, 20)
        running.start(*KEYSERVERS, "hub")
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def published(platform: Platform) -> Iterator[dict[str, dict[str, Any]]]:
    """Both insurers' publications: one is sealed by the workers of a scheduler, the other in its own processes."""
    pytest.importorskip("distributed", reason="the extra bulk is not installed: pip install 'paravent[bulk]'")
    home, key = platform.home / f"insurer-{SEALED_ELSEWHERE}", platform.home / "worker.key"
    platform.command("insurer", "sealing-key", "--home", home, "--key", key)
    with bulk.machines(home, key, WORKERS) as (address, workers):
        settings = home / "config.toml"
        settings.write_text(f'sealing_scheduler = "{address}"\n' + settings.read_text())
        done = {amc: platform.publish(amc) for amc in INSURERS}
        platform.start("desk")
        assert platform.desk("/v1/refreshes", {}) == (200, {})
        # One machine is gone: what is published from here on is sealed by the other.
        workers[0].kill()
        yield done


def of(population: Population, amc: str) -> list[SyntheticPerson]:
    return [person for person in adults(population) if person.coverages[0].insurer == amc]


def check(platform: Platform, person: SyntheticPerson) -> tuple[int, str]:
    """Checks somebody by number; returns the status, and the code of a refusal."""
    status, answer = platform.desk("/v1/checks/number", particulars(person))
    return status, str(answer.get("type", "")).rpartition(":")[2]


def rows_of(url: str) -> list[int]:
    """Counts the rows on each shard."""
    counts = []
    for number in range(SHARDS):
        shard = url.rpartition("/")
        with closing(psycopg.connect(f"{shard[0]}/{shard[2].replace('hub_', 'shard_')}_{number}")) as database:
            found = database.execute("SELECT COUNT(*) FROM row").fetchone()
            counts.append(0 if found is None else int(found[0]))
    return counts


def live_rows(platform: Platform) -> int:
    """Counts the rows of the live manifests, as the hub says."""
    return int(platform.call("hub", "/v1/status", None, {})[1]["rows"])


def test_a_desk_checks_whom_a_cluster_sealed_and_shards_hold(
    platform: Platform, population: Population, published: dict[str, dict[str, Any]], url: str
) -> None:
    for amc in INSURERS:
        assert published[amc]["sealed"] >= published[amc]["persons"] > 0
        assert check(platform, of(population, amc)[0]) == (200, "")
    assert min(rows_of(url)) > 0


def test_changes_reach_the_shards(
    platform: Platform, population: Population, published: dict[str, dict[str, Any]], url: str
) -> None:
    """Somebody leaves, one of two machines is gone: changes are merged on each shard, former rows are swept from it."""
    assert published
    *_, stayer, leaver = of(population, SEALED_ELSEWHERE)
    file = platform.home / f"members-{SEALED_ELSEWHERE}.csv"
    lines = list(csv.reader(file.read_text(encoding="utf-8").splitlines()))
    kept = [line for line in lines if leaver.member_id not in line]
    assert len(kept) == len(lines) - 1
    with file.open("w", encoding="utf-8", newline="") as written:
        csv.writer(written).writerows(kept)
    assert platform.publish(SEALED_ELSEWHERE)["ended"] == 1
    assert platform.publish(SEALED_ELSEWHERE, "--complete")["complete"]
    assert platform.desk("/v1/refreshes", {}) == (200, {})
    assert check(platform, leaver) == (404, "not-covered")
    assert check(platform, stayer) == (200, "")
    # A hub sweeps when it starts, and every minute.
    platform.stop("hub")
    platform.start("hub")
    deadline = time.monotonic() + SWEPT_SECONDS_MAX
    while sum(rows_of(url)) != live_rows(platform) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert sum(rows_of(url)) == live_rows(platform)
    assert check(platform, stayer) == (200, "")
