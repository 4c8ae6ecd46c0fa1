"""FHIR R4 OperationOutcome: every error of the desk, with the issue type that keeps failures apart from refusals.

``diagnostics`` is the technical sentence in English, ``details.text`` what to say and do in French. A technical
failure is ``transient``, ``timeout`` or ``exception``, and never ``business-rule``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from paravent import errors
from paravent.errors import ParaventError, Refusal, TechnicalFailure
from paravent.person.fhir.elements import CodeableConcept, Coding, Element, Resource, Text

ERROR_SYSTEM = "urn:paravent:error"


class IssueType(StrEnum):
    """Codes of http://hl7.org/fhir/issue-type that the desk uses."""

    INVALID = "invalid"
    STRUCTURE = "structure"
    VALUE = "value"
    NOT_SUPPORTED = "not-supported"
    NOT_FOUND = "not-found"
    TOO_LONG = "too-long"
    LOGIN = "login"
    FORBIDDEN = "forbidden"
    BUSINESS_RULE = "business-rule"
    CONFLICT = "conflict"
    THROTTLED = "throttled"
    TIMEOUT = "timeout"
    TRANSIENT = "transient"
    EXCEPTION = "exception"


# The nearest class of an error's ancestry decides.
_ISSUE_TYPES: dict[type[ParaventError], IssueType] = {
    ParaventError: IssueType.EXCEPTION,
    errors.BadInput: IssueType.INVALID,
    errors.MalformedMessage: IssueType.STRUCTURE,
    errors.BodyTooLarge: IssueType.TOO_LONG,
    errors.BodyTooSlow: IssueType.TIMEOUT,
    errors.UnknownAddress: IssueType.NOT_FOUND,
    errors.InvalidNir: IssueType.VALUE,
    errors.InvalidIdentity: IssueType.VALUE,
    errors.InvalidBasket: IssueType.VALUE,
    errors.UnsupportedPrescription: IssueType.NOT_SUPPORTED,
    errors.UnsupportedResource: IssueType.NOT_SUPPORTED,
    Refusal: IssueType.BUSINESS_RULE,
    errors.IdempotencyConflict: IssueType.CONFLICT,
    errors.QuotaExceeded: IssueType.THROTTLED,
    errors.LocalTokenRequired: IssueType.LOGIN,
    errors.UnknownDevice: IssueType.FORBIDDEN,
    errors.DevicePending: IssueType.FORBIDDEN,
    errors.DeviceSuspended: IssueType.FORBIDDEN,
    errors.RequestNotAuthentic: IssueType.FORBIDDEN,
    TechnicalFailure: IssueType.TRANSIENT,
    errors.Unreachable: IssueType.TIMEOUT,
    errors.UnansweredAct: IssueType.TIMEOUT,
    errors.StorageDown: IssueType.EXCEPTION,
    errors.ProofFailure: IssueType.EXCEPTION,
    errors.LogRolledBack: IssueType.EXCEPTION,
}


class Issue(Element, frozen=True, kw_only=True):
    """One error."""

    severity: Literal["error", "fatal"]
    code: IssueType
    details: CodeableConcept
    diagnostics: Text


class OperationOutcome(Resource, frozen=True, kw_only=True, tag_field="resourceType", tag="OperationOutcome"):
    """What went wrong."""

    issue: tuple[Issue, ...]


def issue_type(error: ParaventError) -> IssueType:
    """Chooses the issue type of an error."""
    return next(_ISSUE_TYPES[kind] for kind in type(error).__mro__ if kind in _ISSUE_TYPES)


def outcome_of(error: ParaventError) -> OperationOutcome:
    """Describes an error; fatal when nothing can be concluded."""
    issue = Issue(
        severity="fatal" if isinstance(error, TechnicalFailure) else "error",
        code=issue_type(error),
        details=error_concept(error),
        diagnostics=str(error) or error.title_en,
    )
    return OperationOutcome(issue=(issue,))


def error_concept(error: ParaventError) -> CodeableConcept:
    """Names an error for machines, and says in French what happened and what to do."""
    return CodeableConcept(
        coding=(Coding(system=ERROR_SYSTEM, code=error.code, display=error.title_en),),
        text=f"{error.title_fr}. {error.advice_fr}",
    )
