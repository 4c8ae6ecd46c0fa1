"""Exports against independent readers of their formats: the schema of VERIS, stix2, PyMISP; each with a control."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import stix2  # type: ignore[import-untyped] # it ships no types
from jsonschema import Draft4Validator  # type: ignore[import-untyped] # the same
from pymisp import MISPEvent
from tests.unit.breach.conftest import Case
from tests.unit.breach.test_documents import view_of

from paravent.breach.exports.whole import exports

SCHEMA = Path(__file__).parents[2] / "oracles" / "veris" / "verisc-merged.json"
CASES = ("credential", "hub", "file")


@pytest.fixture(params=CASES)
def written(request: pytest.FixtureRequest) -> dict[str, Any]:
    case: Case = request.getfixturevalue(request.param)
    return {name: json.loads(content) for name, content in exports(view_of(case)).items()}


def veris_faults(incident: dict[str, Any]) -> list[str]:
    validator = Draft4Validator(json.loads(SCHEMA.read_bytes()))
    return [error.message[:200] for error in validator.iter_errors(incident)]


def test_veris_validates_against_the_published_schema(written: dict[str, Any]) -> None:
    incident = written["veris-1.4.1.json"]
    assert veris_faults(incident) == []
    assert veris_faults({**incident, "security_incident": "Maybe"}) != []
    assert veris_faults({name: value for name, value in incident.items() if name != "asset"}) != []


def test_stix_is_read_by_another_implementation(written: dict[str, Any]) -> None:
    bundle = written["stix-2.1.json"]
    parsed = stix2.parse(bundle)
    assert {each.type for each in parsed.objects} >= {"identity", "incident", "note"}
    with pytest.raises(stix2.exceptions.STIXError):
        stix2.parse({**bundle, "objects": [{**bundle["objects"][0], "identity_class": 3, "unknown": True}]})


def test_a_misp_event_is_read_by_its_own_library(written: dict[str, Any]) -> None:
    event = MISPEvent()
    event.from_dict(**written["misp-event.json"]["Event"])
    assert event.published is False
    assert len(event.attributes) == 3
    assert not any(attribute.to_ids for attribute in event.attributes)


def test_the_figures_of_the_exports_are_those_computed(credential: Case) -> None:
    written = {name: json.loads(content) for name, content in exports(view_of(credential)).items()}
    computed = {one.insurer: one.estimate for one in credential.exposures}
    assert written["veris-1.4.1.json"]["attribute"]["confidentiality"]["data_total"] == sum(computed.values())
    rows = written["ciso-assistant-data-breaches.json"]
    assert {row["ref_id"].rsplit("-", 1)[1]: row["affected_subjects_count"] for row in rows} == computed
    content = written["dfir-iris-alert.json"]["alert_source_content"]
    assert {amc: values["estimate"] for amc, values in content.items()} == computed
    answers = written["cnil-pia.json"]["answers"]
    assert [answer["id"] for answer in answers] == list(range(1, len(answers) + 1))


def test_no_export_names_an_insured_person_or_a_label(credential: Case) -> None:
    text = b"".join(exports(view_of(credential)).values()).decode()
    persons = credential.scene.platform.population.persons
    assert [person.member_id for person in persons if re.search(rf"\b{person.member_id}\b", text)] == []
    labels = [label.hex() for one in credential.exposures for label in one.labels]
    assert labels
    assert [label for label in labels if label in text] == []
