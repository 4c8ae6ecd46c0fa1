"""Readers of the breach desk and the observatory: dossiers, logs, incidents of others, contracts, reports."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from paravent.breach.alarms import _reported, read_any_alarm
from paravent.breach.bulletins.draft import from_alarms, read_draft
from paravent.breach.bulletins.mailing import read_contacts
from paravent.breach.bulletins.store import shipped_templates
from paravent.breach.campaigns.campaign import read_campaign
from paravent.breach.case import read_log, read_openings
from paravent.breach.dossier_check import check_dossier, declared
from paravent.breach.entries import read_leaf
from paravent.breach.observatory import cnil, sector
from paravent.breach.observatory.reading import read_file
from paravent.breach.registers.contracts import read_contract
from paravent.breach.registers.exchange_cli import _read as read_audit
from paravent.breach.registers.reports import open_report
from paravent.breach.trust import TrustFile, trust_of
from paravent.crypto.labels import Label
from paravent.crypto.note import decode_base64
from paravent.crypto.signing import SigningKey
from paravent.wire.codec import decode
from tests.fuzz import platforms
from tests.fuzz.platforms import signed, world
from tests.fuzz.shapes import CNIL, CSV, FIELDS, JSON, LINES, NDJSON, TAR
from tests.fuzz.target import Target
from tests.unit.parties.world import NOW

CASE = Path(__file__).parents[2] / "docs" / "cases" / "stolen-credential"


# --- dossiers and logs -----------------------------------------------------------------------------


def dossier() -> Target:
    trust = trust_of(decode((CASE / "trust.json").read_bytes(), TrustFile))
    content = (CASE / "dossier.tar").read_bytes()

    def read(data: bytes) -> Any:
        declared(data)
        return check_dossier(data, trust)

    return Target(seeds=(content,), shape=TAR, read=read, slow=True)


def trust_file() -> Target:
    def read(data: bytes) -> Any:
        return trust_of(decode(data, TrustFile))

    return Target(seeds=((CASE / "trust.json").read_bytes(),), shape=JSON, read=read)


def _members() -> dict[str, bytes]:
    members: dict[str, bytes] = TAR.apart((CASE / "dossier.tar").read_bytes())
    return members


def case_entry() -> Target:
    lines = _members()["log/entries.jsonl"].splitlines()
    seeds = tuple(decode_base64(str(json.loads(line)["leaf"])) for line in lines[:12])

    def same(_: bytes, found: Any) -> None:
        assert read_leaf(found.leaf()) == found

    return Target(seeds=seeds, shape=FIELDS, read=read_leaf, same=same)


def case_log() -> Target:
    logs = [body for name, body in _members().items() if name.startswith("evidence/") and b'"note"' in body[:20_000]]
    lines = logs[0].splitlines(keepends=True)
    return Target(seeds=(b"".join(lines[:6]),), shape=NDJSON, read=read_log)


def case_openings() -> Target:
    seed = b"\n".join(
        json.dumps({
            "server": "keyserver-1", "index": place, "hour": 494_000, "professional": "80000000001",
            "keyid": "0" * 32, "insurer": "99000001",
        }).encode()
        for place in range(3)
    )  # fmt: skip
    return Target(seeds=(seed,), shape=NDJSON, read=read_openings)


# --- the observatory -------------------------------------------------------------------------------


def _observed(name: str) -> Callable[[bytes], Any]:
    def read(data: bytes) -> Any:
        pieces = [data[place : place + 1_000] for place in range(0, len(data), 1_000)]
        return list(read_file(name, data[:64], pieces))

    return read


def _incident(number: int) -> dict[str, Any]:
    return {
        "incident_id": f"TEST-{number}", "schema_version": "1.4.1", "security_incident": "Confirmed",
        "timeline": {"incident": {"year": 2020, "month": 3}, "discovery": {"unit": "Days", "value": 3}},
        "victim": {"industry": "622110", "country": ["FR"], "victim_id": "x"}, "actor": {"external": {}},
        "action": {"hacking": {"variety": ["Use of stolen creds"], "vector": ["Partner"]}},
        "attribute": {"confidentiality": {"data_disclosure": "Yes", "data_total": 12}}, "plus": {"modified": "x"},
    }  # fmt: skip


def veris() -> Target:
    seeds = (json.dumps([_incident(1), _incident(2)]).encode(), json.dumps(_incident(3)).encode())
    return Target(seeds=seeds, shape=JSON, read=_observed("veris.json"))


def stix() -> Target:
    incident, victim, pattern = (f"{kind}--1" for kind in ("incident", "identity", "attack-pattern"))
    seed = json.dumps({"type": "bundle", "id": "bundle--1", "objects": [
        {"type": "incident", "id": incident, "created_by_ref": "x", "confidence": 80, "modified": "2026-01-01"},
        {"type": "identity", "id": victim, "name": "x"},
        {"type": "location", "id": "location--1", "country": "FR"},
        {"type": "attack-pattern", "id": pattern,
         "external_references": [{"source_name": "mitre-attack", "external_id": "T1566.001"}]},
        {"type": "relationship", "source_ref": incident, "target_ref": victim},
        {"type": "relationship", "source_ref": incident, "target_ref": pattern},
        {"type": "relationship", "source_ref": victim, "target_ref": "location--1"},
    ]}).encode()  # fmt: skip
    return Target(seeds=(seed,), shape=JSON, read=_observed("bundle.json"))


def sector_list() -> Target:
    header = ",".join((*sector.COLUMNS, *sector.CODED_COLUMNS))
    line = (
        "a,2024-02,2024-03-01,x,hospital,1000,phishing,names,closed,press,verified-press,FR,hacking.Phishing,theft,no"
    )
    return Target(seeds=(f"{header}\n{line}\n{line}\n".encode(),), shape=CSV, read=_observed("incidents.csv"))


def cnil_file() -> Target:
    row = (
        "2024-01", "Santé", "Perte de la confidentialité", "Entre 0 et 5 personnes", "Etat civil", "Oui", "Piratage",
        "Acte externe malveillant", "Oui, les personnes ont été informées",
    )  # fmt: skip
    lines = ("Extraction générée le 01/02/2024", ";".join(cnil.COLUMNS), ";".join(row), ";".join(row))
    return Target(seeds=("\r\n".join(lines).encode("cp1252"),), shape=CNIL, read=_observed("cnil.csv"))


# --- registers, reports, bulletins -----------------------------------------------------------------

_CONTRACT = {
    "reference": "hub-horizon", "customer": "Mutuelle Horizon", "processor": "Hub", "insurer": "99000001",
    "signed_on": "2026-01-01", "ends_on": "2028-01-01", "contact": "DPO", "clauses": {"a": "4.1", "b": "4.2"},
    "notice_hours": 24, "sub_processors": "specific", "hds_activities": [1, 2],
    "hds": {"certificate": "x", "activities": [1, 2], "expires_on": "2027-01-01"}, "audited_on": ["2026-02-01"],
}  # fmt: skip


def contract_json() -> Target:
    return Target(
        seeds=(json.dumps(_CONTRACT).encode(),), shape=JSON,
        read=lambda data: read_contract(data, toml=False),
    )  # fmt: skip


def contract_toml() -> Target:
    plain = {name: value for name, value in _CONTRACT.items() if not isinstance(value, dict)}
    tables = {name: value for name, value in _CONTRACT.items() if isinstance(value, dict)}
    lines = [f"{name} = {json.dumps(value)}" for name, value in plain.items()]
    for name, table in tables.items():
        lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    text = re.sub(r'"(20\d\d-\d\d-\d\d)"', r"\1", "\n".join(lines))
    return Target(
        seeds=(text.encode(),), shape=LINES,
        read=lambda data: read_contract(data, toml=True),
    )  # fmt: skip


def audit_csv() -> Target:
    path = platforms.folder() / "audit.csv"
    seed = (
        "urn;assessable;ref_id;compliance_result;observations\n"
        "urn:intuitem:risk:req_node:anssi-guide-hygiene:1;TRUE;1;compliant;x\n"
    )

    def read(data: bytes) -> Any:
        path.write_bytes(data)
        return read_audit(path)

    return Target(seeds=(seed.encode(),), shape=LINES, read=read)


def doctor_report() -> Target:
    key = SigningKey.generate(random.Random(1).randbytes)
    seed = json.dumps({
        "party": "hub", "kind": "hub", "rules": "2026-01-01", "at": NOW, "settings": [{"name": "x", "value": "y"}],
        "results": [{"check": "backup", "outcome": "ok", "seen": "x", "advice": ""}],
    }).encode()  # fmt: skip

    def read(data: bytes) -> Any:
        from paravent.wire.codec import encode

        return open_report(encode(signed(data, Label.DOCTOR_REPORT, "hub", key)), None, {"hub": key.public}, NOW)

    return Target(seeds=(seed,), shape=JSON, read=read)


def alarm() -> Target:
    hub = world().hub
    seed = json.dumps({
        "verifier": hub.name, "number": 1, "raised_at": NOW, "suspended": False, "drill": False,
        "budget": 1, "finding": {
            "sign": "volume", "kind": "professional", "subject": "80000000001", "day": 20_600, "observed": 70,
            "whole": 80, "usual": "12", "statistic": "9.5", "limit": "1e-07",
        },
    }).encode()  # fmt: skip

    def read(data: bytes) -> Any:
        made = signed(data, Label.ALARM, hub.name, hub.signing_key)
        return _reported(made, read_any_alarm(made, world().directory))

    return Target(
        seeds=(seed,), shape=JSON,
        read=read,
    )  # fmt: skip


def alarms_file() -> Target:
    templates = shipped_templates()
    seed = json.dumps(
        {"alarms": [{"sign": "volume", "drill": False}, {"sign": "unknown-persons", "drill": True}]}
    ).encode()
    return Target(seeds=(seed,), shape=JSON, read=lambda data: from_alarms(data, templates))


def bulletin_draft() -> Target:
    seed = (
        'author = "RSSI"\naudience = "opticians"\nattack = "phishing"\nurgent = false\nsources = ["x"]\n[fr]\n'
        'title = "t"\nwhat = "w"\nrecognise = ["r"]\nact = ["a"]\n[en]\ntitle = "t"\nwhat = "w"\nrecognise = ["r"]\n'
        'act = ["a"]\n'
    )
    return Target(seeds=(seed.encode(),), shape=LINES, read=read_draft)


def contacts() -> Target:
    return Target(
        seeds=(b"shop,email\n1,a@example.org\n2,b@example.org\n",), shape=CSV,
        read=lambda data: read_contacts(data.decode("utf-8", "replace")),
    )  # fmt: skip


def campaign() -> Target:
    lines = (
        'reference = "c1"', 'subject = "s"', 'issuer = ["i"]', 'signed_by = "x"', "dated = 2026-01-01",
        "answer_by = 2026-02-01",
        'paragraphs = ["p"]', 'asked = ["a"]', 'closing = "c"', 'reminder = "r"', 'sources = ["s"]', "[[recipient]]",
        'reference = "r1"', 'role = "insurer"', 'name = "n"', 'address = ["a"]',
    )  # fmt: skip
    return Target(seeds=("\n".join(lines).encode(),), shape=LINES, read=read_campaign)


TARGETS: tuple[Callable[[], Target], ...] = (
    dossier, trust_file, case_entry, case_log, case_openings, veris, stix, sector_list, cnil_file, contract_json,
    contract_toml, audit_csv, doctor_report, alarm, alarms_file, bulletin_draft, contacts, campaign,
)  # fmt: skip
