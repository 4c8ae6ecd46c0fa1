"""A backup is what the hub signed to the last byte, or nothing; it comes back on either engine (protocol.md 18.1)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests import engines

from paravent.access.database import Database, migrate
from paravent.crypto.hpke import BoxKey
from paravent.crypto.signing import SigningKey
from paravent.errors import InvalidConfiguration, MalformedMessage, ProofFailure
from paravent.hub import backup
from paravent.hub.backup import BackupSummary, stale_heads
from paravent.hub.backup_store import put_back, verify_file, write_file
from paravent.hub.cli import _store, group
from paravent.hub.state import HubIdentity
from paravent.hub.store import MIGRATIONS
from paravent.hub.vault import DatabaseKey
from paravent.wire.recovery import HeadCounter

pytestmark = engines.BOTH

IDENTITY = HubIdentity(
    name="hub", base_url="http://127.0.0.1:1", signing_key=SigningKey.generate(os.urandom),
    database_key=DatabaseKey(os.urandom(32)),
)  # fmt: skip
KEY = BoxKey.generate(os.urandom)
EVENTS = [(number, "99000001", 202601, os.urandom(20), os.urandom(20)) for number in range(1, 1_203)]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A hub's database with more rows of one table than fit a chunk."""
    opened = engines.connect(tmp_path / "hub.db")
    migrate(opened, MIGRATIONS)
    with opened.transaction():
        opened.load("event", EVENTS)
        opened.number_on()
    yield opened
    opened.close()


@pytest.fixture
def file(database: Database, tmp_path: Path) -> Path:
    """Its backup."""
    path = tmp_path / "hub.backup"
    write_file(path, database, (), IDENTITY, KEY.public, now=7, rng=os.urandom)
    return path


def verified(path: Path) -> BackupSummary:
    return verify_file(path, KEY, "hub", IDENTITY.signing_key.public)


def test_a_backup_comes_back_and_numbers_go_on(database: Database, file: Path, tmp_path: Path) -> None:
    other = engines.connect(tmp_path / "other.db")
    put_back(other, (file, KEY, verified(file)), (), now=9)
    assert sorted(map(tuple, other.read("event"))) == EVENTS
    assert other.tables() == database.tables()
    (number,) = other.execute(
        "INSERT INTO event (insurer, month, detail, payment) VALUES ('99000001', 202601, ?, ?) RETURNING number",
        (b"", b""),
    ).fetchone()
    assert number == len(EVENTS) + 1
    with pytest.raises(InvalidConfiguration, match="not empty"):
        put_back(other, (file, KEY, verified(file)), (), now=9)
    other.close()


def test_it_is_of_one_state_whatever_is_written_meanwhile(database: Database, tmp_path: Path) -> None:
    writer = engines.connect(tmp_path / "hub.db")
    with database.snapshot():
        before = len(list(database.read("statement")))
        writer.execute("INSERT INTO statement VALUES ('99000001', 'guarantees', 1, ?)", (b"",))
        assert len(list(database.read("statement"))) == before
    assert len(list(database.read("statement"))) == before + 1
    writer.close()


def test_every_part_is_needed_as_it_was_written(file: Path) -> None:
    content = file.read_bytes()
    places = [*range(0, len(content), 4_001), 0, 20, len(content) // 2, len(content) - 1]
    for place in places:
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises((ProofFailure, MalformedMessage)):
            verified(file)
    frames = list(_frames(content))
    altered = {
        "cut after a chunk": frames[:-1], "the last chunk left out": frames[:-2] + frames[-1:],
        "two chunks swapped": [*frames[:2], frames[3], frames[2], *frames[4:]],
        "a chunk twice": [*frames[:3], frames[2], *frames[3:]], "something added": [*frames, frames[2]],
    }  # fmt: skip
    for pieces in altered.values():
        file.write_bytes(backup.FORMAT + b"".join(pieces))
        with pytest.raises(ProofFailure):
            verified(file)
    file.write_bytes(content)
    assert verified(file).tables["event"] == len(EVENTS)


def _frames(content: bytes) -> Iterator[bytes]:
    rest = content[len(backup.FORMAT) :]
    while rest:
        size = 4 + int.from_bytes(rest[:4], "big")
        yield rest[:size]
        rest = rest[size:]


def test_only_the_hub_writes_one_and_only_the_key_opens_it(file: Path) -> None:
    with pytest.raises(ProofFailure):
        verify_file(file, BoxKey.generate(os.urandom), "hub", IDENTITY.signing_key.public)
    with pytest.raises(ProofFailure):
        verify_file(file, KEY, "hub", SigningKey.generate(os.urandom).public)
    for _, _, _, detail, _ in EVENTS[:3]:
        assert detail not in file.read_bytes()


def test_a_backup_older_than_what_was_cosigned_says_whose() -> None:
    def head(insurer: str, epoch: int, counter: int) -> HeadCounter:
        return HeadCounter(insurer=insurer, epoch=epoch, counter=counter)

    kept = [head("99000001", 1, 4), head("99000001", 2, 6), head("99000002", 1, 1)]
    assert stale_heads(kept, [head("99000001", 1, 4), head("99000002", 1, 1)]) == {}
    # An earlier epoch is served as long as it is kept.
    assert stale_heads(kept, [head("99000001", 1, 9)]) == {"99000001": 9}
    assert stale_heads([head("99000001", 2, 6)], [head("99000001", 1, 9)]) == {}
    assert stale_heads(kept, [head("99000001", 2, 7), head("99000003", 1, 1)]) == {"99000001": 7, "99000003": 1}


def test_a_hub_whose_database_is_gone_is_not_opened_on_an_empty_one(tmp_path: Path) -> None:
    home = tmp_path / "hub"
    runner = CliRunner()
    assert runner.invoke(group, ["init", "--home", str(home), "--port", "1"]).exit_code == 0
    _store(home).close()
    for path in home.glob("hub.db*"):
        path.unlink()
    with pytest.raises(InvalidConfiguration, match="hub restore"):
        _store(home)
    # As a restoration that was interrupted leaves it.
    (home / "hub.db").touch()
    with pytest.raises(InvalidConfiguration, match="hub restore"):
        _store(home)
