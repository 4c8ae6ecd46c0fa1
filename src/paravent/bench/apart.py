"""A measure in a mount and a process namespace of its own: whatever it mounts or starts ends with its first process.

That process ends when whoever began it does, also by ``kill -9``: it holds the other end of its standard input.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Thread

from paravent.bench.drive import drive
from paravent.bench.engines import NotRun
from paravent.bench.measures import Figures
from paravent.errors import TechnicalFailure

NAMESPACES = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
_PROBE_BYTES = 16 << 20


def apart(module: str, kind: Callable[..., Figures], folder: Path, *arguments: str) -> Iterator[Figures]:
    """Runs the ``main`` of a module apart; yields its rows, or one that says why this machine cannot."""
    may = subprocess.run([*NAMESPACES, "true"], capture_output=True, check=False)  # noqa: S603 - the system's own
    if may.returncode:
        yield NotRun(engine="all", not_run=f"not run: {may.stderr.decode().strip()}")
        return
    inside = subprocess.Popen(  # noqa: S603 - our own module
        [*NAMESPACES, sys.executable, "-m", module, str(folder), *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with inside:
        for line in inside.stdout or ():
            row = json.loads(line)
            yield NotRun(**row) if "not_run" in row else kind(**row)
    if inside.returncode:
        raise TechnicalFailure("the measure ended before its time: see above")


def tell(folder: Path, rows: Iterable[Figures]) -> None:
    """Prints the rows of a measure that runs apart, a line each; ends with whoever began it."""

    def watch() -> None:
        os.read(0, 1)
        os._exit(1)

    Thread(target=watch, daemon=True).start()
    (probe := folder / "probe").mkdir()
    try:
        with drive(probe, _PROBE_BYTES):
            pass
    except TechnicalFailure as reason:
        rows = [NotRun(engine="all", not_run=f"not run: {reason}")]
    for row in rows:
        print(json.dumps(dataclasses.asdict(row)), flush=True)
