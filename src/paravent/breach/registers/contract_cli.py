"""``paravent watch contracts``, ``contract`` and ``clauses``: processor contracts (docs/governance.md section 3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import click
import msgspec

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.breach.registers.clauses import ClauseText, drafted, lacking
from paravent.breach.registers.contracts import (
    CLAUSES,
    Contract,
    Fault,
    FaultKind,
    audit_due,
    faults,
    promises,
    read_contract,
    require_chain,
    soon,
    told_by,
)
from paravent.breach.registers.store import Store, shipped_clauses
from paravent.errors import InvalidConfiguration
from paravent.pages.spreadsheet import semicolons

_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)
_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)
_DRAFT = "PROJET DE RÉDACTION : à relire par un juriste avant toute signature."


def add_contract_verbs(group: click.Group) -> None:
    """Adds ``contracts``, ``contract`` and ``clauses``."""

    @verb(
        group, "List processor contracts: what is missing, overdue or does not hold as a chain; whom to tell by when."
    )
    @click.option("--csv", "table", type=_FILE, default=None, help="Write the register as CSV.")
    def contracts(home: Path, table: Path | None) -> Said:
        """Lists them."""
        day = _today()
        with Store(home) as store:
            found = store.contracts()
        wrong = faults(found, day)
        if table is not None:
            table.write_text(_table(found, wrong), encoding="utf-8-sig")
        return Said(text="\n".join(_lines(found, wrong, day)), values=_values(found, wrong, day), failed=bool(wrong))

    @verb(group, "Register a contract, or a new version of one, from a file (TOML or JSON).")
    @click.argument("file", type=_EXISTING)
    @dry_run_option
    def contract(home: Path, file: Path, dry_run: bool) -> Said:
        """Registers one."""
        given = read_contract(file.read_bytes(), toml=file.suffix == ".toml")
        with Store(home) as store:
            known = store.contracts()
            require_chain(given, {one.reference: one for one in known})
            if not dry_run:
                store.keep_contract(given, cli.now())
        others = [one for one in known if one.reference != given.reference]
        wrong = [one for one in faults([*others, given], _today()) if one.contract == given.reference]
        text = "\n".join([f"{given.reference} {'checked' if dry_run else 'registered'}", *map(_fault_line, wrong)])
        return Said(text=text, values={
            "reference": given.reference, "kept": not dry_run, "faults": [_fault(one) for one in wrong],
        })  # fmt: skip

    @verb(group, "Write draft texts for the clauses that a contract lacks: text and PDF, to be read by a jurist.")
    @click.argument("reference")
    @click.option("--out", type=_FOLDER, required=True)
    def clauses(home: Path, reference: str, out: Path) -> Said:
        """Writes them."""
        with Store(home) as store:
            found = next((one for one in store.contracts() if one.reference == reference), None)
        if found is None:
            raise InvalidConfiguration("no contract has this reference: paravent watch contracts lists them")
        drafts = drafted(found, shipped_clauses())
        if drafts:
            out.mkdir(parents=True, exist_ok=True)
            (out / f"{reference}-clauses.txt").write_text(_as_text(found, drafts), encoding="utf-8")
            (out / f"{reference}-clauses.pdf").write_bytes(_as_pdf(found, drafts))
        names = [one.name for one in drafts]
        said = f"{len(drafts)} drafts in {out}: a jurist must read them" if drafts else "no clause is missing"
        return Said(text=said, values={"reference": reference, "clauses": names})


def _today() -> date:
    return datetime.fromtimestamp(cli.now(), UTC).date()


def _lines(found: Sequence[Contract], wrong: Sequence[Fault], day: date) -> list[str]:
    lines = [
        f"{one.reference:24} {one.customer} -> {one.processor}: clauses {''.join(sorted(one.clauses)) or '-'},"
        f" notice {f'{one.notice_hours} h' if one.notice_hours else '-'}, audit due {audit_due(one).isoformat()}"
        for one in found
    ]
    lines += map(_fault_line, wrong)
    lines += [f"SOON     {reference}: {what} on {at.isoformat()}" for reference, what, at in soon(found, day)]
    lines += [
        f"TELL     {amc} within {promise.hours} h: {promise.contact} ({promise.contract})"
        for amc, promise in sorted(promises(found, day).items())
    ]
    counts = [f"{sum(one.kind is kind for one in wrong)} {kind.value}" for kind in FaultKind]
    return [*lines, f"{len(found)} contracts: {', '.join(counts)}"]


def _fault_line(one: Fault) -> str:
    return f"{one.kind.value.upper():8} {one.contract}: {one.what} [{one.source}]"


def _values(found: Sequence[Contract], wrong: Sequence[Fault], day: date) -> dict[str, object]:
    counts = {kind.value: sum(one.kind is kind for one in wrong) for kind in FaultKind}
    return counts | {
        "contracts": [
            msgspec.to_builtins(one) | {
                "missing_clauses": lacking(one), "audit_due": audit_due(one).isoformat(), "in_force": one.in_force(day),
            } for one in found
        ],
        "faults": [_fault(one) for one in wrong],
        "soon": [{"contract": name, "what": what, "on": at.isoformat()} for name, what, at in soon(found, day)],
        "tell": {
            amc: {"hours": one.hours, "contact": one.contact, "contract": one.contract}
            for amc, one in promises(found, day).items()
        },
        "told_by": [
            {"hours": one.hours, "contact": one.contact, "contract": one.contract} for one in told_by(found, day)
        ],
    }  # fmt: skip


def _fault(one: Fault) -> dict[str, str]:
    return {"contract": one.contract, "kind": one.kind.value, "what": one.what, "source": one.source}


def _table(found: Sequence[Contract], wrong: Sequence[Fault]) -> str:
    """Writes the register as a spreadsheet reads it: one line a contract."""
    rows: list[Iterable[object]] = [[
        "référence", "client", "sous-traitant", "AMC", "sous le contrat", "signé le", "fin",
        *(f"28(3)({clause})" for clause in CLAUSES), "délai d'alerte (h)", "contact", "certificat HDS", "fin HDS",
        "audit dû le", "défauts",
    ]]  # fmt: skip
    for one in found:
        own = [f"{fault.kind.value}: {fault.what}" for fault in wrong if fault.contract == one.reference]
        rows.append([
            one.reference, one.customer, one.processor, one.insurer or "", " ".join(one.under), one.signed_on,
            one.ends_on or "", *(one.clauses.get(clause, "absente") for clause in CLAUSES), one.notice_hours or "",
            one.contact, one.hds.certificate if one.hds else "", one.hds.expires_on if one.hds else "", audit_due(one),
            " | ".join(own),
        ])  # fmt: skip
    return semicolons(rows)


def _as_text(contract: Contract, drafts: Sequence[ClauseText]) -> str:
    head = [f"Contrat {contract.reference} : {contract.customer} / {contract.processor}", _DRAFT, ""]
    return "\n".join([*head, *(f"{one.title}\n[{one.source}]\n{one.text}\n" for one in drafts)])


def _as_pdf(contract: Contract, drafts: Sequence[ClauseText]) -> bytes:
    # Imported here: listing needs no layout engine.
    from paravent.pages.pdf import Language, Letterhead, render_pdf

    head = Letterhead(
        title="Clauses proposées", language=Language.FRENCH, issuer=(contract.customer,),
        recipient=(contract.processor,), reference=f"contrat {contract.reference}", day=_today(), notices=(_DRAFT,),
    )  # fmt: skip
    sections = [
        {"heading": one.title, "paragraphs": [one.text, f"[{one.source}]"], "columns": [], "rows": []} for one in drafts
    ]
    return render_pdf("sections", head, {"sections": sections}, created_at=cli.now())
