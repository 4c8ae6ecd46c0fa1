"""Key servers as processes of their own, without command line or set-up: for benchmarks and for kills.

Each is a fork of this process that runs the application of ``keyserver.app`` on loopback, with its durable store.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from paravent.access.app import serve
from paravent.access.devices import Device
from paravent.access.quotas import QuotaLimits
from paravent.crypto.signing import SigningKey
from paravent.drill.platform import free_ports
from paravent.drill.simulation.parties import SimulatedServer
from paravent.drill.simulation.platform import Shape, SimulatedPlatform
from paravent.errors import TechnicalFailure
from paravent.keyserver.app import build
from paravent.keyserver.store import Store

PERSONS = 8
SEED = 5
START_SECONDS_MAX = 90.0
_MANY = 1_000_000_000
ENDLESS = QuotaLimits(
    lookups_per_day_max=_MANY, openings_per_day_max=_MANY, repeats_per_day_max=_MANY, shop_per_day_max=_MANY,
    insurer_per_day_max=_MANY, server_per_day_max=_MANY,
)  # fmt: skip


@dataclass(slots=True)
class Served:
    """A platform whose key servers run as processes; ``stop`` ends only those.

    Two devices are enrolled, and a ``crowd`` of others, each of another professional: what a server counts of one
    grows with what that one asks, and no real one asks thousands of times a day.
    """

    platform: SimulatedPlatform
    device: SigningKey
    other: SigningKey
    ports: dict[int, int]
    processes: dict[int, int] = field(default_factory=dict)
    crowd: tuple[SigningKey, ...] = ()

    def start(self, index: int, prepare: Callable[[], None] = lambda: None) -> None:
        """Starts a key server and waits until it listens; ``prepare`` runs in the new process first."""
        server = self.platform.servers[index]
        sys.stdout.flush()
        process = os.fork()
        if process == 0:
            prepare()
            self._serve(server, self.ports[index])
        self.processes[index] = process
        wait_until_listening(self.ports[index])

    def _serve(self, server: SimulatedServer, port: int) -> None:
        """Serves until killed, in a forked process, which never returns to its caller."""
        try:
            log = os.open(server.home.folder / "serve.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(log, 2)
            store = Store(server.home.folder, server.limits, os.urandom)
            serve(build(server.identity, self.platform.directory, store), host="127.0.0.1", port=port)
        finally:
            os._exit(0)

    def ended(self, index: int) -> bool:
        """Says whether the process of a key server is gone, and forgets it when it is."""
        done, _ = os.waitpid(self.processes[index], os.WNOHANG)
        if done:
            del self.processes[index]
        return done != 0

    def kill(self, index: int) -> None:
        """Kills a key server as ``kill -9`` does, and waits until it is gone."""
        process = self.processes.pop(index)
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)

    def stop(self) -> None:
        """Ends every process started here."""
        for index in list(self.processes):
            self.kill(index)


def wait_until_listening(port: int) -> None:
    """Waits for a process that was just started; raises TechnicalFailure when it never listens."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.005)
    raise TechnicalFailure(f"a process of the benchmark does not listen after {START_SECONDS_MAX:.0f} s")


@contextmanager
def listening(process: int, port: int) -> Iterator[None]:
    """Waits until a forked process listens, and kills it in the end."""
    try:
        wait_until_listening(port)
        yield
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


@contextmanager
def served(home: Path, limits: QuotaLimits = ENDLESS, crowd: int = 0) -> Iterator[Served]:
    """Creates a platform with two devices and a crowd, and closes its stores so that processes can open them."""
    shape = Shape(persons=PERSONS, server_limits=limits, start=int(time.time()))
    ports = free_ports(shape.servers)
    addresses = tuple(f"http://127.0.0.1:{port}" for port in ports)
    platform = SimulatedPlatform.build(home, Shape(
        persons=PERSONS, server_limits=limits, start=shape.start, addresses=addresses), SEED)  # fmt: skip
    keys = tuple(SigningKey.generate(platform.rng) for _ in range(2 + crowd))
    for number, key in enumerate(keys, start=1):
        platform.enrol(Device(public=key.public, professional=f"8{number:010}", shop=f"58{number:07}"))
    platform.close()
    running = Served(
        platform=platform, device=keys[0], other=keys[1], ports=dict(enumerate(ports, start=1)), crowd=keys[2:]
    )
    try:
        yield running
    finally:
        running.stop()
