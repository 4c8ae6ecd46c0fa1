"""The breach desk's cases on SQLite and on PostgreSQL: the same log, the same evidence, the same answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests import engines

from paravent.access.store import write_secret
from paravent.breach.cli import group
from paravent.breach.entries import Category, Noted, Opened, Origin, Private
from paravent.breach.store import DATABASE, DATABASE_URL, Store, has_cases
from paravent.errors import InvalidConfiguration

pytestmark = engines.BOTH

NOW = 1_781_524_800
CASE = "2026-001"


@pytest.fixture
def located(engine: str, tmp_path: Path) -> Path:
    """A home whose cases are on the engine under test."""
    home = tmp_path / "desk"
    if engine == "postgresql":
        write_secret(home / DATABASE_URL, engines.locate(home).encode())
    return home


@pytest.fixture
def reopened(located: Path) -> Iterator[Callable[[], Store]]:
    """Opens the store of one home, as often as wanted."""
    stores: list[Store] = []

    def again() -> Store:
        stores.append(Store(located))
        return stores[-1]

    yield again
    for store in stores:
        store.close()


def opening(title: str) -> Opened:
    return Opened(title=title, facts="", aware_at=NOW, aware_role="dpo", origin=Origin.HAND)


def noted(text: str) -> Noted:
    return Noted(category=next(iter(Category)), text=text)


def test_entries_are_numbered_in_their_case_and_placed_in_one_log(reopened: Callable[[], Store]) -> None:
    store = reopened()
    store.add(CASE, opening("one"), role="dpo", now=NOW, new=True)
    store.add("2026-002", opening("two"), role="dpo", now=NOW, new=True)
    third = store.add(CASE, noted("more is known"), role="dpo", now=NOW + 1)
    assert (third.position, third.entry.number) == (2, 1)
    with pytest.raises(InvalidConfiguration):
        store.add(CASE, opening("again"), role="dpo", now=NOW, new=True)
    with pytest.raises(InvalidConfiguration):
        store.add("2026-009", noted("of no case"), role="dpo", now=NOW)
    other = reopened()
    assert [placed.position for placed in other.entries(CASE)] == [0, 2]
    assert (other.cases(), other.next_case(2026), other.size()) == ([CASE, "2026-002"], "2026-003", 3)
    assert other.leaves() == store.leaves()


def test_two_operators_at_once_never_take_one_place(located: Path) -> None:
    with Store(located) as store:
        store.add(CASE, opening("one"), role="dpo", now=NOW, new=True)

    def write(number: int) -> int:
        with Store(located) as own:
            return own.add(CASE, noted(f"fact {number}"), role="dpo", now=NOW).position

    with ThreadPoolExecutor(4) as operators:
        places = list(operators.map(write, range(12)))
    with Store(located) as store:
        assert sorted(places) == list(range(1, 13))
        assert [placed.entry.number for placed in store.entries(CASE)] == list(range(13))


def test_evidence_is_kept_once_and_a_name_can_be_erased(reopened: Callable[[], Store]) -> None:
    store = reopened()
    digest = store.keep_file(b"evidence")
    assert store.keep_file(b"evidence") == digest
    private = Private(salt=bytes(32), text="somebody")
    for _ in range(2):
        store.keep_private(private)
    for note in (b"with one cosignature", b"with two"):
        store.keep_checkpoint(3, note)
    other = reopened()
    assert (other.file(digest), other.private(private.commitment)) == (b"evidence", "somebody")
    assert other.checkpoints() == {3: b"with two"}
    other.erase_private(private.commitment)
    assert store.private(private.commitment) is None
    with pytest.raises(InvalidConfiguration):
        other.file(bytes(32))


def test_a_home_says_whether_it_has_cases(located: Path, tmp_path: Path, engine: str) -> None:
    assert not has_cases(tmp_path)
    Store(located).close()
    assert has_cases(located)
    assert (located / DATABASE).exists() is (engine == "sqlite")


def run(*arguments: str | Path) -> tuple[int, dict[str, object]]:
    done = CliRunner().invoke(group, [*map(str, arguments), "--json"])
    return done.exit_code, json.loads(done.stdout.splitlines()[-1])


def test_the_verbs_work_a_case_on_either_engine(engine: str, tmp_path: Path) -> None:
    home, file = tmp_path / "desk", tmp_path / "database.url"
    options: tuple[str | Path, ...] = ()
    if engine == "postgresql":
        write_secret(file, engines.locate(home).encode())
        options = ("--database-url-file", file)
    assert run("init", "--home", home, "--name", "breach.example.org", "--operator", "o", *options)[0] == 0
    words = ("--title", "t", "--facts", "f", "--aware", "2026-06-15T08:15Z", "--aware-role", "dpo")
    code, said = run("open", "--home", home, *words)
    assert (code, said["case"]) == (0, CASE)
    with closing(Store(home)) as store:
        assert store.cases() == [CASE]
    assert (home / DATABASE).exists() is (engine == "sqlite")
    # A copy that lacks the cases would pass for a backup.
    assert run("backup", "--home", home, "--to", tmp_path / "copy")[0] == (0 if engine == "sqlite" else 1)


def test_a_database_that_cannot_be_used_leaves_no_home(engine: str, tmp_path: Path) -> None:
    if engine == "sqlite":
        pytest.skip("SQLite in a home is there whenever the home is")
    file = tmp_path / "database.url"
    write_secret(file, b"postgresql://nobody@127.0.0.1:1/none")
    home = tmp_path / "desk"
    assert run("init", "--home", home, "--name", "b", "--operator", "o", "--database-url-file", file)[0] == 1
    assert not home.exists()
