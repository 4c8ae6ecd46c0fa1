"""``paravent bench --population`` is killed, and the same command ends it: same rows, none twice, none lost."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from paravent.access.sqlite_store import connect
from paravent.bench.cluster import Cluster
from paravent.errors import ProofFailure
from paravent.insurer.runs_store import Runs

PERSONS, INSURERS = 6_000, 2
ROWS = 6_000 + 150 + 2 * 64  # persons, second lines, decoys; then up to a multiple of 64 for each insurer


def bench(home: Path, persons: int, *options: str | Path) -> tuple[int, dict[str, Any], str]:
    """Runs the command; returns its exit code, its JSON line and what people read."""
    sizes = ("--persons", str(persons), "--insurers", str(INSURERS), "--home", str(home), "--json")
    done = subprocess.run(
        [sys.executable, "-m", "paravent", "bench", "--population", *sizes, *map(str, options)],
        capture_output=True, check=False,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout.decode().splitlines()[-1]), done.stderr.decode()


DYING = """
import os, signal, sys
from pathlib import Path
from paravent.bench.population import Journal, measure

folder, persons, insurers, moment = sys.argv[1:]
add = Journal.add

def add_and_die(self, kind, **values):
    add(self, kind, **values)
    if kind == moment:
        os.kill(os.getpid(), signal.SIGKILL)

Journal.add = add_and_die
measure(Path(folder), int(persons), int(insurers))
"""


def run_until(home: Path, persons: int, moment: str) -> None:
    """Starts the same work in a process, which is killed (-9) as soon as it has kept another line of a kind.

    It is a program of its own: the memory of what is forked from a whole run of the tests begins with theirs.
    """
    folder = home / "population"
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", DYING, str(folder), str(persons), str(INSURERS), moment],
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[bytes, bytes], dict[str, Any]]:
    """A home whose run was killed three times and then ended; the rows that were sealed before; the report."""
    home = tmp_path_factory.mktemp("population")
    kept: dict[bytes, bytes] = {}
    for moment in ("sealed", "head", "sealed"):
        run_until(home, PERSONS, moment)
        for folder in (home / "population" / "sealing").iterdir():
            rows = Runs(folder, b"").rows()
            kept |= {row.handle: row.record[40:] for row in rows if row.line is not None}
    code, report, said = bench(home, PERSONS)
    assert code == 0, said
    return home, kept, report


def test_what_was_sealed_before_a_kill_is_what_is_loaded(ended: tuple[Path, dict[bytes, bytes], Any]) -> None:
    home, kept, _ = ended
    database = connect(home / "population" / "hub" / "hub.db")
    live = dict(database.execute("SELECT handle, stored FROM row").fetchall())
    assert 0 < len(kept) < len(live)
    assert {handle: live.get(handle) for handle in kept} == kept
    # Every person has a row, under a handle of its own; nothing is left of unfinished publications.
    assert ROWS <= len(live) < ROWS + INSURERS * 64
    assert database.execute("SELECT COUNT(*), SUM(live), SUM(rows) FROM manifest").fetchone() == (2, 2, len(live))
    database.close()
    assert not list((home / "population" / "sealing").iterdir())


def test_the_report_says_what_was_measured(ended: tuple[Path, Any, dict[str, Any]]) -> None:
    home, _, report = ended
    written = json.loads((home / "population" / "report.json").read_text())
    assert {"benchmark": "population"} | written == report
    assert (report["persons"], report["insurers"], report["starts"]) == (PERSONS, INSURERS, 4)
    figures = (
        "seal_ratio", "seal_minutes", "load_minutes", "bytes_per_person", "peak_bytes", "lookup_p50_ratio",
        "lookup_p50_us", "lookup_first_p50_us", "lookup_cold_p50_us", "seal_floor_us",
    )  # fmt: skip
    assert {name: report[name] for name in figures if not report[name] > 0} == {}
    assert report["peak_bytes"] < 400_000_000


def test_a_home_of_another_population_is_refused(ended: tuple[Path, Any, Any]) -> None:
    code, said, _ = bench(ended[0], PERSONS + 1)
    assert (code, said["error"]) == (1, "invalid-configuration")


def test_the_same_is_loaded_into_postgresql(cluster: Cluster, tmp_path: Path) -> None:
    file, home = tmp_path / "database.url", tmp_path / "home"
    file.touch(0o600)
    file.write_text(cluster.fresh())
    code, report, said = bench(home, 1_000, "--database-url-file", file)
    assert code == 0, said
    assert (report["engine"], report["lookup_cold_p50_us"]) == ("postgresql", None)
    assert report["lookup_p50_us"] > 0
    assert 300 < report["bytes_per_person"] < 3_000
    # Without the option the home is of another engine, and nothing is begun again.
    code, refused, _ = bench(home, 1_000)
    assert (code, refused["error"]) == (1, "invalid-configuration")


def test_a_part_that_was_altered_meanwhile_is_not_loaded(tmp_path: Path) -> None:
    """The negative control: the tree of altered rows is not the one signed, and the hub says so."""
    run_until(tmp_path, 1_000, "sealed")
    folder = next((tmp_path / "population" / "sealing").iterdir())
    part = next(folder.glob("part-*"))
    content = bytearray(part.read_bytes())
    content[-1] ^= 1
    part.write_bytes(bytes(content))
    code, _, said = bench(tmp_path, 1_000)
    assert code == 1
    assert ProofFailure.code in said
