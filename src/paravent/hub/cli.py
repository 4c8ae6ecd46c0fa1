"""``paravent hub``: create, publish the directory, enrol and serve (docs/operating.md)."""

from __future__ import annotations

from pathlib import Path

import click

from paravent.access import cli
from paravent.access.cli import clear_errors, home_option, json_option
from paravent.access.config import DIRECTORY_NAME, read_directory
from paravent.hub import config
from paravent.hub.config import HubConfig
from paravent.hub.store import Store
from paravent.wire.codec import decode
from paravent.wire.statements import STATEMENT_BYTES_MAX, InsurerEntry, KeyServerEntry, Signed

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(name="hub", help="The tiers-payant operator's hub.")
def group() -> None:
    """Groups the verbs of the hub."""


@group.command(help="Create the keys and the configuration of a new hub.")
@home_option
@click.option("--name", default="hub", show_default=True, help="Name in the directory.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=int, required=True)
@click.option("--base-url", default=None, help="Public address; default http://host:port.")
@clear_errors
def init(home: Path, name: str, host: str, port: int, base_url: str | None) -> None:
    """Creates a home."""
    settings = HubConfig(name=name, base_url=base_url or f"http://{host}:{port}", host=host, port=port)
    config.initialise(home, settings, cli.rng)


@group.command(help="Sign the directory of key servers and insurers; print the key that others pin.")
@home_option
@click.option(
    "--keyserver", "keyservers", type=_FILE, multiple=True, help="Entry of a key server; order gives its index."
)
@click.option("--insurer", "insurers", type=_FILE, multiple=True, help="Entry of an insurer.")
@json_option
@clear_errors
def directory(home: Path, keyservers: tuple[Path, ...], insurers: tuple[Path, ...], as_json: bool) -> None:
    """Signs the directory into the home."""
    servers = [cli.read_file(path, KeyServerEntry) for path in keyservers]
    members = [cli.read_file(path, InsurerEntry) for path in insurers]
    pin = config.publish_directory(home, servers, members, cli.now())
    if as_json:
        cli.emit({"file": str(home / DIRECTORY_NAME), "signer": pin.signer, "key": pin.key})
    else:
        click.echo(f"{home / DIRECTORY_NAME} signed by {pin.signer}, key {pin.key}")


@group.command(help="Enrol devices from their device files.")
@home_option
@click.argument("devices", type=_FILE, nargs=-1, required=True)
@clear_errors
def enrol(home: Path, devices: tuple[Path, ...]) -> None:
    """Enrols devices."""
    store = _store(home)
    for device in devices:
        store.enrol(cli.read_device(device), cli.now())
    store.close()


@group.command(help="Withdraw a device: its requests are refused from now on.")
@home_option
@click.argument("keyid")
@clear_errors
def withdraw(home: Path, keyid: str) -> None:
    """Withdraws a device."""
    store = _store(home)
    store.withdraw(keyid, cli.now())
    store.close()


@group.command(help="Serve until stopped.")
@home_option
@clear_errors
def serve(home: Path) -> None:
    """Runs the hub."""
    # Imported here so that no other verb loads an HTTP server.
    from paravent.access.app import serve as run
    from paravent.hub.app import build

    settings = config.load(home)
    known = read_directory(home, settings.directory)
    signed = decode((home / DIRECTORY_NAME).read_bytes(), Signed, bytes_max=STATEMENT_BYTES_MAX)
    app = build(config.read_identity(home, settings), known, signed, _store(home))
    run(app, host=settings.host, port=settings.port)


def _store(home: Path) -> Store:
    return Store(home, config.load(home).quotas, cli.rng)
