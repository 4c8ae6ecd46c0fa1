"""``paravent watch records``: records of processing from what parties signed (docs/governance.md section 4)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from paravent.access import cli
from paravent.access.cli import Said, verb
from paravent.access.doctor.rules_store import shipped_rules
from paravent.breach.registers.cli import directory_of
from paravent.breach.registers.processing import Record, latest, records
from paravent.breach.registers.store import Store, shipped_processing
from paravent.errors import InvalidConfiguration
from paravent.pages.spreadsheet import semicolons
from paravent.wire.codec import decode
from paravent.wire.doctor import DoctorReport
from paravent.wire.statements import Directory, Signed

_FOLDER = click.Path(path_type=Path, file_okay=False)
_LISTS = (
    ("controllers", "Responsables de traitement"), ("purposes", "Finalités ou traitements effectués"),
    ("persons", "Personnes concernées"), ("data", "Données"), ("recipients", "Destinataires et sous-traitants"),
    ("retention", "Durées"), ("measures", "Mesures de sécurité constatées"), ("not_established", "Non établi"),
)  # fmt: skip


def add_record_verbs(group: click.Group) -> None:
    """Adds ``records``."""

    @verb(
        group,
        "Write the records of processing (GDPR article 30) of the parties that reported: JSON, CSV, PDF.",
        name="records",
    )
    @click.option("--out", type=_FOLDER, required=True)
    def records_command(home: Path, out: Path) -> Said:
        """Writes them."""
        directory = directory_of(home)
        if directory is None:
            raise InvalidConfiguration("this home has no breach desk: records are made where a directory was joined")
        with Store(home) as store:
            # Verified when they were kept (``answer --from-doctor``).
            reports = [(hashlib.sha256(one).hexdigest(), _opened(one)) for one in store.reports()]
            contracts = store.contracts()
        texts = shipped_processing()
        found = records(latest(reports), texts, shipped_rules(), directory, contracts)
        missing = _silent(directory, {one.party for one in found})
        out.mkdir(parents=True, exist_ok=True)
        values = {
            "status": texts.status, "at": cli.now(), "records": [msgspec.to_builtins(one) for one in found],
            "without_report": missing,
        }  # fmt: skip
        (out / "records.json").write_text(json.dumps(values, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        (out / "records.csv").write_text(_table(found), encoding="utf-8-sig")
        (out / "records.pdf").write_bytes(_pdf(found, missing, texts.status))
        lines = [f"{one.article}  {one.party}: {one.title}" for one in found]
        lines += [f"no report  {name}: run doctor there, and answer --from-doctor here" for name in missing]
        return Said(text="\n".join([*lines, f"{len(found)} records in {out}: {texts.status}"]), values=values)


def _opened(content: bytes) -> DoctorReport:
    return decode(decode(content, Signed).payload, DoctorReport)


def _silent(directory: Directory, reported: set[str]) -> list[str]:
    """Names the parties of the directory that never reported."""
    names = [directory.hub.name, *(one.name for one in directory.keyservers), *(one.amc for one in directory.insurers)]
    return [name for name in names if name not in reported]


def _table(found: Sequence[Record]) -> str:
    rows = [["article", "partie", "traitement", "tenu par", "contact", *(name for _, name in _LISTS),
             "transferts", "relevé (SHA-256)", "relevé du"]]  # fmt: skip
    for one in found:
        values = msgspec.to_builtins(one)
        rows.append([
            one.article, one.party, one.title, one.holder, one.contact,
            *(" | ".join(values[name]) for name, _ in _LISTS), one.transfers, one.report_sha256, _day(one),
        ])  # fmt: skip
    return semicolons(rows)


def _pdf(found: Sequence[Record], missing: Sequence[str], status: str) -> bytes:
    # Imported here: no other verb of the register needs a layout engine.
    from paravent.pages.pdf import Language, Letterhead, render_pdf

    now = cli.now()
    head = Letterhead(
        title="Registre des activités de traitement", language=Language.FRENCH, issuer=("Bureau des violations",),
        day=datetime.fromtimestamp(now, UTC).date(), notices=(status,),
    )  # fmt: skip
    sections = [_section(one) for one in found]
    if missing:
        sections.append({"heading": "Sans relevé", "paragraphs": [", ".join(missing)], "columns": [], "rows": []})
    return render_pdf("sections", head, {"sections": sections}, created_at=now)


def _section(one: Record) -> dict[str, object]:
    values = msgspec.to_builtins(one)
    rows = [[name, "\n".join(values[key])] for key, name in _LISTS if values[key]]
    return {
        "heading": f"{one.title} ({one.party})",
        "paragraphs": [f"{one.article}. Tenu par : {one.holder}. Contact : {one.contact}."],
        "columns": ["Rubrique", "Contenu"],
        "rows": [*rows, ["Transferts", one.transfers], ["Relevé signé", f"{_day(one)}, SHA-256 {one.report_sha256}"]],
    }


def _day(one: Record) -> str:
    return datetime.fromtimestamp(one.reported_at, UTC).date().isoformat()
