"""``paravent insurer publish, rotate, end-epoch``: the portfolio and its epochs (docs/protocol.md 3.8, 6.9)."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import click

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.access.client import SignedClient
from paravent.access.config import read_directory
from paravent.access.progress import bar
from paravent.errors import InvalidConfiguration, InvalidMemberFile
from paravent.insurer import config
from paravent.insurer.config import InsurerConfig
from paravent.insurer.leak.store import History
from paravent.insurer.member_file_store import MemberFile
from paravent.insurer.members import Change, Line, Member, Reject, require_shared_guarantees
from paravent.insurer.portfolio_store import Changes
from paravent.insurer.publication_client import Published, Publisher, Sealer
from paravent.insurer.store import Store
from paravent.insurer.traps.following import NO_TRAPS
from paravent.optics.guarantee import GuaranteeFile, GuaranteeTables, read_guarantees
from paravent.optics.guarantee_check import require_responsible
from paravent.optics.store import shipped_rules
from paravent.wire.codec import decode
from paravent.wire.statements import STATEMENT_BYTES_MAX

T = TypeVar("T")

_EXTRAPOLATED_FROM_PERSONS = 10_000
_LINES_PER_PROGRESS = 1_000
# The hub rebuilds its tree before it answers the last request.
_PUBLISHING_SECONDS_MAX = 900.0

_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)


def add_publication_verbs(group: click.Group) -> None:
    """Adds the verbs of publication to an insurer's group."""

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
        return _publish(
            home, settings, member_file(file, settings, delta=delta), tables, complete=complete, dry_run=dry_run
        )

    @verb(group, "Open the next epoch: deal a new look-up key, seal everybody again, end the former epoch in 48 hours.")
    @click.option("--members", type=_EXISTING, default=None, help="Member file; default: the one published last.")
    @dry_run_option
    def rotate(home: Path, members: Path | None, dry_run: bool) -> Said:
        """Publishes the portfolio in the next epoch."""
        return rotate_portfolio(home, members, dry_run=dry_run)

    @verb(group, "End an epoch and every earlier one at once, as after a theft: servers delete what was dealt.")
    @click.argument("epoch", type=click.IntRange(1))
    @dry_run_option
    def end_epoch(home: Path, epoch: int, dry_run: bool) -> Said:
        """Ends an epoch."""
        settings = config.load(home)
        if dry_run:
            with Store(home) as store:
                newest = store.epochs.newest()
            text = f"epoch {epoch} and every earlier one would end, for good; the newest is {newest}. Nothing was sent."
            return Said(text=text, values={"epoch": epoch, "newest": newest, "ended": False})
        waiting = asyncio.run(with_publisher(home, settings, lambda publisher: publisher.end_epoch(epoch)))
        text = f"epoch {epoch} ended: its look-up key is deleted here, shares and opening keys at every server reached."
        if waiting:
            text += f" Not reached yet: {', '.join(waiting)}; the notice is sent again by serve, publish and rotate."
        return Said(text=text, values={"epoch": epoch, "ended": True, "waiting": list(waiting)})


def rotate_portfolio(home: Path, members: Path | None, *, dry_run: bool) -> Said:
    """Publishes a member file, or the one published last, in the next epoch; raises InvalidMemberFile without one."""
    settings = config.load(home)
    with Store(home) as store:
        file = members or store.member_file()
    if file is None or not file.exists():
        raise InvalidMemberFile("no complete member file was published last, or it was moved: give --members")
    return _publish(home, settings, member_file(file, settings, delta=False), None, complete=True, dry_run=dry_run)


def member_file(path: Path, settings: InsurerConfig, *, delta: bool) -> MemberFile:
    """Names a member file of this insurer."""
    return MemberFile(path=path, amc=settings.amc, synthetic=settings.synthetic, delta=delta)


async def with_publisher(
    home: Path, settings: InsurerConfig, run: Callable[[Publisher], Coroutine[None, None, T]]
) -> T:
    """Runs one conversation of a publisher."""
    keys = config.read_keys(home)
    directory = read_directory(home, settings.directory)
    with Store(home) as store:
        async with SignedClient(keys.issuer, cli.rng, timeout_seconds=_PUBLISHING_SECONDS_MAX) as client:
            return await run(Publisher(settings, keys, directory, store, client))


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
    """Returns the most memory that this process, or one of its sealing workers, ever had.

    The kernel's usage of a process begins with that of whoever started it: its own peak stands in its status.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    own = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) * 1_024


def _checked_guarantees(path: Path, settings: InsurerConfig) -> GuaranteeFile:
    file = read_guarantees(path.read_bytes())
    if file.insurer != settings.amc:
        raise InvalidConfiguration("these guarantee tables are of another insurer")
    for guarantee in file.guarantee:
        require_responsible(guarantee, shipped_rules())
    return file


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
        file = file if store.traps is None else replace(file, traps=store.traps.live(waiting=tables is None))
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
        _remember(home, file, store)
    return _published(settings, done, checked)


def _remember(home: Path, file: MemberFile, store: Store) -> None:
    """Records what is held of whom from now on, so that a leak can be dated (docs/leak-matcher.md); traps apart."""
    lines = (line for line in replace(file, traps=NO_TRAPS).lines() if isinstance(line, Line))
    with History(home, cli.rng) as history:
        if file.delta:
            history.record_changes(lines, cli.now())
        else:
            history.record((line.member for line in lines), cli.now())
    if store.traps is not None:
        standing = (line for line in file.lines() if isinstance(line, Line) and line.trap)
        store.traps.published([line for line in standing if line.change is not Change.ENDED], cli.now())


def published_members(home: Path) -> list[Member]:
    """Reads the members of the complete file published last; raises InvalidMemberFile when there is none."""
    return list(published_lines(home)())


def published_lines(home: Path) -> Callable[[], Iterator[Member]]:
    """Returns what reads the lines of the complete file published last, however often; raises InvalidMemberFile."""
    with Store(home) as store:
        path = store.member_file()
    if path is None or not path.exists():
        raise InvalidMemberFile("no complete member file was published last, or it was moved: publish it again")
    file = member_file(path, config.load(home), delta=False)
    return lambda: (line.member for line in file.lines() if isinstance(line, Line))


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
        for line in file.lines():
            lines += not (isinstance(line, Line) and line.trap)
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


def _sealer(home: Path, settings: InsurerConfig) -> Sealer | None:
    if settings.sealing_scheduler is None:
        return None
    # Imported here: an insurer that seals on one machine needs no cluster.
    from paravent.insurer.bulk_client import Machines, seal_parts_on

    return partial(seal_parts_on, Machines(scheduler=settings.sealing_scheduler, folder=home / "bulk"))


async def _publish_staged(
    home: Path, settings: InsurerConfig, store: Store, file: MemberFile, tables: GuaranteeFile | None, *, complete: bool
) -> Published:
    keys = config.read_keys(home)
    directory = read_directory(home, settings.directory)
    async with SignedClient(keys.issuer, cli.rng, timeout_seconds=_PUBLISHING_SECONDS_MAX) as client:
        publisher = Publisher(settings, keys, directory, store, client, _sealer(home, settings))
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
