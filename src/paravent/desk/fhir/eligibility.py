"""FHIR R4 CoverageEligibilityRequest in, CoverageEligibilityResponse out: the check of a customer (9.6)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from paravent.desk.entitled import Entitled
from paravent.desk.fhir.outcome import error_concept
from paravent.errors import RightRefused, UnsupportedResource
from paravent.optics.months import Month
from paravent.person.fhir.elements import (
    AMC_SYSTEM,
    CodeableConcept,
    Coding,
    DateTime,
    Element,
    Identifier,
    Period,
    Positive,
    Reference,
    Resource,
    Text,
)

BENEFIT_SYSTEM = "urn:paravent:benefit"
Purpose = Literal["auth-requirements", "benefits", "discovery", "validation"]
PURPOSES = frozenset({"benefits", "validation"})


class RequestedInsurance(Element, frozen=True, kw_only=True):
    """The coverage asked about."""

    focal: bool | None = None
    coverage: Reference
    business_arrangement: Text | None = None


class CoverageEligibilityRequest(
    Resource, frozen=True, kw_only=True, tag_field="resourceType", tag="CoverageEligibilityRequest"
):
    """Asks whether a person is covered, and for what."""

    identifier: tuple[Identifier, ...] = ()
    status: Literal["active", "cancelled", "draft", "entered-in-error"]
    priority: CodeableConcept | None = None
    purpose: tuple[Purpose, ...]
    patient: Reference
    serviced_date: DateTime | None = None
    created: DateTime
    enterer: Reference | None = None
    provider: Reference | None = None
    insurer: Reference
    facility: Reference | None = None
    insurance: tuple[RequestedInsurance, ...] = ()


class Benefit(Element, frozen=True, kw_only=True):
    """One term of the contract."""

    type: CodeableConcept
    allowed_unsigned_int: Positive | None = None
    allowed_string: Text | None = None


class BenefitItem(Element, frozen=True, kw_only=True):
    """The equipment that the contract pays."""

    name: Text
    description: Text
    benefit: tuple[Benefit, ...]
    authorization_required: bool


class AnsweredInsurance(Element, frozen=True, kw_only=True):
    """Whether a coverage is in force, until when, and what it gives."""

    coverage: Reference
    inforce: bool
    benefit_period: Period | None = None
    item: tuple[BenefitItem, ...] = ()


class ResponseError(Element, frozen=True, kw_only=True):
    """Why a coverage is not in force, or a claim not payable."""

    code: CodeableConcept


class CoverageEligibilityResponse(
    Resource, frozen=True, kw_only=True, tag_field="resourceType", tag="CoverageEligibilityResponse"
):
    """What a check found; its id names the check for the other addresses of the desk too."""

    status: Literal["active"]
    purpose: tuple[Purpose, ...]
    patient: Reference
    created: DateTime
    request: Reference
    outcome: Literal["complete"]
    disposition: Text
    insurer: Reference
    insurance: tuple[AnsweredInsurance, ...]
    error: tuple[ResponseError, ...] = ()


def require_supported(request: CoverageEligibilityRequest) -> Reference:
    """Returns the one coverage asked about; raises UnsupportedResource."""
    if request.status != "active":
        raise UnsupportedResource("only an active request is answered")
    if not request.purpose or not set(request.purpose) <= PURPOSES:
        raise UnsupportedResource("the purposes answered are validation and benefits")
    if len(request.insurance) != 1:
        raise UnsupportedResource("a request is about one coverage: two insurers are two requests")
    return request.insurance[0].coverage


def covered(
    request: CoverageEligibilityRequest, entitled: Entitled, *, check: str, coverage: str, now: int
) -> CoverageEligibilityResponse:
    """Answers that a person is covered; ``degraded`` is said in the disposition."""
    part = entitled.part
    item = BenefitItem(
        name=part.guarantee, authorization_required=True,
        description=f"Équipement optique, renouvelable tous les {part.renewal_months} mois",
        benefit=(
            Benefit(type=_benefit("payable-from"), allowed_string=str(Month(number=part.free_from))),
            Benefit(type=_benefit("renewal-months"), allowed_unsigned_int=part.renewal_months),
        ),
    )  # fmt: skip
    insurance = AnsweredInsurance(
        coverage=Reference(reference=coverage), inforce=True, item=(item,),
        benefit_period=Period(start=_day(part.valid_from), end=_day(part.valid_until - 1)),
    )  # fmt: skip
    caution = " ; liste des droits révoqués de plus d'un jour" if entitled.degraded else ""
    return _response(request, part.insurer, insurance, f"Droits ouverts{caution}", check, now)


def refused(
    request: CoverageEligibilityRequest, insurer: str, refusal: RightRefused, *, check: str, coverage: str, now: int
) -> CoverageEligibilityResponse:
    """Answers that a right is not open: a proof or a signature says so."""
    insurance = AnsweredInsurance(coverage=Reference(reference=coverage), inforce=False)
    why = (ResponseError(code=error_concept(refusal)),)
    return _response(request, insurer, insurance, refusal.title_fr, check, now, why)


def _response(
    request: CoverageEligibilityRequest, insurer: str, insurance: AnsweredInsurance, disposition: str, check: str,
    now: int, error: tuple[ResponseError, ...] = (),
) -> CoverageEligibilityResponse:  # fmt: skip
    return CoverageEligibilityResponse(
        id=check, status="active", outcome="complete", purpose=request.purpose,
        patient=outward(request.patient, "Patient"), created=instant(now),
        request=Reference(type="CoverageEligibilityRequest", display=request.id or "submitted"),
        disposition=disposition, insurer=insurer_reference(insurer), insurance=(insurance,), error=error,
    )  # fmt: skip


def outward(reference: Reference, kind: str) -> Reference:
    """Repeats a reference of the request in the answer, unless it leads into the request."""
    inside = (reference.reference or "#").startswith("#")
    return Reference(type=kind, display="as in the request") if inside else Reference(reference=reference.reference)


def insurer_reference(amc: str) -> Reference:
    """Names an insurer by its AMC number."""
    return Reference(type="Organization", identifier=Identifier(system=AMC_SYSTEM, value=amc))


def instant(now: int) -> str:
    """Writes an instant."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def _benefit(code: str) -> CodeableConcept:
    return CodeableConcept(coding=(Coding(system=BENEFIT_SYSTEM, code=code),))
