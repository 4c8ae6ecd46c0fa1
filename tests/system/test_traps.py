"""Trap persons on a running platform: drawn, published, tried in a drill, opened by a thief, alarmed, a case opened.

A member that is opened raises nothing, and a platform without traps hears nothing of the same thief: the test can fail.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from paravent.breach.entries import Artefact, Opened, Origin
from paravent.breach.store import Store as CaseStore
from paravent.drill.platform import INSURERS, Platform, shop
from paravent.drill.population import Population, synthesise
from tests.system.conftest import KEYSERVERS
from tests.system.customers import adults, particulars

AMC, BARE = INSURERS
SERVED = (*KEYSERVERS, "hub")
SERVERS_ASKED = 2
SECONDS_MAX = 180


@pytest.fixture(scope="module")
def people() -> Population:
    return synthesise(300, list(INSURERS), 8, datetime.now(UTC).year)


@pytest.fixture(scope="module")
def trapped(people: Population, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform where one of two insurers has traps, with two desks."""
    running = Platform(tmp_path_factory.mktemp("trapped"))
    try:
        running.create(people, 20)
        running.start(*SERVED)
        for amc in INSURERS:
            running.publish(amc)
        running.add_desk("desk-thief")
        running.start("desk", "desk-thief")
        home = running.home / "breach-desk"
        running.command("breach", "init", "--home", home, "--name", "breach.example", "--operator", "x")
        running.command(
            "breach", "join", "--home", home, "--directory", running.pin["file"], "--signer", running.pin["signer"],
            "--key", running.pin["key"],
        )  # fmt: skip
        yield running
    finally:
        running.stop()


def insurer(platform: Platform, verb: str, *options: str | Path, amc: str = AMC) -> dict[str, Any]:
    return platform.command("insurer", verb, "--home", platform.home / f"insurer-{amc}", *options, "--json")


def drill(platform: Platform, trap: str, desk: str, out: Path) -> dict[str, Any]:
    """Announces a drill for a desk's shop; returns whom it looks up."""
    insurer(platform, "trap-drill", trap, "--shop", shop(platform.ports[desk]), "--out", out)
    return dict(json.loads(out.read_text()))


def cases(platform: Platform) -> dict[str, Any]:
    return platform.command("breach", "alarms", "--home", platform.home / "breach-desk", "--json")


def journal(platform: Platform, openings: int, amc: str = AMC) -> dict[str, Any]:
    """Reads the logs until the journal has so many openings of this insurer, each by two servers, alarms included."""
    deadline, found = time.monotonic() + SECONDS_MAX, 0
    while True:
        read = insurer(platform, "journal", amc=amc)
        found += read["new_entries"]
        if found >= SERVERS_ASKED * openings or time.monotonic() > deadline:
            assert found >= SERVERS_ASKED * openings, found
            return read
        time.sleep(0.5)


def facts(platform: Platform, case: str) -> list[Any]:
    with CaseStore(platform.home / "breach-desk") as store:
        return [placed.entry.said for placed in store.entries(case)]


def test_a_trap_is_published_tried_in_a_drill_opened_by_a_thief_and_a_case_is_opened(
    trapped: Platform, people: Population, tmp_path: Path
) -> None:
    before = trapped.publish(AMC)
    drawn = insurer(trapped, "draw-traps", "--persons", "4")
    assert drawn["real_person_probability"] == 0
    assert drawn["false_alarms_a_year"] < 1
    # In the epoch that is live they would be what was added: they wait for the next one, and are counted nowhere.
    assert trapped.publish(AMC)["sealed"] == 0
    assert {one["published_at"] for one in insurer(trapped, "traps")["traps"]} == {None}
    after = trapped.rotate(AMC)
    assert {name: after[name] for name in ("persons", "added", "changed", "handles", "lines")} == {
        name: before[name] for name in ("persons", "added", "changed", "handles", "lines")
    }
    assert after["rows"] % 64 == 0
    untested = insurer(trapped, "traps")["untested"]
    assert len(untested) == drawn["traps"]
    # A drill, through a desk, is an alarm that says so, and a case of its own.
    told = drill(trapped, untested[0], "desk", tmp_path / "first.json")
    status, answer = trapped.desk("/v1/checks/number", told)
    assert (status, answer["guarantee"] is not None) == (200, True)
    journal(trapped, 1)
    assert untested[0] not in insurer(trapped, "traps")["untested"]
    (alarm,) = (taken := cases(trapped))["alarms"]
    assert (alarm["sign"], alarm["verifier"], alarm["drill"], alarm["kind"]) == ("trap-person", AMC, True, "shop")
    assert facts(trapped, taken["opened"][0])[0].origin is Origin.DRILL
    # The same shop opens it again when no drill was announced for that trap: a thief, and no threshold.
    stolen = drill(trapped, untested[1], "desk", tmp_path / "second.json")
    for person in [one for one in adults(people) if one.coverages[0].insurer == AMC][:2]:
        assert trapped.desk("/v1/checks/number", particulars(person), "desk-thief")[0] == 200
    assert trapped.desk("/v1/checks/number", stolen, "desk-thief")[0] == 200
    assert journal(trapped, 3)["persons_opened"] == 2
    (alarm,) = (taken := cases(trapped))["alarms"]
    assert (alarm["subject"], alarm["drill"], alarm["observed"]) == (shop(trapped.ports["desk-thief"]), False, 1)
    said = facts(trapped, taken["opened"][0])
    assert isinstance(said[0], Opened)
    assert said[0].origin is Origin.DETECTOR
    assert any(isinstance(one, Artefact) and one.source == AMC for one in said)
    assert cases(trapped)["alarms"] == []
    # Whoever opened it reads of it nothing that he would not read of a member; the list stays in one secret file.
    for file in (trapped.home / f"insurer-{AMC}").glob("*.db"):
        assert stolen["nir"][:13].encode() not in file.read_bytes()


def test_members_opened_raise_nothing_and_an_insurer_without_traps_hears_nothing(
    trapped: Platform, people: Population
) -> None:
    served = adults(people)[10:16]
    for person in served:
        assert trapped.desk("/v1/checks/number", particulars(person))[0] == 200
    for amc in INSURERS:
        journal(trapped, sum(person.coverages[0].insurer == amc for person in served), amc)
    assert cases(trapped)["alarms"] == []
    assert insurer(trapped, "traps", amc=BARE) == {"traps": [], "untested": []}


def test_only_the_breach_desk_reads_the_alarms(trapped: Platform) -> None:
    status, answer = trapped.call("hub", f"/v1/insurers/{AMC}/alarms", None, {})
    assert (status, answer["type"]) == (409, "urn:paravent:error:epoch-not-live")
    assert answer["detail"] == trapped.call("hub", f"/v1/insurers/{BARE}/alarms", None, {})[1]["detail"]
