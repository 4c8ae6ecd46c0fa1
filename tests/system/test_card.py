"""A member's card from the printer to the counter: read from the page, reissued, revoked alone."""

from __future__ import annotations

import io
from typing import Any

import pypdf

from paravent.drill.platform import Platform
from paravent.drill.population import Population, SyntheticPerson
from tests.system.customers import adults, particulars


def issue(platform: Platform, person: SyntheticPerson, *options: str, name: str = "card.pdf") -> dict[str, Any]:
    """Prints a card; the verb finds the member in the file published last."""
    return platform.command(
        "insurer", "card", person.member_id, "--home", platform.home / f"insurer-{person.coverages[0].insurer}",
        "--out", platform.home / name, "--json", *options,
    )  # fmt: skip


def code(platform: Platform, person: SyntheticPerson) -> str:
    """The text of the code of the card in use."""
    done = issue(platform, person, name="card.png")
    assert (done["issued"], done["revoked"]) == (False, False)
    return (platform.home / "card.txt").read_text()


def shown(platform: Platform, person: SyntheticPerson, card: str) -> str:
    """Shows a card at the counter, once the desk has the last status list; returns the guarantee, or why not."""
    assert platform.desk("/v1/refreshes", {})[0] == 200
    body = {"card": card, "name": person.name, "birth_date": person.birth_date}
    status, answer = platform.desk("/v1/checks/card", body)
    return str(answer["guarantee"]) if status == 200 else str(answer["type"]).rpartition(":")[2]


def test_a_reissued_card_is_accepted_and_the_one_before_is_refused(platform: Platform, population: Population) -> None:
    person, other = adults(population)[4:6]
    phone = platform.home / "phone.pdf"
    issue(platform, other)
    first = issue(platform, person, "--phone", str(phone))
    assert (first["issued"], first["revoked"]) == (True, False)
    lost = code(platform, person)
    for page in (platform.home / "card.pdf", phone):
        (sheet,) = pypdf.PdfReader(io.BytesIO(page.read_bytes())).pages
        text = sheet.extract_text()
        for field in ("N° AMC", "Type conv.", "CSR", "N° adhérent", "Période de validité", person.coverages[0].insurer):
            assert field in text, (page.name, field)
        assert particulars(person)["nir"].replace(" ", "")[:13] not in text.replace(" ", "")
    assert shown(platform, person, lost) == person.guarantee

    again = issue(platform, person, "--reissue")
    assert (again["issued"], again["revoked"]) == (True, True)
    new = code(platform, person)
    assert new != lost
    assert shown(platform, person, lost) == "entitlement-revoked"
    assert shown(platform, person, new) == person.guarantee
    # Nobody else's card changed, and the number lane goes on.
    assert shown(platform, other, code(platform, other)) == other.guarantee
    assert platform.desk("/v1/checks/number", particulars(person))[0] == 200


def test_a_revoked_card_leaves_the_number_lane(platform: Platform, population: Population) -> None:
    person = adults(population)[6]
    issue(platform, person)
    card = code(platform, person)
    home = platform.home / f"insurer-{person.coverages[0].insurer}"
    platform.command("insurer", "revoke", person.member_id, "--card", "--home", home)
    assert shown(platform, person, card) == "entitlement-revoked"
    assert platform.desk("/v1/checks/number", particulars(person))[0] == 200
