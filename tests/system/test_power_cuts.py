"""A power cut under load: nothing acknowledged is lost, the controls lose, and nothing is left behind.

Without the rights to mount, these tests are skipped with that reason, and the measure says "not run".
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from paravent.bench import apart, power_cuts
from paravent.bench.engines import NotRun
from paravent.bench.measures import Sizes
from paravent.bench.power_subject import Settings

WAIT_SECONDS_MAX = 120


def command(folder: Path) -> list[str]:
    return [sys.executable, "-m", "paravent", "bench", "--power-cuts", "--cycles", "1", "--json", "--home", str(folder)]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What the measure found, or why nothing can be mounted here."""
    done = subprocess.run(command(tmp_path_factory.mktemp("power") / "cut"), stdout=subprocess.PIPE, check=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    if found[0].get("engine") == "all":
        pytest.skip(found[0]["not_run"])
    return found


def on_loop_devices() -> list[str]:
    """Lists the files under the loop devices of the machine, whoever's they are."""
    return [path.read_text().strip() for path in Path("/sys/block").glob("loop*/loop/backing_file")]


def test_what_was_acknowledged_survives_and_the_controls_lose(rows: list[dict[str, Any]]) -> None:
    measured = [row for row in rows if "not_run" not in row]
    assert {row["settings"] for row in measured} >= {Settings.SHIPPED, Settings.SQLITE_OFF}
    for row in measured:
        assert row["acknowledged"] > 0
        gone = row["lost"] + row["doubled"] + row["not_started"]
        assert (gone == 0) is (row["settings"] == Settings.SHIPPED), row


@pytest.mark.usefixtures("rows")
def test_nothing_is_left_when_it_is_killed(tmp_path: Path) -> None:
    silent = subprocess.DEVNULL
    with subprocess.Popen(command(tmp_path / "killed"), stdout=silent, stderr=silent) as running:
        wait_until(tmp_path, mounted=True)
        running.kill()
    wait_until(tmp_path, mounted=False)
    assert "paravent-disk" not in Path("/proc/mounts").read_text()


def wait_until(folder: Path, *, mounted: bool) -> None:
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while any(str(folder) in file for file in on_loop_devices()) is not mounted:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_without_the_rights_it_says_that_it_was_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "NAMESPACES", ("false",))
    (row,) = power_cuts._rows(tmp_path, Sizes(quick=True, given={}))
    assert isinstance(row, NotRun)
    assert row.not_run.startswith("not run")
