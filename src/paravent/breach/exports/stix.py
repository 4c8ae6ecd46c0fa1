"""STIX 2.1 bundle: the operator, the incident, attack patterns, a note with the figures: pure."""

from __future__ import annotations

from typing import Any

from paravent.breach.documents import common
from paravent.breach.documents.model import View, without_marks
from paravent.breach.entries import LootKind
from paravent.breach.exports.identifiers import iso, uuid_of

_PATTERNS = {
    LootKind.DEVICE_KEY: ("Valid Accounts", "T1078"),
    LootKind.DATABASE: ("Data from Information Repositories", "T1213"),
    LootKind.BACKUP: ("Data from Information Repositories", "T1213"),
    LootKind.HUB: ("Exploit Public-Facing Application", "T1190"), LootKind.KEY_SERVER: ("Private Keys", "T1552.004"),
    LootKind.INSURER_KEY: ("Private Keys", "T1552.004"),
}  # fmt: skip


def bundle(view: View) -> dict[str, Any]:
    """Writes the bundle."""
    identity = _object(view, "identity", name=view.operator, identity_class="organization", sectors=["healthcare"])
    patterns = [
        _object(
            view, "attack-pattern", name=name,
            external_references=[{"source_name": "mitre-attack", "external_id": technique}],
        )
        for name, technique in sorted({_PATTERNS[kind] for kind in view.kinds() if kind in _PATTERNS})
    ]  # fmt: skip
    incident = _object(
        view, "incident", name=view.opened.title, description=view.opened.facts, created_by_ref=identity["id"]
    )
    figures = "\n".join(
        f"{view.names[amc]} : {one.proved} / {one.estimate} / {one.upper} (établi / estimé / maximum)"
        for amc in sorted(view.exposures) for one in [view.exposure(amc)]
    )  # fmt: skip
    note = _object(
        view, "note", abstract=without_marks(common.nature(view)), content=figures, object_refs=[incident["id"]],
        created_by_ref=identity["id"],
    )  # fmt: skip
    uses = [
        _object(
            view, "relationship", relationship_type="related-to", source_ref=incident["id"], target_ref=pattern["id"]
        )
        for pattern in patterns
    ]
    return {
        "type": "bundle", "id": f"bundle--{uuid_of('bundle', view.case)}",
        "objects": [identity, *patterns, incident, note, *uses],
    }  # fmt: skip


def _object(view: View, kind: str, **values: Any) -> dict[str, Any]:  # noqa: ANN401 - each kind has its own properties
    name = str(values.get("name") or values.get("target_ref") or view.case)
    at = iso(view.opened.aware_at)
    return {
        "type": kind, "spec_version": "2.1", "id": f"{kind}--{uuid_of(kind, view.case, name)}", "created": at,
        "modified": at, **values,
    }  # fmt: skip
