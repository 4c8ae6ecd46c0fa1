"""Configuration files: strict TOML, unknown keys refused, secrets as file paths (docs/operating.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

import msgspec

from paravent.crypto.signing import VerifyKey
from paravent.errors import InvalidConfiguration
from paravent.wire.codec import Message, Name, decode
from paravent.wire.directory import require_cosigned, require_successor, verify_directory
from paravent.wire.statements import STATEMENT_BYTES_MAX, Cosigned, Directory

C = TypeVar("C", bound=Message)

CONFIG_NAME = "config.toml"
DIRECTORY_NAME = "directory.json"


class DirectoryPin(Message, frozen=True, kw_only=True):
    """Which directory a party trusts: the hexadecimal key that signs it, and its signer's name."""

    signer: Name
    key: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]

    def verify_key(self) -> VerifyKey:
        """Returns the key."""
        return VerifyKey(bytes.fromhex(self.key))

    def keys(self) -> dict[str, tuple[bytes, ...]]:
        """Returns the key by the name of who signs with it, as the keys of other parties are listed."""
        return {self.signer: (bytes.fromhex(self.key),)}


def read_config(home: Path, kind: type[C]) -> C:
    """Reads ``config.toml`` of a home; raises InvalidConfiguration saying which key is wrong."""
    path = home / CONFIG_NAME
    try:
        return msgspec.toml.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        raise InvalidConfiguration(f"{path} is missing: run init first") from None
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidConfiguration(f"{path}: {error}") from None


def write_config(home: Path, config: Message, *, replace: bool = False) -> None:
    """Writes ``config.toml`` of a home; raises InvalidConfiguration when there is one and it is not replaced."""
    path = home / CONFIG_NAME
    if path.exists() and not replace:
        raise InvalidConfiguration(f"{path} exists: this home is already initialised")
    try:
        msgspec.convert(msgspec.to_builtins(config), type(config))
    except msgspec.ValidationError as error:
        raise InvalidConfiguration(str(error)) from None
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.chmod(0o700)
    path.write_bytes(_toml(msgspec.to_builtins(config)))


def join_directory(
    home: Path, config: Message, file: Path, pin: DirectoryPin, *, cosigned: bool = True, anew: bool = False
) -> Directory:
    """Pins a directory in a home: verifies the file, then copies it and writes the pin; returns the directory.

    Beside a directory already joined, it must be its successor. A key server joins before anybody has
    ``cosigned``. ``anew`` joins as if for the first time, when most key servers of the former one are lost.
    """
    content = file.read_bytes()
    statement, directory = _verified(content, pin)
    known: DirectoryPin | None = getattr(config, "directory", None)
    former = None
    if known is not None and not anew:
        _, former = _verified((home / DIRECTORY_NAME).read_bytes(), known)
        require_successor((former, known.keys()), (directory, pin.keys()))
    if cosigned:
        require_cosigned(statement, directory, former)
    (home / DIRECTORY_NAME).write_bytes(content)
    write_config(home, msgspec.structs.replace(config, directory=pin), replace=True)
    return directory


def read_directory(home: Path, pin: DirectoryPin | None, *, cosigned: bool = True) -> Directory:
    """Reads and verifies the directory of a home against its pin, and who ``cosigned`` it."""
    if pin is None:
        raise InvalidConfiguration(f"{home} has joined no directory yet: run join first")
    path = home / DIRECTORY_NAME
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InvalidConfiguration(f"{path} is missing: fetch the directory first") from None
    statement, directory = _verified(content, pin)
    if cosigned:
        require_cosigned(statement, directory, None)
    return directory


def read_signed_directory(file: Path) -> Cosigned:
    """Reads a directory file as it was handed over, to be served or cosigned."""
    return decode(file.read_bytes(), Cosigned, bytes_max=STATEMENT_BYTES_MAX)


def open_directory(content: bytes, pin: DirectoryPin) -> Directory:
    """Verifies a signed directory against its pin, whoever cosigned it; raises ProofFailure or MalformedMessage."""
    return _verified(content, pin)[1]


def _verified(content: bytes, pin: DirectoryPin) -> tuple[Cosigned, Directory]:
    statement = decode(content, Cosigned, bytes_max=STATEMENT_BYTES_MAX)
    return statement, verify_directory(statement, pin.signer, pin.verify_key())


def _toml(values: dict[str, object]) -> bytes:
    plain = {name: value for name, value in values.items() if not isinstance(value, dict)}
    tables = {name: value for name, value in values.items() if isinstance(value, dict)}
    lines = [f"{name} = {_scalar(value)}" for name, value in plain.items() if value is not None]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *(f"{key} = {_scalar(value)}" for key, value in table.items() if value is not None)]
    return ("\n".join(lines) + "\n").encode()


def _scalar(value: object) -> str:
    # JSON strings, numbers, booleans and arrays of them are valid TOML values.
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
