"""``paravent breach``: custodians and the opening of a case's window (docs/operating.md)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from paravent.access import cli
from paravent.access.backup_cli import add_backup_verb
from paravent.access.cli import Said, dry_run_option, verb
from paravent.access.config import open_directory
from paravent.access.doctor.doctor_cli import add_doctor_verb
from paravent.access.doctor.facts import PartyKind
from paravent.access.events.events_cli import add_events_verb
from paravent.access.files.files_cli import add_planting_verbs, add_watch_verb
from paravent.access.store import read_secret, write_secret
from paravent.breach import config
from paravent.breach.alarm_cli import add_alarm_verbs
from paravent.breach.bulletins.cli import add_bulletin_verbs
from paravent.breach.case import keep_openings
from paravent.breach.case_cli import add_case_verbs
from paravent.breach.console_cli import add_console_verb
from paravent.breach.custody_cli import add_custody_verbs
from paravent.breach.doctor_store import observe
from paravent.breach.dossier_cli import add_dossier_verbs
from paravent.breach.events_cli import cases_opened
from paravent.breach.files_cli import open_from_files
from paravent.breach.incident_cli import add_incident_verbs
from paravent.breach.log_check import check_log as verified_log
from paravent.breach.log_check import require_cosigned
from paravent.breach.notice_cli import add_notice_verbs
from paravent.breach.remedy_cli import add_remedy_verbs
from paravent.breach.store import Store
from paravent.breach.suspension_cli import add_suspension_verbs
from paravent.breach.trust import read_certificate
from paravent.breach.unsealing import unseal as open_window
from paravent.crypto.hpke import BoxKey
from paravent.crypto.timestamp import Authority
from paravent.errors import InvalidConfiguration
from paravent.watch.judging import file_detectors
from paravent.wire.codec import decode
from paravent.wire.log import LogExport, LogLine
from paravent.wire.statements import CustodianEntry, Directory

_FILE = click.Path(path_type=Path, dir_okay=False)
_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.group(name="breach", help="The breach desk, and the custodians of the witness logs.")
def group() -> None:
    """Groups the verbs of the breach desk."""


@verb(group, "Create the share of one custodian; the home is the custodian's own.")
@click.option("--name", required=True, help="Name in the directory.")
@click.option("--entry", type=_FILE, required=True, help="Where to write the entry for the directory.")
def custodian(home: Path, name: str, entry: Path) -> Said:
    """Creates a custodian."""
    file = home / "custodian.key"
    write_secret(file, cli.rng(96))
    cli.write_file(entry, CustodianEntry(name=name, box_key=BoxKey(read_secret(file, 96)).public))
    return Said(text=f"share of {name}: {file}", values={"share": str(file), "entry": str(entry)})


@verb(group, "Open who asked, in the window of one case, with the shares of two custodians.")
@click.argument("case")
@click.option("--share", "shares", type=_EXISTING, multiple=True, required=True, help="Share of a custodian; twice.")
@click.option("--leaves", type=_EXISTING, multiple=True, required=True, help="Leaves a key server exported.")
@click.option("--directory", type=_EXISTING, required=True, help="The signed directory file.")
@click.option("--signer", required=True)
@click.option("--key", required=True, help="The key that signs the directory (hexadecimal).")
@click.option("--from", "first", required=True, help="First hour, UTC: 2026-01-31T08.")
@click.option("--to", "last", required=True, help="Last hour, UTC, included.")
@dry_run_option
def unseal(
    home: Path, case: str, shares: tuple[Path, ...], leaves: tuple[Path, ...], directory: Path, signer: str, key: str,
    first: str, last: str, dry_run: bool,
) -> Said:  # fmt: skip
    """Opens a window, and records that it did."""
    if len(shares) != 2:
        raise InvalidConfiguration("two shares are needed, of two custodians")
    with Store(home) as store:
        store.entries(case)
    known = open_directory(directory.read_bytes(), cli.pin_of(signer, key))
    keys = [BoxKey(read_secret(path, 96)) for path in shares]
    window = (_hour(first), _hour(last))
    lines = [line for path in leaves for line in _witnessed(path, known)]
    if dry_run:
        return Said(text=f"{len(lines)} leaves would be read; nothing was opened", values={"opened": False})
    names = [entry.name for entry in known.custodians if entry.box_key in {bytes(one.public) for one in keys}]
    opened = list(open_window(lines, keys, known, first_hour=window[0], last_hour=window[1]))
    with Store(home) as store:
        keep_openings(store, case, opened, window, (names[0], names[1]), cli.now())
    rows = [
        {"server": one.server, "index": one.index, "hour": one.hour, "insurer": one.insurer,
         "professional": one.professional, "device": one.keyid}
        for one in opened
    ]  # fmt: skip
    return Said(
        text="\n".join([*(json.dumps(row) for row in rows), f"case {case}: {len(rows)} openings, recorded"]),
        values={"case": case, "opened": True, "openings": rows},
    )


@verb(group, "Check an exported witness log offline: leaves, checkpoint, cosignatures, stamp.", home_required=False)
@click.argument("leaves", type=_EXISTING)
@click.option("--directory", type=_EXISTING, required=True, help="The signed directory file.")
@click.option("--signer", required=True)
@click.option("--key", required=True, help="The key that signs the directory (hexadecimal).")
@click.option("--authority", type=_EXISTING, default=None, help="Certificate (PEM) of the time-stamping authority.")
@click.option("--root", type=_EXISTING, default=None, help="Certificate (PEM) above it.")
def check_log(
    home: Path | None,  # noqa: ARG001 - every verb takes a home; this one needs none
    leaves: Path, directory: Path, signer: str, key: str, authority: Path | None, root: Path | None,
) -> Said:  # fmt: skip
    """Checks an export."""
    known = open_directory(directory.read_bytes(), cli.pin_of(signer, key))
    lines = [decode(line, LogLine) for line in leaves.read_bytes().splitlines()]
    export = cli.read_file(leaves.with_suffix(".json"), LogExport)
    pinned = None
    if authority is not None and root is not None:
        pinned = Authority(
            certificate=read_certificate(authority.read_bytes(), str(authority)),
            root=read_certificate(root.read_bytes(), str(root)),
        )
    found = verified_log(lines, export, known, pinned, cli.now())
    values = {
        "server": found.server, "leaves": found.size, "cosigners": found.cosigners,
        "stamped_leaves": found.stamped_size, "stamped_at": found.stamped_at,
    }  # fmt: skip
    stamped = (
        "not stamped" if found.stamped_at is None else f"{found.stamped_size} leaves stamped at {found.stamped_at}"
    )
    return Said(
        text=f"{found.server}: {found.size} leaves, cosigned by {', '.join(found.cosigners)}; {stamped}", values=values
    )


def _witnessed(leaves: Path, known: Directory) -> list[LogLine]:
    """Reads an export, checked as ``check-log`` does: nothing is opened of a log that one server alone vouches for."""
    lines = [decode(line, LogLine) for line in leaves.read_bytes().splitlines()]
    require_cosigned(verified_log(lines, cli.read_file(leaves.with_suffix(".json"), LogExport), known, None, cli.now()))
    return lines


def _hour(text: str) -> int:
    try:
        return int(datetime.strptime(text, "%Y-%m-%dT%H").replace(tzinfo=UTC).timestamp()) // 3_600
    except ValueError:
        raise InvalidConfiguration("an hour is written 2026-01-31T08") from None


add_suspension_verbs(group)
add_alarm_verbs(group)
add_bulletin_verbs(group)
add_case_verbs(group)
add_custody_verbs(group)
add_notice_verbs(group)
add_remedy_verbs(group)
add_incident_verbs(group)
add_dossier_verbs(group)
add_backup_verb(group)
add_planting_verbs(group)
add_watch_verb(group, file_detectors, open_from_files)
add_events_verb(group, cases_opened, lambda home: config.load(home).name)
add_console_verb(group)
add_doctor_verb(group, PartyKind.BREACH, observe)
