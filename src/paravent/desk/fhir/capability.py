"""FHIR R4 CapabilityStatement: what the desk's FHIR addresses take and answer (docs/protocol.md 9.6)."""

from __future__ import annotations

from typing import Literal

from paravent.person.fhir.elements import Code, DateTime, Element, Resource, Text

FHIR_VERSION = "4.0.1"
FHIR_JSON = "application/fhir+json"
# The day of the last change of this statement's content, as FHIR asks; it says nothing of a desk.
CHANGED = "2026-11-27"

Interaction = Literal["create", "read", "search-type"]
_RESOURCES: dict[str, tuple[tuple[Interaction, ...], str | None]] = {
    "VisionPrescription": (("create", "read"), None),
    "Coverage": (("create", "read"), None),
    "CoverageEligibilityRequest": ((), "CoverageEligibilityRequest-submit"),
    "CoverageEligibilityResponse": (("read",), None),
    "Claim": ((), "Claim-submit"),
    "ClaimResponse": (("read",), None),
    "PaymentReconciliation": (("search-type",), None),
}


class SupportedInteraction(Element, frozen=True, kw_only=True):
    """One interaction of REST."""

    code: Interaction


class Operation(Element, frozen=True, kw_only=True):
    """An operation and its definition."""

    name: Code
    definition: Text


class SupportedResource(Element, frozen=True, kw_only=True):
    """What can be done with one type."""

    type: Code
    interaction: tuple[SupportedInteraction, ...] = ()
    operation: tuple[Operation, ...] = ()


class Security(Element, frozen=True, kw_only=True):
    """Who may ask."""

    description: Text


class Rest(Element, frozen=True, kw_only=True):
    """The server side."""

    mode: Literal["server"]
    security: Security
    resource: tuple[SupportedResource, ...]


class Software(Element, frozen=True, kw_only=True):
    """Which software answers."""

    name: Text


class Implementation(Element, frozen=True, kw_only=True):
    """What this instance is."""

    description: Text


class CapabilityStatement(Resource, frozen=True, kw_only=True, tag_field="resourceType", tag="CapabilityStatement"):
    """What the desk does over FHIR."""

    status: Literal["active"]
    date: DateTime
    kind: Literal["instance"]
    software: Software
    implementation: Implementation
    fhir_version: Code
    format: tuple[Code, ...]
    rest: tuple[Rest, ...]


def capabilities() -> CapabilityStatement:
    """Describes the desk."""
    resources = tuple(
        SupportedResource(
            type=kind,
            interaction=tuple(SupportedInteraction(code=code) for code in interactions),
            operation=() if operation is None else (_submit(operation),),
        )
        for kind, (interactions, operation) in _RESOURCES.items()
    )
    security = Security(description="Loopback only, with the token of the desk as a bearer token.")
    return CapabilityStatement(
        status="active", kind="instance", date=CHANGED,
        software=Software(name="Paravent desk"), fhir_version=FHIR_VERSION, format=(FHIR_JSON,),
        implementation=Implementation(description="Third-party payment in optics, on the optician's own machine"),
        rest=(Rest(mode="server", security=security, resource=resources),),
    )  # fmt: skip


def _submit(name: str) -> Operation:
    return Operation(name="submit", definition=f"http://hl7.org/fhir/OperationDefinition/{name}")
