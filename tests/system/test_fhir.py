"""A FHIR client from PyPI at the counter: eligibility, preauthorization, claim, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from fhir.resources.R4B import get_fhir_model_class
from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome, ResourceNotFound

from paravent.drill.platform import DATA, Platform
from paravent.drill.population import Population
from tests.system.customers import adults, card_of, other_insurer
from tests.system.fhir_requests import CARD, NIR, asked, beside, claim, coverage

PRESCRIPTION = json.loads((DATA / "visionprescription-33123.r4.json").read_text())


@pytest.fixture
def client(platform: Platform) -> SyncFHIRClient:
    token = (platform.home / "desk" / "secrets" / "token").read_text()
    return SyncFHIRClient(f"http://127.0.0.1:{platform.ports['desk']}/fhir", authorization=f"Bearer {token}")


def checked(resource: Any) -> dict[str, Any]:
    """Has the other implementation validate what the desk answered."""
    content: dict[str, Any] = resource if isinstance(resource, dict) else dict(resource)
    get_fhir_model_class(content["resourceType"]).model_validate_json(json.dumps(content))
    return content


def submit(client: SyncFHIRClient, kind: str, resource: dict[str, Any]) -> dict[str, Any]:
    return checked(client.execute(f"{kind}/$submit", method="post", data=resource))


def test_a_client_goes_from_eligibility_to_payment(client: SyncFHIRClient, population: Population) -> None:
    statement = checked(client.execute("metadata", method="get"))
    assert statement["fhirVersion"] == "4.0.1"

    person = next(one for one in adults(population)[20:] if one.free_from <= population.year * 100 + 1)
    covered = client.resource("Coverage", **coverage(person))
    covered.save()
    checked(covered)
    reference = f"Coverage/{covered.id}"
    answer = submit(client, "CoverageEligibilityRequest", asked(reference))
    assert answer["insurance"][0]["inforce"] is True
    assert checked(client.execute(f"CoverageEligibilityResponse/{answer['id']}", method="get")) == answer

    seen = client.resource("VisionPrescription", **{k: v for k, v in PRESCRIPTION.items() if k != "id"})
    seen.save()
    prescription = f"VisionPrescription/{seen.id}"
    quoted = submit(client, "Claim", claim("predetermination", reference, prescription))
    assert [entry["itemSequence"] for entry in quoted["item"]] == [8, 9, 7]
    totals = {total["category"]["coding"][0]["code"]: total["amount"]["value"] for total in quoted["total"]}
    assert totals["submitted"] == 530
    assert totals["submitted"] == pytest.approx(totals["amo"] + totals["benefit"] + totals["rest"])

    early = submit(client, "Claim", claim("claim", reference, prescription))
    assert (early["outcome"], early["error"][0]["code"]["coding"][0]["code"]) == ("error", "no-reservation")
    reserved = submit(client, "Claim", claim("preauthorization", reference, prescription))
    assert (reserved["outcome"], bool(reserved["preAuthRef"])) == ("complete", True)
    cancelled = submit(client, "Claim", claim("preauthorization", reference, prescription, status="cancelled", item=[]))
    assert cancelled["disposition"] == "Prise en charge annulée"
    assert submit(client, "Claim", claim("preauthorization", reference, prescription))["outcome"] == "complete"
    sent = claim("claim", reference, prescription, created="2026-06-16")
    paid = submit(client, "Claim", sent)
    assert paid["outcome"] == "complete"
    assert paid["total"] == quoted["total"]
    # The same bytes again are the same act: one payment, one answer.
    assert submit(client, "Claim", sent) == paid
    again = submit(client, "Claim", claim("claim", reference, prescription, created="2026-06-17"))
    assert again["outcome"] == "error"
    assert checked(client.execute("PaymentReconciliation", method="get"))["total"] == 0


def test_a_card_is_read_from_the_coverage(client: SyncFHIRClient, platform: Platform, population: Population) -> None:
    person = adults(population)[21]
    by_card = coverage(person, identifier=[{"system": CARD, "value": card_of(platform, person)}])
    del by_card["subscriber"]
    contained = asked("#c") | {"contained": beside(by_card)}
    answer = submit(client, "CoverageEligibilityRequest", contained)
    assert answer["insurance"][0]["inforce"] is True
    assert answer["insurance"][0]["coverage"]["reference"].startswith("Coverage/")


def test_a_person_unknown_to_the_insurer_is_not_covered(client: SyncFHIRClient, population: Population) -> None:
    person = adults(population)[22]
    stranger = coverage(person)
    stranger["payor"][0]["identifier"]["value"] = other_insurer(person.coverages[0].insurer)
    nested = asked("#c") | {"contained": [stranger | {"resourceType": "Coverage", "id": "c"}]}
    with pytest.raises(OperationOutcome):
        client.execute("CoverageEligibilityRequest/$submit", method="post", data=nested)
    contained = asked("#c") | {"contained": beside(stranger)}
    answer = submit(client, "CoverageEligibilityRequest", contained)
    assert answer["insurance"][0]["inforce"] is False
    assert answer["error"][0]["code"]["coding"][0]["code"] == "not-covered"


@pytest.mark.parametrize(
    ("change", "issue"),
    [
        ({"payor": [{"identifier": {"system": "urn:oid:1.2.3", "value": "99000001"}}]}, "not-supported"),
        ({"subscriber": {"identifier": {"system": NIR, "value": "185077599100199"}}}, "value"),
        ({"subscriber": {"identifier": {"system": "urn:oid:1.2.3", "value": "1850775991001"}}}, "not-supported"),
        ({"status": "draft"}, "not-supported"),
        ({"modifierExtension": [{"url": "http://example.org/not", "valueBoolean": True}]}, "not-supported"),
        ({"telecom": [{"system": "phone", "value": "0"}]}, "structure"),
    ],
)
def test_a_coverage_is_refused_with_its_reason(
    change: dict[str, Any], issue: str, client: SyncFHIRClient, population: Population
) -> None:
    with pytest.raises(OperationOutcome) as caught:
        client.resource("Coverage", **coverage(adults(population)[0], **change)).save()
    outcome = checked(caught.value.resource)
    assert outcome["issue"][0]["code"] == issue
    assert "1850775991001" not in json.dumps(outcome)


def test_errors_outside_every_resource_are_outcomes_too(client: SyncFHIRClient, platform: Platform) -> None:
    base = f"http://127.0.0.1:{platform.ports['desk']}/fhir"
    with requests.Session() as session:
        session.trust_env = False
        for method, path, expected in (
            ("GET", "metadata", "login"), ("POST", "Claim/$submit", "login"), ("PUT", "Claim/1", "not-found"),
            ("GET", "Nothing", "not-found"),
        ):  # fmt: skip
            answer = session.request(method, f"{base}/{path}", timeout=60)
            assert answer.headers["content-type"] == "application/fhir+json"
            assert checked(answer.json())["issue"][0]["code"] == expected
    with pytest.raises(ResourceNotFound):
        client.execute("Coverage/none", method="get")
