"""FHIR resources as a client would send them, of a person that cannot exist."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fhir.resources.R4B import get_fhir_model_class

HL7 = Path(__file__).parent / "hl7"
NIR = "191099999100191"


def published(name: str) -> dict[str, Any]:
    """One of HL7's examples."""
    content: dict[str, Any] = json.loads((HL7 / f"{name}.json").read_text())
    return content


def require_valid(body: bytes) -> None:
    """Has the other implementation validate a resource."""
    get_fhir_model_class(json.loads(body)["resourceType"]).model_validate_json(body)


def coverage(**changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Coverage", "status": "active",
        "contained": [{
            "resourceType": "Patient", "id": "person", "name": [{"family": "Martin", "given": ["Zoé", "Anne"]}],
            "birthDate": "1991-09-12", "multipleBirthInteger": 2,
        }],
        "subscriber": {"identifier": {"system": "urn:oid:1.2.250.1.213.1.4.8", "value": NIR}},
        "beneficiary": {"reference": "#person"},
        "payor": [{"identifier": {"system": "urn:paravent:amc", "value": "99000001"}}],
    } | changes  # fmt: skip


def item(sequence: int, code: str, value: object, eye: str | None = None, currency: str = "EUR") -> dict[str, Any]:
    made: dict[str, Any] = {
        "sequence": sequence, "productOrService": {"coding": [{"system": "urn:paravent:item", "code": code}]},
        "net": {"value": value, "currency": currency},
    }  # fmt: skip
    if eye:
        made["bodySite"] = {"coding": [{"system": "http://hl7.org/fhir/vision-eye-codes", "code": eye}]}
    return made


def claim(**changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Claim", "status": "active", "use": "claim", "created": "2026-06-15",
        "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": "vision"}]},
        "patient": {"display": "customer"}, "provider": {"display": "shop"},
        "priority": {"coding": [{"code": "normal"}]}, "prescription": {"reference": "VisionPrescription/1"},
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"reference": "Coverage/1"}}],
        "item": [item(1, "frame-A", 30.5), item(2, "lens-B", 200, "right"), item(3, "lens-B", 210.25, "left")],
    } | changes  # fmt: skip


def european() -> dict[str, Any]:
    """HL7's claim for glasses without what the desk's profile has no place for; still in US dollars."""
    made = published("claim-example-vision-glasses")
    del made["diagnosis"], made["item"][0]["detail"]
    return made
