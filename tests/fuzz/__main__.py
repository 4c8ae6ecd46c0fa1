"""``make fuzz``: each target, or those that are named, one JSON object a line; an input that is a fault is kept.

``--executions`` and ``--seconds`` of processor time are limits for each target, whichever is reached first. Where
atheris has no wheel, ``--engine plain`` is that of the tests, led by what readers answer.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.targets import TARGETS

SHOWN_CHARACTERS = 2_000
ENGINES = {"atheris": "tests.fuzz.engine", "plain": "tests.fuzz.plain"}


def main() -> int:
    """Runs the targets; returns 1 when one has a fault."""
    options = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    options.add_argument("--executions", type=int, default=1_000_000)
    options.add_argument("--seconds", type=float, default=1_800.0)
    options.add_argument("--target", action="append", choices=list(TARGETS))
    options.add_argument("--engine", choices=list(ENGINES), default="atheris")
    options.add_argument(
        "--faults", type=Path, default=Path("dist/fuzzing"), help="where inputs that are faults are kept"
    )
    asked = options.parse_args()
    rows = [_row(name, asked) for name in asked.target or TARGETS]
    return int(any(row.get("undeclared") for row in rows))


def _row(name: str, asked: argparse.Namespace) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="paravent-fuzz-") as folder:
        limits = [str(asked.executions), str(asked.seconds)]
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", ENGINES[asked.engine], name, *limits, folder],
            capture_output=True, check=False,
        )  # fmt: skip
        found = Path(folder) / "row.json"
        row: dict[str, object] = {"engine": asked.engine} | (
            json.loads(found.read_text())
            if found.is_file()
            # libFuzzer itself ended it: too much memory, a hang or a crash below Python.
            else {"target": name, "undeclared": 1, "fault": done.stderr.decode(errors="replace")[-SHOWN_CHARACTERS:]}
        )
        for kept in (path for path in Path(folder).iterdir() if path.is_file() and path.name != "row.json"):
            asked.faults.mkdir(parents=True, exist_ok=True)
            shutil.copy(kept, asked.faults / f"{name}-{kept.name}")
    sys.stdout.write(json.dumps(row) + "\n")
    sys.stdout.flush()
    return row


if __name__ == "__main__":
    sys.exit(main())
