"""What every command line of the project does alike: a home, errors for people, one JSON line (docs/operating.md)."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from paravent.access.config import DirectoryPin
from paravent.access.devices import Device
from paravent.errors import InvalidConfiguration, ParaventError
from paravent.wire.codec import Message, decode, encode

F = TypeVar("F", bound=Callable[..., Any])
M = TypeVar("M", bound=Message)

home_option = click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder of this party's files."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Last line of output: one JSON object.")


def clear_errors(command: F) -> F:
    """Shows a declared error as what happened and what to do, in French then English, and exits 1."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> Any:
        try:
            return command(*arguments, **options)
        except ParaventError as error:
            if options.get("as_json"):
                emit({"error": error.code, "detail": str(error), "retry": error.retry.value})
            click.echo(
                f"{error.title_fr}. {error.advice_fr}\n{error.title_en}. {error.advice_en}\n[{error.code}] {error}",
                err=True,
            )
            sys.exit(1)

    return run  # type: ignore[return-value]


def emit(values: dict[str, Any]) -> None:
    """Prints one JSON object on one line."""
    click.echo(json.dumps(values, ensure_ascii=False))


def read_file(path: Path, kind: type[M]) -> M:
    """Reads a JSON file that another party handed over; raises InvalidConfiguration when absent."""
    try:
        return decode(path.read_bytes(), kind)
    except FileNotFoundError:
        raise InvalidConfiguration(f"{path} does not exist") from None


def write_file(path: Path, message: Message) -> None:
    """Writes a JSON file to be handed over to another party."""
    path.write_bytes(encode(message) + b"\n")


def read_device(path: Path) -> Device:
    """Reads a device file."""
    return read_file(path, Device)


def pin_of(signer: str, key: str) -> DirectoryPin:
    """Builds a directory pin; raises InvalidConfiguration when the key is not 32 hexadecimal bytes."""
    try:
        return msgspec.convert({"signer": signer, "key": key}, DirectoryPin)
    except msgspec.ValidationError:
        raise InvalidConfiguration("a directory key is 64 lower-case hexadecimal characters") from None


def join_options(command: F) -> F:
    """Adds the three options by which a party joins a directory."""
    file = click.Path(path_type=Path, dir_okay=False, exists=True)
    for option in (
        click.option("--directory", type=file, required=True, help="The signed directory file."),
        click.option("--signer", required=True, help="Name of who signs the directory."),
        click.option("--key", required=True, help="Its key, learnt from another channel (hexadecimal)."),
    ):
        command = option(command)
    return command


def now() -> int:
    """Reads the clock: Unix seconds."""
    return int(time.time())


def rng(size: int) -> bytes:
    """Draws random bytes from the operating system."""
    return os.urandom(size)
