"""A console as an operator starts it: its verb in a process of its own, and the address that it prints."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Page

from paravent.drill.platform import free_ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A console that serves: its address, and the address that opens it once."""

    base: str
    opens: str


@contextmanager
def started(verb: tuple[str, str], home: Path, *options: str | Path) -> Iterator[Running]:
    """Runs the verb of a party as an operator does, and reads the address that it prints."""
    port = free_ports(1)[0]
    command = [sys.executable, "-m", "paravent", *verb, "--home", home, "--port", str(port), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        yield Running(base=f"http://127.0.0.1:{port}", opens=process.stdout.readline().strip())
    finally:
        process.terminate()
        process.communicate()


def await_listening(console: Running) -> None:
    """Waits until a console listens, however slow the machine is."""
    for _ in range(600):
        try:
            with socket.create_connection(("127.0.0.1", int(console.base.rsplit(":", 1)[1]))):
                return
        except ConnectionRefusedError:
            time.sleep(0.1)


async def enter(page: Page, console: Running) -> None:
    """Opens a console with the address that it printed."""
    await_listening(console)
    await page.goto(console.opens)
    await page.wait_for_url(f"{console.base}/")
