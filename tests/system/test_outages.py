"""Servers that stop and servers that lie: the check goes on while t honest ones answer, and the liar is named."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from paravent.crypto.group import random_scalar
from paravent.drill.platform import Platform
from paravent.drill.population import Population
from tests.system.conftest import KEYSERVERS
from tests.system.customers import adults, card_of, particulars

DESK = "desk-outages"


@pytest.fixture(scope="module")
def platform(platform: Platform) -> Platform:
    """A desk of its own, so that its quotas are its own."""
    platform.add_desk(DESK)
    platform.start(DESK)
    platform.desk("/v1/refreshes", {}, DESK)
    return platform


@contextmanager
def altered(platform: Platform, server: str, pattern: str, change: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """Restarts a key server on altered secret files, and puts everything back afterwards."""
    files = {path: path.read_bytes() for path in (platform.home / server / "secrets").glob(pattern)}
    assert files
    platform.stop(server)
    for path, content in files.items():
        values = json.loads(content)
        change(values)
        # Whoever alters it knows the digest too: this is a liar, not a damaged disk.
        del values["digest"]
        path.write_text(json.dumps(values))
    platform.start(server)
    try:
        yield
    finally:
        platform.stop(server)
        for path, content in files.items():
            path.write_bytes(content)
        platform.start(server)


def lies(home: Path) -> set[tuple[str, str]]:
    """Reads the lies that the desk keeps: who, and what kind."""
    with sqlite3.connect(home / DESK / "desk.db") as database:
        found = database.execute("SELECT server, reason FROM lie").fetchall()
    return {(server, reason) for server, reason in found}


def another_share(values: dict[str, Any]) -> None:
    values["share"] = base64.b64encode(random_scalar(os.urandom).reveal()).decode()


def another_opening_key(values: dict[str, Any]) -> None:
    values["keys"][0]["key"] = base64.b64encode(os.urandom(32)).decode()


@pytest.mark.parametrize(
    ("pattern", "change", "reason"),
    [
        ("share-*.json", another_share, "keyserver-2: the share is not the one that its commitment gives"),
        ("opening-*.json", another_opening_key, "a wrong opening value"),
    ],
)
def test_a_lying_server_is_named_and_another_is_used(
    platform: Platform, population: Population, pattern: str, change: Callable[[dict[str, Any]], None], reason: str
) -> None:
    with altered(platform, "keyserver-2", pattern, change):
        # Servers are chosen at random: over eight checks the liar is asked but for one time in 6,561.
        for person in adults(population)[4:12]:
            assert platform.desk("/v1/checks/number", particulars(person), DESK)[0] == 200
    assert ("keyserver-2", reason) in lies(platform.home)
    assert {server for server, _ in lies(platform.home)} == {"keyserver-2"}


def test_one_server_may_stop_and_a_second_stops_the_number_lane_only(
    platform: Platform, population: Population
) -> None:
    person = adults(population)[5]
    card = {"card": card_of(platform, person), "name": person.name, "birth_date": person.birth_date}
    platform.stop(KEYSERVERS[0])
    assert platform.desk("/v1/checks/number", particulars(person), DESK)[0] == 200
    platform.stop(KEYSERVERS[1])
    status, answer = platform.desk("/v1/checks/number", particulars(person), DESK)
    assert (status, answer["type"]) == (503, "urn:paravent:error:too-few-servers")
    assert "carte" in answer["advice_fr"]
    assert platform.desk("/v1/checks/card", card, DESK)[0] == 200
    platform.start(*KEYSERVERS[:2])
    assert platform.desk("/v1/checks/number", particulars(person), DESK)[0] == 200


def test_the_hub_stopped_is_a_technical_failure(platform: Platform, population: Population) -> None:
    platform.stop("hub")
    status, answer = platform.desk("/v1/checks/number", particulars(adults(population)[5]), DESK)
    platform.start("hub")
    assert (status, answer["type"]) == (503, "urn:paravent:error:unreachable")
