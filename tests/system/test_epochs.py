"""The end of an epoch on running processes: old backups open nothing, lost servers are dealt again.

The copies are real: files of a hub and a key server that run, taken before the epoch ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from paravent.access.sqlite_store import connect
from paravent.drill.old_backups import AWAY, BACKED_UP, EPOCH, SERVERS_ALL, old_backups
from paravent.drill.platform import INSURERS, Platform
from paravent.drill.population import Population, synthesise
from paravent.errors import TechnicalFailure
from paravent.keyserver.log_store import WitnessLog
from paravent.wire.log import concerns
from tests.system.customers import adults, particulars


@pytest.fixture(scope="module")
def population() -> Population:
    return synthesise(220, list(INSURERS), 7, datetime.now(UTC).year)


@pytest.fixture(scope="module")
def platform(population: Population, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform of its own: its epochs change."""
    running = Platform(tmp_path_factory.mktemp("epochs"))
    try:
        running.create(population, 20)
        running.start(*SERVERS_ALL, "hub")
        for amc in INSURERS:
            running.publish(amc)
        running.start("desk")
        yield running
    finally:
        running.stop()


def dealt(platform: Platform, epoch: int) -> list[Path]:
    """Lists what the disks hold of an epoch: shares, opening keys, look-up keys."""
    found = [path for server in SERVERS_ALL for path in (platform.home / server / "secrets").glob(f"*-{epoch}*.json")]
    found += [path for amc in INSURERS for path in (platform.home / f"insurer-{amc}").glob(f"secrets/epoch-{epoch}.*")]
    return [path for path in found if path.stem.split("-")[-1 if "opening" not in path.name else -2] == str(epoch)]


def deletions(platform: Platform, server: str) -> int:
    """Counts the deletions in the witness log of a server."""
    connection = connect(platform.home / server / "keyserver.db")
    log = WitnessLog(connection)
    entries = [entry for _, entry in log.entries(0, log.size())]
    connection.close()
    return sum(b"paravent/1/deletion" in entry and any(concerns(entry, amc) for amc in INSURERS) for entry in entries)


def check(platform: Platform, population: Population, place: int) -> int:
    """Runs the number lane for a person; returns the status."""
    return platform.desk("/v1/checks/number", particulars(adults(population)[place]))[0]


def test_old_backups_and_todays_stores_open_nothing(platform: Platform, population: Population) -> None:
    assert check(platform, population, 0) == 200
    assert dealt(platform, EPOCH)
    skipped, done = old_backups(platform, population)
    # One server was down at the end of the epoch and kept its files: with the old copies, t sets survived.
    assert skipped.opened == skipped.bound == len(population.persons)
    assert (done.opened, done.membership, done.bound) == (0, 0, 0)
    assert dealt(platform, EPOCH) == []
    assert dealt(platform, EPOCH + 1)
    assert (platform.home / "backups" / BACKED_UP / "secrets" / "box-1.key").exists()
    for server in SERVERS_ALL:
        # A share and a batch for each insurer.
        assert deletions(platform, server) == 2 * len(INSURERS)
        boxes = [path.name for path in (platform.home / server / "secrets").glob("box-*.key")]
        assert len(boxes) == 1
        assert boxes != ["box-1.key"]


def test_a_desk_goes_on_in_the_next_epoch(platform: Platform, population: Population) -> None:
    """It had read the former one: it reads the epoch again, and the customer notices nothing."""
    assert check(platform, population, 1) == 200


def test_any_t_servers_go_on(platform: Platform, population: Population) -> None:
    platform.stop(AWAY)
    for amc in INSURERS:
        assert platform.publish(amc)["receipts"] == 2
    assert check(platform, population, 2) == 200
    platform.start(AWAY)


def test_below_t_a_rotation_deals_and_seals_again(platform: Platform, population: Population) -> None:
    lost = SERVERS_ALL[1:]
    platform.stop(*lost)
    for server in lost:
        for path in (platform.home / server / "secrets").glob("*.json"):
            path.unlink()
    platform.start(*lost)
    status, answer = platform.desk("/v1/checks/number", particulars(adults(population)[3]))
    assert (status, answer["type"]) == (409, "urn:paravent:error:epoch-not-live")
    for amc in INSURERS:
        done = platform.rotate(amc)
        assert (done["epoch"], done["receipts"]) == (EPOCH + 2, 3)
        assert done["seconds"] > 0
        assert done["seconds_per_million_persons"] == pytest.approx(1e6 * done["seconds"] / done["persons"], rel=0.2)
    assert check(platform, population, 3) == 200


def test_an_epoch_that_was_never_opened_cannot_be_ended(platform: Platform) -> None:
    """A wrong number would end every epoch below it, for good."""
    home = platform.home / f"insurer-{next(iter(INSURERS))}"
    with pytest.raises(TechnicalFailure, match="there is no epoch 99"):
        platform.command("insurer", "end-epoch", "99", "--home", home)
