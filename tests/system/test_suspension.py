"""The breach desk suspends at every verifier that runs, and says what happened at one that does not."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from paravent.drill.platform import Platform, professional, shop
from paravent.drill.population import Population, SyntheticPerson
from tests.system.conftest import KEYSERVERS
from tests.system.customers import adults, card_of, particulars

CASE = "2026-014"


def breach(platform: Platform, verb: str, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """Runs a verb of the breach desk; returns its exit code, its JSON line and what people read."""
    done = subprocess.run(
        [
            sys.executable, "-m", "paravent", "breach", verb, *arguments, "--home", platform.home / "breach-desk",
            "--case", CASE, "--directory", platform.pin["file"], "--signer", platform.pin["signer"],
            "--key", platform.pin["key"], "--json",
        ],
        capture_output=True, check=False, input=b"n\n",
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout.splitlines()[-1]), done.stderr.decode()


def outcomes(answer: dict[str, Any]) -> dict[str, str]:
    return {verifier["verifier"]: verifier["outcome"] for verifier in answer["verifiers"]}


def check(platform: Platform, desk: str, population: Population) -> tuple[int, str]:
    return number_check(platform, desk, adults(population)[40])


def number_check(platform: Platform, desk: str, person: SyntheticPerson) -> tuple[int, str]:
    status, answer = platform.desk("/v1/checks/number", particulars(person), desk)
    return status, str(answer.get("type", "")).rpartition(":")[2]


def status_of(platform: Platform, name: str) -> dict[str, Any]:
    return platform.command(name.partition("-")[0], "devices", "--home", platform.home / name, "--json")


@pytest.mark.parametrize("kind", ["device", "professional", "shop"])
def test_a_measure_holds_everywhere_and_ends_everywhere(platform: Platform, population: Population, kind: str) -> None:
    desk = f"desk-suspended-{kind}"
    platform.add_desk(desk)
    platform.start(desk)
    port = platform.ports[desk]
    device = next(found for found in status_of(platform, "hub")["devices"] if found["shop"] == shop(port))
    subject = {"device": device["keyid"], "professional": professional(port), "shop": shop(port)}[kind]
    # Stated first: nothing changes, with --dry-run or without an agreement.
    code, seen, told = breach(platform, "suspend", kind, subject, "--dry-run")
    assert (code, seen["done"], set(outcomes(seen).values())) == (0, False, {"seen"})
    assert [found["report"]["active"] for found in seen["verifiers"]] == [1, 1, 1, 1]
    assert "is suspended (active devices: 1" in told
    code, refused, told = breach(platform, "suspend", kind, subject)
    assert (code, refused["error"]) == (1, "bad-input")
    assert "Stopped from the next request on" in told
    assert check(platform, desk, population)[0] == 200
    # Done with one key server away: said so, and the others hold already.
    away = KEYSERVERS[2]
    platform.stop(away)
    code, done, told = breach(platform, "suspend", kind, subject, "--yes")
    assert (code, done["complete"]) == (1, False)
    assert outcomes(done) == {"hub": "done", KEYSERVERS[0]: "done", KEYSERVERS[1]: "done", away: "failed"}
    assert "INCOMPLETE" in told
    assert next(found["error"] for found in done["verifiers"] if found["verifier"] == away) == "unreachable"
    # Two servers refuse and one is away: a refusal when those two were asked first, too few when the third was.
    assert check(platform, desk, population) in {(503, "too-few-servers"), (403, "device-suspended")}
    # Sent again once it is back.
    platform.start(away)
    code, done, _ = breach(platform, "suspend", kind, subject, "--yes")
    assert (code, done["complete"]) == (0, True)
    assert outcomes(done) == {"hub": "already", KEYSERVERS[0]: "already", KEYSERVERS[1]: "already", away: "done"}
    assert check(platform, desk, population) == (403, "device-suspended")
    for name in platform.verifiers():
        last = status_of(platform, name)["ledger"][-1]
        assert (last["event"], last["subject"], last["reason"]) == ("suspended", subject, f"case {CASE}")
    code, done, _ = breach(platform, "resume", kind, subject, "--yes")
    assert (code, set(outcomes(done).values())) == (0, {"done"})
    assert check(platform, desk, population)[0] == 200
    platform.stop(desk)


@pytest.mark.parametrize(("kind", "whose"), [("insurer", "of insurer {}"), ("lane", "of every insurer")])
def test_a_closed_lane_refuses_by_number_and_nothing_else(
    platform: Platform, population: Population, kind: str, whose: str
) -> None:
    """One insurer's lane, or the whole lane: refused as a technical failure meanwhile, answered once it is lifted."""
    desk = f"desk-lane-{kind}"
    platform.add_desk(desk)
    platform.start(desk)
    amc = population.insurers[0]
    mine, theirs = (
        next(person for person in adults(population)[60:] if (person.coverages[0].insurer == amc) is ours)
        for ours in (True, False)
    )
    subject = {"insurer": amc, "lane": "number"}[kind]
    closed = (503, "lane-suspended")
    # Stated first, in words, and nothing changes without an agreement.
    code, seen, told = breach(platform, "suspend", kind, subject, "--dry-run")
    assert (code, seen["done"], set(outcomes(seen).values())) == (0, False, {"seen"})
    assert f"members {whose.format(amc)}" in told
    assert "Continuent : les cartes" in told
    assert breach(platform, "suspend", kind, subject)[0] == 1
    assert (number_check(platform, desk, mine)[0], number_check(platform, desk, theirs)[0]) == (200, 200)
    # Closed at every verifier: look-ups and openings of whom it is about stop, cards go on.
    code, done, _ = breach(platform, "suspend", kind, subject, "--yes")
    assert (code, done["complete"], set(outcomes(done).values())) == (0, True, {"done"})
    card = {"card": card_of(platform, mine), "name": mine.name, "birth_date": mine.birth_date}
    assert number_check(platform, desk, mine) == closed
    assert number_check(platform, desk, theirs) == (closed if kind == "lane" else (200, ""))
    assert platform.desk("/v1/checks/card", card, desk)[0] == 200
    # The database on disk says so as well: a verifier that restarts goes on refusing.
    platform.stop(KEYSERVERS[0])
    platform.start(KEYSERVERS[0])
    assert number_check(platform, desk, mine) == closed
    # Lifted everywhere, and the same persons are answered again.
    code, done, _ = breach(platform, "resume", kind, subject, "--yes")
    assert (code, set(outcomes(done).values())) == (0, {"done"})
    assert (number_check(platform, desk, mine)[0], number_check(platform, desk, theirs)[0]) == (200, 200)
    platform.stop(desk)


def test_a_desk_that_the_directory_does_not_list_suspends_nothing(platform: Platform) -> None:
    other = platform.home / "other-desk"
    platform.command("breach", "desk-key", "--home", other, "--entry", platform.home / "other-desk.json")
    done = subprocess.run(
        [
            sys.executable, "-m", "paravent", "breach", "suspend", "shop", "580000001", "--home", other, "--case", CASE,
            "--directory", platform.pin["file"], "--signer", platform.pin["signer"], "--key", platform.pin["key"],
            "--yes",
        ],
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert b"does not list this breach desk" in done.stderr


def test_an_operator_ends_what_a_case_suspended_at_its_own_verifier(platform: Platform, population: Population) -> None:
    desk = "desk-resumed"
    platform.add_desk(desk)
    platform.start(desk)
    breach(platform, "suspend", "shop", shop(platform.ports[desk]), "--yes")
    assert check(platform, desk, population) == (403, "device-suspended")
    for name in platform.verifiers():
        verb = (name.partition("-")[0], "resume-case", CASE, "--home", platform.home / name, "--json")
        assert platform.command(*verb, "--dry-run")["resumed"] == platform.command(*verb)["resumed"] != []
    assert check(platform, desk, population)[0] == 200
    platform.stop(desk)
