"""Reads the file of the latest drill beside a console.

Holds: figures of attacks on synthetic persons. Stolen: nothing that the documentation does not publish. Altered: the
console shows other figures; the drill can be run again.
"""

from __future__ import annotations

from pathlib import Path

from paravent.errors import InvalidConfiguration
from paravent.pages.screens.drill_table import DRILL_BYTES_MAX, DrillTable, read_drill

DRILL_FILE = "drill.jsonl"


def latest_drill(path: Path) -> tuple[DrillTable, int] | None:
    """Returns the table of a file and when it was written (Unix seconds), None when there is no file.

    Raises InvalidConfiguration when it is too large, MalformedMessage when it is not what the drill prints.
    """
    try:
        written = path.stat()
        if written.st_size > DRILL_BYTES_MAX:
            raise InvalidConfiguration("the file of the drill is larger than a drill is")
        return read_drill(path.read_bytes()), int(written.st_mtime)
    except FileNotFoundError:
        return None
