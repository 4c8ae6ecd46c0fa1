"""The properties of the desk's FHIR resources, and that each fails when its check is taken out."""

from __future__ import annotations

import json

import pytest
from tests.unit.crypto.mutation import Defect, Property, properties_of, require_noticed
from tests.unit.fhir import properties, resources

from paravent.desk.fhir import claim, money, outcome
from paravent.desk.fhir.capability import capabilities
from paravent.desk.fhir.eligibility import CoverageEligibilityRequest, require_supported
from paravent.desk.fhir.payment_reconciliation import payments_of, search_set
from paravent.errors import MalformedMessage, TechnicalFailure, UnsupportedResource
from paravent.person.fhir import coverage, document
from paravent.person.fhir.document import read_resource
from paravent.person.fhir.elements import write
from paravent.wire.settlement import LineKind, Remittance, RemittanceLine

PROPERTIES = properties_of(properties)


def accepts(*_: object) -> None:
    """A check that accepts everything."""


DEFECTS = [
    Defect(
        name="any currency", owner=money.Money, attribute="cents", old="self.currency != CURRENCY", new="False",
        broken=properties.an_amount_that_is_no_price_in_euros_is_refused,
    ),
    Defect(
        name="negative amounts", owner=money.Money, attribute="cents", old="amount.is_signed()", new="False",
        broken=properties.an_amount_that_is_no_price_in_euros_is_refused,
    ),
    Defect(
        name="thousandths rounded", owner=money.Money, attribute="cents", old="exponent < -2", new="False",
        broken=properties.an_amount_that_is_no_price_in_euros_is_refused,
    ),
    Defect(
        name="last of two keys wins", owner=document, attribute="_once", replacement=dict,
        broken=properties.a_document_is_strict_json,
    ),
    Defect(
        name="exponents read", owner=document, attribute="_decimal", old='"e" in text.lower()', new="False",
        broken=properties.a_document_is_strict_json,
    ),
    Defect(
        name="nested documents", owner=document, attribute="read_document", old="if nested:", new="if False:",
        broken=properties.a_document_is_strict_json,
    ),
    Defect(
        name="modifiers ignored", owner=document, attribute="require_no_modifier", replacement=accepts,
        broken=properties.what_may_change_the_meaning_is_refused,
    ),
    Defect(
        name="any system", owner=coverage, attribute="_identified", old="identifier.system != system", new="False",
        broken=properties.an_identifier_of_another_system_is_refused,
    ),
    Defect(
        name="first payor wins", owner=coverage, attribute="insurer_of", old="len(coverage.payor) != 1", new="False",
        broken=properties.an_identifier_of_another_system_is_refused,
    ),
    Defect(
        name="last item of a place wins", owner=claim, attribute="equipment", old="if place in found:", new="if False:",
        broken=properties.items_that_are_no_equipment_are_refused,
    ),
    Defect(
        name="total not compared", owner=claim, attribute="equipment",
        old="claim.total.cents() != sum(cents.values())", new="False",
        broken=properties.items_that_are_no_equipment_are_refused,
    ),
    Defect(
        name="drafts taken", owner=claim, attribute="require_supported", old='claim.status != "active"', new="False",
        broken=properties.a_claim_outside_the_profile_is_refused,
    ),
    Defect(
        name="a failure said as a refusal", owner=outcome, attribute="_ISSUE_TYPES",
        replacement=outcome._ISSUE_TYPES | {TechnicalFailure: outcome.IssueType.BUSINESS_RULE},
        broken=properties.a_failure_is_never_said_as_a_refusal,
    ),
]  # fmt: skip


@pytest.mark.parametrize("held", PROPERTIES, ids=lambda held: held.__name__)
def test_the_property_holds(held: Property) -> None:
    held()


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_the_property_notices_the_defect(defect: Defect, monkeypatch: pytest.MonkeyPatch) -> None:
    require_noticed(defect, monkeypatch)


def test_the_published_eligibility_requests() -> None:
    for name in ("coverageeligibilityrequest-example", "coverageeligibilityrequest-example-2"):
        resources.require_valid(json.dumps(resources.published(name)).encode())
    body = json.dumps(resources.published("coverageeligibilityrequest-example")).encode()
    assert require_supported(read_resource(body, CoverageEligibilityRequest)).reference == "Coverage/9876B1"
    with pytest.raises(MalformedMessage):
        read_resource(
            json.dumps(resources.published("coverageeligibilityrequest-example-2")).encode(), CoverageEligibilityRequest
        )


@pytest.mark.parametrize("change", [{"status": "draft"}, {"purpose": ["discovery"]}, {"insurance": []}])
def test_other_eligibility_requests_are_refused(change: dict[str, object]) -> None:
    content = resources.published("coverageeligibilityrequest-example") | change
    with pytest.raises(UnsupportedResource):
        require_supported(read_resource(json.dumps(content).encode(), CoverageEligibilityRequest))


def test_what_needs_no_customer_is_valid() -> None:
    resources.require_valid(write(capabilities()))
    resources.require_valid(write(search_set(())))


def test_a_remittance_is_a_valid_payment_whose_details_add_up() -> None:
    def line(kind: LineKind, number: int, cents: int) -> RemittanceLine:
        return RemittanceLine(
            kind=kind, decision_id=bytes([number]) * 16, claim_id=bytes([number]) * 16, professional="80000000001",
            month=202606, cents=cents,
        )  # fmt: skip

    lines = (line(LineKind.PAYMENT, 1, 30_000), line(LineKind.DEDUCTION, 2, 9_999))
    remittances = [
        Remittance(
            insurer="99000001", number=number, reference=f"PV-99000001-{number}", shop="580000001",
            issued_at=1_781_524_800 + number, account_ends="2606", lines=lines, total_cents=20_001,
        )
        for number in (1, 2)
    ]  # fmt: skip
    bundle = write(search_set(payments_of(remittances)))
    resources.require_valid(bundle)
    entries = [entry["resource"] for entry in json.loads(bundle)["entry"]]
    assert [one["paymentIdentifier"]["value"] for one in entries] == ["PV-99000001-2", "PV-99000001-1"]
    assert [detail["amount"]["value"] for detail in entries[0]["detail"]] == [300.0, -99.99]
    assert entries[0]["paymentAmount"]["value"] == 200.01
