"""The key of a sealing worker, read once from its file by each worker process (decision 0034).

Holds: one box key. Stolen: with the boxes of a publication recorded, its keys and lines. Altered: no box opens.
"""

from __future__ import annotations

import os
from pathlib import Path

from paravent.access.store import read_secret
from paravent.crypto.hpke import BoxKey
from paravent.errors import InvalidConfiguration
from paravent.insurer.bulk import do_job

_key: BoxKey | None = None


def begin(key_file: Path) -> None:
    """Reads the key of this process."""
    global _key  # noqa: PLW0603 - one assignment per worker process, before its first task
    _key = BoxKey(read_secret(key_file, BoxKey.size))


def do(box: bytes) -> bytes:
    """Does one job: the function that a scheduler names."""
    if _key is None:
        raise InvalidConfiguration("this worker was not started by paravent insurer sealing-worker")
    return do_job(box, _key, os.urandom)
