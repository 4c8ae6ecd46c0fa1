"""``paravent breach``: what is due, what was decided and filed, the documents of a case (docs/operating.md)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.breach import case as cases
from paravent.breach import config, notifying
from paravent.breach.calendar_file import calendar_of
from paravent.breach.case_cli import directory_of, instant
from paravent.breach.closing import closing, require_closable
from paravent.breach.documents.model import View
from paravent.breach.duties import Duty
from paravent.breach.duties_store import close_case, duties_in, promised_in, record
from paravent.breach.entries import AffairKnown, Closed, Decided, Filed, Stage
from paravent.breach.exports.whole import exports
from paravent.breach.registers.cli import registers_option
from paravent.breach.registers.store import answers_in, shipped
from paravent.breach.requests import Request, requests
from paravent.breach.rules_store import shipped_duties, shipped_references
from paravent.breach.store import Store

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)
_CASE = click.argument("case")
_DUTY = click.argument("duty")


def add_notice_verbs(group: click.Group) -> None:  # noqa: C901 - one short function per verb
    """Adds to the group of the breach desk: due, decide, filed, affair, notify."""

    @verb(group, "List what is due, to whom, when, and what was decided and filed; write a calendar with --ics.")
    @_CASE
    @click.option("--ics", type=_FILE, default=None, help="iCalendar file to write.")
    @registers_option
    def due(home: Path, case: str, ics: Path | None, registers: Path | None) -> Said:
        now = cli.now()
        with Store(home) as store:
            placed = store.entries(case)
            found, asked, closed = _duties(store, home, case, registers), requests(placed), closing(placed)
        if ics is not None:
            ics.write_bytes(calendar_of(case, found, asked, now))
        late = [*(duty.identifier for duty in found if duty.late(now)), *(one.name for one in asked if one.late(now))]
        rows = [(duty.next_at, duty.identifier, duty.rule.recipient) for duty in found]
        rows += [(one.said.due_at, one.name, f"{one.said.authority}, {one.said.basis}") for one in asked]
        rows.sort(key=lambda row: (row[0] is None, row[0] or 0))
        lines = [f"{_shown(at):20} {name:32} {whom}" for at, name, whom in rows]
        lines += [f"EN RETARD / LATE: {name}" for name in late]
        if closed is not None and isinstance(closed.entry.said, Closed):
            lines.append(f"CLOS / CLOSED, entry {closed.entry.number}: {closed.entry.said.reason}")
        values = {
            "case": case, "duties": [_values(duty, now) for duty in found],
            "requests": [_request(one, now) for one in asked], "late": late, "closed": closed is not None,
        }  # fmt: skip
        return Said(text="\n".join(lines), values=values)

    @verb(group, "Record what was decided of a duty, and why.")
    @_CASE
    @_DUTY
    @click.option("--decision", required=True)
    @click.option("--reason", required=True)
    @click.option("--role", required=True, help="Who decided, by role.")
    def decide(home: Path, case: str, duty: str, decision: str, reason: str, role: str) -> Said:
        return _added(home, case, Decided(duty=duty, decision=decision, reason=reason), role)

    @verb(group, "Record a filing that somebody made; nothing is ever sent from here.")
    @_CASE
    @_DUTY
    @click.option("--stage", type=click.Choice([one.value for one in Stage]), required=True)
    @click.option("--at", required=True, help="When it was made, UTC.")
    @click.option("--reference", required=True, help="What the recipient answered.")
    @click.option("--delay-reason", default=None, help="Why it is late, when it is.")
    @click.option("--role", required=True, help="Who filed, by role.")
    def filed(
        home: Path, case: str, duty: str, stage: str, at: str, reference: str, delay_reason: str | None, role: str
    ) -> Said:
        said = Filed(
            duty=duty, stage=Stage(stage), filed_at=instant(at) or 0, reference=reference, delay_reason=delay_reason
        )
        return _added(home, case, said, role)

    @verb(group, "Close the case of an alarm that proved nothing: its clocks stop, and the case says why.")
    @_CASE
    @click.option("--reason", required=True, help="How it was found that nothing happened; no name of a person.")
    @click.option("--role", required=True, help="Who decided, by role.")
    @dry_run_option
    def close(home: Path, case: str, reason: str, role: str, dry_run: bool) -> Said:
        with Store(home) as store:
            if dry_run:
                require_closable(store.entries(case))
                return Said(text="it could be closed; nothing was", values={"case": case, "closed": False})
            placed = close_case(store, case, reason, role=role, now=cli.now())
        number = placed.entry.number
        text = f"case {case} closed, entry {number}; paravent breach note --supersedes {number} opens it again"
        return Said(text=text, values={"case": case, "closed": True, "number": number})

    @verb(group, "Say where complaints of this inquiry go: it belongs to this inquiry alone.")
    @_CASE
    @click.option("--recipient", required=True)
    @click.option("--reference", required=True)
    @click.option("--address", required=True)
    def affair(home: Path, case: str, recipient: str, reference: str, address: str) -> Said:
        said = AffairKnown(recipient=recipient, reference=reference, address=address)
        with Store(home) as store:
            placed = store.add(case, said, role=cases.OPERATOR, now=cli.now())
        return Said(text=f"entry {placed.position}", values={"case": case, "position": placed.position})

    @verb(group, "Write every document of a case, from measured facts: text, JSON, PDF; register as CSV and XLSX.")
    @_CASE
    @click.option("--out", type=_FOLDER, required=True)
    @registers_option
    @dry_run_option
    def notify(home: Path, case: str, out: Path, registers: Path | None, dry_run: bool) -> Said:
        now = cli.now()
        with Store(home) as store:
            if not dry_run:
                cases.keep_safeguards(store, case, shipped(), answers_in(registers or home), now)
            view = _view(store, home, case, now, registers)
            files = notifying.write(store, view, shipped_references(), record=not dry_run)
        if not dry_run:
            out.mkdir(parents=True, exist_ok=True)
            for name, content in files.items():
                (out / name).write_bytes(content)
        sealed, clear = view.severity
        values = {
            "case": case, "written": not dry_run, "documents": sorted(files),
            "severity": {"as_sealed": sealed.score, "if_in_clear": clear.score},
        }  # fmt: skip
        return Said(text=f"{len(files)} files in {out}; nothing was sent to anybody", values=values)

    @verb(group, "Write a case in the formats of others: VERIS, STIX, MISP, DFIR-IRIS, CISO Assistant, CNIL PIA.")
    @_CASE
    @click.option("--out", type=_FOLDER, required=True)
    @dry_run_option
    def export(home: Path, case: str, out: Path, dry_run: bool) -> Said:
        with Store(home) as store:
            files = exports(_view(store, home, case, cli.now()))
        if not dry_run:
            out.mkdir(parents=True, exist_ok=True)
            for name, content in files.items():
                (out / name).write_bytes(content)
        values = {"case": case, "written": not dry_run, "files": sorted(files)}
        return Said(text=f"{len(files)} files in {out}; nothing was sent to anybody", values=values)


def _view(store: Store, home: Path, case: str, now: int, registers: Path | None = None) -> View:
    """Computes again, and gathers the case."""
    known = directory_of(home)
    cases.compute(store, case, known, config.load(home).quotas, now)
    measured = cases.measure(store, case, known, now)
    promised = promised_in(registers or home, store.entries(case))
    return notifying.view_of(store, case, config.load(home), known, measured, shipped_duties(), now, promised)


def _duties(store: Store, home: Path, case: str, registers: Path | None = None) -> list[Duty]:
    return duties_in(store, case, [entry.amc for entry in directory_of(home).insurers], registers or home)


def _added(home: Path, case: str, said: Decided | Filed, role: str) -> Said:
    with Store(home) as store:
        placed = record(store, case, said, _duties(store, home, case), role=role, now=cli.now())
    return Said(text=f"entry {placed.position}", values={"case": case, "duty": said.duty, "position": placed.position})


def _values(duty: Duty, now: int) -> dict[str, object]:
    return {
        "duty": duty.identifier, "regime": duty.rule.regime, "role": duty.rule.role, "recipient": duty.rule.recipient,
        "trigger": duty.rule.trigger, "trigger_at": _iso(duty.trigger_at), "due": _iso(duty.due_at),
        "target": _iso(duty.target_at), "weekend": duty.weekend, "late": duty.late(now), "status": duty.rule.status,
        "contract": duty.contract, "source": duty.rule.source, "condition": duty.rule.condition,
        "decision": duty.decision, "reason": duty.reason,
        "filings": [
            {"stage": one.stage.value, "at": _iso(one.filed_at), "reference": one.reference, "delay": one.delay_reason}
            for one in duty.filings
        ],
    }  # fmt: skip


def _request(one: Request, now: int) -> dict[str, object]:
    return {
        "request": one.number, "authority": one.said.authority, "basis": one.said.basis, "text": one.said.text,
        "asked_at": _iso(one.asked_at), "due": _iso(one.said.due_at), "answered": one.answered, "late": one.late(now),
        "handed_over": [
            {"name": piece.name, "sha256": piece.sha256.hex(), "size": piece.size, "to": piece.taker,
             "at": _iso(piece.handed_at), "complete": piece.complete}
            for _, piece in one.pieces
        ],
    }  # fmt: skip


def _iso(at: int | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _shown(at: int | None) -> str:
    return _iso(at) or "-"
