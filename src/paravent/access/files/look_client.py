"""Asking a process of its own to look at the files of a home (docs/detection.md section 2.1).

It is the verb ``watch-files`` of the party: it holds no key and no connection, and ends when the service does.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO

from paravent.access.files.looked import Looked
from paravent.errors import TechnicalFailure
from paravent.wire.codec import decode


class LookClient:
    """Looks at the home of a service from outside the process that serves it."""

    def __init__(self, party: str, home: Path) -> None:
        """Starts nothing yet."""
        self._words = [sys.executable, "-m", "paravent", party, "watch-files", "--home", str(home)]
        self._process: subprocess.Popen[bytes] | None = None
        # Looks run in a thread, and the service may end meanwhile: a process started after that would outlive it.
        self._starting = threading.Lock()
        self._closed = False

    def look(self, now: int) -> Looked:
        """Looks once; raises TechnicalFailure when the process ended, and starts another the next time."""
        process = self._running()
        try:
            _pipe(process.stdin).write(b"%d\n" % now)
            _pipe(process.stdin).flush()
            answer = _pipe(process.stdout).readline()
        except (OSError, ValueError):
            answer = b""
        if not answer:
            self._end()
            raise TechnicalFailure("the process that looks at the files ended")
        return decode(answer.strip(), Looked)

    def _running(self) -> subprocess.Popen[bytes]:
        with self._starting:
            if self._closed:
                raise TechnicalFailure("the service is ending: its files are looked at no more")
            if self._process is None:
                self._process = subprocess.Popen(  # noqa: S603 - our own command, no shell
                    self._words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                )  # fmt: skip
            return self._process

    def close(self) -> None:
        """Ends the process, and starts no other: nothing is asked any more."""
        with self._starting:
            self._closed = True
        self._end()

    def _end(self) -> None:
        with self._starting:
            process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            # What it did not read is of no use to anybody.
            with suppress(OSError):
                _pipe(pipe).close()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # noqa: S101 - it was asked for
    return pipe
