"""A claim on running processes, after it was accepted: corrected at the desk, disputed and reversed by its insurer."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from paravent.drill.platform import Platform
from paravent.drill.population import Population, SyntheticPerson
from tests.system.customers import adults, card_of
from tests.unit.parties.shop import PRESCRIPTION

DESK = "desk-claims"
BASKET = {"frame_class": "B", "frame_cents": 12_000, "lens_class": "B", "right_cents": 20_000, "left_cents": 21_000}


@pytest.fixture(scope="module")
def platform(platform: Platform) -> Platform:
    """A desk of its own, so that its quotas are its own."""
    platform.add_desk(DESK)
    platform.start(DESK)
    platform.desk("/v1/refreshes", {}, DESK)
    return platform


@pytest.fixture(scope="module")
def customer(platform: Platform, population: Population) -> tuple[SyntheticPerson, str]:
    """Somebody whose equipment is payable, checked by card: the person and the name of the check."""
    for person in adults(population):
        card = {"card": card_of(platform, person), "name": person.name, "birth_date": person.birth_date}
        found = told(platform, "/v1/checks/card", card)
        reserved = told(platform, "/v1/reservations", {"check": found["check"]})
        if reserved["outcome"] == "accepted":
            return person, found["check"]
    raise AssertionError("nobody of this population has equipment payable today")


def told(platform: Platform, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Asks the desk, which answers."""
    status, answer = platform.desk(path, body, DESK)
    assert status == 200, answer
    return answer


def insurer(platform: Platform, person: SyntheticPerson, *verb: str) -> dict[str, Any]:
    """Runs a verb of the person's insurer."""
    home = platform.home / f"insurer-{person.coverages[0].insurer}"
    return platform.command("insurer", *verb, "--home", home, "--json")


def test_a_claim_is_corrected_disputed_upheld_and_reversed(
    platform: Platform, customer: tuple[SyntheticPerson, str]
) -> None:
    person, check = customer
    order = {"check": check, "prescription": PRESCRIPTION.read_text(), "basket": BASKET}
    claim = told(platform, "/v1/claims", order)
    cheaper = order | {"basket": BASKET | {"frame_cents": 5_000}, "corrects": claim["claim_id"]}
    correction = told(platform, "/v1/corrections", cheaper)
    assert (correction["kind"], correction["outcome"]) == ("correct", "accepted")
    assert 0 < correction["amc_cents"] <= claim["amc_cents"]

    corrected = _hexadecimal(correction["claim_id"])
    lines = {line["claim"]: line for line in insurer(platform, person, "claims")["claims"]}
    assert lines[_hexadecimal(claim["claim_id"])]["state"] == "reversed"
    assert (lines[corrected]["state"], lines[corrected]["payable_cents"]) == ("payable", correction["amc_cents"])

    dry = insurer(platform, person, "dispute", corrected, "--ground", "amount", "--dry-run")
    assert (dry["kind"], dry["sent"]) == ("dispute", False)
    for verb, state in ((("dispute", corrected, "--ground", "amount"), "disputed"), (("uphold", corrected), "payable"),
                        (("reverse", corrected, "--ground", "not-delivered"), "reversed")):  # fmt: skip
        decided = insurer(platform, person, *verb)
        assert (decided["outcome"], decided["sent"]) == ("accepted", True)
        lines = {line["claim"]: line for line in insurer(platform, person, "claims")["claims"]}
        assert lines[corrected]["state"] == state

    # The desk reads what followed, in words; and the right is free again.
    decisions = told(platform, "/v1/decisions", {"claim": claim["claim_id"], "act": None})["decisions"]
    assert [one["kind"] for one in decisions] == ["consume", "correct", "dispute", "uphold", "reverse"]
    assert decisions[-1]["ground_fr"] == "équipement non délivré"
    home = platform.home / DESK
    printed = platform.command("desk", "decisions", "--claim", corrected, "--home", home, "--json")
    assert printed["decisions"][-1]["ground"] == "not-delivered"
    assert told(platform, "/v1/reservations", {"check": check})["outcome"] == "accepted"


def test_an_insurer_releases_what_a_shop_holds(platform: Platform, customer: tuple[SyntheticPerson, str]) -> None:
    person, check = customer
    told(platform, "/v1/reservations", {"check": check})
    assert insurer(platform, person, "release", person.member_id)["outcome"] == "accepted"
    refused = told(platform, "/v1/cancellations", {"check": check})
    assert (refused["outcome"], refused["reason"]) == ("refused", "no-reservation")


def test_what_got_no_answer_is_asked_about_and_sent_again(
    platform: Platform, customer: tuple[SyntheticPerson, str]
) -> None:
    """The hub is away: the act waits, nothing is known; it comes back: nothing was decided, and the act is sent."""
    _, check = customer
    home = platform.home / DESK
    platform.stop("hub")
    status, problem = platform.desk("/v1/reservations", {"check": check}, DESK)
    assert (status, problem["type"], problem["retry"]) == (503, "urn:paravent:error:unanswered-act", "later")
    platform.start("hub")
    (waiting,) = platform.command("desk", "pending", "--home", home, "--json")["pending"]
    assert waiting["kind"] == "reserve"
    (decided,) = platform.command("desk", "resend", "--home", home, "--json")["decisions"]
    assert (decided["kind"], decided["outcome"]) == ("reserve", "accepted")
    assert platform.command("desk", "pending", "--home", home, "--json")["pending"] == []
    assert told(platform, "/v1/pending", {})["acts"] == []


def _hexadecimal(identifier: str) -> str:
    return base64.b64decode(identifier).hex()
