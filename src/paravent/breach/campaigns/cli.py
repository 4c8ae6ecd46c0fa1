"""``paravent watch campaign``: letters to operators and insurers, and who has not answered (docs/operating.md)."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.breach.campaigns.campaign import (
    Acknowledged,
    OpenedCampaign,
    Standing,
    Written,
    campaign_of,
    read_campaign,
    require_recipient,
    standings,
)
from paravent.breach.campaigns.store import Store, model
from paravent.errors import BadInput

_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)
_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.group(name="campaign", help="Letters to operators and insurers: what is asked, who answered, who is late.")
def campaign_group() -> None:
    """Groups the verbs of campaigns."""


@verb(campaign_group, "Write the model of a campaign, to complete; needs no home.", home_required=False, name="model")
@click.option("--out", type=_FILE, required=True)
def write_model(home: Path | None, out: Path) -> Said:  # noqa: ARG001 - every verb takes a home; this one needs none
    """Writes the model."""
    out.write_bytes(model())
    return Said(text=f"{out}: complete what stands between brackets", values={"file": str(out)})


@verb(campaign_group, "Open a campaign from a file (TOML).", name="open")
@click.argument("file", type=_EXISTING)
@dry_run_option
def open_campaign(home: Path, file: Path, dry_run: bool) -> Said:
    """Opens one."""
    found = read_campaign(file.read_bytes())
    if not dry_run:
        with Store(home) as store:
            store.add(found.reference, OpenedCampaign(campaign=found), cli.now())
    text = f"{found.reference}: {len(found.recipient)} recipients, answers by {found.answer_by}"
    return Said(text=text, values={
        "campaign": found.reference, "recipients": len(found.recipient), "opened": not dry_run,
    })  # fmt: skip


@verb(campaign_group, "Write a letter for each recipient, as PDF; with --overdue, a reminder for each who is late.")
@click.argument("campaign")
@click.option("--out", type=_FOLDER, required=True)
@click.option("--overdue", is_flag=True, help="Reminders, to those who are late.")
@dry_run_option
def letters(home: Path, campaign: str, out: Path, overdue: bool, dry_run: bool) -> Said:
    """Writes letters."""
    # Imported here: listing who is late needs no layout engine.
    from paravent.breach.campaigns.letters import letter

    today, written = _today(), []
    with Store(home) as store:
        events = store.events(campaign)
        chosen = [one.recipient for one in standings(events, today) if one.late or not overdue]
        if dry_run:
            names = [{"recipient": recipient.reference} for recipient in chosen]
            return Said(text=f"{len(names)} letters would be written", values={"campaign": campaign, "letters": names})
        out.mkdir(parents=True, exist_ok=True)
        for recipient in chosen:
            content = letter(campaign_of(events), recipient, reminder=overdue, today=today)
            path = out / f"{campaign}-{recipient.reference}{'-rappel' if overdue else ''}.pdf"
            path.write_bytes(content)
            digest = hashlib.sha256(content).digest()
            said = Written(recipient=recipient.reference, on=today, letter=digest, reminder=overdue)
            store.add(campaign, said, cli.now())
            written.append({"recipient": recipient.reference, "file": str(path), "sha256": digest.hex()})
    return Said(text=f"{len(written)} letters in {out}", values={"campaign": campaign, "letters": written})


@verb(campaign_group, "Record that a recipient answered.")
@click.argument("campaign")
@click.argument("recipient")
@click.option("--on", "day", required=True, help="Day of the answer: 2026-01-31.")
@click.option("--by", required=True, help="Function of who records it: never a person's name.")
@click.option("--proof", type=_EXISTING, default=None, help="The answer; its hash alone is kept.")
@dry_run_option
def acknowledge(
    home: Path, campaign: str, recipient: str, day: str, by: str, proof: Path | None, dry_run: bool
) -> Said:  # fmt: skip
    """Records an answer."""
    digest = None if proof is None else hashlib.sha256(proof.read_bytes()).digest()
    on = _day(day)
    with Store(home) as store:
        found = require_recipient(store.events(campaign), recipient, _today())
        if on > _today() or (found.written_on is not None and on < found.written_on):
            raise BadInput("an answer comes after its letter, and not after today")
        if not dry_run:
            store.add(campaign, Acknowledged(recipient=recipient, on=on, by=by, proof=digest), cli.now())
    return Said(text=f"{recipient}: answered on {on}", values={
        "campaign": campaign, "recipient": recipient, "kept": not dry_run,
    })  # fmt: skip


@verb(campaign_group, "Say where each recipient stands, the latest first; without a name, each campaign.")
@click.argument("campaign", required=False)
def show(home: Path, campaign: str | None) -> Said:
    """Shows."""
    today = _today()
    with Store(home) as store:
        names = store.campaigns() if campaign is None else [campaign]
        found = {name: standings(store.events(name), today) for name in names}
    rows = [
        {"campaign": name, **_values(one)} for name, recipients in found.items()
        for one in sorted(recipients, key=lambda one: (-one.late_days, one.recipient.reference))
    ]  # fmt: skip
    overdue = [f"{row['campaign']}/{row['recipient']}" for row in rows if row["late_days"]]
    lines = [_line(row) for row in rows] + [f"EN RETARD / LATE: {name}" for name in overdue]
    return Said(text="\n".join(lines) or "aucune campagne / no campaign", values={
        "campaigns": names, "recipients": rows, "overdue": overdue, "acknowledged": sum(
            row["acknowledged_on"] is not None for row in rows),
    })  # fmt: skip


def _values(one: Standing) -> dict[str, Any]:
    def iso(day: date | None) -> str | None:
        return None if day is None else day.isoformat()

    return {
        "recipient": one.recipient.reference, "role": one.recipient.role, "name": one.recipient.name,
        "written_on": iso(one.written_on), "reminded_on": iso(one.reminded_on),
        "acknowledged_on": iso(one.acknowledged_on), "late_days": one.late_days,
    }  # fmt: skip


def _line(row: dict[str, Any]) -> str:
    said = row["acknowledged_on"] or (f"{row['late_days']} j / d" if row["late_days"] else "-")
    return f"{row['campaign']:20} {row['recipient']:14} {row['name'][:40]:40} {row['written_on'] or '-':10} {said}"


def _today() -> date:
    return datetime.fromtimestamp(cli.now(), UTC).date()


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput("a day is written 2026-01-31") from None
