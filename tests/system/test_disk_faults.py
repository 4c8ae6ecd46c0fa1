"""A full disk and a failing one under a hub: nothing acknowledged is lost, unless it does not wait for its disk."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from paravent.bench.disk_faults import DiskTrouble
from paravent.bench.power_subject import Settings


def test_a_hub_whose_disk_is_in_trouble_says_so_and_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "paravent", "bench", "--disk-faults", "--quick", "--json", "--home"]
    done = subprocess.run([*command, str(tmp_path / "disk")], stdout=subprocess.PIPE, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    if rows[0].get("engine") == "all":
        pytest.skip(rows[0]["not_run"])
    shipped = [row for row in rows if row["settings"] == Settings.SHIPPED]
    assert [row["trouble"] for row in shipped] == list(DiskTrouble)
    for row in shipped:
        assert row["failures"]
        assert set(row["failures"]) <= {"storage-down", "unreachable", "overloaded"}
        assert (row["refused"], row["lost"], row["doubled"]) == ({}, 0, 0)
    # With room again, it goes on by itself; what a failing disk was told is not there, so nothing was acknowledged.
    assert [row["went_on"] for row in shipped] == [True, False]
    assert shipped[1]["meanwhile"] == 0
    (loose,) = (row for row in rows if row["settings"] == Settings.SQLITE_OFF)
    assert loose["meanwhile"] > 0
    assert loose["lost"] > 0
