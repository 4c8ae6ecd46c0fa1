"""Sealing on a Dask cluster of real processes over TLS, a worker killed in the middle; skipped without the extra."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def test_a_killed_worker_costs_no_line_and_doubles_none(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "paravent", "bench", "--dask", "--persons", "1200", "--json", "--home", tmp_path],
        capture_output=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()[-500:]
    row = json.loads(done.stdout.splitlines()[-1])
    if "not_run" in row:
        pytest.skip(row["not_run"])
    assert (row["persons"], row["killed"], row["workers"]) == (1_200, 1, 3)
    assert row["lines"] >= 1_200
    assert (row["lost"], row["doubled"], row["other_handles"]) == (0, 0, 0)
