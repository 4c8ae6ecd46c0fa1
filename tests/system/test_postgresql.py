"""The same platform with the hub on PostgreSQL: every lane and act, through restarts of hub and database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from paravent.bench.cluster import Cluster
from paravent.drill.platform import DATA, INSURERS, Platform
from paravent.drill.population import Population
from paravent.errors import TechnicalFailure
from tests.system.conftest import KEYSERVERS
from tests.system.customers import adults, particulars

PRESCRIPTION = (DATA / "visionprescription-33123.r4.json").read_text()
BASKET = {"frame_class": "B", "frame_cents": 9_000, "lens_class": "B", "right_cents": 8_000, "left_cents": 8_000}


@pytest.fixture(scope="module")
def url(cluster: Cluster) -> str:
    """An empty schema for the hub."""
    return cluster.fresh()


@pytest.fixture(scope="module")
def platform(url: str, population: Population, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform whose hub keeps everything in PostgreSQL."""
    home = tmp_path_factory.mktemp("platform-postgresql")
    file = home / "database.url"
    file.touch(0o600)
    file.write_text(url)
    running = Platform(home, hub_options=("--database-url-file", file))
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


def test_a_pair_of_glasses_is_paid_once(platform: Platform, population: Population) -> None:
    month = int(datetime.now(UTC).strftime("%Y%m"))
    person = next(person for person in adults(population) if person.free_from <= month)
    checked = ask(platform, "/v1/checks/number", particulars(person))
    assert checked["covered"]
    order = {"check": checked["check"], "prescription": PRESCRIPTION, "basket": BASKET}
    assert ask(platform, "/v1/reservations", {"check": checked["check"]})["outcome"] == "accepted"
    # What was decided is in the database, not in the process.
    platform.stop("hub")
    platform.start("hub")
    paid = ask(platform, "/v1/claims", order)
    assert (paid["outcome"], paid["amc_cents"] > 0) == ("accepted", True)
    again = ask(platform, "/v1/resends", {"idempotency_key": paid["idempotency_key"]})
    assert again["decision_id"] == paid["decision_id"]
    assert ask(platform, "/v1/reservations", {"check": checked["check"]})["reason"] == "renewal-not-due"


def ask(platform: Platform, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Calls the desk, which must answer."""
    status, answer = platform.desk(path, body)
    assert status == 200, answer
    return answer


def test_absence_is_proved(platform: Platform, population: Population) -> None:
    one, other = adults(population)[1:3]
    status, answer = platform.desk("/v1/checks/number", particulars(one) | {"birth_date": other.birth_date})
    assert (status, answer["type"].rpartition(":")[2]) == (404, "not-covered"), answer


def test_a_hub_whose_sessions_end_goes_on(platform: Platform, population: Population, url: str) -> None:
    """As when the database is started again: at most one request is asked to come back."""
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND application_name = 'paravent'"
        )
    statuses = [platform.desk("/v1/checks/number", particulars(adults(population)[3]))[0] for _ in range(2)]
    assert statuses[-1] == 200
    assert statuses[0] in {200, 502, 503}


def test_nothing_is_kept_beside_it(platform: Platform, url: str) -> None:
    assert not list((platform.home / "hub").glob("*.db*"))
    with psycopg.connect(url) as database:
        rows = database.execute("SELECT COUNT(*) FROM row").fetchone()
    assert rows is not None
    assert rows[0] >= 300


def test_a_database_that_cannot_be_reached_leaves_no_home_behind(platform: Platform, tmp_path: Path) -> None:
    file = tmp_path / "database.url"
    file.touch(0o600)
    file.write_text("postgresql://paravent:secret@127.0.0.1:1/hub")
    with pytest.raises(TechnicalFailure, match="storage-down") as refused:
        platform.command("hub", "init", "--home", tmp_path / "hub", "--port", "1", "--database-url-file", file)
    assert "secret" not in str(refused.value)
    assert not (tmp_path / "hub").exists()
