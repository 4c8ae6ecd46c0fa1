"""A photographed card: whose it is, what it says, and what somebody else can do with it first."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator

from paravent.breach.entries import LootKind, Stolen
from paravent.crypto.entitlement import verify_desk_part, verify_entitlement
from paravent.drill.counter import Counter, card_of
from paravent.drill.ground import Ground
from paravent.drill.inquiry import inquire
from paravent.drill.population import LeakedLine, SyntheticPerson
from paravent.drill.row import PlatformName, Ran, Row
from paravent.drill.theft import read_directory
from paravent.wire.card import read_card

FORMULA = "1 a card, until it is revoked"
SHOPS = ("desk", "desk-2")
_OK = 200


def photographed(ground: Ground) -> Iterator[Row]:
    """Photographs one card, reads it, and tries every name of the list on it; then the insurer replaces it."""
    platform, (person,) = ground.paravent(), ground.next_customers(1)
    amc, text = person.coverages[0].insurer, card_of(platform, person)
    began, started = int(time.time()), time.perf_counter()
    matches = _whose(text, ground)
    seconds = time.perf_counter() - started
    counter = ground.counter()
    usable = bool(counter.by_card(text, person))
    found = inquire(platform, ground.folder("case"), [Stolen(kind=LootKind.CARD, insurer=amc)], began)
    platform.command("insurer", "revoke", person.member_id, "--card", "--home", platform.home / f"insurer-{amc}")
    yield Row(
        scenario="photographed-card", platform=PlatformName.PARAVENT, ran=Ran.PROCESSES, persons=ground.persons,
        opened=ground.population.persons_of(matches), membership=1, bound=1, formula=FORMULA, computed=found.estimate,
        seconds=round(seconds, 2),
        figures={"usable_before": usable, "usable_after_revocation": _usable(counter, text, person)},
    )  # fmt: skip


def burned(ground: Ground) -> Iterator[Row]:
    """Uses a photographed card first, in another shop; the insured person is refused until the insurer reverses."""
    platform, (person,) = ground.paravent(), ground.next_customers(1)
    amc, text = person.coverages[0].insurer, card_of(platform, person)
    began, started = int(time.time()), time.perf_counter()
    thief, shop = (ground.counter(name) for name in SHOPS)
    stolen = thief.sell(thief.by_card(text, person))
    claim = base64.b64decode(stolen["claim_id"]).hex()
    refused = shop.reserve(shop.by_number(person))
    insurer = platform.home / f"insurer-{amc}"
    platform.command("insurer", "claims", "--home", insurer, "--json")
    platform.command("insurer", "reverse", claim, "--ground", "member-contests", "--home", insurer)
    again = shop.reserve(shop.by_number(person))
    found = inquire(platform, ground.folder("case"), [Stolen(kind=LootKind.CARD, insurer=amc)], began)
    yield Row(
        scenario="burned-entitlement", platform=PlatformName.PARAVENT, ran=Ran.PROCESSES, persons=ground.persons,
        opened=ground.population.persons_of(_whose(text, ground)), membership=1, bound=1, formula=FORMULA,
        computed=found.estimate, seconds=round(time.perf_counter() - started, 2),
        figures={
            "stolen_outcome": stolen["outcome"], "insured_person_then": refused["outcome"],
            "insured_person_after_reversal": again["outcome"],
        },
    )  # fmt: skip


def _whose(text: str, ground: Ground) -> set[LeakedLine]:
    """Reads a card as anybody can, and returns the lines of the list that it is of."""
    entitlement, desk_part = read_card(text)
    part = verify_entitlement(entitlement, read_directory(ground.paravent()).issuers())
    return ground.lines_of(verify_desk_part(part, desk_part))


def _usable(counter: Counter, text: str, person: SyntheticPerson) -> bool:
    """Says whether a shop that has the newest status list still takes a card."""
    counter.ask("/v1/refreshes", {})
    body = {"card": text, "name": person.name, "birth_date": person.birth_date}
    return counter.platform.desk("/v1/checks/card", body, counter.desk)[0] == _OK
