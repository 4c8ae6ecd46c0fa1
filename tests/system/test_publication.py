"""What changes in a portfolio is published alone: running processes, three formats, who joined and who left."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from paravent.access.sqlite_store import connect
from paravent.drill.platform import DATA, INSURERS, Platform
from paravent.drill.population import Population, SyntheticPerson, synthesise, write_member_file
from paravent.errors import TechnicalFailure
from paravent.insurer.runs_store import Runs, SortedRow
from tests.system.conftest import KEYSERVERS
from tests.system.customers import adults, card_of, particulars

AMC = next(iter(INSURERS))
LINES_MANY = 20_000
MULTIPLE = 64


@pytest.fixture(scope="module")
def population() -> Population:
    return synthesise(220, [AMC], 11, datetime.now(UTC).year)


@pytest.fixture(scope="module")
def platform(population: Population, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform of its own: its portfolio changes."""
    running = Platform(tmp_path_factory.mktemp("publication"))
    try:
        running.create(population, 20)
        running.start(*KEYSERVERS, "hub")
        running.publish(AMC)
        running.start("desk")
        yield running
    finally:
        running.stop()


def publish(platform: Platform, path: Path, *options: str) -> dict[str, Any]:
    return platform.command(
        "insurer", "publish", path, "--home", platform.home / f"insurer-{AMC}", "--guarantees",
        DATA / f"guarantees-{AMC}.toml", "--json", *options,
    )  # fmt: skip


def live_rows(platform: Platform) -> dict[bytes, tuple[int, bytes]]:
    """Reads what a thief of the hub's database sees: handle, batch and sealed bytes of every live row."""
    database = connect(platform.home / "hub" / "hub.db")
    found = database.execute(
        "SELECT handle, batch, stored FROM row WHERE manifest = (SELECT MAX(number) FROM manifest WHERE live = 1)"
    ).fetchall()
    assert database.execute("SELECT COUNT(DISTINCT manifest) FROM row").fetchone() == (1,)
    database.close()
    return {handle: (batch, stored) for handle, batch, stored in found}


def check(platform: Platform, person: SyntheticPerson) -> tuple[int, dict[str, Any]]:
    return platform.desk("/v1/checks/number", particulars(person))


def by_card(platform: Platform, person: SyntheticPerson, card: str) -> dict[str, Any]:
    assert platform.desk("/v1/refreshes", {})[0] == 200
    body = {"card": card, "name": person.name, "birth_date": person.birth_date}
    return platform.desk("/v1/checks/card", body)[1]


def test_only_what_changed_is_published_and_who_left_is_revoked(platform: Platform, population: Population) -> None:
    gone, moved, stays = adults(population)[:3]
    card = card_of(platform, gone)
    before = live_rows(platform)
    joined = replace(adults(synthesise(300, [AMC], 12, population.year))[-1], member_id="NEW")
    other = next(code for code in {one.guarantee for one in population.persons} if code != moved.guarantee)
    persons = [replace(one, guarantee=other) if one is moved else one for one in population.persons if one is not gone]
    path = platform.home / f"members-{AMC}.csv"
    write_member_file(path, replace(population, persons=(*persons, joined)), AMC)

    assert publish(platform, path, "--dry-run")["added"] == 1
    done = publish(platform, path)
    assert {name: done[name] for name in ("added", "changed", "ended", "sealed", "complete", "revoked", "batch")} == {
        "added": 1, "changed": 1, "ended": 1, "sealed": 2, "complete": False, "revoked": 1, "batch": 2,
    }  # fmt: skip
    after = live_rows(platform)
    kept = {handle for handle in before if after.get(handle) == before[handle]}
    new, left = after.keys() - before.keys(), before.keys() - after.keys()
    renewed = {handle for handle in before.keys() & after.keys() if after[handle] != before[handle]}
    # Who joined, left or changed is one of many handles: every count is a multiple, and none is zero.
    assert [len(new) % MULTIPLE, len(left) % MULTIPLE] == [0, 0]
    assert min(len(new), len(left), len(kept)) >= MULTIPLE
    assert len(renewed) > 1
    assert {after[handle][0] for handle in new | renewed} == {2}
    assert {after[handle][0] for handle in kept} == {1}

    assert check(platform, stays)[1]["guarantee"] == stays.guarantee
    assert check(platform, moved)[1]["guarantee"] == other
    assert check(platform, joined)[1]["covered"] is True
    assert check(platform, gone)[1]["type"].endswith(":not-covered")
    assert by_card(platform, gone, card)["type"].endswith(":entitlement-revoked")


def test_a_delta_file_readmits_a_member_and_ends_a_line(
    platform: Platform, population: Population, tmp_path: Path
) -> None:
    back, leaves = adults(population)[0], adults(population)[3]
    path = platform.home / f"members-{AMC}.csv"
    (tmp_path / "all").mkdir()
    write_member_file(tmp_path / "all" / "members.csv", population, AMC)
    with (tmp_path / "all" / "members.csv").open(newline="") as file:
        rows = {row["member_id"]: row for row in csv.DictReader(file)}
    delta = tmp_path / "delta.csv"
    with delta.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["change", *rows[back.member_id]])
        writer.writeheader()
        writer.writerow({"change": "added"} | rows[back.member_id])
        writer.writerow({"change": "ended"} | rows[leaves.member_id])
    with pytest.raises(TechnicalFailure):
        publish(platform, delta)
    done = publish(platform, delta, "--delta")
    assert {name: done[name] for name in ("added", "changed", "ended", "sealed", "revoked")} == {
        "added": 1, "changed": 0, "ended": 1, "sealed": 1, "revoked": 1,
    }  # fmt: skip
    assert check(platform, back)[1]["covered"] is True
    assert check(platform, leaves)[1]["type"].endswith(":not-covered")
    # A line ends once: the second time nothing that is published has it.
    with pytest.raises(TechnicalFailure):
        publish(platform, delta, "--delta")
    assert "no published line" in (tmp_path / "delta.csv.rejects.csv").read_text()
    assert path.exists()


def test_many_lines_are_checked_and_sealed_in_bounded_memory(platform: Platform, tmp_path: Path) -> None:
    path = tmp_path / "members.csv"
    many = synthesise(LINES_MANY, [AMC], 13, datetime.now(UTC).year)
    write_member_file(path, many, AMC)
    done = publish(platform, path)
    assert done["lines"] >= LINES_MANY
    assert (done["persons"], done["complete"], done["rejected"]) == (LINES_MANY, False, 0)
    assert done["sealed"] == done["handles"] == done["lines"]
    # Far below what the lines, their rows and their numbers would take if they were held at once.
    assert done["peak_bytes"] < 300_000_000
    assert check(platform, adults(many)[0])[1]["covered"] is True
    assert not list((platform.home / f"insurer-{AMC}").glob("staging*"))


def test_a_publication_that_was_killed_seals_only_what_it_had_not(platform: Platform, tmp_path: Path) -> None:
    """Rows that are on disk stay as they are, in their batch; the others go into the next one; nobody is lost."""
    path, home = tmp_path / "members.csv", platform.home / f"insurer-{AMC}"
    many = synthesise(LINES_MANY, [AMC], 14, datetime.now(UTC).year)
    write_member_file(path, many, AMC)
    arguments = ["insurer", "publish", path, "--home", home, "--guarantees", DATA / f"guarantees-{AMC}.toml"]
    command = [sys.executable, "-m", "paravent", *map(str, arguments), "--complete"]
    killed = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while len(list((home / "staging").glob("part-*[0-9]"))) < 2:
        assert killed.poll() is None
        time.sleep(0.01)
    killed.kill()
    killed.wait()
    kept = {row.handle: row for row in sealed_rows(home / "staging")}

    done = publish(platform, path, "--complete")
    live = live_rows(platform)
    assert (done["handles"], len(live)) == (done["lines"], done["rows"])
    for handle, row in kept.items():
        assert live[handle] == (row.batch, row.record[40:])
    # A worker may have ended one more part while its parent was killed.
    former = sum(batch != done["batch"] for batch, _ in live.values())
    assert done["sealed"] == done["lines"] - former
    assert 0 < len(kept) <= former < done["lines"]
    # One who was sealed before the kill, and one after: a new device has no more look-ups left. The list of statuses
    # that the desk keeps is of a much smaller portfolio: it fetches another.
    found = [check(platform, person) for person in (adults(many)[0], adults(many)[-1])]
    assert [(status, body.get("covered")) for status, body in found] == [(200, True)] * 2, found
    assert not (home / "staging").exists()


def sealed_rows(folder: Path) -> list[SortedRow]:
    """Reads the parts of a publication that was broken off, without taking it up."""
    copy = folder.with_name("copy")
    for _ in range(10):
        # A worker of the publication that was killed may end its part meanwhile, and give it its name.
        with suppress(shutil.Error):
            shutil.copytree(folder, copy)
            break
        shutil.rmtree(copy)
    with Runs(copy, (copy / "purpose").read_bytes()) as runs:
        return list(runs.rows())
