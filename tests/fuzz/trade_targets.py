"""Readers of what insurers, shops and software hand over: member files, leaks, FHIR, pictures, tables, letters."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import segno

import paravent
from paravent.crypto.labels import Label
from paravent.crypto.sealing import Handle, open_label
from paravent.desk.card_picture import read_picture
from paravent.desk.fhir.claim import Claim, early_renewal, equipment, require_supported
from paravent.desk.fhir.eligibility import CoverageEligibilityRequest
from paravent.desk.remittances import read_notice, read_remittance
from paravent.errors import ParaventError
from paravent.insurer.coverage_members import record_of
from paravent.insurer.incident import filled, handles_of, read_incident
from paravent.insurer.leak.sample import read_sample
from paravent.insurer.member_file_store import MemberFile
from paravent.insurer.members import Line, Reject
from paravent.insurer.sign_in import read_claims
from paravent.insurer.space_config import person_profile
from paravent.optics.guarantee import read_guarantees
from paravent.optics.money import parse_euros
from paravent.optics.months import Month
from paravent.pages.drill_rows import read_rows
from paravent.person.fhir.coverage import Coverage, customer_of
from paravent.person.fhir.document import read_resource
from paravent.person.fhir.vision_prescription import read_vision_prescription
from paravent.person.identity import BirthDate, NormalisedName
from paravent.person.nir import Nir
from paravent.wire.case import LetterField
from paravent.wire.codec import decode
from paravent.wire.number_lane import OpeningRequest
from tests.fuzz import platforms
from tests.fuzz.platforms import signed, world
from tests.fuzz.shapes import CSV, JSON, LINES, NDJSON, PNG
from tests.fuzz.target import Target
from tests.unit.fhir import resources
from tests.unit.parties.test_insurer_members import LINE
from tests.unit.parties.test_member_formats import LINES as MEMBER_LINES
from tests.unit.parties.test_member_formats import coverage as member_coverage
from tests.unit.parties.test_member_formats import written
from tests.unit.parties.world import AMC, NOW

NOBODY = base64.b64encode(bytes(16)).decode()
_DATA = Path(paravent.__file__).parent / "drill" / "data"


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


# --- member files ----------------------------------------------------------------------------------


def _lines_of(kind: str) -> Callable[[bytes], list[Line | Reject]]:
    path = platforms.folder() / f"members.{kind}"

    def read(data: bytes) -> list[Line | Reject]:
        path.write_bytes(data)
        return list(MemberFile(path=path, amc=AMC, synthetic=True).lines())

    return read


def member_csv() -> Target:
    seed = written(platforms.folder(), "csv", MEMBER_LINES).read_bytes()
    return Target(seeds=(seed,), shape=CSV, read=_lines_of("csv"))


def member_ndjson() -> Target:
    seed = written(platforms.folder(), "ndjson", MEMBER_LINES).read_bytes()
    return Target(seeds=(seed,), shape=NDJSON, read=_lines_of("ndjson"))


def member_parquet() -> Target:
    seed = written(platforms.folder(), "parquet", MEMBER_LINES).read_bytes()
    return Target(seeds=(seed,), read=_lines_of("parquet"), slow=True)


def member_coverage_resource() -> Target:
    seed = json.dumps(member_coverage(LINE)).encode()
    return Target(seeds=(seed,), shape=JSON, read=lambda data: record_of(data, AMC, delta=True))


# --- leaks -----------------------------------------------------------------------------------------

_LEAKED = (("LEFÈVRE", "Zoé", "1980-01-02"), ("O'NEIL, Jr", "Léa; Marie", "OPT-CONFORT"))
_SQL = (
    "-- dump\nINSERT INTO `assures` (`a`,`b`,`c`) VALUES\n('LEFÈVRE', 'Zoé', '1980-01-02'),\n"
    "('O''NEIL, Jr', 'Léa\\'', NULL);\nCREATE TABLE y (z int);\n"
)


def leak_csv() -> Target:
    seed = "\r\n".join(";".join(f'"{cell}"' for cell in row) for row in _LEAKED).encode()
    return Target(seeds=(seed, seed.decode().encode("utf-16")), shape=LINES, read=read_sample)


def leak_json() -> Target:
    seeds = (
        json.dumps(_LEAKED).encode(),
        json.dumps([{"a": a, "b": {"c": [b, None, 7]}} for a, b, _ in _LEAKED]).encode(),
    )
    return Target(seeds=seeds, shape=JSON, read=read_sample)


def leak_lines() -> Target:
    seed = "\n".join(json.dumps({"nom": a, "prenom": b, "date": c}) for a, b, c in _LEAKED).encode()
    return Target(seeds=(seed,), shape=NDJSON, read=read_sample)


def leak_sql() -> Target:
    return Target(seeds=(_SQL.encode(),), shape=LINES, read=read_sample)


# --- FHIR ------------------------------------------------------------------------------------------


def fhir_prescription() -> Target:
    return Target(
        seeds=((_DATA / "visionprescription-33123.r4.json").read_bytes(),), shape=JSON, read=read_vision_prescription
    )


def fhir_coverage() -> Target:
    return Target(
        seeds=(json.dumps(resources.coverage()).encode(),), shape=JSON,
        read=lambda data: customer_of(read_resource(data, Coverage)),
    )  # fmt: skip


def fhir_claim() -> Target:
    def read(data: bytes) -> Any:
        claim = read_resource(data, Claim)
        require_supported(claim)
        return early_renewal(claim), equipment(claim)

    return Target(seeds=(json.dumps(resources.claim()).encode(),), shape=JSON, read=read)


def fhir_eligibility() -> Target:
    seed = json.dumps({
        "resourceType": "CoverageEligibilityRequest", "status": "active", "purpose": ["benefits"],
        "patient": {"display": "customer"}, "created": "2026-06-15", "insurer": {"display": "insurer"},
        "insurance": [{"focal": True, "coverage": {"reference": "Coverage/1"}}],
    }).encode()  # fmt: skip
    return Target(seeds=(seed,), shape=JSON, read=lambda data: read_resource(data, CoverageEligibilityRequest))


# --- at the counter --------------------------------------------------------------------------------


def card_picture() -> Target:
    made = io.BytesIO()
    segno.make("PV1:ABCDEFGHIJK", error="m").save(made, kind="png", scale=3)
    return Target(seeds=(made.getvalue(),), shape=PNG, read=read_picture, slow=True)


def printed_identity() -> Target:
    """Number, name, birth date, amount and month as somebody types them, a line each."""

    def read(data: bytes) -> None:
        for line in _text(data).split("\n")[:8]:
            for parse in (Nir.parse, Nir.from_thirteen, NormalisedName.of, BirthDate.parse, parse_euros, Month.parse):
                try:
                    parse(line)
                except ParaventError:
                    continue

    seed = "\n".join((LINE["nir"], LINE["name"], "03/02/2015", "1 234,50 €", "2026-06")).encode()
    return Target(seeds=(seed,), shape=LINES, read=read)


def opening_request() -> Target:
    seed = json.dumps({
        "insurer": AMC, "epoch": 1, "batch": 1, "handle_key": base64.b64encode(bytes(32)).decode(),
        "answer_key": base64.b64encode(bytes(1_216)).decode(), "proof": base64.b64encode(bytes(64)).decode(),
    }).encode()  # fmt: skip
    return Target(seeds=(seed,), shape=JSON, read=lambda data: decode(data, OpeningRequest))


# --- between insurer and shop ----------------------------------------------------------------------


def remittance() -> Target:
    key, shop = world().insurers[AMC].keys.issuer, world().device.shop
    seed = json.dumps({
        "insurer": AMC, "number": 1, "reference": "R1", "shop": shop, "issued_at": NOW, "account_ends": "0189",
        "lines": [
            {
                "decision_id": NOBODY, "claim_id": NOBODY, "professional": "1", "month": 202606, "kind": "payment",
                "cents": 1_000,
            },
        ],
        "total_cents": 1_000,
    }).encode()  # fmt: skip
    return Target(
        seeds=(seed,), shape=JSON,
        read=lambda data: read_remittance(signed(data, Label.REMITTANCE, AMC, key), world().directory, shop),
    )  # fmt: skip


def account_notice() -> Target:
    key, shop = world().insurers[AMC].keys.issuer, world().device.shop
    seed = json.dumps(
        {"insurer": AMC, "shop": shop, "fingerprint": "x", "received_at": NOW, "usable_from": NOW}
    ).encode()
    return Target(
        seeds=(seed,), shape=JSON,
        read=lambda data: read_notice(signed(data, Label.ACCOUNT_NOTICE, AMC, key), world().directory, shop),
    )  # fmt: skip


def incident_told() -> Target:
    desk = world().directory.breach_desk
    assert desk is not None
    label = base64.b64encode(open_label(AMC, 1, 1, Handle(bytes(32)))).decode()
    seed = json.dumps({
        "case": "2026-001", "insurer": AMC, "title": "Incident", "facts": "Une copie.", "copied": False, "letter": [],
        "complaint": {"recipient": "x", "reference": "x", "address": "x", "paragraphs": ["Je soussigné {{identity}}"]},
        "labels": [label], "told_at": NOW,
    }).encode()  # fmt: skip

    def read(data: bytes) -> Any:
        made = signed(data, Label.CASE_INCIDENT, desk.name, world().breach_key)
        told = read_incident(made, world().directory, AMC)
        return handles_of(told), filled(told.complaint, dict.fromkeys(LetterField, "x"))

    return Target(seeds=(seed,), shape=JSON, read=read)


def person_claims() -> Target:
    profile = person_profile("franceconnect")
    seed = json.dumps({
        "sub": "x", "given_name": "Zoé Anne", "family_name": "Martin", "birthdate": "1991-09-12", "gender": "female",
        "birthplace": "99991", "birthcountry": "99100", "preferred_username": "Dubois",
    }).encode()  # fmt: skip

    def read(data: bytes) -> Any:
        try:
            claims = json.loads(data)
        except (ValueError, RecursionError):
            return None
        return read_claims(claims, profile) if isinstance(claims, dict) else None

    return Target(seeds=(seed,), shape=JSON, read=read)


def guarantee_file() -> Target:
    return Target(seeds=((_DATA / f"guarantees-{AMC}.toml").read_bytes(),), shape=LINES, read=read_guarantees)


def drill_rows() -> Target:
    report = Path(__file__).parents[2] / "docs" / "reports" / "drill.jsonl"
    return Target(seeds=(b"".join(report.read_bytes().splitlines(keepends=True)[:6]),), shape=NDJSON, read=read_rows)


TARGETS: tuple[Callable[[], Target], ...] = (
    member_csv, member_ndjson, member_parquet, member_coverage_resource, leak_csv, leak_json, leak_lines, leak_sql,
    fhir_prescription, fhir_coverage, fhir_claim, fhir_eligibility, card_picture, printed_identity, opening_request,
    remittance, account_notice, incident_told, person_claims, guarantee_file, drill_rows,
)  # fmt: skip
