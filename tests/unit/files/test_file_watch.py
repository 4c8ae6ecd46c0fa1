"""Ransomware in a home of its own: whole, sparing headers, in places, by renaming; and a home at honest work."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.unit.crypto.mutation import edited
from tests.unit.events.honest import HUB, NOON

from paravent.access import cli
from paravent.access.alarm_app import Sentry
from paravent.access.alarms import AlarmPolicy
from paravent.access.files import file_watch_store
from paravent.access.files.file_watch_store import REGISTER, FileWatch, plant, read_register
from paravent.access.files.look_client import LookClient
from paravent.access.files.looked import Looked
from paravent.access.files.shapes import entropy, shape_of
from paravent.access.files.sqlite_pages import page_holds, page_size
from paravent.access.group_commit import GroupCommit
from paravent.access.quotas import QuotaLimits
from paravent.access.sqlite_store import connect
from paravent.access.store import DailyKeys, VerifierStore
from paravent.access.tally import Tally
from paravent.errors import BadInput, TechnicalFailure
from paravent.hub.store import MIGRATIONS
from paravent.watch import rewriting
from paravent.watch.budget import Budget
from paravent.watch.judging import HUB_SIGNS, Detectors
from paravent.watch.rewriting import rewritten_together
from paravent.wire.alarm import Alarm, Sign
from paravent.wire.codec import decode

DETECTORS = Detectors.of(HUB_SIGNS, 12, 13_000)
LOOKS_A_DAY = 86_400 / 20


def fill(connection: sqlite3.Connection, draw: random.Random, rows: int) -> None:
    """Writes rows of every kind of page: small and large payloads, an index, a table without row numbers."""
    with connection:
        for number in range(rows):
            sealed = draw.randbytes(draw.choice([12, 90, 700, 5_000]))
            connection.execute("INSERT INTO act VALUES (NULL, ?, ?)", (sealed, str(draw.random())))
            connection.execute("INSERT OR REPLACE INTO named VALUES (?, ?)", (str(draw.randrange(900)), sealed))
            if number % 3 == 0:
                connection.execute("DELETE FROM act WHERE number = ?", (draw.randrange(rows),))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home as services have them: a database with a free list, settings, a directory, keys, records of backups."""
    home = tmp_path / "hub"
    (home / "secrets").mkdir(parents=True)
    with closing(sqlite3.connect(home / "hub.db")) as connection:
        connection.executescript(
            "PRAGMA journal_mode = WAL; CREATE TABLE act (number INTEGER PRIMARY KEY, sealed BLOB, name TEXT) STRICT;"
            "CREATE TABLE named (name TEXT PRIMARY KEY, sealed BLOB) STRICT, WITHOUT ROWID;"
            "CREATE INDEX by_name ON act (name);"
        )
        fill(connection, random.Random(1), 600)
        with connection:
            connection.execute("DELETE FROM act WHERE number % 2 = 0")
    (home / "config.toml").write_text('name = "hub"\n' + 'note = "settings of a service"\n' * 0)
    (home / "directory.json").write_text('{"keyservers": ["one", "two", "three"]}')
    (home / "backups.json").write_text('{"backups": []}')
    for number in range(12):
        (home / "secrets" / f"opening-{number}.json").write_text('{"insurer": "99000001"}')
    (home / "secrets" / "signing.key").write_bytes(os.urandom(32))
    plant(home, home, NOON, os.urandom)
    return home


def signs(looked: Looked) -> set[Sign]:
    found = DETECTORS.judge_files("hub", looked, [], LOOKS_A_DAY, 20_500)
    return {one.sign for one in found}


def encrypt(path: Path, *, spare: int = 0, every: int = 1) -> None:
    """Encrypts a file in place: all but its first bytes, or one piece of 16 KiB of so many; name and length stay."""
    content = bytearray(path.read_bytes())
    for at in range(0, len(content), 16_384 * every):
        begins, ends = max(at, spare), min(at + 16_384, len(content))
        content[begins:ends] = os.urandom(max(0, ends - begins))
    with path.open("r+b") as file:
        file.write(content)


def whole(home: Path) -> None:
    for path in home.rglob("*"):
        if path.is_file():
            encrypt(path)


def sparing_headers(home: Path) -> None:
    encrypt(home / "hub.db", spare=4_096)


def in_places(home: Path) -> None:
    encrypt(home / "hub.db", spare=100, every=4)


def sparing_the_head_of_every_page(home: Path) -> None:
    content = bytearray((home / "hub.db").read_bytes())
    for at in range(4_096, len(content), 4_096):
        content[at + 100 : at + 4_096] = os.urandom(3_996)
    (home / "hub.db").write_bytes(content)


def renaming(home: Path) -> None:
    for name in ("config.toml", "directory.json", "backups.json"):
        (home / f"{name}.locked").write_bytes(os.urandom(500))
        (home / name).unlink()


def settings_alone(home: Path) -> None:
    for name in ("config.toml", "directory.json"):
        encrypt(home / name)


@pytest.mark.parametrize(
    ("attack", "canary"),
    [
        (whole, True), (sparing_headers, False), (in_places, False), (sparing_the_head_of_every_page, False),
        (renaming, False), (settings_alone, False),
    ],
)  # fmt: skip
def test_files_encrypted_in_any_of_these_ways_alarm_at_the_next_look(
    home: Path, attack: Callable[[Path], None], canary: bool
) -> None:
    watch = FileWatch(home, os.urandom)
    assert signs(watch.look(NOON)) == set()
    attack(home)
    assert signs(watch.look(NOON + 20)) == {Sign.MASS_REWRITE, *([Sign.CANARY_FILE] if canary else [])}


def test_the_negative_control_without_the_rule_of_shapes_nothing_is_seen(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = FileWatch(home, os.urandom)
    watch.look(NOON)
    sparing_headers(home)
    monkeypatch.setattr(rewriting, "LOST_MIN", 10**9)
    assert signs(watch.look(NOON + 20)) == set()


def test_a_home_at_work_alarms_never(home: Path) -> None:
    watch, draw = FileWatch(home, os.urandom), random.Random(3)
    with closing(sqlite3.connect(home / "hub.db")) as connection:
        for turn in range(25):
            fill(connection, draw, 60)
            if turn % 5 == 0:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            if turn == 7:
                connection.execute("VACUUM")
            # An operator edits the settings, badly; keys that ended are deleted together; a backup is recorded.
            (home / "config.toml").write_text("name = " if turn == 9 else f'name = "hub"\nseconds = {turn}\n')
            if turn == 11:
                for path in (home / "secrets").glob("opening-*.json"):
                    path.unlink()
            (home / "backups.json").write_text(f'{{"backups": [{turn}]}}')
            assert signs(watch.look(NOON + 20 * turn)) == set(), turn


def test_every_page_of_a_database_at_work_is_structured_and_random_ones_are_not(home: Path) -> None:
    content = (home / "hub.db").read_bytes()
    size = page_size(content[:100])
    assert size == 4_096
    pages = [content[at : at + size] for at in range(0, len(content), size)]
    assert all(page_holds(page, number, len(pages)) for number, page in enumerate(pages, start=1))
    assert sum(page_holds(os.urandom(size), 2, len(pages)) for _ in range(2_000)) <= 1
    assert page_size(b"SQLite format 3\0" + bytes(84)) is None
    assert page_size(os.urandom(100)) is None


@pytest.mark.parametrize("touch", [Path.unlink, lambda path: path.write_bytes(b"x"), encrypt])
def test_a_planted_file_changed_or_gone_alarms_and_stays_so(home: Path, touch: Callable[[Path], object]) -> None:
    watch = FileWatch(home, os.urandom)
    watch.look(NOON)
    touch(Path(read_register(home).files[0].path))
    for _ in range(2):
        looked = watch.look(NOON)
        assert (looked.planted, looked.touched, looked.drill) == (1, 1, "")
        assert Sign.CANARY_FILE in signs(looked)


def test_whoever_takes_a_planted_file_out_of_the_register_is_seen(home: Path) -> None:
    watch = FileWatch(home, os.urandom)
    watch.look(NOON)
    Path(read_register(home).files[0].path).unlink()
    (home / REGISTER).write_text('{"files": []}')
    assert watch.look(NOON + 20).touched == 1


def test_a_drill_says_so_and_only_of_its_own_file(home: Path, tmp_path: Path) -> None:
    first = Path(read_register(home).files[0].path)
    second = Path(plant(home, tmp_path, NOON, os.urandom).path)
    watch = FileWatch(home, os.urandom)
    watch.look(NOON)
    content = file_watch_store.drill(home, first, NOON + 120)
    assert watch.look(NOON + 20).drill == read_register(home).files[0].sha256.hex()[:8]
    second.unlink()
    assert watch.look(NOON + 20).drill == ""
    file_watch_store.put_back(home, first, content)
    file_watch_store.record_drill(home, first, NOON + 30)
    assert [one.drilled_at for one in read_register(home).files] == [NOON + 30, 0]
    assert watch.look(NOON + 40).touched == 1
    with pytest.raises(BadInput):
        file_watch_store.drill(home, home / "config.toml", NOON)


def test_planted_files_stand_at_both_ends_of_the_alphabet_and_are_not_told_apart_by_their_content(home: Path) -> None:
    second = Path(plant(home, home, NOON, os.urandom).path)
    names = [Path(one.path).name for one in read_register(home).files]
    assert (min(names), max(names)) == (names[0], names[1])
    assert second.read_text().startswith("compte;")
    for _ in range(6):
        plant(home, home, NOON, os.urandom)
    with pytest.raises(BadInput):
        plant(home, home, NOON, os.urandom)


def test_shapes_by_name_and_entropy() -> None:
    text = shape_of("a.txt")
    assert text is not None
    assert text(b"plain words, " * 40)
    assert not text(os.urandom(400))
    assert text(os.urandom(300).hex().encode())
    assert shape_of("signing.key") is None
    assert entropy(b"") == 0
    assert entropy(bytes(range(256))) == 8


def test_files_rewritten_together_are_compared_with_the_looks_before() -> None:
    quiet = [0] * 100
    assert rewritten_together(9, quiet, LOOKS_A_DAY, Budget()) is None
    assert rewritten_together(12, quiet, LOOKS_A_DAY, Budget()) is not None
    assert rewritten_together(12, quiet[:20], LOOKS_A_DAY, Budget()) is None
    assert rewritten_together(12, [8, 12, 9, 14] * 20, LOOKS_A_DAY, Budget()) is None
    everything = Looked(files=40, rewritten=30)
    (found,) = DETECTORS.judge_files("hub", everything, quiet, LOOKS_A_DAY, 1)
    assert (found.sign, found.observed, found.whole) == (Sign.MASS_REWRITE, 30, 40)


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[tuple[Path, VerifierStore]]:
    home = tmp_path / "serving"
    home.mkdir()
    plant(home, home, NOON, cli.rng)
    with VerifierStore(connect(home / "hub.db"), MIGRATIONS, DailyKeys(home, os.urandom), QuotaLimits()) as store:
        yield home, store


def test_an_alarm_that_its_own_disk_does_not_take_is_told_and_recorded_later(
    serving: tuple[Path, VerifierStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, store = serving
    commits = GroupCommit(store)
    sentry = Sentry(HUB, store, commits, AlarmPolicy(), DETECTORS, Tally(), FileWatch(home, os.urandom))

    def dead(*_: object) -> int:
        raise sqlite3.DatabaseError("database disk image is malformed")

    def take() -> None:
        Path(read_register(home).files[0].path).unlink()

    async def play() -> None:
        worker = asyncio.create_task(commits.work())
        await sentry._judge_files(NOON)
        assert sentry.alarms_after(0) == []
        take()
        with monkeypatch.context() as broken:
            broken.setattr(store.alarms, "next_number", dead)
            broken.setattr(store.alarms, "after", dead)
            await sentry._judge_files(NOON + 20)
            await sentry._judge_files(NOON + 40)
            (told,) = sentry.alarms_after(0)
            assert sentry.alarms_after(1) == []
            assert decode(told.signed.payload, Alarm).finding.sign is Sign.CANARY_FILE
        await sentry._judge_files(NOON + 60)
        worker.cancel()
        (kept,) = sentry.alarms_after(0)
        assert store.alarms.next_number() == 2
        assert decode(kept.signed.payload, Alarm).number == decode(told.signed.payload, Alarm).number == 1

    asyncio.run(play())


ASKED = (
    "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT COUNT(*) FROM act').fetchall(); c.close()"
)


def test_looking_from_outside_keeps_the_locks_of_the_process_that_serves(home: Path) -> None:
    with closing(sqlite3.connect(home / "hub.db", isolation_level=None)) as serving:
        serving.execute("INSERT INTO act VALUES (NULL, x'00', 'written')")
        client = LookClient("hub", home)
        try:
            assert client.look(NOON).planted == 1
            assert signs(client.look(NOON + 20)) == set()
        finally:
            client.close()
        another(home)
        assert (home / "hub.db-wal").exists()
        # The negative control: in the process that serves, a look ends its locks, and whoever closes the database next
        # takes the journal away under it.
        FileWatch(home, os.urandom).look(NOON)
        another(home)
        assert not (home / "hub.db-wal").exists()


def another(home: Path) -> None:
    """Opens and closes the database in another process, as a verb does."""
    subprocess.run([sys.executable, "-c", ASKED, str(home / "hub.db")], check=True)


def test_a_look_from_outside_that_ends_is_said_and_started_again(home: Path) -> None:
    client = LookClient("hub", home)
    try:
        client.look(NOON)
        assert client._process is not None
        client._process.kill()
        client._process.wait()
        with pytest.raises(TechnicalFailure):
            client.look(NOON)
        assert client.look(NOON).planted == 1
    finally:
        client.close()


def closed_before_it_looks(home: Path) -> None:
    """The service ends while a thread is about to look: nobody would end a process that is started then."""
    client = LookClient("hub", home)
    client.close()
    try:
        with pytest.raises(TechnicalFailure, match="looked at no more"):
            client.look(NOON)
        assert client._process is None
    finally:
        client._end()


def test_nothing_is_started_after_the_end(home: Path) -> None:
    closed_before_it_looks(home)


def test_a_start_after_the_end_is_found_out(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LookClient, "_running", edited(LookClient, "_running", "if self._closed:", "if False:"))
    with pytest.raises(pytest.fail.Exception):
        closed_before_it_looks(home)
