"""``paravent keyserver``: create, join and serve one key server, admit and bar devices (docs/operating.md)."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from paravent.access import cli
from paravent.access.alarm_cli import add_alarm_verb
from paravent.access.backup_cli import add_backup_verb
from paravent.access.canary_cli import add_canary_verbs
from paravent.access.cli import Said, dry_run_option, join_options, verb
from paravent.access.config import read_directory, read_signed_directory
from paravent.access.cosign_cli import add_cosign_verb
from paravent.access.doctor.doctor_cli import add_doctor_verb
from paravent.access.doctor.facts import PartyKind
from paravent.access.enrolment_cli import add_device_verbs
from paravent.access.events.events_cli import add_events_verb, of_verifier
from paravent.access.files.files_cli import add_file_drill_verb, add_planting_verbs, add_watch_verb
from paravent.access.log_watch import Cosigner
from paravent.access.next_key_cli import add_next_key_verb
from paravent.crypto.checkpoint import parse_checkpoint
from paravent.crypto.labels import Label
from paravent.crypto.note import parse_note
from paravent.keyserver import config
from paravent.keyserver.config import KeyServerConfig
from paravent.keyserver.cosigning import own_checkpoint
from paravent.keyserver.doctor_store import observe
from paravent.keyserver.restoring import keeper_of, missing, remembered
from paravent.keyserver.store import Store
from paravent.watch.judging import file_detectors
from paravent.wire.codec import encode
from paravent.wire.cosignatures import cosign
from paravent.wire.log import LogExport, LogLine
from paravent.wire.statements import Closing, Directory

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(name="keyserver", help="An independent key server.")
def group() -> None:
    """Groups the verbs of a key server."""


@verb(group, "Create the keys and the configuration of a new key server.")
@click.option("--name", required=True, help="Name in the directory.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=int, required=True)
@click.option("--base-url", default=None, help="Public address; default http://host:port.")
@click.option("--operator", required=True, help="Organisation that runs it.")
@click.option("--hosted-by", required=True, help="Organisation that hosts it.")
@click.option("--administrator", required=True, help="Who administers it.")
@click.option("--entry", type=_FILE, required=True, help="Where to write the entry for the directory.")
def init(
    home: Path, name: str, host: str, port: int, base_url: str | None, operator: str, hosted_by: str,
    administrator: str, entry: Path,
) -> Said:  # fmt: skip
    """Creates a home and writes the directory entry."""
    settings = KeyServerConfig(
        name=name, base_url=base_url or f"http://{host}:{port}", host=host, port=port,
        operator=operator, hosted_by=hosted_by, administrator=administrator,
    )  # fmt: skip
    cli.write_file(entry, config.initialise(home, settings, cli.rng))
    return Said(text=f"{name} created in {home}; its entry for the directory: {entry}", values={"entry": str(entry)})


@verb(group, "Join the directory of a platform: pin the key that signs it, and cosign it.")
@join_options
@click.option("--cosigned", type=_FILE, default=None, help="Where to write the directory with this server's word.")
def join(home: Path, directory: Path, signer: str, key: str, anew: bool, cosigned: Path | None) -> Said:
    """Pins and cosigns a directory."""
    settings, pin = config.load(home), cli.pin_of(signer, key)
    said = cli.join(home, settings, directory, pin, cosigned=False, anew=anew, key_file=config.key_file(home))
    if cosigned is not None:
        statement = read_signed_directory(directory)
        identity = config.read_identity(home, settings)
        own = cosign(statement, Label.DIRECTORY, identity.name, identity.signing_key)
        others = tuple(other for other in statement.cosignatures if other.server != own.server)
        cli.write_file(cosigned, msgspec.structs.replace(statement, cosignatures=(*others, own)))
    return said


@verb(group, "End an epoch of an insurer, and every earlier one, on this server: delete its shares and opening keys.")
@click.argument("insurer")
@click.argument("epoch", type=int)
@dry_run_option
def end_epoch(home: Path, insurer: str, epoch: int, dry_run: bool) -> Said:
    """Deletes what an insurer dealt, whatever the insurer says."""
    now = cli.now()
    with _store(home) as store:
        if dry_run or store.share(insurer, epoch) is None:
            held = "holds no share of" if store.share(insurer, epoch) is None else "would delete"
            return Said(text=f"this server {held} epoch {epoch} of {insurer}", values={"deleted": 0})
        store.keep_closing(Closing(insurer=insurer, epoch=epoch, batch=None, ends_at=now, deletes_at=now))
        deleted = store.delete_ended(now)
    text = f"{deleted} files deleted; a server that is running forgets them within a minute"
    return Said(text=text, values={"deleted": deleted})


@verb(group, "Say how many leaves the witness log holds.")
def status(home: Path) -> Said:
    """Shows the state of a key server."""
    name = config.load(home).name
    with _store(home) as store:
        size = store.log_size()
    return Said(text=f"{name}: {size} leaves in the witness log", values={"name": name, "log_size": size})


@verb(group, "Write the witness log for a case: leaves, which stay sealed, and the checkpoint beside them.")
@click.option("--out", type=_FILE, required=True, help="File to write; the checkpoint goes to the same name in .json.")
def export_log(home: Path, out: Path) -> Said:
    """Exports the log."""
    identity = config.read_identity(home, config.load(home))
    with _store(home) as store:
        log = store.log
        # As far as another party cosigned: newer leaves would be this server's word alone, until the next visit.
        kept = log.checkpoint()
        if kept is None or len(parse_note(kept).signatures) < 2:
            kept = own_checkpoint(identity, log).encode()
        leaves, newer = log.entries(0, parse_checkpoint(parse_note(kept).text).size), log.size()
        stamped, stamp = log.stamp() or (None, None)
    with out.open("wb") as file:
        for index, entry in leaves:
            file.write(encode(LogLine(server=identity.name, index=index, entry=entry)) + b"\n")
    export = LogExport(server=identity.name, note=kept, stamped_note=stamped, stamp=stamp)
    cli.write_file(out.with_suffix(".json"), export)
    return Said(
        text=f"{len(leaves)} leaves written to {out}, {newer - len(leaves)} newer ones are not cosigned yet",
        values={
            "leaves": len(leaves),
            "newer": newer - len(leaves),
            "file": str(out),
            "checkpoint": str(out.with_suffix(".json")),
        },
    )


@verb(group, "Take the witness log back from the copy at the next server, after a roll-back; this server is stopped.")
@dry_run_option
def restore_log(home: Path, dry_run: bool) -> Said:
    """Restores leaves and counts."""
    # Imported here so that no other verb loads a client.
    import asyncio

    from paravent.access.peer_client import PeerClient
    from paravent.keyserver.restoring_client import RestoringClient

    settings = config.load(home)
    identity = config.read_identity(home, settings)
    directory = read_directory(home, settings.directory, cosigned=False)
    client = RestoringClient(identity.name, directory, PeerClient(identity.signing_key, cli.rng))
    cosigned = remembered(asyncio.run(client.memories()), identity)
    copy = asyncio.run(client.copy(max(checkpoint.size for checkpoint in cosigned.values())))
    with _store(home) as store:
        own = [entry for _, entry in store.log.entries(0, store.log_size())]
        lost = missing(own, copy, cosigned, keeper_of(identity.name, directory).name)
        counted = 0 if dry_run else store.restore(lost, cli.now())
    said = "would be restored" if dry_run else f"restored, {counted} openings counted again"
    text = f"{len(lost)} leaves {said}; they lead to what {', '.join(cosigned)} cosigned"
    return Said(text=text, values={
        "restored": 0 if dry_run else len(lost), "missing": len(lost), "counted": counted, "cosigners": list(cosigned),
    })  # fmt: skip


@verb(group, "Serve until stopped.")
def serve(home: Path) -> None:
    """Runs the key server."""
    # Imported here so that no other verb loads an HTTP server.
    from paravent.access.app import serve as run
    from paravent.keyserver.app import build

    settings = config.load(home)
    identity = config.read_identity(home, settings)
    directory = read_directory(home, settings.directory, cosigned=False)
    watch = config.watch_settings(settings, cli.rng)
    store = Store(home, settings.quotas, cli.rng)
    app = build(identity, directory, store, config.enrolment(home), watch, settings.alarms)
    run(app, host=settings.host, port=settings.port)


def _cosigner(home: Path) -> tuple[Directory, Cosigner]:
    settings = config.load(home)
    return read_directory(home, settings.directory, cosigned=False), config.read_identity(home, settings)


def _store(home: Path) -> Store:
    return Store(home, config.load(home).quotas, cli.rng)


add_device_verbs(group, _store, config.load, config.enroller)
add_next_key_verb(group, config.key_file, config.entry_with)
add_alarm_verb(group, _store)
add_canary_verbs(group, _store, config.load)
add_planting_verbs(group)
add_file_drill_verb(group, _store)
add_watch_verb(group, file_detectors, lambda _home, _found: None)
add_events_verb(group, of_verifier(_store), lambda home: config.load(home).name)
add_cosign_verb(group, _store, _cosigner)
add_backup_verb(group)
add_doctor_verb(group, PartyKind.KEYSERVER, lambda home, now: observe(home, now, cli.rng), "keyserver.lock")
