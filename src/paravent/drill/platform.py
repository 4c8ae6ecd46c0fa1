"""A whole platform on loopback, in one folder, as separate processes: what the demo, drill and bench run on."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paravent.drill.population import Population, write_member_file
from paravent.errors import TechnicalFailure

DATA = Path(__file__).parent / "data"
INSURERS = {"99000001": "Mutuelle Horizon", "99000002": "Prévoyance Lumière"}
SERVERS = 3
START_SECONDS_MAX = 20.0


@dataclass(slots=True)
class Platform:
    """Homes, ports and processes of every party; ``stop`` ends only what was started here."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    base_urls: dict[str, str] = field(default_factory=dict)
    pin: dict[str, Any] = field(default_factory=dict)

    def command(self, *arguments: str | Path) -> dict[str, Any]:
        """Runs one ``paravent`` verb and returns its JSON line, if any; raises TechnicalFailure when it fails."""
        done = subprocess.run(  # noqa: S603 - our own command, no shell
            [sys.executable, "-m", "paravent", *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=None if "publish" in arguments else subprocess.PIPE, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            shown = (done.stderr or b"").decode(errors="replace")
            raise TechnicalFailure(f"{' '.join(map(str, arguments[:2]))} failed: {shown}")
        lines = done.stdout.decode().strip().splitlines()
        return dict(json.loads(lines[-1])) if "--json" in arguments else {}

    # --- set-up -------------------------------------------------------------------------------

    def create(self, population: Population, persons_per_guarantee_min: int) -> None:
        """Creates every party, the directory they share, and enrols the desk."""
        names = [f"keyserver-{number}" for number in range(1, SERVERS + 1)]
        insurers = [f"insurer-{amc}" for amc in population.insurers]
        self.ports = dict(
            zip([*names, "hub", *insurers, "desk"], free_ports(len(names) + len(insurers) + 2), strict=True)
        )
        for name in names:
            self.command(
                "keyserver", "init", "--home", self.home / name, "--name", name, "--port", str(self.ports[name]),
                "--operator", "demonstration", "--hosted-by", "demonstration", "--administrator", "demonstration",
                "--entry", self.home / f"{name}.json", *self._base_url(name),
            )  # fmt: skip
        self.command(
            "hub", "init", "--home", self.home / "hub", "--port", str(self.ports["hub"]), *self._base_url("hub")
        )
        for amc, name in zip(population.insurers, insurers, strict=True):
            self.command(
                "insurer", "init", "--home", self.home / name, "--amc", amc, "--name", INSURERS[amc], "--synthetic",
                "--port", str(self.ports[name]), "--persons-per-guarantee-min", str(persons_per_guarantee_min),
                "--entry", self.home / f"{name}.json",
            )  # fmt: skip
            write_member_file(self.home / f"members-{amc}.csv", population, amc)
        self._directory(names, insurers)
        self.add_desk("desk")

    def _base_url(self, name: str) -> tuple[str, ...]:
        """A party behind a reverse proxy is known by another address than the one it listens on."""
        return ("--base-url", self.base_urls[name]) if name in self.base_urls else ()

    def _directory(self, names: Sequence[str], insurers: Sequence[str]) -> None:
        entries: list[str | Path] = []
        for name in names:
            entries += ["--keyserver", self.home / f"{name}.json"]
        for name in insurers:
            entries += ["--insurer", self.home / f"{name}.json"]
        self.pin = self.command("hub", "directory", "--home", self.home / "hub", *entries, "--json")
        for name in [*names, *insurers]:
            self._join(name.split("-")[0], name)

    def _join(self, party: str, name: str) -> None:
        self.command(
            party, "join", "--home", self.home / name, "--directory", self.pin["file"],
            "--signer", self.pin["signer"], "--key", self.pin["key"],
        )  # fmt: skip

    def add_desk(self, *names: str) -> None:
        """Creates desks and enrols their devices everywhere."""
        for name in names:
            port = self.ports.setdefault(name, free_ports(1)[0])
            self.command(
                "desk", "init", "--home", self.home / name, "--professional", f"8{10000000000 + port}",
                "--shop", f"{580000000 + port}", "--port", str(port), "--allow-single-operator",
                "--device", self.home / f"{name}.json",
            )  # fmt: skip
            self._join("desk", name)
        devices = [self.home / f"{name}.json" for name in names]
        for server in [party for party in self.ports if party.startswith("keyserver")]:
            self.command("keyserver", "enrol", "--home", self.home / server, *devices)
        self.command("hub", "enrol", "--home", self.home / "hub", *devices)

    # --- processes ----------------------------------------------------------------------------

    def start(self, *names: str) -> None:
        """Starts parties and waits until each listens."""
        for name in names:
            log = (self.home / f"{name}.log").open("ab")
            self.processes[name] = subprocess.Popen(  # noqa: S603 - our own command, no shell
                [sys.executable, "-m", "paravent", name.split("-")[0], "serve", "--home", str(self.home / name)],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=os.environ | self.environment,
            )  # fmt: skip
            log.close()
        for name in names:
            self._wait(name)

    def _wait(self, name: str) -> None:
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            if self.processes[name].poll() is not None:
                raise TechnicalFailure(f"{name} stopped at start: see {self.home / name}.log")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.ports[name])) == 0:
                    return
            time.sleep(0.05)
        raise TechnicalFailure(f"{name} does not listen after {START_SECONDS_MAX:.0f} s")

    def stop(self, *names: str) -> None:
        """Stops the parties named, or all of them."""
        chosen = names or tuple(self.processes)
        for name in chosen:
            self.processes[name].send_signal(signal.SIGTERM)
        for name in chosen:
            process = self.processes.pop(name)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    # --- work ---------------------------------------------------------------------------------

    def publish(self, amc: str) -> dict[str, Any]:
        """Publishes an insurer's member file."""
        return self.command(
            "insurer", "publish", self.home / f"members-{amc}.csv", "--home", self.home / f"insurer-{amc}",
            "--guarantees", DATA / f"guarantees-{amc}.toml", "--json",
        )  # fmt: skip

    def desk(self, path: str, body: dict[str, Any] | bytes, name: str = "desk") -> tuple[int, dict[str, Any]]:
        """Calls a desk's service as shop software does; returns the status and the answer."""
        token = (self.home / name / "secrets" / "token").read_text()
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.call(name, path, content, {"authorization": f"Bearer {token}"})

    def insurer_claims(self, amc: str) -> dict[str, Any]:
        """Asks an insurer's own service what it has recomputed."""
        return self.call(f"insurer-{amc}", "/v1/claims", None, {})[1]

    def call(self, name: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Calls a party; returns the status and the JSON answer."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.ports[name]}{path}", body, headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def addresses(self) -> dict[str, str]:
        """Lists the addresses of what runs."""
        return {name: f"http://127.0.0.1:{self.ports[name]}" for name in self.processes}

    def key_files(self, *servers: str) -> list[Path]:
        """Lists the share and opening-key files of key servers: what a thief of those servers takes."""
        return [path for server in servers for path in (self.home / server / "secrets").glob("*.json")]


def free_ports(count: int) -> list[int]:
    """Finds free loopback ports."""
    sockets = [socket.socket() for _ in range(count)]
    for probe in sockets:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in sockets]
    for probe in sockets:
        probe.close()
    return ports
