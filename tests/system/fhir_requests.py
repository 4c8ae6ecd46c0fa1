"""What a FHIR client of a shop sends for a customer of the population."""

from __future__ import annotations

from typing import Any

from paravent.drill.particulars import printed_nir
from paravent.drill.population import SyntheticPerson

NIR, AMC, CARD = "urn:oid:1.2.250.1.213.1.4.8", "urn:paravent:amc", "urn:paravent:card"


def coverage(person: SyntheticPerson, **changes: Any) -> dict[str, Any]:
    cover, birth = person.coverages[0], person.birth_date
    return {
        "status": "active",
        "contained": [{
            "resourceType": "Patient", "id": "person", "name": [{"text": person.name}],
            "birthDate": f"{birth[:4]}-{birth[4:6]}-{birth[6:]}", "multipleBirthInteger": cover.rank,
        }],
        "subscriber": {"identifier": {"system": NIR, "value": printed_nir(cover.nir)}},
        "beneficiary": {"reference": "#person"},
        "payor": [{"identifier": {"system": AMC, "value": cover.insurer}}],
    } | changes  # fmt: skip


def asked(reference: str) -> dict[str, Any]:
    return {
        "resourceType": "CoverageEligibilityRequest", "status": "active", "purpose": ["validation", "benefits"],
        "patient": {"display": "customer"}, "created": "2026-06-15", "insurer": {"display": "insurer"},
        "insurance": [{"focal": True, "coverage": {"reference": reference}}],
    }  # fmt: skip


def beside(cover: dict[str, Any]) -> list[dict[str, Any]]:
    """A coverage as it is contained in a request: its Patient stands beside it."""
    outer = {name: value for name, value in cover.items() if name != "contained"}
    return [outer | {"resourceType": "Coverage", "id": "c"}, *cover["contained"]]


def item(sequence: int, code: str, value: float, eye: str | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {
        "sequence": sequence, "productOrService": {"coding": [{"system": "urn:paravent:item", "code": code}]},
        "net": {"value": value, "currency": "EUR"},
    }  # fmt: skip
    if eye:
        made["bodySite"] = {"coding": [{"system": "http://hl7.org/fhir/vision-eye-codes", "code": eye}]}
    return made


def claim(use: str, covered: str, prescription: str, **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Claim", "status": "active", "use": use, "created": "2026-06-15",
        "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": "vision"}]},
        "patient": {"display": "customer"}, "provider": {"display": "shop"},
        "priority": {"coding": [{"code": "normal"}]}, "prescription": {"reference": prescription},
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"reference": covered}}],
        "item": [item(7, "lens-B", 210.00, "left"), item(8, "frame-B", 120.00), item(9, "lens-B", 200.00, "right")],
    } | changes  # fmt: skip
