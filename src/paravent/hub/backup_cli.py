"""``paravent hub backup-key | backup | restore | reopen``: losing everything, and coming back (docs/continuity.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from paravent.access import cli
from paravent.access.cli import Said, dry_run_option, verb
from paravent.access.config import read_directory
from paravent.access.database import Database
from paravent.access.doctor.machine_store import record_backup, record_restoration
from paravent.access.peer_client import PeerClient
from paravent.access.progress import bar
from paravent.access.store import read_secret, write_secret
from paravent.crypto import hpke
from paravent.crypto.hpke import BoxKey
from paravent.errors import (
    InvalidConfiguration,
    ParaventError,
    StaleData,
    StorageDown,
    TooFewServers,
)
from paravent.hub import config
from paravent.hub.backup import BackupSummary, stale_heads
from paravent.hub.backup_store import empty_database, file_digest, put_back, set_aside, verify_file, write_file
from paravent.hub.reopening import Reopening
from paravent.hub.returns import Returns
from paravent.hub.store import Store
from paravent.wire.recovery import CosignedHeads, HeadCounter
from paravent.wire.statements import Directory

_FILE = click.Path(path_type=Path, dir_okay=False)
_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Databases:
    """How the group of verbs opens its store, and its database elsewhere than in the home when it has one."""

    store: Callable[[Path], Store]
    elsewhere: Callable[[Path], Database | None]


def add_backup_verbs(group: click.Group, databases: Databases) -> None:
    """Adds the verbs to the hub's group."""

    @verb(group, "Create the key that opens backups, to be kept off every serving machine.", name="backup-key")
    @click.option("--key", type=_FILE, required=True, help="Private key file to create, outside every home.")
    @click.option("--public", type=_FILE, required=True, help="Public key file to write, for hub backup.")
    def backup_key(home: Path, key: Path, public: Path) -> Said:
        """Creates a key."""
        if home.resolve() in key.resolve().parents:
            raise InvalidConfiguration("the key that opens backups is kept outside the home of the hub")
        drawn = BoxKey.generate(cli.rng)
        write_secret(key, drawn.reveal())
        public.write_bytes(drawn.public)
        text = f"{key} opens every backup sealed to {public}: keep it apart, twice, and off this machine"
        return Said(text=text, values={"key": str(key), "public": str(public)})

    @verb(group, "Write one consistent, sealed and signed backup of the database, while the hub serves.")
    @click.option("--out", type=_FILE, required=True)
    @click.option("--to", "public", type=_EXISTING, required=True, help="Public key file, from hub backup-key.")
    def backup(home: Path, out: Path, public: Path) -> Said:
        """Backs up."""
        recipient = hpke.require_public_key(public.read_bytes())
        identity = config.read_identity(home, config.load(home))
        with databases.store(home) as store:
            size = write_file(
                out, store.database, store.heads(), identity, recipient, now=cli.now(), rng=cli.rng
            )  # fmt: skip
        record_backup(home, cli.now(), file_digest(out))
        text = f"{out}: {size} bytes, sealed; hub restore --dry-run checks it on the machine that has the key"
        return Said(text=text, values={"file": str(out), "bytes": size, "heads": len(store.heads())})

    @verb(group, "Put the hub back from a backup, or from nothing: it then waits to be told what it decided since.")
    @click.argument("file", type=_EXISTING, required=False)
    @click.option("--key", type=_EXISTING, default=None, help="Private key file that opens the backup.")
    @click.option(
        "--older", is_flag=True, help="Put back a backup older than what key servers cosigned, without those manifests."
    )
    @dry_run_option
    def restore(home: Path, file: Path | None, key: Path | None, older: bool, dry_run: bool) -> Said:
        """Restores."""
        if (file is None) != (key is None):
            raise InvalidConfiguration("a backup is opened with --key; without a file, the hub begins from nothing")
        found = None if file is None or key is None else _verified(home, file, key)
        directory = read_directory(home, config.load(home).directory)
        heads = () if found is None else found[2].heads
        stale = stale_heads(heads, asyncio.run(_cosigned(home, directory)))
        if found is not None and stale and not older:
            raise StaleData(
                f"key servers cosigned later manifests of {', '.join(stale)}: find a newer backup, or put this one back"
                " with --older, and have these insurers publish"
            )
        said = _said(found, list(stale), dry_run=dry_run)
        if found is not None:
            record_restoration(home, found[2].made_at, file_digest(found[0]), cli.now())
        if not dry_run:
            database = databases.elsewhere(home)
            aside = set_aside(home, cli.now()) if database is None else None
            put_back(database or empty_database(home), found, list(stale), now=cli.now())
            return Said(text=said.text, values={**said.values, "set_aside": None if aside is None else str(aside)})
        return said

    @verb(group, "Decide acts again, once insurers and desks have given back what had been decided.")
    @click.option("--without", "missing", multiple=True, help="AMC number of an insurer that is not waited for.")
    @dry_run_option
    def reopen(home: Path, missing: tuple[str, ...], dry_run: bool) -> Said:
        """Reopens."""
        return _reopen(home, databases, set(missing), dry_run=dry_run)


def _reopen(home: Path, databases: Databases, missing: set[str], *, dry_run: bool) -> Said:
    settings = config.load(home)
    directory = read_directory(home, settings.directory)
    returns = Returns(identity=config.read_identity(home, settings), directory=directory)
    with databases.store(home) as store:
        restoration = store.recovery.restoration()
        if restoration is None or restoration.reopened_at is not None:
            raise InvalidConfiguration("this hub is open: there is nothing to reopen")
        awaited = sorted({entry.amc for entry in directory.insurers} - store.recovery.returners() - missing)
        if awaited:
            raise StaleData(
                f"{', '.join(awaited)} have not given back their acts: have them pull, or name them with --without"
            )
        if dry_run:
            return Said(text="every insurer has given back its acts", values={"taken": 0, "conflicting": 0})
        with _shown(store.recovery.waiting()) as told:
            done = Reopening(returns=returns, store=store, rng=cli.rng, told=told).run(cli.now())
    text = f"open: {done.taken} acts were given back"
    if done.conflicting:
        text += f"; {done.conflicting} of them stand beside another decision: the operator answers for both"
    return Said(text=text, values={"taken": done.taken, "conflicting": done.conflicting})


@contextmanager
def _shown(total: int) -> Iterator[Callable[[int], None]]:
    """Shows how many acts are applied; yields what is told of each piece."""
    applied = 0

    with bar("acts given back") as progress:

        def told(piece: int) -> None:
            nonlocal applied
            applied += piece
            progress(applied, total)

        yield told


def _verified(home: Path, file: Path, key: Path) -> tuple[Path, BoxKey, BackupSummary]:
    settings = config.load(home)
    identity = config.read_identity(home, settings)
    opened = BoxKey(read_secret(key, BoxKey.size))
    summary = verify_file(file, opened, settings.name, identity.signing_key.public)
    if summary.key_check != identity.database_key.check():
        raise StorageDown("secrets/database.key is not the one that named these records: put that key back first")
    return file, opened, summary


def _said(found: tuple[Path, BoxKey, BackupSummary] | None, stale: list[str], *, dry_run: bool) -> Said:
    rows = 0 if found is None else sum(found[2].tables.values())
    source = "nothing" if found is None else f"the backup of {found[2].made_at} ({rows} rows)"
    done = "could be put back" if dry_run else "put back"
    lines = [f"the hub {done} from {source}; it decides nothing before hub reopen"]
    if stale:
        lines.append(f"to publish again: {', '.join(stale)}")
    made_at = None if found is None else found[2].made_at
    return Said(
        text="\n".join(lines),
        values={"rows": rows, "made_at": made_at, "to_publish": stale, "written": not dry_run},
    )


async def _cosigned(home: Path, directory: Directory) -> list[HeadCounter]:
    """Asks every key server for the heads that it cosigned; a head has a majority, so the others must have seen it.

    Raises TooFewServers when so many are away that a later head could be missed.
    """
    client = PeerClient(config.read_identity(home, config.load(home)).signing_key, cli.rng)
    answers = await asyncio.gather(
        *(client.post(server, "/v1/heads/cosigned", {}, CosignedHeads) for server in directory.keyservers),
        return_exceptions=True,
    )
    heads = [head for answer in answers if isinstance(answer, CosignedHeads) for head in answer.heads]
    failed = [answer for answer in answers if isinstance(answer, ParaventError)]
    unforeseen = [answer for answer in answers if not isinstance(answer, CosignedHeads | ParaventError)]
    if unforeseen:
        raise unforeseen[0]
    # A head is cosigned by more than half: of half of the servers, one at least has seen it.
    if len(answers) - len(failed) < (len(answers) + 1) // 2:
        raise TooFewServers(f"{len(failed)} of {len(answers)} key servers do not say what they cosigned")
    return heads
