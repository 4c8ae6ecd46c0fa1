"""``paravent insurer``: create, join, publish, rotate, end-epoch, card, revoke, claims, serve (docs/operating.md)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click
import msgspec

from paravent.access import cli
from paravent.access.backup_cli import add_backup_verb
from paravent.access.cli import Said, join_options, verb
from paravent.access.client import SignedClient
from paravent.access.config import read_directory
from paravent.access.doctor.doctor_cli import add_doctor_verb
from paravent.access.doctor.facts import PartyKind
from paravent.access.files.files_cli import add_planting_verbs, add_watch_verb
from paravent.access.next_key_cli import add_next_key_verb
from paravent.insurer import config
from paravent.insurer.account_cli import add_account_verbs
from paravent.insurer.act_cli import add_verbs
from paravent.insurer.audit_cli import add_audit_verbs
from paravent.insurer.box_cli import add_box_verb
from paravent.insurer.bulk_cli import add_bulk_verbs
from paravent.insurer.bulletin_cli import add_bulletin_verbs
from paravent.insurer.card_cli import add_card_verbs
from paravent.insurer.case_cli import add_case_verbs
from paravent.insurer.client import pull_events
from paravent.insurer.config import InsurerConfig, require_space
from paravent.insurer.doctor_store import observe
from paravent.insurer.guarantee_cli import add_guarantee_verbs
from paravent.insurer.insured_cli import add_insured_verbs
from paravent.insurer.journal_client import JournalReader
from paravent.insurer.journal_store import JournalLine
from paravent.insurer.leak.cli import add_leak_verbs
from paravent.insurer.outbox_cli import add_outbox_verbs
from paravent.insurer.publication_cli import add_publication_verbs, published_lines, published_members
from paravent.insurer.remedy_cli import add_remedy_verbs
from paravent.insurer.settlement_cli import add_settlement_verbs
from paravent.insurer.store import Store
from paravent.insurer.traps.alarm_client import TrapWatch
from paravent.insurer.traps.cli import add_trap_verbs
from paravent.optics.money import format_euros
from paravent.watch.judging import file_detectors

T = TypeVar("T")

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(name="insurer", help="An insurer (AMC): mutuelle, assureur or institution de prévoyance.")
def group() -> None:
    """Groups the verbs of an insurer."""


@verb(group, "Create the keys and the configuration of a new insurer.")
@click.option("--amc", required=True, help="AMC number, 8 to 10 digits.")
@click.option("--name", required=True)
@click.option("--port", type=int, required=True, help="Loopback port of its own service.")
@click.option("--synthetic", is_flag=True, help="Takes only numbers that can belong to nobody.")
@click.option("--persons-per-guarantee-min", type=int, default=1_000, show_default=True)
@click.option("--entry", type=_FILE, required=True, help="Where to write the entry for the directory.")
def init(
    home: Path, amc: str, name: str, port: int, synthetic: bool, persons_per_guarantee_min: int, entry: Path
) -> Said:
    """Creates a home and writes the directory entry."""
    settings = InsurerConfig(
        amc=amc, name=name, synthetic=synthetic, host="127.0.0.1", port=port,
        persons_per_guarantee_min=persons_per_guarantee_min,
    )  # fmt: skip
    cli.write_file(entry, config.initialise(home, settings, cli.rng))
    return Said(text=f"{name} created in {home}; its entry for the directory: {entry}", values={"entry": str(entry)})


@verb(group, "Join the directory of a platform: pin the key that signs it.")
@join_options
def join(home: Path, directory: Path, signer: str, key: str, anew: bool) -> Said:
    """Pins a directory."""
    pin = cli.pin_of(signer, key)
    return cli.join(home, config.load(home), directory, pin, anew=anew, key_file=config.key_file(home))


@verb(group, "Pull decisions, recompute them, list what is payable.")
def claims(home: Path) -> Said:
    """Lists reviewed claims."""
    from paravent.insurer.app import summarise

    settings = config.load(home)
    asyncio.run(_pull(home, settings))
    with Store(home) as store:
        summary = summarise(settings, store)
    lines = [
        f"{line.month} {line.kind:8} {line.state:9} {format_euros(line.payable_cents):>12}  {line.claim} {line.reason}"
        for line in summary.claims
    ]
    total = f"{summary.name}: {format_euros(summary.payable_cents)} payable"
    return Said(text="\n".join([*lines, total]), values={
        "insurer": summary.insurer, "reviewed": summary.reviewed, "payable_cents": summary.payable_cents,
        "payable": sum(line.state == "payable" for line in summary.claims),
        "claims": [msgspec.to_builtins(line) for line in summary.claims],
    })  # fmt: skip


add_verbs(group)


@verb(group, "Read the witness logs; list who opened a member's record, or how many were opened.")
@click.option("--member", default=None, help="Member whose journal is listed.")
def journal(home: Path, member: str | None) -> Said:
    """Lists openings."""
    settings = config.load(home)
    found = asyncio.run(_read_logs(home, settings))
    with Store(home) as store:
        lines = [] if member is None else store.journal.lines(member)
        persons, unreadable = store.journal.persons_opened(), store.journal.unreadable()
        confirmed = store.journal.persons_opened(settings.threshold)
    shown = [_journal_line(line, settings.threshold) for line in lines]
    total = (
        f"{persons} persons opened so far, {confirmed} of them by {settings.threshold} servers or more,"
        f" {found} new entries, {unreadable} unreadable"
    )
    return Said(text="\n".join([*shown, total]), values={
        "persons_opened": persons, "persons_confirmed": confirmed, "new_entries": found, "unreadable": unreadable,
        "openings": [
            {"hour": line.hour, "shop": line.shop, "servers": line.servers,
             "confirmed": line.confirmed(settings.threshold)}
            for line in lines
        ],
    })  # fmt: skip


def _journal_line(line: JournalLine, threshold: int) -> str:
    mark = "" if line.confirmed(threshold) else f"  ! moins de / fewer than {threshold}"
    return f"{_hour(line.hour)}  {line.shop}  {', '.join(line.servers)}{mark}"


@verb(
    group, "Serve until stopped: pull, recompute, show on loopback; and the insured person's space when there is one."
)
@click.option("--only", type=click.Choice(["ledger", "space"]), default=None,
              help="One of the two, in a process of its own: the space needs none of the insurer's keys.")  # fmt: skip
def serve(home: Path, only: str | None) -> None:
    """Runs the insurer's services."""
    # Imported here so that no other verb loads an HTTP server, and the space alone no code that signs.
    from paravent.access.app import serve_together

    settings = config.load(home)
    apps = []
    if only != "space":
        from paravent.insurer.app import build

        apps.append((build(home), settings.host, settings.port))
    if only == "space" or (only is None and settings.space is not None):
        from paravent.insurer.screens.app import build_space

        apps.append((build_space(home), settings.host, require_space(settings).port))
    serve_together(apps)


async def _pull(home: Path, settings: InsurerConfig) -> None:
    keys = config.read_keys(home)
    with Store(home) as store:
        async with SignedClient(keys.issuer, cli.rng) as client:
            await pull_events(settings, keys, read_directory(home, settings.directory), store, client)


async def _read_logs(home: Path, settings: InsurerConfig) -> int:
    keys = config.read_keys(home)
    with Store(home) as store:
        async with SignedClient(keys.issuer, cli.rng) as client:
            directory = read_directory(home, settings.directory)
            reader = JournalReader(settings.amc, keys, store, client)
            found = sum([await reader.pull(server) for server in directory.keyservers])
            await TrapWatch(settings.amc, keys.issuer, directory.hub, store, client).watch()
            return found


def _hour(hour: int) -> str:
    return datetime.fromtimestamp(hour * 3_600, UTC).strftime("%Y-%m-%d %H h UTC")


add_guarantee_verbs(group)
add_card_verbs(group)
add_insured_verbs(group)
add_case_verbs(group)
add_remedy_verbs(group)
add_account_verbs(group)
add_publication_verbs(group)
add_bulk_verbs(group)
add_settlement_verbs(group)
add_bulletin_verbs(group)
add_outbox_verbs(group)
add_leak_verbs(group, published_members)
add_trap_verbs(group, published_lines)
add_next_key_verb(group, config.key_file, config.entry_with)
add_audit_verbs(group)
add_box_verb(group)
add_backup_verb(group)
add_planting_verbs(group)
add_watch_verb(group, file_detectors, lambda _home, _found: None)
add_doctor_verb(group, PartyKind.INSURER, observe)
