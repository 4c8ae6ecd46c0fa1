"""Playing the customer: what a person of the population would say at the counter."""

from __future__ import annotations

from typing import Any

from paravent.drill.particulars import printed_nir
from paravent.drill.platform import INSURERS, Platform
from paravent.drill.population import Population, SyntheticPerson


def particulars(person: SyntheticPerson, number: int = 0) -> dict[str, Any]:
    """Builds the body of a number-lane check."""
    cover = person.coverages[number]
    return {
        "insurer": cover.insurer,
        "nir": printed_nir(cover.nir),
        "birth_date": person.birth_date,
        "rank": cover.rank,
        "name": person.name,
    }


def adults(population: Population) -> list[SyntheticPerson]:
    """Lists the persons with one cover and an ordinary birth date."""
    return [
        person
        for person in population.persons
        if len(person.coverages) == 1 and person.renewal_months == 24 and person.birth_date[4:6] != "00"
    ]


def card_of(platform: Platform, person: SyntheticPerson) -> str:
    """Has the insurer issue a card and returns the text of its QR code."""
    amc, picture = person.coverages[0].insurer, platform.home / f"{person.member_id}.png"
    platform.command(
        "insurer",
        "card",
        person.member_id,
        "--home",
        platform.home / f"insurer-{amc}",
        "--members",
        platform.home / f"members-{amc}.csv",
        "--out",
        picture,
    )
    return picture.with_suffix(".txt").read_text()


def other_insurer(amc: str) -> str:
    """Returns the insurer that does not know the person."""
    return next(number for number in INSURERS if number != amc)
