"""The hub's files encrypted in place, and the service put back: nothing that was acknowledged is lost or paid twice."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from paravent.drill.platform import INSURERS, Platform
from paravent.drill.population import Population, SyntheticPerson
from paravent.errors import TechnicalFailure
from tests.system.conftest import KEYSERVERS
from tests.system.customers import adults, particulars
from tests.unit.parties.shop import PRESCRIPTION

BASKET = {"frame_class": "B", "frame_cents": 12_000, "lens_class": "B", "right_cents": 20_000, "left_cents": 21_000}


@pytest.fixture(scope="module")
def platform(population: Population, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform of its own, for it is lost."""
    running = Platform(tmp_path_factory.mktemp("continuity"))
    try:
        running.create(population, 20)
        running.start(*KEYSERVERS, "hub")
        for amc in INSURERS:
            running.publish(amc)
        running.start("desk")
        assert running.desk("/v1/refreshes", {}) == (200, {})
        keys = ("--key", running.home / "backup.key", "--public", running.home / "backup.pub")
        running.command("hub", "backup-key", "--home", running.home / "hub", *keys)
        yield running
    finally:
        running.stop()


def hub(platform: Platform, *verb: str | Path) -> dict[str, Any]:
    """Runs a verb of the hub."""
    return platform.command("hub", *verb, "--home", platform.home / "hub", "--json")


def told(platform: Platform, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Asks the desk, which answers."""
    status, answer = platform.desk(path, body)
    assert status == 200, answer
    return answer


def checked(platform: Platform, person: SyntheticPerson) -> dict[str, Any]:
    """Checks a person by number: the right is named in what follows."""
    return {"check": told(platform, "/v1/checks/number", particulars(person))["check"]}


def paid(platform: Platform, person: SyntheticPerson) -> dict[str, Any]:
    """Has a pair of glasses paid."""
    check = checked(platform, person)
    assert told(platform, "/v1/reservations", check)["outcome"] == "accepted"
    order = check | {"prescription": PRESCRIPTION.read_text(), "basket": BASKET}
    claim = told(platform, "/v1/claims", order)
    assert claim["outcome"] == "accepted", claim
    return claim


def pulled(platform: Platform) -> dict[str, dict[str, Any]]:
    """Has every insurer pull; returns the lines of claims that they found payable, by claim."""
    lines = []
    for amc in INSURERS:
        lines += platform.command("insurer", "claims", "--home", platform.home / f"insurer-{amc}", "--json")["claims"]
    payable = [line for line in lines if line["state"] == "payable"]
    found = {line["claim"]: line for line in payable}
    assert len(found) == len(payable), "a claim is paid twice"
    return found


def encrypt_in_place(platform: Platform) -> None:
    """Does to the hub's database what ransomware does."""
    platform.stop("hub")
    for path in (platform.home / "hub").glob("hub.db*"):
        path.write_bytes(os.urandom(max(path.stat().st_size, 4_096)))
    with pytest.raises(TechnicalFailure, match="storage-down"):
        hub(platform, "counts", "--out", platform.home / "counts.json")


@pytest.fixture(scope="module")
def customers(population: Population) -> list[SyntheticPerson]:
    """Persons whose equipment is payable."""
    return [person for person in adults(population) if person.free_from <= 202_601]


def test_nothing_acknowledged_is_lost_or_paid_twice(platform: Platform, customers: list[SyntheticPerson]) -> None:
    before, told_to_insurer, told_to_nobody, later = customers[:4]
    claims = [paid(platform, before)]
    backup = platform.home / "hub.backup"
    assert hub(platform, "backup", "--out", backup, "--to", platform.home / "backup.pub")["heads"] == len(INSURERS)
    claims.append(paid(platform, told_to_insurer))
    assert len(pulled(platform)) == 2
    claims.append(paid(platform, told_to_nobody))
    encrypt_in_place(platform)

    restore = ("restore", backup, "--key", platform.home / "backup.key")
    assert hub(platform, *restore, "--dry-run")["written"] is False
    recorded = json.loads((platform.home / "hub" / "backups.json").read_text())["backups"]
    assert [one["restored_at"] is not None for one in recorded] == [True]
    put_back = hub(platform, *restore)
    assert put_back["to_publish"] == []
    assert (Path(put_back["set_aside"]) / "hub.db").exists()
    platform.start("hub")

    # Cards and numbers are checked at once; nothing is promised before the hub knows what it promised.
    check = checked(platform, later)
    status, answer = platform.desk("/v1/reservations", check)
    assert (status, answer["type"]) == (503, "urn:paravent:error:hub-recovering")
    assert "conservée" in answer["advice_fr"]
    with pytest.raises(TechnicalFailure, match="stale-data"):
        hub(platform, "reopen")
    pulled(platform)
    assert platform.desk("/v1/refreshes", {}) == (200, {})
    # The reservation and the claim of each of the two: those that the desk gives back too are the same.
    assert hub(platform, "reopen") == {"taken": 4, "conflicting": 0}

    for person in (before, told_to_insurer, told_to_nobody):
        again = told(platform, "/v1/reservations", checked(platform, person))
        assert (again["outcome"], again["reason"]) == ("refused", "renewal-not-due")
    for claim in claims:
        resent = told(platform, "/v1/resends", {"idempotency_key": claim["idempotency_key"]})
        assert resent["decision_id"] == claim["decision_id"]
    claims.append(paid(platform, later))
    found = pulled(platform)
    assert len(found) == 4
    assert sum(line["payable_cents"] for line in found.values()) == sum(claim["amc_cents"] for claim in claims)


def test_from_nothing_insurers_and_desks_give_everything_back(
    platform: Platform, customers: list[SyntheticPerson]
) -> None:
    platform.stop("hub")
    for path in (platform.home / "hub").glob("hub.db*"):
        path.unlink()
    assert hub(platform, "restore")["to_publish"] == sorted(INSURERS)
    platform.start("hub")
    for amc in INSURERS:
        platform.publish(amc, "--complete")
    platform.enrol_again("desk")
    before = pulled(platform)
    assert platform.desk("/v1/refreshes", {}) == (200, {})
    assert hub(platform, "reopen")["conflicting"] == 0
    for person in customers[:4]:
        again = told(platform, "/v1/reservations", checked(platform, person))
        assert (again["outcome"], again["reason"]) == ("refused", "renewal-not-due")
    paid(platform, customers[4])
    assert len(pulled(platform)) == len(before) + 1


def test_a_backup_older_than_what_was_cosigned_is_refused(platform: Platform) -> None:
    backup = platform.home / "older.backup"
    hub(platform, "backup", "--out", backup, "--to", platform.home / "backup.pub")
    platform.publish(next(iter(INSURERS)), "--complete")
    restore = ("restore", backup, "--key", platform.home / "backup.key")
    with pytest.raises(TechnicalFailure, match="key servers cosigned later manifests"):
        hub(platform, *restore, "--dry-run")
    assert hub(platform, *restore, "--older", "--dry-run")["to_publish"] == [next(iter(INSURERS))]


def test_without_what_insurers_and_desks_give_back_a_right_is_paid_twice(
    platform: Platform, customers: list[SyntheticPerson]
) -> None:
    """Shows that it is the acts given back that keep a right from being used twice."""
    backup = platform.home / "forgetful.backup"
    hub(platform, "backup", "--out", backup, "--to", platform.home / "backup.pub")
    person = customers[5]
    paid(platform, person)
    encrypt_in_place(platform)
    hub(platform, "restore", backup, "--key", platform.home / "backup.key")
    platform.start("hub")
    assert hub(platform, "reopen", *(option for amc in INSURERS for option in ("--without", amc)))["taken"] == 0
    check = checked(platform, person)
    assert told(platform, "/v1/reservations", check)["outcome"] == "accepted"
