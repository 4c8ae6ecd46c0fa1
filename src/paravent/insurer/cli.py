"""``paravent insurer``: create, join, publish, rotate, end-epoch, card, revoke, claims, serve (docs/operating.md)."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click
import msgspec

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, join_options, verb
from paravent.access.client import SignedClient
from paravent.access.config import read_directory
from paravent.access.next_key_cli import add_next_key_verb
from paravent.access.progress import bar
from paravent.errors import InvalidConfiguration, InvalidMemberFile
from paravent.insurer import config
from paravent.insurer.account_cli import add_account_verbs
from paravent.insurer.act_cli import add_verbs
from paravent.insurer.card import card_of, qr_png
from paravent.insurer.case_cli import add_case_verbs
from paravent.insurer.client import Published, Publisher, pull_events
from paravent.insurer.config import InsurerConfig
from paravent.insurer.journal_client import JournalReader
from paravent.insurer.journal_store import JournalLine
from paravent.insurer.member_file_store import MemberFile
from paravent.insurer.members import Line, Reject, require_shared_guarantees
from paravent.insurer.outbox_cli import add_outbox_verbs
from paravent.insurer.portfolio_store import Changes
from paravent.insurer.settlement_cli import add_settlement_verbs
from paravent.insurer.store import Store
from paravent.optics.guarantee import GuaranteeFile, GuaranteeTables, check_responsible, read_guarantees
from paravent.optics.money import format_euros
from paravent.optics.store import shipped_rules
from paravent.wire.codec import decode
from paravent.wire.statements import STATEMENT_BYTES_MAX

T = TypeVar("T")

_EXTRAPOLATED_FROM_PERSONS = 10_000
_LINES_PER_PROGRESS = 1_000
# The hub rebuilds its tree before it answers the last request.
_PUBLISHING_SECONDS_MAX = 900.0

_FILE = click.Path(path_type=Path, dir_okay=False)
_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)


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


@verb(group, "Check, seal and publish a member file (CSV, Parquet, FHIR NDJSON) with its guarantee tables (TOML).")
@click.argument("file", type=_EXISTING)
@click.option("--guarantees", type=_EXISTING, required=True, help="Guarantee tables of this insurer.")
@click.option("--delta", is_flag=True, help="The file lists only what was added, changed or ended.")
@click.option("--complete", is_flag=True, help="Seal everybody anew, not only what changed.")
@dry_run_option
def publish(home: Path, file: Path, guarantees: Path, delta: bool, complete: bool, dry_run: bool) -> Said:
    """Publishes a member file."""
    if delta and complete:
        raise InvalidMemberFile("a delta changes what is live: --complete needs the complete file")
    settings = config.load(home)
    tables = _checked_guarantees(guarantees, settings)
    return _publish(home, settings, _file(file, settings, delta=delta), tables, complete=complete, dry_run=dry_run)


@verb(group, "Open the next epoch: deal a new look-up key, seal everybody again, end the former epoch in 48 hours.")
@click.option("--members", type=_EXISTING, default=None, help="Member file; default: the one published last.")
@dry_run_option
def rotate(home: Path, members: Path | None, dry_run: bool) -> Said:
    """Publishes the portfolio in the next epoch."""
    settings = config.load(home)
    with Store(home) as store:
        file = members or store.member_file()
    if file is None or not file.exists():
        raise InvalidMemberFile("no complete member file was published last, or it was moved: give --members")
    return _publish(home, settings, _file(file, settings, delta=False), None, complete=True, dry_run=dry_run)


@verb(group, "End an epoch and every earlier one at once, as after a theft: servers delete what was dealt.")
@click.argument("epoch", type=click.IntRange(1))
@dry_run_option
def end_epoch(home: Path, epoch: int, dry_run: bool) -> Said:
    """Ends an epoch."""
    settings = config.load(home)
    if dry_run:
        with Store(home) as store:
            newest = store.newest_epoch()
        text = f"epoch {epoch} and every earlier one would end, for good; the newest is {newest}. Nothing was sent."
        return Said(text=text, values={"epoch": epoch, "newest": newest, "ended": False})
    waiting = asyncio.run(_with_publisher(home, settings, lambda publisher: publisher.end_epoch(epoch)))
    text = f"epoch {epoch} ended: its look-up key is deleted here, shares and opening keys at every server reached."
    if waiting:
        text += f" Not reached yet: {', '.join(waiting)}; the notice is sent again by serve, publish and rotate."
    return Said(text=text, values={"epoch": epoch, "ended": True, "waiting": list(waiting)})


def _published(settings: InsurerConfig, done: Published, checked: dict[str, float]) -> Said:
    text = (
        f"{settings.name}: {done.persons} persons published as {done.rows} rows"
        f" ({done.rows - done.handles} decoys), batch {done.batch} of epoch {done.epoch}, in {done.seconds:.1f} s"
    )
    if not done.complete:
        changes = done.changes
        text += (
            f"; lines: {changes.added} added, {changes.changed} changed, {changes.ended} ended, the others as before"
        )
    # A few persons say nothing of a million.
    if done.complete and done.persons >= _EXTRAPOLATED_FROM_PERSONS:
        text += f": {done.seconds_per_million_persons:,.0f} s for a million persons"
    return Said(text=text, values=_changes(done.changes) | checked | {
        "persons": done.persons, "handles": done.handles, "rows": done.rows,
        "sealed": done.sealed, "complete": done.complete, "revoked": done.revoked, "epoch": done.epoch,
        "batch": done.batch, "receipts": done.receipts, "published": True, "seconds": round(done.seconds, 2),
        "seconds_per_million_persons": round(done.seconds_per_million_persons), "peak_bytes": _peak_bytes(),
    })  # fmt: skip


def _changes(changes: Changes) -> dict[str, int]:
    return {"added": changes.added, "changed": changes.changed, "ended": changes.ended}


def _peak_bytes() -> int:
    """Returns the most memory that this process, or one of its sealing workers, ever had."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(kind).ru_maxrss for kind in kinds) * 1_024


@verb(group, "Write a member's card as a PNG QR code, and its text beside it.")
@click.argument("member_id")
@click.option("--members", type=_EXISTING, required=True, help="The member file the person stands in.")
@click.option("--out", type=_FILE, required=True, help="PNG to write; the text goes to the same name in .txt.")
def card(home: Path, member_id: str, members: Path, out: Path) -> Said:
    """Writes a card."""
    settings = config.load(home)
    lines = _file(members, settings, delta=False).lines()
    taken = (line.member for line in lines if isinstance(line, Line))
    found = next((member for member in taken if member.member_id == member_id), None)
    if found is None:
        raise InvalidMemberFile("no such member in this file")
    with Store(home) as store:
        numbers = store.rights([member_id], cli.rng)[member_id]
    text = card_of(settings.amc, config.read_keys(home).issuer, found, numbers, cli.rng)
    out.write_bytes(qr_png(text))
    out.with_suffix(".txt").write_text(text, encoding="ascii")
    return Said(text=f"card written: {out}", values={"picture": str(out), "text": str(out.with_suffix(".txt"))})


@verb(group, "Revoke a member's entitlements and publish the new status list.")
@click.argument("member_id")
@dry_run_option
def revoke(home: Path, member_id: str, dry_run: bool) -> Said:
    """Revokes a member."""
    settings = config.load(home)
    with Store(home) as store:
        if dry_run:
            store.require_member(member_id)
            return Said(text=f"{member_id} would be revoked; nothing was.", values={"revoked": False})
        store.revoke(member_id, cli.now())
    asyncio.run(_with_publisher(home, settings, lambda publisher: publisher.publish_status_list()))
    return Said(text=f"{member_id} revoked: the new status list is at the hub.", values={"revoked": True})


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


@verb(group, "Serve on loopback until stopped: pull, recompute, show.")
def serve(home: Path) -> None:
    """Runs the insurer's service."""
    # Imported here so that no other verb loads an HTTP server.
    from paravent.access.app import serve as run
    from paravent.insurer.app import build

    settings = config.load(home)
    run(build(home), host=settings.host, port=settings.port)


def _checked_guarantees(path: Path, settings: InsurerConfig) -> GuaranteeFile:
    file = read_guarantees(path.read_bytes())
    if file.insurer != settings.amc:
        raise InvalidConfiguration("these guarantee tables are of another insurer")
    broken = [
        fault for guarantee in file.guarantee if guarantee.responsible
        for fault in check_responsible(guarantee, shipped_rules())
    ]  # fmt: skip
    if broken:
        raise InvalidConfiguration("not a contrat responsable: " + "; ".join(broken))
    return file


def _file(path: Path, settings: InsurerConfig, *, delta: bool) -> MemberFile:
    return MemberFile(path=path, amc=settings.amc, synthetic=settings.synthetic, delta=delta)


def _publish(
    home: Path,
    settings: InsurerConfig,
    file: MemberFile,
    tables: GuaranteeFile | None,
    *,
    complete: bool,
    dry_run: bool,
) -> Said:
    """Publishes new guarantee tables and a file; without tables, everybody in the next epoch."""
    started = time.perf_counter()
    with Store(home) as store, store.portfolio.staging(cli.rng):
        lines = _stage(file, settings, store, tables)
        checked = {"lines": lines, "rejected": 0, "checking_seconds": round(time.perf_counter() - started, 2)}
        changes = store.portfolio.changes(delta=file.delta)
        if dry_run:
            text = (
                f"{changes.persons} persons would stand published: {changes.added} lines added, {changes.changed}"
                f" changed, {changes.ended} ended; nothing was published."
            )
            return Said(text=text, values=_changes(changes) | checked | {
                "persons": changes.persons, "published": False, "peak_bytes": _peak_bytes(),
            })  # fmt: skip
        done = asyncio.run(_publish_staged(home, settings, store, file, tables, complete=complete))
        store.keep_member_file(None if file.delta else file.path)
    return _published(settings, done, checked)


def _stage(file: MemberFile, settings: InsurerConfig, store: Store, tables: GuaranteeFile | None) -> int:
    """Stages a file and checks it as a whole; returns how many lines it has. Rejects go to a file beside it."""
    codes = (
        decode(store.guarantees().payload, GuaranteeTables, bytes_max=STATEMENT_BYTES_MAX).guarantees
        if tables is None else tables.guarantee
    )  # fmt: skip
    lines, rejected = 0, 0
    target = file.path.with_name(file.path.name + ".rejects.csv")

    def counted() -> Iterator[Line | Reject]:
        nonlocal lines
        for lines, line in enumerate(file.lines(), start=1):
            if lines % _LINES_PER_PROGRESS == 0:
                progress(lines, None)
            yield line

    with bar(f"{settings.name}: checking") as progress, _rejects(target) as write:
        for reject in store.portfolio.stage(counted(), delta=file.delta):
            write(reject)
            rejected += 1
    if rejected:
        raise InvalidMemberFile(f"{rejected} of {lines} lines rejected, listed in {target}; nothing was published")
    if not lines:
        raise InvalidMemberFile("the member file has no line")
    shared = store.portfolio.shared_guarantees(delta=file.delta)
    require_shared_guarantees(shared, [table.code for table in codes], settings.persons_per_guarantee_min)
    return lines


@contextmanager
def _rejects(path: Path) -> Iterator[Callable[[Reject], None]]:
    """Writes the lines not taken as they come; leaves no file when there are none."""
    path.unlink(missing_ok=True)
    with ExitStack() as stack:
        file = None

        def write(reject: Reject) -> None:
            nonlocal file
            if file is None:
                file = stack.enter_context(path.open("w", encoding="utf-8"))
                file.write("line,reason\n")
            file.write(f"{reject.line},{reject.reason}\n")

        yield write


async def _publish_staged(
    home: Path, settings: InsurerConfig, store: Store, file: MemberFile, tables: GuaranteeFile | None, *, complete: bool
) -> Published:
    keys = config.read_keys(home)
    directory = read_directory(home, settings.directory)
    async with SignedClient(keys.issuer, cli.rng, timeout_seconds=_PUBLISHING_SECONDS_MAX) as client:
        publisher = Publisher(settings, keys, directory, store, client)
        if tables is not None:
            await publisher.publish_guarantees(GuaranteeTables(
                insurer=settings.amc, counter=cli.now(), issued_at=cli.now(), guarantees=tables.guarantee
            ))  # fmt: skip
        with bar(f"{settings.name}: sealing") as progress:
            done = await publisher.publish(
                file, home / "staging", progress, following=tables is None, complete=complete
            )
        await publisher.publish_status_list()
    return done


async def _with_publisher(
    home: Path, settings: InsurerConfig, run: Callable[[Publisher], Coroutine[None, None, T]]
) -> T:
    keys = config.read_keys(home)
    directory = read_directory(home, settings.directory)
    with Store(home) as store:
        async with SignedClient(keys.issuer, cli.rng, timeout_seconds=_PUBLISHING_SECONDS_MAX) as client:
            return await run(Publisher(settings, keys, directory, store, client))


async def _pull(home: Path, settings: InsurerConfig) -> None:
    keys = config.read_keys(home)
    with Store(home) as store:
        async with SignedClient(keys.issuer, cli.rng) as client:
            await pull_events(settings, keys, read_directory(home, settings.directory), store, client)


async def _read_logs(home: Path, settings: InsurerConfig) -> int:
    keys = config.read_keys(home)
    with Store(home) as store:
        async with SignedClient(keys.issuer, cli.rng) as client:
            reader = JournalReader(settings.amc, keys, store, client)
            return sum([await reader.pull(server) for server in read_directory(home, settings.directory).keyservers])


def _hour(hour: int) -> str:
    return datetime.fromtimestamp(hour * 3_600, UTC).strftime("%Y-%m-%d %H h UTC")


add_case_verbs(group)
add_account_verbs(group)
add_settlement_verbs(group)
add_outbox_verbs(group)
add_next_key_verb(group, config.key_file, config.entry_with)
