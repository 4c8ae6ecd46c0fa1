"""The conventional platform as a process, and a client of its portal."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paravent.drill.platform import free_ports
from paravent.errors import TechnicalFailure

START_SECONDS_MAX = 90.0
PID_FILE = "portal.pid"
_OK, _TOO_MANY = 200, 429


@dataclass(slots=True, kw_only=True)
class Browser:
    """Asks the portal from one address after another, as a thief does who rents many."""

    port: int
    token: str = ""
    address: int = 2
    _connection: http.client.HTTPConnection | None = field(default=None, repr=False)

    def login(self, login: str, password: str) -> None:
        """Opens a session; raises TechnicalFailure when the portal refuses."""
        status, answer = self.ask("/login", {"login": login, "password": password})
        if status != _OK:
            raise TechnicalFailure(f"the portal answered {status} to a login")
        self.token = answer["token"]

    def ask(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Posts a request, from address after address until one is let through."""
        status, answer = self.post(path, body)
        while status == _TOO_MANY:
            self.next_address()
            status, answer = self.post(path, body)
        return status, answer

    def post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Posts a request; returns the status and the answer."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection(
                "127.0.0.1", self.port, timeout=120, source_address=(self._source(), 0)
            )
        self._connection.request("POST", path, json.dumps(body), {"authorization": f"Bearer {self.token}"})
        answer = self._connection.getresponse()
        content = answer.read()
        return answer.status, json.loads(content) if content else {}

    def next_address(self) -> None:
        """Goes on from the next loopback address."""
        self.close()
        self.address += 1

    def _source(self) -> str:
        """The whole of 127.0.0.0/8 is this machine's."""
        return ".".join(map(str, (127 << 24 | self.address).to_bytes(4, "big")))

    def close(self) -> None:
        """Ends the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextmanager
def serving(home: Path) -> Iterator[int]:
    """Serves a home on a free loopback port, and ends only the process started here."""
    port = free_ports(1)[0]
    with (home / "portal.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command, no shell
            [sys.executable, "-m", "paravent.drill.conventional", str(home), str(port)],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    (home / PID_FILE).write_text(str(process.pid))
    try:
        _wait(process, port)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TechnicalFailure("the conventional portal does not listen")
