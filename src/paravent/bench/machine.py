"""What a figure was measured on, and how much memory it took: never the name of a host."""

from __future__ import annotations

import os
import platform
import sqlite3
from pathlib import Path


def facts() -> dict[str, str | int]:
    """Describes this machine: cores, memory, system, interpreter and database library."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }


def peak_bytes() -> int:
    """Returns the most memory that this process ever had: a usage that began with its parent's says less."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) * 1_024
