"""An optician's counter on a running platform: whom it serves, by number or by card, and what it sells them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from paravent.drill.particulars import printed_nir
from paravent.drill.platform import DATA, Platform
from paravent.drill.population import Population, SyntheticPerson
from paravent.errors import TechnicalFailure

PRESCRIPTION = DATA / "visionprescription-33123.r4.json"
BASKET = {"frame_class": "B", "frame_cents": 12_000, "lens_class": "B", "right_cents": 18_000, "left_cents": 18_000}
_ADULT_RENEWAL_MONTHS = 24
_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """One desk at work; every call is made as shop software makes it."""

    platform: Platform
    desk: str

    def ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Calls the desk; raises TechnicalFailure when it refuses."""
        status, answer = self.platform.desk(path, body, self.desk)
        if status != _OK:
            raise TechnicalFailure(f"{path}: {answer.get('detail')}")
        return answer

    def by_number(self, person: SyntheticPerson) -> str:
        """Checks somebody by number; returns the name of the check."""
        cover = person.coverages[0]
        body = {
            "insurer": cover.insurer, "nir": printed_nir(cover.nir), "birth_date": person.birth_date,
            "rank": cover.rank, "name": person.name,
        }  # fmt: skip
        return str(self.ask("/v1/checks/number", body)["check"])

    def by_card(self, text: str, person: SyntheticPerson) -> str:
        """Checks somebody by card; returns the name of the check."""
        body = {"card": text, "name": person.name, "birth_date": person.birth_date}
        return str(self.ask("/v1/checks/card", body)["check"])

    def reserve(self, check: str) -> dict[str, Any]:
        """Asks for a PEC."""
        return self.ask("/v1/reservations", {"check": check})

    def sell(self, check: str) -> dict[str, Any]:
        """Reserves, and claims a pair of glasses."""
        self.reserve(check)
        return self.ask(
            "/v1/claims", {"check": check, "prescription": PRESCRIPTION.read_text(), "basket": BASKET}
        )  # fmt: skip


def customers(population: Population) -> list[SyntheticPerson]:
    """Lists adults with one cover and an ordinary birth date, payable today: any of them may come in."""
    today = time.gmtime()
    month = today.tm_year * 100 + today.tm_mon
    return [
        person for person in population.persons
        if len(person.coverages) == 1 and person.renewal_months == _ADULT_RENEWAL_MONTHS
        and person.birth_date[4:6] != "00" and person.free_from <= month
    ]  # fmt: skip


def card_of(platform: Platform, person: SyntheticPerson) -> str:
    """Has the insurer print somebody's card; returns the text of its code."""
    amc, picture = person.coverages[0].insurer, platform.home / f"{person.member_id}.png"
    platform.command(
        "insurer", "card", person.member_id, "--home", platform.home / f"insurer-{amc}",
        "--members", platform.home / f"members-{amc}.csv", "--out", picture,
    )  # fmt: skip
    return picture.with_suffix(".txt").read_text()
