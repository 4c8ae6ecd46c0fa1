"""A stolen device on a running platform: alarmed by the services themselves, suspended by policy, a case opened.

With the detectors off the same thief goes on, and nothing is found: the test can fail.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from paravent.access import cli
from paravent.access.quotas import QuotaKind, Seen
from paravent.access.store import VerifierStore
from paravent.breach.entries import Artefact, Opened, Origin
from paravent.breach.store import Store as CaseStore
from paravent.drill.platform import INSURERS, Platform, professional
from paravent.drill.population import Population, synthesise
from paravent.hub.config import load as load_hub
from paravent.hub.store import Store as HubStore
from paravent.keyserver.config import load as load_server
from paravent.keyserver.store import Store as ServerStore
from tests.system.conftest import KEYSERVERS
from tests.system.customers import adults, particulars

DESK, HONEST, UNWATCHED = "desk-stolen", "desk-honest", "desk-unwatched"
SERVED = (*KEYSERVERS, "hub")
PAST_DAYS, USUAL = 60, 4
SECONDS_MAX = 180


@pytest.fixture(scope="module")
def people() -> Population:
    return synthesise(300, list(INSURERS), 5, datetime.now(UTC).year)


@pytest.fixture(scope="module")
def watched(people: Population, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform of its own, whose verifiers judge every second and suspend on two signs; three desks with a past."""
    running = Platform(tmp_path_factory.mktemp("watched"))
    try:
        running.create(people, 20)
        set_policy(running, 'judged_seconds = 1\nsuspends = ["volume", "unknown-persons"]')
        running.start(*SERVED)
        for amc in INSURERS:
            running.publish(amc)
        running.add_desk(DESK, HONEST, UNWATCHED)
        running.stop(*SERVED)
        for name in SERVED:
            give_past(running, name, [professional(running.ports[desk]) for desk in (DESK, HONEST, UNWATCHED)])
        running.start(*SERVED, DESK, HONEST, UNWATCHED)
        running.command(
            "breach", "init", "--home", running.home / "breach-desk", "--name", "breach.example", "--operator", "x",
        )  # fmt: skip
        running.command(
            "breach", "join", "--home", running.home / "breach-desk", "--directory", running.pin["file"], "--signer",
            running.pin["signer"], "--key", running.pin["key"],
        )  # fmt: skip
        yield running
    finally:
        running.stop()


def set_policy(platform: Platform, lines: str) -> None:
    """Writes the table ``alarms`` of every verifier's configuration."""
    for name in SERVED:
        file = platform.home / name / "config.toml"
        head, _, rest = file.read_text().partition("[alarms]\n")
        after = rest[rest.index("\n[") :] if "\n[" in rest else ""
        file.write_text(f"{head}[alarms]\n{lines}\n{after}")


def give_past(platform: Platform, name: str, professionals: list[str]) -> None:
    """Counts sixty ordinary days in the ledger of a verifier that is stopped, by the ledger's own statement."""
    home = platform.home / name
    store: VerifierStore = (
        HubStore(home, load_hub(home).quotas, cli.rng)
        if name == "hub" else ServerStore(home, load_server(home).quotas, cli.rng)
    )  # fmt: skip
    now = int(time.time())
    # At whatever hour the tests run, it is one at which these shops have always worked.
    asked = (QuotaKind.LOOKUP, Seen.CLOSED_HOURS)
    kinds: tuple[QuotaKind | Seen, ...] = (
        (*asked, Seen.ROW, Seen.CLAIM) if name == "hub" else (*asked, QuotaKind.OPENING)
    )
    with store, store.commit():
        for who in professionals:
            for day in range(1, PAST_DAYS + 1):
                # A service counts what its requests turn out to be; its past days are counted as it counts today's.
                for kind in kinds:
                    for _ in range(USUAL + day % 3 - 1):
                        store.see(kind, who, now - day * 86_400)


def check(platform: Platform, desk: str, body: dict[str, Any]) -> tuple[int, str]:
    status, answer = platform.desk("/v1/checks/number", body, desk)
    return status, str(answer.get("type", "")).rpartition(":")[2]


def alarms_of(platform: Platform, name: str, *options: str | Path) -> list[dict[str, Any]]:
    verb = (name.partition("-")[0], "alarms", "--home", platform.home / name, *options, "--json")
    return list(platform.command(*verb)["alarms"])


def until(found: Callable[[], bool]) -> bool:
    """Waits for what a round of the detectors brings."""
    deadline = time.monotonic() + SECONDS_MAX
    while not found() and time.monotonic() < deadline:
        time.sleep(0.5)
    return found()


def settle(platform: Platform) -> None:
    """Waits until three looks, three seconds apart, find no new alarm: rounds are a second apart."""
    seen: list[list[int]] = []

    def again() -> bool:
        time.sleep(3)
        seen.append([len(alarms_of(platform, name)) for name in SERVED])
        return len(seen) > 2 and seen[-1] == seen[-2] == seen[-3]

    assert until(again)


def scrape(platform: Platform, desk: str, people: Population, most: int) -> int:
    """Looks up one person after the other, as a thief with a true list does; returns how many were read."""
    read = 0
    for person in adults(people)[:most]:
        status, _ = check(platform, desk, particulars(person))
        read += status == 200
    return read


def guess(platform: Platform, desk: str, people: Population, tries: int) -> list[str]:
    """Looks up numbers that no insurer knows."""
    found = []
    for person in adults(people)[:tries]:
        body = particulars(person) | {"birth_date": f"{int(person.birth_date[:4]) - 1}{person.birth_date[4:]}"}
        found.append(check(platform, desk, body)[1])
    return found


def test_a_stolen_device_that_scrapes_is_alarmed_suspended_and_a_case_opened(
    watched: Platform, people: Population
) -> None:
    thief = professional(watched.ports[DESK])
    assert scrape(watched, HONEST, people, USUAL) == USUAL
    assert scrape(watched, DESK, people, 38) >= 20
    # Every verifier that was asked suspends by itself, each by its own counts.
    assert until(lambda: bool(alarms_of(watched, "hub")))
    assert until(lambda: check(watched, DESK, particulars(adults(people)[50]))[1] == "device-suspended")
    (volume,) = [one for one in alarms_of(watched, "hub") if one["sign"] == "volume"]
    assert (volume["subject"], volume["suspended"]) == (thief, True)
    found = [one for name in SERVED for one in alarms_of(watched, name)]
    assert {one["subject"] for one in found} == {thief}, found
    # The honest desk goes on.
    assert check(watched, HONEST, particulars(adults(people)[60]))[0] == 200
    # The breach desk takes each alarm once, and opens one case.
    settle(watched)
    desk = ("breach", "alarms", "--home", watched.home / "breach-desk", "--json")
    assert watched.command(*desk, "--dry-run")["opened"] == []
    taken = watched.command(*desk)
    assert len(taken["opened"]) == 1
    assert watched.command(*desk)["alarms"] == []
    with CaseStore(watched.home / "breach-desk") as store:
        said = [placed.entry.said for placed in store.entries(taken["opened"][0])]
    assert isinstance(said[0], Opened)
    assert said[0].origin is Origin.DETECTOR
    assert sum(isinstance(one, Artefact) for one in said) == len(taken["alarms"])
    # An operator has the last word: what the policy suspended is lifted.
    for name in SERVED:
        party, home = name.partition("-")[0], watched.home / name
        states = watched.command(party, "devices", "--home", home, "--json")["ledger"]
        if any(row["event"] == "suspended" and row["subject"] == thief for row in states):
            watched.command(party, "resume", "professional", thief, "--home", home)
    assert check(watched, DESK, particulars(adults(people)[51]))[0] in {200, 429}


def test_who_guesses_numbers_is_stopped_after_a_handful(watched: Platform, people: Population) -> None:
    guesser = professional(watched.ports[HONEST])
    # An honest look-up or two may have come before: the ninth unknown person in a row alarms, or the tenth.
    guess(watched, HONEST, people, 12)
    assert until(lambda: check(watched, HONEST, particulars(adults(people)[61]))[1] == "device-suspended")
    found = [one for one in alarms_of(watched, "hub") if one["subject"] == guesser]
    assert [one["sign"] for one in found] == ["unknown-persons"]
    assert found[0]["observed"] >= 9


def test_without_detectors_the_same_thief_is_not_found(watched: Platform, people: Population) -> None:
    watched.stop(*SERVED)
    set_policy(watched, 'judged_seconds = 0\nsuspends = ["volume", "unknown-persons"]')
    watched.start(*SERVED)
    before = {name: len(alarms_of(watched, name)) for name in SERVED}
    assert scrape(watched, UNWATCHED, people, 38) >= 20
    time.sleep(5)
    assert {name: len(alarms_of(watched, name)) for name in SERVED} == before
    assert check(watched, UNWATCHED, particulars(adults(people)[52]))[1] != "device-suspended"


def test_an_alarm_of_a_key_server_is_in_its_witness_log(watched: Platform, tmp_path: Path) -> None:
    name = next(name for name in KEYSERVERS if alarms_of(watched, name))
    alarms_of(watched, name, "--out", tmp_path / "files")
    files = list((tmp_path / "files").glob(f"alarm-{name}-*.json"))
    assert len(files) == len(alarms_of(watched, name))
    home = watched.home / name
    with ServerStore(home, load_server(home).quotas, cli.rng) as store:
        kept = store.alarms.after(0)
        assert all(one.leaf is not None and store.leaf_hash(one.leaf) is not None for one in kept)


def test_a_canary_credential_alarms_and_is_untested_until_a_drill(watched: Platform, tmp_path: Path) -> None:
    watched.stop(*SERVED)
    set_policy(watched, "judged_seconds = 1")
    watched.start(*SERVED)
    home = ("--home", watched.home / "hub", "--json")
    key = tmp_path / "device.key"
    planted = watched.command("hub", "canary", "--out", key, *home)["keyid"]
    assert watched.command("hub", "canaries", *home)["untested"] == [planted]
    watched.command("hub", "canary-drill", key, *home)
    assert until(lambda: not watched.command("hub", "canaries", *home)["untested"])
    # A thief finds the key, and puts it in the place of a desk's own: answered as any unknown device, and alarmed.
    own = watched.home / HONEST / "secrets" / "device.key"
    watched.stop(HONEST)
    own.write_bytes(key.read_bytes())
    watched.start(HONEST)
    watched.desk("/v1/quota", {}, HONEST)

    def canaries() -> list[bool]:
        return [one["drill"] for one in alarms_of(watched, "hub") if one["sign"] == "canary-credential"]

    assert until(lambda: canaries() == [True, False])
