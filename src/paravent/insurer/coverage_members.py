"""A line of FHIR NDJSON as a line of a member file: one Coverage is one person under one number (docs/operating.md).

FHIR R4 has no word for when equipment is payable again: two classes of the coverage carry it.
"""

from __future__ import annotations

from paravent.errors import UnsupportedResource
from paravent.insurer.members import CHANGE_COLUMN, Change, Record
from paravent.person.fhir.coverage import Coverage, insurer_of, number_of, patient_of, printed_name
from paravent.person.fhir.document import read_resource
from paravent.person.fhir.elements import MEMBER_SYSTEM, value_of

CLASS_SYSTEM = "http://terminology.hl7.org/CodeSystem/coverage-class"
TERM_SYSTEM = "urn:paravent:coverage-class"
GUARANTEE, FREE_FROM, RENEWAL_MONTHS = "plan", "free-from", "renewal-months"


def record_of(body: bytes, amc: str, *, delta: bool) -> Record:
    """Reads a Coverage of an insurer; raises what is wrong with it, never quoting a value.

    A cancelled coverage is an ended line of a delta; an active one is added or changed, as the portfolio says.
    """
    coverage = read_resource(body, Coverage)
    if insurer_of(coverage) != amc:
        raise UnsupportedResource("the payor is another insurer")
    if coverage.status != "active" and not (delta and coverage.status == "cancelled"):
        raise UnsupportedResource("a coverage is active; only a delta has cancelled ones")
    patient, period = patient_of(coverage), coverage.period
    record = {
        "member_id": value_of(coverage.identifier, MEMBER_SYSTEM) or "",
        "name": printed_name(patient),
        "birth_date": patient.birth_date,
        "nir": number_of(coverage),
        "rank": str(patient.multiple_birth_integer),
        "guarantee": _class(coverage, CLASS_SYSTEM, GUARANTEE),
        "valid_from": (period and period.start) or "",
        "valid_to": (period and period.end) or "",
        "free_from": _class(coverage, TERM_SYSTEM, FREE_FROM),
        "renewal_months": _class(coverage, TERM_SYSTEM, RENEWAL_MONTHS),
    }
    if delta:
        record[CHANGE_COLUMN] = (Change.ENDED if coverage.status == "cancelled" else Change.CHANGED).value
    return record


def _class(coverage: Coverage, system: str, code: str) -> str:
    found = [entry.value for entry in coverage.class_ if entry.type.code(system) == code]
    if len(found) != 1:
        raise UnsupportedResource(f"a coverage has one class {code}, system {system}")
    return found[0]
