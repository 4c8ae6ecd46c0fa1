"""``paravent keyserver``: create, join, enrol and serve one key server (docs/operating.md)."""

from __future__ import annotations

from pathlib import Path

import click

from paravent.access import cli
from paravent.access.cli import clear_errors, home_option, join_options, json_option
from paravent.access.config import join_directory, read_directory
from paravent.keyserver import config
from paravent.keyserver.config import KeyServerConfig
from paravent.keyserver.store import Store

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(name="keyserver", help="An independent key server.")
def group() -> None:
    """Groups the verbs of a key server."""


@group.command(help="Create the keys and the configuration of a new key server.")
@home_option
@click.option("--name", required=True, help="Name in the directory.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=int, required=True)
@click.option("--base-url", default=None, help="Public address; default http://host:port.")
@click.option("--operator", required=True, help="Organisation that runs it.")
@click.option("--hosted-by", required=True, help="Organisation that hosts it.")
@click.option("--administrator", required=True, help="Who administers it.")
@click.option("--entry", type=_FILE, required=True, help="Where to write the entry for the directory.")
@clear_errors
def init(
    home: Path, name: str, host: str, port: int, base_url: str | None, operator: str, hosted_by: str,
    administrator: str, entry: Path,
) -> None:  # fmt: skip
    """Creates a home and writes the directory entry."""
    settings = KeyServerConfig(
        name=name, base_url=base_url or f"http://{host}:{port}", host=host, port=port,
        operator=operator, hosted_by=hosted_by, administrator=administrator,
    )  # fmt: skip
    cli.write_file(entry, config.initialise(home, settings, cli.rng))


@group.command(help="Join the directory of a platform: pin the key that signs it.")
@home_option
@join_options
@clear_errors
def join(home: Path, directory: Path, signer: str, key: str) -> None:
    """Pins a directory."""
    join_directory(home, config.load(home), directory, cli.pin_of(signer, key))


@group.command(help="Enrol devices from their device files.")
@home_option
@click.argument("devices", type=_FILE, nargs=-1, required=True)
@clear_errors
def enrol(home: Path, devices: tuple[Path, ...]) -> None:
    """Enrols devices."""
    with _store(home) as store:
        for device in devices:
            store.enrol(cli.read_device(device), cli.now())


@group.command(help="Withdraw a device: its requests are refused from now on.")
@home_option
@click.argument("keyid")
@clear_errors
def withdraw(home: Path, keyid: str) -> None:
    """Withdraws a device."""
    with _store(home) as store:
        store.withdraw(keyid, cli.now())


@group.command(help="Say how many leaves the witness log holds.")
@home_option
@json_option
@clear_errors
def status(home: Path, as_json: bool) -> None:
    """Shows the state of a key server."""
    with _store(home) as store:
        size = store.log_size()
    if as_json:
        cli.emit({"name": config.load(home).name, "log_size": size})
    else:
        click.echo(f"{config.load(home).name}: {size} leaves in the witness log")


@group.command(help="Serve until stopped.")
@home_option
@clear_errors
def serve(home: Path) -> None:
    """Runs the key server."""
    # Imported here so that no other verb loads an HTTP server.
    from paravent.access.app import serve as run
    from paravent.keyserver.app import build

    settings = config.load(home)
    identity = config.read_identity(home, settings)
    directory = read_directory(home, settings.directory)
    run(build(identity, directory, Store(home, settings.quotas, cli.rng)), host=settings.host, port=settings.port)


def _store(home: Path) -> Store:
    return Store(home, config.load(home).quotas, cli.rng)
