"""VERIS 1.4.1 (veriscommunity.net): what was done to what, without the name of a victim: pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from paravent.breach.documents.model import View
from paravent.breach.entries import LootKind, Origin

_ASSETS = {
    LootKind.DATABASE: "S - Database", LootKind.BACKUP: "S - Backup", LootKind.DEVICE_KEY: "U - Desktop",
    LootKind.DESK: "U - Desktop", LootKind.KEY_SERVER: "S - Other", LootKind.INSURER_KEY: "S - Other",
    LootKind.HUB: "S - Web application", LootKind.CARD: "M - Documents", LootKind.CLEAR_FILE: "S - File",
}  # fmt: skip
_INSURANCE = "524"
"""NAICS: insurance carriers and related activities."""


def incident(view: View) -> dict[str, Any]:
    """Writes the incident."""
    began = datetime.fromtimestamp(view.opened.began_at or view.opened.aware_at, UTC)
    kinds = sorted(view.kinds(), key=list(LootKind).index)
    total = sum(view.exposure(amc).estimate for amc in view.exposures)
    return {
        "schema_version": "1.4.1", "incident_id": view.case, "source_id": "paravent",
        "security_incident": "Confirmed", "summary": view.opened.facts,
        "timeline": {"incident": {"year": began.year, "month": began.month, "day": began.day}},
        "victim": {
            "country": ["FR"], "employee_count": "Unknown", "industry": _INSURANCE, "government": ["NA"],
        },
        "actor": {"external": {"variety": ["Unknown"], "motive": ["Unknown"]}},
        "action": _action(set(kinds)),
        "asset": {
            "assets": [{"variety": variety} for variety in sorted({_ASSETS[kind] for kind in kinds})]
            or [{"variety": "Unknown"}],
            "cloud": ["Unknown"],
        },
        "attribute": {"confidentiality": _confidentiality(total, set(kinds))},
        "discovery_method": _discovery(view.opened.origin),
        "plus": {},
    }  # fmt: skip


def _action(kinds: set[LootKind]) -> dict[str, Any]:
    if kinds & {LootKind.DEVICE_KEY, LootKind.HUB, LootKind.DATABASE, LootKind.BACKUP, LootKind.KEY_SERVER}:
        variety = "Use of stolen creds" if LootKind.DEVICE_KEY in kinds else "Unknown"
        vector = "Web application" if LootKind.DEVICE_KEY in kinds else "Unknown"
        return {"hacking": {"variety": [variety], "vector": [vector]}}
    if LootKind.DESK in kinds:
        return {"physical": {"variety": ["Theft"], "vector": ["Unknown"]}}
    return {"unknown": {}}


def _confidentiality(total: int, kinds: set[LootKind]) -> dict[str, Any]:
    sealed = bool(kinds) and kinds <= {LootKind.DATABASE, LootKind.BACKUP, LootKind.HUB} and total == 0
    clear = LootKind.CLEAR_FILE in kinds
    return {
        "data_disclosure": "Yes" if total else "Potentially", "data_total": total,
        "data": [{"variety": "Personal", "amount": total}], "data_victim": ["Customer"],
        "state": ["Stored encrypted" if sealed else "Stored unencrypted" if clear else "Processed"],
    }  # fmt: skip


def _discovery(origin: Origin) -> dict[str, Any]:
    variety = {Origin.DETECTOR: "Log review", Origin.DRILL: "Other", Origin.HAND: "Unknown"}[origin]
    return {"internal": {"variety": [variety]}}
