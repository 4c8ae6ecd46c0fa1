"""Money and audits between real processes: claim, settlement, remittance at the desk, balance; a late audit refused."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from paravent.drill.platform import DATA, Platform, shop
from paravent.drill.population import Population
from paravent.errors import TechnicalFailure
from paravent.insurer.payment_file import pays
from paravent.insurer.store import DATABASE
from tests.system.customers import adults
from tests.system.fhir_requests import asked, claim, coverage

DESK = "desk-paid"
# The published example of the French IBAN registry entry, and one that was computed: no real account.
IBAN, PAYER_IBAN = "FR1420041010050500013M02606", "FR7630006000011234567890189"
PRESCRIPTION = json.loads((DATA / "visionprescription-33123.r4.json").read_text())


@pytest.fixture(scope="module")
def platform(platform: Platform) -> Platform:
    platform.add_desk(DESK)
    platform.start(DESK)
    platform.desk("/v1/refreshes", {}, DESK)
    return platform


def fhir(platform: Platform, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    token = (platform.home / DESK / "secrets" / "token").read_text()
    content = None if body is None else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {token}", "content-type": "application/fhir+json"}
    status, answer = platform.call(DESK, f"/fhir/{path}", content, headers)
    assert status < 300, answer
    return answer


def insurer(platform: Platform, amc: str, *arguments: str | Path) -> dict[str, Any]:
    return platform.command("insurer", *arguments, "--home", platform.home / f"insurer-{amc}", "--json")


def desk(platform: Platform, *arguments: str | Path) -> dict[str, Any]:
    return platform.command("desk", *arguments, "--home", platform.home / DESK, "--json")


def bought(platform: Platform, population: Population) -> str:
    """A customer is checked, reserves and buys; returns the AMC number of the insurer that pays."""
    person = next(one for one in adults(population)[40:] if one.free_from <= population.year * 100 + 1)
    covered = fhir(platform, "Coverage", {"resourceType": "Coverage", **coverage(person)})
    reference = f"Coverage/{covered['id']}"
    fhir(platform, "CoverageEligibilityRequest/$submit", asked(reference))
    seen = fhir(platform, "VisionPrescription", {k: v for k, v in PRESCRIPTION.items() if k != "id"})
    for use in ("preauthorization", "claim"):
        sent = claim(use, reference, f"VisionPrescription/{seen['id']}")
        assert fhir(platform, "Claim/$submit", sent)["outcome"] == "complete"
    return person.coverages[0].insurer


def set_payer(platform: Platform, amc: str) -> None:
    """The account that pays is a setting of the insurer."""
    path = platform.home / f"insurer-{amc}" / "config.toml"
    path.write_text(re.sub(r'settlement_iban = "[^"]*"', f'settlement_iban = "{PAYER_IBAN}"', path.read_text()))


def test_a_claim_is_paid_and_its_remittance_reaches_the_desk(
    platform: Platform, population: Population, tmp_path: Path
) -> None:
    amc = bought(platform, population)
    place = shop(platform.ports[DESK])
    said = desk(platform, "bank-details", "--holder", "Optique Exemple", "--iban", IBAN, "--insurer", amc)
    insurer(platform, amc, "claims")
    insurer(platform, amc, "boxes")
    (account,) = (one for one in insurer(platform, amc, "accounts")["accounts"] if one["shop"] == place)
    assert (account["fingerprint"], account["state"]) == (said["fingerprints"][amc], "to-confirm")
    set_payer(platform, amc)
    unpaid = insurer(platform, amc, "settle", "--out", tmp_path / "none.xml", "--dry-run")
    assert unpaid["without_account"][place] > 0  # nobody confirmed the account yet
    with pytest.raises(TechnicalFailure):
        insurer(platform, amc, "confirm-account", str(account["number"]), "0000 0000 0000 0000")
    insurer(platform, amc, "confirm-account", str(account["number"]), account["fingerprint"])

    paid = insurer(platform, amc, "settle", "--out", tmp_path / "payment.xml")
    assert paid["total_cents"] == unpaid["without_account"][place] > 0
    assert pays((tmp_path / "payment.xml").read_bytes(), paid["total_cents"])
    insurer(platform, amc, "boxes")
    found = desk(platform, "remittances", "--out", tmp_path / "remittances")
    (remittance,) = found["remittances"]
    assert (remittance["insurer"], remittance["total_cents"]) == (amc, paid["total_cents"])
    assert (remittance["agreeing"], remittance["elsewhere"]) == (1, 0)
    assert (tmp_path / "remittances" / f"{remittance['reference']}.pdf").read_bytes().startswith(b"%PDF")
    assert insurer(platform, amc, "reconcile")["balanced"]

    # What shop software reads of it.
    bundle = fhir(platform, "PaymentReconciliation")
    assert bundle["total"] == 1
    payment = bundle["entry"][0]["resource"]
    assert payment["paymentAmount"]["value"] * 100 == pytest.approx(paid["total_cents"])
    assert sum(line["amount"]["value"] for line in payment["detail"]) == payment["paymentAmount"]["value"]


def test_an_audit_is_committed_to_before_its_month_and_refused_once_it_began(
    platform: Platform, population: Population, tmp_path: Path
) -> None:
    amc = population.insurers[0]
    now = datetime.now(UTC)
    later, current = (now.year + 1) * 100 + 1, now.year * 100 + now.month
    officer, public = tmp_path / "officer.key", tmp_path / "officer.public"
    platform.command("insurer", "audit", "officer", "--key", officer, "--public", public)
    insurer(platform, amc, "audit", "commit", str(later), "--officer", public)
    # As if the run had ended between the hub's answer and its own database: done again, it goes through.
    with closing(sqlite3.connect(platform.home / f"insurer-{amc}" / DATABASE)) as books, books:
        books.execute("DELETE FROM published WHERE kind = 'audit'")
    assert insurer(platform, amc, "audit", "commit", str(later), "--officer", public)["committed"]
    with pytest.raises(TechnicalFailure, match="before"):
        insurer(platform, amc, "audit", "commit", str(current), "--officer", public)
    with pytest.raises(TechnicalFailure):
        insurer(platform, amc, "audit", "reveal", str(later))
    assert desk(platform, "audit", amc, str(later), "--dry-run")["sent"] == 0
