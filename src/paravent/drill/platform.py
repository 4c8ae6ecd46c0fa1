"""A whole platform on loopback, in one folder, as separate processes: what the demo, drill and bench run on."""

from __future__ import annotations

import fcntl
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paravent.drill.population import Population, write_member_file
from paravent.drill.provider import Browser, professional_claims, register_client, set_claims, start_provider
from paravent.errors import TechnicalFailure
from paravent.insurer.space_config import RETURN_PATH
from paravent.wire.enrolment import CALLBACK_PATH

DATA = Path(__file__).parent / "data"
INSURERS = {"99000001": "Mutuelle Horizon", "99000002": "Prévoyance Lumière"}
SERVERS = 3
CUSTODIANS = 3
PROVIDER = "provider"
START_SECONDS_MAX = 90.0
ENROLMENT_SECONDS_MAX = 180.0
_PORT_MIN, _FIRST_LENT, _PORTS = 15_000, 32_768, 65_536
_PORTS_TRIED_MAX = 1_000
_GIVEN: set[int] = set()
_CLAIMS: list[int] = []
_LENT_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")


@dataclass(slots=True)
class Platform:
    """Homes, ports and processes of every party; ``stop`` ends only what was started here."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    base_urls: dict[str, str] = field(default_factory=dict)
    pin: dict[str, Any] = field(default_factory=dict)
    waiting_desks: list[str] = field(default_factory=list)
    hub_options: tuple[str | Path, ...] = ()

    def command(self, *arguments: str | Path) -> dict[str, Any]:
        """Runs one ``paravent`` verb and returns its JSON line, if any; raises TechnicalFailure when it fails."""
        shows_progress = {"publish", "rotate"} & {*arguments}
        done = subprocess.run(  # noqa: S603 - our own command, no shell
            [sys.executable, "-m", "paravent", *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=None if shows_progress else subprocess.PIPE, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            shown = (done.stderr or b"").decode(errors="replace")
            raise TechnicalFailure(f"{' '.join(map(str, arguments[:2]))} failed: {shown}")
        lines = done.stdout.decode().strip().splitlines()
        return dict(json.loads(lines[-1])) if "--json" in arguments else {}

    # --- set-up -------------------------------------------------------------------------------

    def create(self, population: Population, persons_per_guarantee_min: int) -> None:
        """Creates every party, the directory they share, the provider and a desk, enrolled once the verifiers run."""
        names = [f"keyserver-{number}" for number in range(1, SERVERS + 1)]
        insurers = [f"insurer-{amc}" for amc in population.insurers]
        self.ports = dict(
            zip([*names, "hub", *insurers, "desk", PROVIDER], free_ports(len(names) + len(insurers) + 3), strict=True)
        )
        # Started first: it takes as long to load as several parties take to be created.
        self.processes[PROVIDER] = start_provider(self.ports[PROVIDER], self.home / f"{PROVIDER}.log")
        for name in names:
            self.command(
                "keyserver", "init", "--home", self.home / name, "--name", name, "--port", str(self.ports[name]),
                "--operator", "demonstration", "--hosted-by", "demonstration", "--administrator", "demonstration",
                "--entry", self.home / f"{name}.json", *self._base_url(name),
            )  # fmt: skip
        self.command(
            "hub", "init", "--home", self.home / "hub", "--port", str(self.ports["hub"]), *self._base_url("hub"),
            *self.hub_options,
        )  # fmt: skip
        for amc, name in zip(population.insurers, insurers, strict=True):
            self.command(
                "insurer", "init", "--home", self.home / name, "--amc", amc, "--name", INSURERS[amc], "--synthetic",
                "--port", str(self.ports[name]), "--persons-per-guarantee-min", str(persons_per_guarantee_min),
                "--entry", self.home / f"{name}.json",
            )  # fmt: skip
            write_member_file(self.home / f"members-{amc}.csv", population, amc)
        self._directory(names, insurers)
        self.wait(PROVIDER)
        for name in self.verifiers():
            self._set_provider(name)
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
        for number in range(1, CUSTODIANS + 1):
            entry = self.home / f"custodian-{number}.json"
            self.command(
                "breach", "custodian", "--home", self.home / f"custodian-{number}", "--name", f"custodian-{number}",
                "--entry", entry,
            )  # fmt: skip
            entries += ["--custodian", entry]
        desk = self.home / "breach-desk.json"
        self.command("breach", "desk-key", "--home", self.home / "breach-desk", "--entry", desk)
        entries += ["--breach-desk", desk]
        # Whoever signs the directory is no party: a folder of its own stands for a machine of its own.
        key = self.home / "directory" / "directory.key"
        self.pin = self.command("hub", "directory", "--home", self.home / "hub", "--key", key, *entries, "--json")
        for name in names:
            self.join("keyserver", name, "--cosigned", self.pin["file"])
        for name in ["hub", *insurers]:
            self.join(name.split("-")[0], name)

    def join(self, party: str, name: str, *options: str) -> None:
        """Has a party join the directory."""
        self.command(
            party, "join", "--home", self.home / name, "--directory", self.pin["file"],
            "--signer", self.pin["signer"], "--key", self.pin["key"], *options,
        )  # fmt: skip

    def verifiers(self) -> list[str]:
        """Lists who enrols devices: the hub and every key server."""
        return ["hub", *(name for name in self.ports if name.startswith("keyserver"))]

    @property
    def issuer(self) -> str:
        """The address of the provider."""
        return f"http://127.0.0.1:{self.ports[PROVIDER]}"

    def _set_provider(self, name: str) -> None:
        base_url = self.base_urls.get(name, f"http://127.0.0.1:{self.ports[name]}")
        client_id, secret = register_client(self.issuer, base_url + CALLBACK_PATH)
        file = self.home / f"{name}-client.secret"
        file.write_text(secret)
        self.command(
            name.split("-", maxsplit=1)[0], "openid", "--home", self.home / name, "--issuer", self.issuer,
            "--client-id", client_id, "--client-secret-file", file,
        )  # fmt: skip

    def set_space(self, amc: str) -> str:
        """Gives an insurer a space for its members, served from its next start on; returns its address."""
        name = f"space-{amc}"
        port = self.ports.setdefault(name, free_ports(1)[0])
        address = f"http://127.0.0.1:{port}"
        client_id, secret = register_client(self.issuer, address + RETURN_PATH, "post")
        file = self.home / f"{name}-client.secret"
        file.write_text(secret)
        self.command(
            "insurer", "space", "--home", self.home / f"insurer-{amc}", "--port", str(port), "--base-url", address,
            "--issuer", self.issuer, "--client-id", client_id, "--client-secret-file", file,
            "--dpo", "dpo@example.org",
        )  # fmt: skip
        return address

    def add_desk(self, *names: str) -> None:
        """Creates desks, each of a professional and a shop of its own, and enrols them as soon as it can."""
        for name in names:
            port = self.ports.setdefault(name, free_ports(1)[0])
            self.command(
                "desk", "init", "--home", self.home / name, "--professional", professional(port),
                "--shop", shop(port), "--port", str(port), "--allow-single-operator",
            )  # fmt: skip
            self.join("desk", name)
        self.waiting_desks += names
        self._enrol_waiting()

    def enrol_again(self, name: str) -> None:
        """Enrols a desk at every verifier once more: one of them lost what it knew."""
        self.waiting_desks.append(name)
        self._enrol_waiting()

    def _enrol_waiting(self) -> None:
        """Enrols the desks that wait, each by its shop's codes, once every verifier runs."""
        if not self.waiting_desks or not all(name in self.processes for name in self.verifiers()):
            return
        shops = [shop(self.ports[name]) for name in self.waiting_desks]
        codes = [
            self.command(name.split("-")[0], "shop-code", "--home", self.home / name, "--json", *shops)
            for name in self.verifiers()
        ]
        for name in self.waiting_desks:
            place = shop(self.ports[name])
            file = self.home / f"{name}-codes.json"
            file.write_text(json.dumps({found["verifier"]: found["codes"][place] for found in codes}))
            set_claims(self.issuer, name, professional_claims(professional(self.ports[name]), place))
            self.enrol(name, "--shop-codes", file)
        self.waiting_desks.clear()

    def enrol(self, desk: str, *options: str | Path, subject: str | None = None) -> dict[str, Any]:
        """Runs a desk's enrolment with a browser that logs in as a subject; returns its JSON line."""
        asked = [
            sys.executable, "-m", "paravent", "desk", "enrol", "--home", str(self.home / desk),
            "--browser", "none", "--json", *map(str, options),
        ]  # fmt: skip
        # Not buffered: what is read ahead of the first line would be lost to whoever reads the rest.
        with subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0) as process:  # noqa: S603 - our own command, no shell
            try:
                first = process.stderr.readline().decode() if process.stderr else ""
                if ": http" in first:
                    Browser(self.issuer, subject or desk).walk(first.partition(": ")[2].strip())
                out, err = process.communicate(timeout=ENROLMENT_SECONDS_MAX)
            except BaseException:
                process.kill()
                raise
        if process.returncode != 0:
            raise TechnicalFailure(f"desk enrol failed: {first}{err.decode()}")
        return dict(json.loads(out.decode().strip().splitlines()[-1]))

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
            self.wait(name)
            space = name.replace("insurer", "space")
            if space in self.ports and space != name:
                self.wait(name, space)
        self._enrol_waiting()

    def wait(self, name: str, listening: str | None = None) -> None:
        """Waits until a process listens, on its own port or another of its; raises TechnicalFailure."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            if self.processes[name].poll() is not None:
                raise TechnicalFailure(f"{name} stopped at start: see {self.home / name}.log")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.ports[listening or name])) == 0:
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

    def publish(self, amc: str, *options: str) -> dict[str, Any]:
        """Publishes an insurer's member file."""
        return self.command(
            "insurer", "publish", self.home / f"members-{amc}.csv", "--home", self.home / f"insurer-{amc}",
            "--guarantees", DATA / f"guarantees-{amc}.toml", *options, "--json",
        )  # fmt: skip

    def rotate(self, amc: str) -> dict[str, Any]:
        """Opens the next epoch of an insurer."""
        return self.command("insurer", "rotate", "--home", self.home / f"insurer-{amc}", "--json")

    def end_epoch(self, amc: str, epoch: int) -> dict[str, Any]:
        """Ends an epoch of an insurer at once, at every server that runs."""
        return self.command("insurer", "end-epoch", str(epoch), "--home", self.home / f"insurer-{amc}", "--json")

    def backup(self, name: str) -> Path:
        """Copies the home of a party as it is, while it runs, as an ordinary backup does; returns the copy."""
        target = self.home / "backups" / name
        # The shared memory of SQLite belongs to the processes that run.
        shutil.copytree(self.home / name, target, ignore=shutil.ignore_patterns("*-shm"))
        return target

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
            with opener.open(request, timeout=120) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def addresses(self) -> dict[str, str]:
        """Lists the addresses of what runs."""
        spaces = (name for name in self.ports if name.startswith("space-"))
        return {name: f"http://127.0.0.1:{self.ports[name]}" for name in (*self.processes, *spaces)}

    def key_files(self, *servers: str) -> list[Path]:
        """Lists the share and opening-key files of key servers: what a thief of those servers takes."""
        return [path for server in servers for path in (self.home / server / "secrets").glob("*.json")]


def professional(port: int) -> str:
    """Names the professional of the desk on a port."""
    return f"8{10000000000 + port}"


def shop(port: int) -> str:
    """Names the shop of the desk on a port."""
    return f"{580000000 + port}"


def free_ports(count: int) -> list[int]:
    """Finds free loopback ports, below those that the system lends to connections, that nobody else was given.

    A port is given to one process of this user, and once, until that process ends: a party listens on its port minutes
    after it was drawn, and is away at times.
    """
    found: list[int] = []
    for port in random.SystemRandom().sample(range(_PORT_MIN, _first_lent()), _PORTS_TRIED_MAX):
        if port in _GIVEN or not _claimed(port):
            continue
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            _GIVEN.add(port)
            found.append(port)
        if len(found) == count:
            return found
    raise TechnicalFailure(f"this machine has no {count} free ports")


def _claimed(port: int) -> bool:
    """Locks the byte of a port in a file of this user's; the system gives it back when this process ends."""
    if not _CLAIMS:
        path = Path(tempfile.gettempdir()) / f"paravent-ports-{os.getuid()}"
        try:
            _CLAIMS.append(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise TechnicalFailure(f"the file of the ports that are taken cannot be used: {error}") from None
    try:
        fcntl.lockf(_CLAIMS[0], fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _first_lent() -> int:
    """Reads the first port that the system lends (Linux); where it lends nearly all of them, each is as good."""
    first = int(_LENT_PORTS.read_text(encoding="ascii").split()[0]) if _LENT_PORTS.is_file() else _FIRST_LENT
    return first if first >= _PORT_MIN + _PORTS_TRIED_MAX else _PORTS
