"""Files for case and compliance tools: DFIR-IRIS, CISO Assistant, the CNIL's PIA tool: pure.

Field names are those of the tools' own interfaces as published; each is imported by hand.
"""

from __future__ import annotations

from typing import Any

from paravent.breach.documents import common
from paravent.breach.documents.model import View, without_marks
from paravent.breach.entries import Category, LootKind, Stage
from paravent.breach.exports.identifiers import iso

_SEVERITIES = {"faible": 3, "moyenne": 4, "élevée": 5}
_RISKS = {"faible": "privacy_risk", "moyenne": "privacy_risk"}
_GAUGES = {"faible": 1, "moyenne": 2, "élevée": 3}


def iris_alert(view: View) -> dict[str, Any]:
    """Writes an alert of DFIR-IRIS, with the chronology as its note."""
    return {
        "alert_title": view.opened.title, "alert_description": view.opened.facts, "alert_source": "paravent",
        "alert_source_ref": view.case, "alert_severity_id": _SEVERITIES.get(view.severity[0].level, 6),
        "alert_status_id": 2, "alert_customer_id": 1, "alert_source_event_time": iso(view.opened.aware_at),
        "alert_tags": "rgpd,tiers-payant", "alert_iocs": [], "alert_assets": [],
        "alert_note": "\n".join(without_marks(text) for kind in Category for text in view.noted(kind)),
        "alert_source_content": {
            amc: {"proved": one.proved, "estimate": one.estimate, "upper": one.upper}
            for amc in sorted(view.exposures) for one in [view.exposure(amc)]
        },
    }  # fmt: skip


def ciso_breaches(view: View) -> list[dict[str, Any]]:
    """Writes one data breach of CISO Assistant per insurer, the controller."""
    rows = []
    for amc in sorted(view.exposures):
        one = view.exposure(amc)
        filed = next(
            (
                filing for duty in view.duties if duty.rule.code == "rgpd-33-1" and duty.insurer == amc
                for filing in duty.filings if filing.stage is Stage.INITIAL
            ),
            None,
        )  # fmt: skip
        rows.append({
            "name": f"{view.case} {view.names[amc]}", "ref_id": f"{view.case}-{amc}", "description": view.opened.facts,
            "discovered_on": iso(view.opened.aware_at),
            "breach_type": "privacy_unauthorized_disclosure" if LootKind.CLEAR_FILE in view.kinds()
            else "privacy_unauthorized_access",
            "risk_level": _RISKS.get(view.severity[0].level, "privacy_high_risk"),
            "status": "privacy_under_investigation" if filed is None else "privacy_authority_notified",
            "affected_subjects_count": one.estimate, "affected_personal_data_count": one.estimate,
            "authority_notified_on": None if filed is None else iso(filed.filed_at),
            "authority_notification_ref": "" if filed is None else filed.reference, "subjects_notified_on": None,
            "potential_consequences": common.consequences(view, amc),
            "observation": f"{one.proved} / {one.estimate} / {one.upper}",
        })  # fmt: skip
    return rows


def pia(view: View) -> dict[str, Any]:
    """Writes a file of the CNIL's PIA tool: measures, and the risk of illegitimate access as this case measured it."""
    at = iso(view.now)
    gauge = _GAUGES.get(view.severity[0].level, 4)
    before = "\n".join(without_marks(text) for text in view.noted(Category.MEASURE_BEFORE))
    answers: list[tuple[int, dict[str, Any]]] = [
        (111, _answer(text=without_marks(common.nature(view)))),
        (121, _answer(text="\n".join(common.data_categories(view)))),
        (321, _answer(items=["Accès d'un tiers à des droits d'assurance"])),
        (322, _answer(items=[without_marks(common.nature(view))])),
        (325, _answer(text=before, gauge=gauge)),
        (326, _answer(text=view.opened.facts, gauge=gauge)),
    ]
    return {
        "pia": {
            "status": 0, "is_example": 0, "is_archive": 0, "created_at": at, "updated_at": at, "id": 1,
            "name": f"Violation {view.case}", "category": "Violation de données", "author_name": view.operator,
            "evaluator_name": "à compléter", "validator_name": "à compléter", "progress": 0, "structure_id": "",
        },
        "answers": [
            {"pia_id": 1, "reference_to": reference, "data": data, "created_at": at, "id": place}
            for place, (reference, data) in enumerate(answers, start=1)
        ],
        "measures": [], "evaluations": [], "comments": [],
    }  # fmt: skip


def _answer(text: str | None = None, gauge: int | None = None, items: list[str] | None = None) -> dict[str, Any]:
    return {"text": text, "gauge": gauge, "list": items or []}
