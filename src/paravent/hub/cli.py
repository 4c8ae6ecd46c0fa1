"""``paravent hub``: create, publish the directory, serve, admit and bar devices (docs/operating.md)."""

from __future__ import annotations

from pathlib import Path

import click

from paravent.access import cli
from paravent.access.cli import Said, verb
from paravent.access.config import DIRECTORY_NAME, read_directory
from paravent.access.enrolment_cli import add_device_verbs
from paravent.hub import config
from paravent.hub.config import HubConfig
from paravent.hub.store import Store
from paravent.wire.codec import decode
from paravent.wire.statements import STATEMENT_BYTES_MAX, CustodianEntry, InsurerEntry, KeyServerEntry, Signed

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(name="hub", help="The tiers-payant operator's hub.")
def group() -> None:
    """Groups the verbs of the hub."""


@verb(group, "Create the keys and the configuration of a new hub.")
@click.option("--name", default="hub", show_default=True, help="Name in the directory.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=int, required=True)
@click.option("--base-url", default=None, help="Public address; default http://host:port.")
def init(home: Path, name: str, host: str, port: int, base_url: str | None) -> Said:
    """Creates a home."""
    settings = HubConfig(name=name, base_url=base_url or f"http://{host}:{port}", host=host, port=port)
    config.initialise(home, settings, cli.rng)
    return Said(text=f"{name} created in {home}", values={"name": name, "base_url": settings.base_url})


@verb(group, "Sign the directory of key servers and insurers; print the key that others pin.")
@click.option(
    "--keyserver", "keyservers", type=_FILE, multiple=True, help="Entry of a key server; order gives its index."
)
@click.option("--insurer", "insurers", type=_FILE, multiple=True, help="Entry of an insurer.")
@click.option("--custodian", "custodians", type=_FILE, multiple=True, help="Entry of a custodian of the logs.")
def directory(
    home: Path, keyservers: tuple[Path, ...], insurers: tuple[Path, ...], custodians: tuple[Path, ...]
) -> Said:
    """Signs the directory into the home."""
    servers = [cli.read_file(path, KeyServerEntry) for path in keyservers]
    members = [cli.read_file(path, InsurerEntry) for path in insurers]
    keepers = [cli.read_file(path, CustodianEntry) for path in custodians]
    pin = config.publish_directory(home, servers, members, keepers, cli.now())
    file = home / DIRECTORY_NAME
    return Said(
        text=f"{file} signed by {pin.signer}, key {pin.key}",
        values={"file": str(file), "signer": pin.signer, "key": pin.key},
    )


@verb(group, "Serve until stopped.")
def serve(home: Path) -> None:
    """Runs the hub."""
    # Imported here so that no other verb loads an HTTP server.
    from paravent.access.app import serve as run
    from paravent.hub.app import build

    settings = config.load(home)
    known = read_directory(home, settings.directory)
    signed = decode((home / DIRECTORY_NAME).read_bytes(), Signed, bytes_max=STATEMENT_BYTES_MAX)
    app = build(config.read_identity(home, settings), known, signed, _store(home), config.enrolment(home))
    run(app, host=settings.host, port=settings.port)


def _store(home: Path) -> Store:
    return Store(home, config.load(home).quotas, cli.rng)


add_device_verbs(group, _store, config.load, config.enroller)
