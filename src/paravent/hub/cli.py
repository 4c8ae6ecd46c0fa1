"""``paravent hub``: create, publish the directory, serve, admit and bar devices (docs/operating.md)."""

from __future__ import annotations

from pathlib import Path

import click

from paravent.access import cli
from paravent.access.alarm_cli import add_alarm_verb
from paravent.access.canary_cli import add_canary_verbs
from paravent.access.cli import Said, join_options, verb
from paravent.access.config import DIRECTORY_NAME, read_directory, read_signed_directory
from paravent.access.cosign_cli import add_cosign_verb
from paravent.access.database import Database
from paravent.access.doctor.doctor_cli import Observed, add_doctor_verb
from paravent.access.doctor.facts import PartyKind
from paravent.access.enrolment_cli import add_device_verbs
from paravent.access.events.events_cli import add_events_verb, of_verifier
from paravent.access.files.files_cli import add_file_drill_verb, add_planting_verbs, add_watch_verb
from paravent.access.log_watch import Cosigner
from paravent.access.next_key_cli import add_next_key_verb
from paravent.access.sqlite_store import connect
from paravent.access.store import read_secret
from paravent.errors import InvalidConfiguration
from paravent.hub import config
from paravent.hub.backup_cli import Databases, add_backup_verbs
from paravent.hub.config import HubConfig
from paravent.hub.counts import counts as counted
from paravent.hub.doctor_store import observe
from paravent.hub.shard_cli import add_shard_verb
from paravent.hub.shards import SHARDS_MAX
from paravent.hub.store import DATABASE, Store
from paravent.watch.judging import file_detectors
from paravent.wire.statements import BreachDeskEntry, CustodianEntry, Directory, InsurerEntry, KeyServerEntry, Signed

_FILE = click.Path(path_type=Path, dir_okay=False)
_LOST = "the database of this hub is missing or empty: an empty one would promise everything again; run hub restore"


@click.group(name="hub", help="The tiers-payant operator's hub.")
def group() -> None:
    """Groups the verbs of the hub."""


@verb(group, "Create the keys and the configuration of a new hub.")
@click.option("--name", default="hub", show_default=True, help="Name in the directory.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=int, required=True)
@click.option("--base-url", default=None, help="Public address; default http://host:port.")
@click.option(
    "--database-url-file",
    type=_FILE,
    default=None,
    help="File, readable by its owner only, with the connection string of a PostgreSQL database (postgresql://...), "
    "whose tables are created; default: SQLite in the home.",
)
@click.option(
    "--shards", type=click.IntRange(2, SHARDS_MAX), default=None,
    help="How many shards that database calls, made before by what hub shard-sql writes; default: none.",
)  # fmt: skip
def init(
    home: Path, name: str, host: str, port: int, base_url: str | None, database_url_file: Path | None,
    shards: int | None,
) -> Said:  # fmt: skip
    """Creates a home, and the tables of its database."""
    settings = HubConfig(name=name, base_url=base_url or f"http://{host}:{port}", host=host, port=port)
    url = None if database_url_file is None else read_secret(database_url_file)
    if shards is not None and url is None:
        raise InvalidConfiguration("shards are called by a PostgreSQL database: give --database-url-file")
    if url is not None:
        # Before anything is written: a database that cannot be used leaves no home behind.
        _postgresql(url, shards).close()
    config.initialise(home, settings, cli.rng, url, shards)
    _store(home, new=True).close()
    engine = "sqlite" if url is None else "postgresql" if shards is None else f"postgresql with {shards} shards"
    values = {"name": name, "base_url": settings.base_url, "engine": engine}
    return Said(text=f"{name} created in {home}, on {engine}", values=values)


@verb(group, "Sign the next version of the directory of key servers and insurers; print the key that others pin.")
@click.option(
    "--key",
    type=_FILE,
    required=True,
    help="Key file of who signs the directory, outside every home; made if absent, the directory beside it.",
)
@click.option(
    "--keyserver", "keyservers", type=_FILE, multiple=True, help="Entry of a key server; order gives its index."
)
@click.option("--insurer", "insurers", type=_FILE, multiple=True, help="Entry of an insurer.")
@click.option("--custodian", "custodians", type=_FILE, multiple=True, help="Entry of a custodian of the logs.")
@click.option("--breach-desk", type=_FILE, default=None, help="Entry of the breach desk, which suspends devices.")
@click.option("--change", "changes", type=_FILE, multiple=True, help="Key change, signed with the party's former key.")
def directory(
    home: Path, key: Path, keyservers: tuple[Path, ...], insurers: tuple[Path, ...], custodians: tuple[Path, ...],
    breach_desk: Path | None, changes: tuple[Path, ...],
) -> Said:  # fmt: skip
    """Signs the directory beside its key."""
    if home.resolve() in key.resolve().parents:
        raise InvalidConfiguration("the key that signs the directory is kept outside the home of the hub")
    drafted = Directory(
        version=cli.now(), issued_at=cli.now(), hub=config.hub_entry(home),
        keyservers=tuple(cli.read_file(path, KeyServerEntry) for path in keyservers),
        insurers=tuple(cli.read_file(path, InsurerEntry) for path in insurers),
        custodians=tuple(cli.read_file(path, CustodianEntry) for path in custodians),
        changes=tuple(cli.read_file(path, Signed) for path in changes),
        breach_desk=None if breach_desk is None else cli.read_file(breach_desk, BreachDeskEntry),
    )  # fmt: skip
    file, pin = config.sign_directory(key, drafted, cli.rng)
    text = (
        f"{file} signed by {pin.signer}, key {pin.key}: the key servers join and cosign it first,"
        " then the hub, the insurers and the desks join it"
    )
    return Said(text=text, values={"file": str(file), "signer": pin.signer, "key": pin.key})


@verb(group, "Join the directory of a platform: pin the key that signs it.")
@join_options
def join(home: Path, directory: Path, signer: str, key: str, anew: bool) -> Said:
    """Pins a directory."""
    pin = cli.pin_of(signer, key)
    return cli.join(home, config.load(home), directory, pin, anew=anew, key_file=config.key_file(home))


@verb(group, "Write what the hub holds of each insurer, counted and signed, for a case of the breach desk.")
@click.option("--out", type=_FILE, required=True)
def counts(home: Path, out: Path) -> Said:
    """Counts."""
    settings = config.load(home)
    known, identity = read_directory(home, settings.directory), config.read_identity(home, settings)
    with _store(home) as store:
        cli.write_file(out, counted(known, store, identity, cli.now()))
    return Said(text=f"{len(known.insurers)} insurers counted: {out}", values={"file": str(out)})


@verb(group, "Serve until stopped.")
def serve(home: Path) -> None:
    """Runs the hub."""
    # Imported here so that no other verb loads an HTTP server.
    from paravent.access.app import serve as run
    from paravent.hub.app import build

    settings = config.load(home)
    known = read_directory(home, settings.directory)
    signed = read_signed_directory(home / DIRECTORY_NAME)
    identity, store = config.read_identity(home, settings), _store(home)
    identity.database_key.require_opens(store.claims.any_record())
    app = build(
        identity,
        known,
        signed,
        store,
        config.enrolment(home),
        settings.watch_seconds,
        settings.alarms,
    )
    run(app, host=settings.host, port=settings.port)


@verb(group, "Serve the operator's console on this machine; print the address that opens it, once.")
@click.option("--port", type=click.IntRange(1, 65_535), default=8471, show_default=True)
@click.option("--drill", type=_FILE, default=None, help="Lines of the latest drill; default: drill.jsonl in the home.")
def console(home: Path, port: int, drill: Path | None) -> None:
    """Runs the console."""
    # Imported here so that no other verb loads an HTTP server.
    from paravent.access.app import serve as run
    from paravent.access.services_client import ServiceWatch
    from paravent.hub.screens.app import build
    from paravent.hub.screens.readings_store import Reader
    from paravent.pages.screens.drill_store import DRILL_FILE

    settings = config.load(home)
    known = read_directory(home, settings.directory)
    reader = Reader(open_store=lambda: _store(home), limits=settings.quotas, directory=known)
    app, pages = build(reader, ServiceWatch(known), port=port, drill=drill or home / DRILL_FILE)
    click.echo(pages.entrance.address(f"http://127.0.0.1:{port}"))
    run(app, host="127.0.0.1", port=port)


def _cosigner(home: Path) -> tuple[Directory, Cosigner]:
    settings = config.load(home)
    return read_directory(home, settings.directory), config.read_identity(home, settings)


def _store(home: Path, *, new: bool = False) -> Store:
    """Opens the store; raises InvalidConfiguration when the database is gone: a new one would promise all again."""
    elsewhere = _elsewhere(home)
    if elsewhere is None and not new and not (home / DATABASE).exists():
        raise InvalidConfiguration(_LOST)
    database = elsewhere or connect(home / DATABASE)
    if not new and not database.tables():
        database.close()
        raise InvalidConfiguration(_LOST)
    return Store(home, config.load(home).quotas, cli.rng, database)


def _observe(home: Path, now: int) -> Observed:
    settings = config.load(home)
    postgresql = None if settings.store is None else _durability(read_secret(home / settings.store.url))
    try:
        store = _store(home)
    except InvalidConfiguration:
        # It refuses a database that does not keep what it was given: the checks say so.
        return observe(home, now, None, postgresql)
    with store:
        return observe(home, now, store, postgresql)


def _durability(url: bytes) -> dict[str, str]:
    # Imported here: a hub on SQLite needs no driver of another database.
    from paravent.access.postgresql_store import DatabaseUrl, durability

    return durability(DatabaseUrl(url))


def _postgresql(url: bytes, shards: int | None) -> Database:
    # Imported here: a hub on SQLite needs no driver of another database.
    from paravent.access.postgresql_store import DatabaseUrl, PostgresqlConnection
    from paravent.hub.shards_store import ShardedDatabase

    return PostgresqlConnection(DatabaseUrl(url)) if shards is None else ShardedDatabase(DatabaseUrl(url), shards)


def _elsewhere(home: Path) -> Database | None:
    settings = config.load(home)
    if settings.store is None:
        return None
    return _postgresql(read_secret(home / settings.store.url), settings.store.shards)


add_backup_verbs(group, Databases(store=_store, elsewhere=_elsewhere))
add_device_verbs(group, _store, config.load, config.enroller)
add_next_key_verb(group, config.key_file, config.entry_with)
add_alarm_verb(group, _store)
add_canary_verbs(group, _store, config.load)
add_planting_verbs(group)
add_file_drill_verb(group, _store)
add_watch_verb(group, file_detectors, lambda _home, _found: None)
add_events_verb(group, of_verifier(_store), lambda home: config.load(home).name)
add_shard_verb(group)
add_cosign_verb(group, _store, _cosigner)
add_doctor_verb(group, PartyKind.HUB, _observe)
