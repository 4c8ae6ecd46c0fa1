"""What every command line of the project does alike: a home, errors for people, one JSON line (docs/operating.md)."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar
from unicodedata import category

import click
import msgspec

from paravent.access.config import DirectoryPin, join_directory, read_directory
from paravent.access.next_key_store import KeyFile
from paravent.errors import BadInput, InvalidConfiguration, MalformedMessage, ParaventError, StorageDown
from paravent.wire.codec import Message, decode, encode
from paravent.wire.directory import differences
from paravent.wire.statements import Directory

F = TypeVar("F", bound=Callable[..., Any])
M = TypeVar("M", bound=Message)

_FOLDER = click.Path(path_type=Path, file_okay=False)
_COMMANDS = frozenset({"Cc", "Cf", "Cs"})
"""Categories of Unicode: controls, formats (those that turn the order of letters among them), halves of a pair."""
_json_option = click.option("--json", "as_json", is_flag=True, help="Last line of output: one JSON object.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Check everything, send and write nothing.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a verb has done: a text for people, the values of its JSON line, and whether it ``failed`` in part."""

    text: str
    values: Mapping[str, Any]
    failed: bool = False


def verb(
    group: click.Group, purpose: str, *, home_required: bool = True, name: str | None = None
) -> Callable[[Callable[..., Said | None]], click.Command]:
    """Registers a verb with ``--home`` and ``--json``; it returns what it has to say, None when it serves."""
    home = click.option("--home", type=_FOLDER, required=home_required, help="Folder of this party's files.")

    def register(function: Callable[..., Said | None]) -> click.Command:
        @wraps(function)
        def run(*, as_json: bool, **options: Any) -> None:
            said = function(**options)
            if said is not None:
                click.echo(shown(said.text), err=as_json)
                if as_json:
                    emit(said.values)
                if said.failed:
                    sys.exit(1)

        return group.command(name=name, help=purpose)(home(_json_option(clear_errors(run))))

    return register


def shown(text: str) -> str:
    """Writes a text for a terminal: what would command it, or turn the order of letters, stands there spelt out.

    Names and words come from files that others wrote: an incident's organisation, a contract's parties.
    """
    return "".join(
        letter.encode("unicode_escape").decode() if category(letter) in _COMMANDS and letter not in "\n\t" else letter
        for letter in text
    )


def clear_errors(command: F) -> F:
    """Shows a declared error as what happened and what to do, in French then English, and exits 1."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> Any:
        try:
            return command(*arguments, **options)
        except (ParaventError, OSError, sqlite3.DatabaseError, UnicodeError) as fault:
            error = _declared(fault)
            click.echo(
                f"{error.title_fr}. {error.advice_fr}\n{error.title_en}. {error.advice_en}\n"
                f"[{error.code}] {shown(str(error))}",
                err=True,
            )
            if options.get("as_json"):
                emit({"error": error.code, "detail": str(error), "retry": error.retry.value})
            sys.exit(1)

    return run  # type: ignore[return-value]


def _declared(fault: Exception) -> ParaventError:
    """Says what a disk or a file did, as an error for people; the text of a file is never quoted."""
    match fault:
        case ParaventError():
            return fault
        case sqlite3.DatabaseError():
            return StorageDown("a database of this home cannot be read: put it back from a backup, or use a new home")
        case UnicodeError():
            return InvalidConfiguration("a file is not UTF-8 text: save it as UTF-8")
        case OSError():
            return InvalidConfiguration(f"{fault.filename}: {fault.strerror}")
        case _:
            raise fault


@contextmanager
def working_folder(home: Path | None, prefix: str, *, resumes: bool = False) -> Iterator[Path]:
    """Yields the folder asked for, which is kept, or a temporary one; not empty only when a work ``resumes`` there."""
    if home is None:
        with tempfile.TemporaryDirectory(prefix=prefix) as folder:
            yield Path(folder)
        return
    if home.exists() and any(home.iterdir()) and not resumes:
        raise InvalidConfiguration(f"{home} is not empty: give a new folder")
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    yield home


working_folder_option = click.option(
    "--home", type=_FOLDER, default=None, help="New folder to work in and keep; default: a temporary one."
)


def require_agreement(stated: Sequence[tuple[str, str]], *, yes: bool) -> None:
    """States an effect, in French and English, and asks before it is done; raises BadInput when it is not agreed to."""
    if yes:
        return
    click.echo(stated_text(stated), err=True)
    try:
        click.confirm("Continuer ? / Go on?", abort=True, err=True)
    except click.Abort:
        raise BadInput("nothing was done: the measure was not confirmed (--yes confirms it beforehand)") from None


def stated_text(stated: Sequence[tuple[str, str]]) -> str:
    """Writes an effect for people: all of it in French, then in English."""
    return "\n".join([*(f"{french}." for french, _ in stated), *(f"{english}." for _, english in stated)])


def emit(values: Mapping[str, Any]) -> None:
    """Prints one JSON object on one line."""
    click.echo(json.dumps(dict(values), ensure_ascii=False))


def read_file(path: Path, kind: type[M]) -> M:
    """Reads a JSON file that another party handed over; raises InvalidConfiguration when absent."""
    try:
        return decode(path.read_bytes(), kind)
    except FileNotFoundError:
        raise InvalidConfiguration(f"{path} does not exist") from None


def write_file(path: Path, message: Message) -> None:
    """Writes a JSON file to be handed over to another party."""
    path.write_bytes(encode(message) + b"\n")


_IDENTIFIER_BYTES = 16


def pin_of(signer: str, key: str) -> DirectoryPin:
    """Builds a directory pin; raises InvalidConfiguration when the key is not 32 hexadecimal bytes."""
    try:
        return msgspec.convert({"signer": signer, "key": key}, DirectoryPin)
    except msgspec.ValidationError:
        raise InvalidConfiguration("a directory key is 64 lower-case hexadecimal characters") from None


def identifier(text: str) -> bytes:
    """Reads an identifier of a decision, a claim or an act; raises MalformedMessage."""
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != _IDENTIFIER_BYTES:
        raise MalformedMessage("an identifier is 32 hexadecimal characters")
    return found


def join(
    home: Path, config: Message, file: Path, pin: DirectoryPin, *, cosigned: bool = True, anew: bool = False,
    key_file: KeyFile | None = None,
) -> Said:  # fmt: skip
    """Joins a directory (``config.join_directory``); says which, and what changed since the one joined before.

    A party that drew its next key takes it when this directory lists it.
    """
    known: DirectoryPin | None = getattr(config, "directory", None)
    former = None if known is None else read_directory(home, known, cosigned=False)
    directory = join_directory(home, config, file, pin, cosigned=cosigned, anew=anew)
    said = _joined(directory)
    if key_file is not None and key_file.take(directory):
        said = Said(text=f"{said.text}; the next key of {key_file.party} is in use", values=said.values)
    if former is None:
        return said
    found = differences(former, directory)
    lines = [
        f"{what}: {who}" for what, whose in
        (("parti / left", found.left), ("nouveau / arrived", found.arrived), ("clé / key changed", found.changed))
        for who in whose
    ]  # fmt: skip
    changes = {"left": found.left, "arrived": found.arrived, "changed": found.changed}
    return Said(text="\n".join([said.text, *lines]), values={**said.values, **changes})


def _joined(directory: Directory) -> Said:
    """Says which directory was joined."""
    text = f"directory {directory.version}: {len(directory.keyservers)} key servers, {len(directory.insurers)} insurers"
    return Said(text=text, values={
        "version": directory.version, "hub": directory.hub.name,
        "keyservers": [entry.name for entry in directory.keyservers],
        "insurers": [entry.amc for entry in directory.insurers],
    })  # fmt: skip


def join_options(command: F) -> F:
    """Adds the options by which a party joins a directory."""
    file = click.Path(path_type=Path, dir_okay=False, exists=True)
    for option in (
        click.option("--directory", type=file, required=True, help="The signed directory file."),
        click.option("--signer", required=True, help="Name of who signs the directory."),
        click.option("--key", required=True, help="Its key, learnt from another channel (hexadecimal)."),
        click.option(
            "--anew",
            is_flag=True,
            help="Forget the directory joined before: only when most of its key servers, or its key, are lost.",
        ),
    ):
        command = option(command)
    return command


def now() -> int:
    """Reads the clock: Unix seconds."""
    return int(time.time())


def rng(size: int) -> bytes:
    """Draws random bytes from the operating system."""
    return os.urandom(size)
