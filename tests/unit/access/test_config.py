"""Configuration files and the pinned directory: strict, and never half changed (docs/operating.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.access.ledgers import EXAMPLE, ExampleConfig
from tests.unit.crypto.examples import FEW, seeded
from tests.unit.wire.messages import KINDS, messages

from paravent.access.config import (
    CONFIG_NAME,
    DIRECTORY_NAME,
    DirectoryPin,
    join_directory,
    read_config,
    read_directory,
    write_config,
)
from paravent.access.logs import log_event
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey
from paravent.errors import InvalidConfiguration, ParaventError, ProofFailure
from paravent.wire.codec import Message, encode
from paravent.wire.cosignatures import cosign
from paravent.wire.statements import Directory, HubEntry, KeyServerEntry, cosigned, sign_statement

CONFIGS = [kind for kind in KINDS if kind.__module__.endswith(".config") and kind.__name__.endswith("Config")]
# TOML has no raw delete character, and the writer makes JSON strings.
DELETE = "\x7f"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home with a configuration."""
    write_config(tmp_path / "home", EXAMPLE)
    return tmp_path / "home"  # type: ignore[return-value]


def test_every_party_has_a_configuration() -> None:
    assert {kind.__module__.split(".")[1] for kind in CONFIGS} >= {"desk", "hub", "insurer", "keyserver"}


@pytest.mark.parametrize("kind", CONFIGS, ids=[f"{kind.__module__}.{kind.__name__}" for kind in CONFIGS])
def test_a_configuration_comes_back_as_it_was_written(kind: type[Message], tmp_path: Path) -> None:
    @FEW
    @given(messages(kind))
    def round_trip(drawn: Message) -> None:
        if DELETE in repr(msgspec.to_builtins(drawn)).encode().decode("unicode_escape", "ignore"):
            return
        write_config(tmp_path, drawn, replace=True)
        assert read_config(tmp_path, kind) == drawn

    round_trip()


def test_a_name_may_hold_any_character(tmp_path: Path) -> None:
    for name in ("a\tb", 'a"b\\c', "a\nb", "a\x00b", "\u00e9\u202f\U0001f453", "[x]", "# x", "'"):
        write_config(tmp_path, msgspec.structs.replace(EXAMPLE, name=name), replace=True)
        assert read_config(tmp_path, ExampleConfig).name == name


def test_a_delete_character_comes_back(tmp_path: Path) -> None:
    write_config(tmp_path, msgspec.structs.replace(EXAMPLE, name=f"a{DELETE}b"), replace=True)
    assert read_config(tmp_path, ExampleConfig).name == f"a{DELETE}b"


def test_a_configuration_is_not_written_over(home: Path) -> None:
    with pytest.raises(InvalidConfiguration, match="already initialised"):
        write_config(home, msgspec.structs.replace(EXAMPLE, port=1))
    assert read_config(home, ExampleConfig) == EXAMPLE


def test_a_home_is_its_owners(home: Path) -> None:
    assert home.stat().st_mode & 0o077 == 0


def test_a_home_that_was_never_initialised_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match="run init"):
        read_config(tmp_path, ExampleConfig)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"name = 1", b'name = "x"\nport = "8000"', b'name = "x"\nname = "y"', b'name = "x"\n[quotas]\nx = 1',
        b'name = "x"\n[quotas]\nlookups_per_day_max = -1', b'name = "x"\nport = 1.5', b'name = "x"\nallowed = 1',
        b"{}", b'{"name": "x"}', b"name = 'x", b"\x00",
    ],
    ids=range(12),
)  # fmt: skip
def test_another_file_is_refused(home: Path, body: bytes) -> None:
    (home / CONFIG_NAME).write_bytes(body)
    with pytest.raises(InvalidConfiguration, match=re.escape(CONFIG_NAME)):
        read_config(home, ExampleConfig)


@pytest.mark.parametrize(
    "body", [b'name = "\xff"', b"a = " + b"[" * 5_000], ids=["not UTF-8", "5,000 lists in one another"]
)
def test_a_broken_file_is_a_declared_error(home: Path, body: bytes) -> None:
    (home / CONFIG_NAME).write_bytes(body)
    with pytest.raises(InvalidConfiguration):
        read_config(home, ExampleConfig)


# --- the pinned directory ------------------------------------------------------------------------

ROOT, STRANGER, SERVER = (SigningKey.generate(seeded(seed)) for seed in (1, 2, 3))
PIN = DirectoryPin(signer="root", key=ROOT.public.hex())
DIRECTORY = Directory(
    version=1, issued_at=1, hub=HubEntry(name="hub", address="http://hub", verify_key=ROOT.public), keyservers=(
        KeyServerEntry(
            name="one", address="http://one", verify_key=SERVER.public, operator="o", host="h", administrator="a",
        ),
    ), insurers=(),
)  # fmt: skip


class JoinedConfig(Message, frozen=True, kw_only=True):
    """A configuration with what every party has once it has joined."""

    name: str
    directory: DirectoryPin | None = None


DESK = JoinedConfig(name="desk")


def signed(key: SigningKey, *, version: int = 1, signer: str = "root") -> bytes:
    """A signed directory file."""
    statement = msgspec.structs.replace(DIRECTORY, version=version)
    bare = sign_statement(statement, Label.DIRECTORY, signer, key)
    return encode(cosigned(bare, [cosign(bare, Label.DIRECTORY, "one", SERVER)]))


def test_a_directory_is_joined_with_its_pin(tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "file"
    write_config(home, DESK)
    file.write_bytes(signed(ROOT))
    assert join_directory(home, DESK, file, PIN) == DIRECTORY
    joined = read_config(home, JoinedConfig)
    assert joined == msgspec.structs.replace(DESK, directory=PIN)
    assert read_directory(home, joined.directory) == DIRECTORY


@pytest.mark.parametrize(
    "content",
    [
        signed(STRANGER),
        signed(ROOT, signer="other"),
        signed(ROOT)[:-1],
        b"",
        signed(ROOT).replace(b'"payload":"', b'"payload":"e'),
    ],
    ids=["another key", "another signer", "cut", "empty", "altered"],
)
def test_a_directory_that_is_refused_changes_nothing(tmp_path: Path, content: bytes) -> None:
    home, file = tmp_path / "home", tmp_path / "file"
    write_config(home, DESK)
    file.write_bytes(signed(ROOT))
    join_directory(home, DESK, file, PIN)
    before = (home / DIRECTORY_NAME).read_bytes(), (home / CONFIG_NAME).read_bytes()
    file.write_bytes(content)
    with pytest.raises(ParaventError):
        join_directory(home, DESK, file, PIN)
    assert ((home / DIRECTORY_NAME).read_bytes(), (home / CONFIG_NAME).read_bytes()) == before
    assert read_directory(home, PIN) == DIRECTORY


def test_a_directory_altered_on_disk_is_refused(tmp_path: Path) -> None:
    (tmp_path / DIRECTORY_NAME).write_bytes(signed(STRANGER))
    with pytest.raises(ProofFailure, match="root"):
        read_directory(tmp_path, PIN)
    (tmp_path / DIRECTORY_NAME).unlink()
    with pytest.raises(InvalidConfiguration, match="missing"):
        read_directory(tmp_path, PIN)
    with pytest.raises(InvalidConfiguration, match="join"):
        read_directory(tmp_path, None)


@pytest.mark.parametrize("key", ["", "0" * 63, "0" * 65, "G" * 64, "A" * 64, "0" * 64 + "\n", " " + "0" * 63])
def test_a_pin_is_64_small_hexadecimal_digits(key: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"signer": "root", "key": key}, DirectoryPin)
    assert PIN.verify_key() == ROOT.public


# --- logs ----------------------------------------------------------------------------------------


@given(st.text(min_size=1, max_size=20).filter(str.isidentifier))
def test_a_log_line_has_no_field_but_those_listed(name: str) -> None:
    allowed = {"party", "code", "action", "where", "count", "insurer"}
    if name not in allowed | {"event"}:
        with pytest.raises(ValueError, match="allow-list"):
            log_event("x", **{name: "2951099126111"})
