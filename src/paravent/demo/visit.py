"""What a visitor of the demonstration works with: a desk to open, customers with their cards, insurers that pay.

The insurers pay by the same verbs as an insurer does (docs/operating.md); only their hurry is the demonstration's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from paravent.demo.texts import Language, say
from paravent.drill.particulars import printed_nir
from paravent.drill.platform import INSURERS, Platform
from paravent.drill.population import Population, SyntheticPerson
from paravent.errors import TechnicalFailure

# The published example of the French IBAN registry entry, and one that was computed: no real account.
_SHOP_IBAN, _PAYER_IBAN = "FR1420041010050500013M02606", "FR7630006000011234567890189"
_ACCOUNT_SECONDS_MAX = 180.0
PAY_EVERY_SECONDS = 5


@dataclass(slots=True)
class Visit:
    """One visitor's desk, after the story."""

    platform: Platform
    population: Population
    language: Language
    tell: Callable[[str], None]
    _paid: dict[str, set[str]] = field(default_factory=dict)
    _payments: int = 0

    def prepare(self) -> None:
        """Enters the shop's account at each insurer, issues cards, and says what to do; the link serves once."""
        for amc in self.population.insurers:
            self._open_account(amc)
        self._say("visit")
        for person in self._customers():
            self._introduce(person)
        link = self.platform.command(
            "desk", "open", "--home", self.platform.home / "desk", "--browser", "none", "--json"
        )["link"]
        self._say("visit-link", link=link, home=self.platform.home / "desk")

    def pay(self) -> int:
        """Has each insurer settle what became payable since; returns how many settlements were made."""
        settled = 0
        for amc in self.population.insurers:
            lines = self.platform.insurer_claims(amc)["claims"]
            payable = {line["decision"] for line in lines if line["state"] == "payable"}
            if payable - self._paid.get(amc, set()):
                self._settle(amc)
                self._paid[amc] = payable
                settled += 1
        return settled

    # --- insurers -----------------------------------------------------------------------------

    def _insurer(self, amc: str, *arguments: str | Path) -> dict[str, Any]:
        return self.platform.command("insurer", *arguments, "--home", self.platform.home / f"insurer-{amc}", "--json")

    def _open_account(self, amc: str) -> None:
        """The desk says where the shop is paid; the insurer confirms what was read to it."""
        config = self.platform.home / f"insurer-{amc}" / "config.toml"
        config.write_text(config.read_text().replace('settlement_iban = ""', f'settlement_iban = "{_PAYER_IBAN}"'))
        said = self.platform.command(
            "desk", "bank-details", "--home", self.platform.home / "desk", "--holder", "Optique de la démonstration",
            "--iban", _SHOP_IBAN, "--insurer", amc, "--json",
        )  # fmt: skip
        fingerprint = said["fingerprints"][amc]
        deadline = time.monotonic() + _ACCOUNT_SECONDS_MAX
        while time.monotonic() < deadline:
            found = [one for one in self._insurer(amc, "accounts")["accounts"] if one["fingerprint"] == fingerprint]
            if found:
                self._insurer(amc, "confirm-account", str(found[0]["number"]), fingerprint)
                return
            time.sleep(0.5)
        raise TechnicalFailure(f"insurer {amc} did not receive the shop's account in {_ACCOUNT_SECONDS_MAX:.0f} s")

    def _settle(self, amc: str) -> None:
        self._payments += 1
        self._insurer(amc, "settle", "--out", self.platform.home / f"payment-{self._payments}.xml")
        self._insurer(amc, "boxes")

    # --- customers ----------------------------------------------------------------------------

    def _customers(self) -> list[SyntheticPerson]:
        """Picks two adults whose equipment is payable today, then one who must wait."""
        today = datetime.now(UTC)
        month = today.year * 100 + today.month
        adults = [one for one in self.population.persons if (one.renewal_months, len(one.coverages)) == (24, 1)]
        payable = [one for one in adults if one.free_from <= month and one.guarantee == "OPT-CONFORT"]
        # The first of them is whom the story was about.
        return [*payable[1:3], *[one for one in adults if one.free_from > month][:1]]

    def _introduce(self, person: SyntheticPerson) -> None:
        cover = person.coverages[0]
        picture = self.platform.home / f"card-{person.member_id}.png"
        self._insurer(
            cover.insurer, "card", person.member_id, "--members", self.platform.home / f"members-{cover.insurer}.csv",
            "--out", picture,
        )  # fmt: skip
        self._say(
            "visitor", name=person.name, birth=french_date(person.birth_date), insurer=INSURERS[cover.insurer],
            nir=printed_nir(cover.nir), card=picture,
        )  # fmt: skip

    def _say(self, key: str, **values: object) -> None:
        self.tell(say(key, self.language, **values))


def french_date(text: str) -> str:
    """Writes a birth date of the population as it is typed at a counter: DD/MM/YYYY."""
    digits = text.replace("-", "")
    return f"{digits[6:8]}/{digits[4:6]}/{digits[:4]}"
