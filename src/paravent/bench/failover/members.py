"""Two shards of two members each, under Patroni and one etcd, of Debian's packages, private to a folder and loopback.

They end with their user. A member is killed as a machine that dies: Patroni and its PostgreSQL, ``kill -9``.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import TypeVar

import psycopg

from paravent.bench.cluster import Identity, NotInstalled, identity_of, programs
from paravent.drill.platform import free_ports
from paravent.errors import TechnicalFailure
from paravent.hub.shards import hub_sql
from paravent.hub.shards_store import shard_sql

T = TypeVar("T")

SHARDS, MEMBERS = 2, 2
_TEMPLATE = Path(__file__).with_name("patroni.yml")
_OWNER = "postgres"
_START_SECONDS_MAX = 180.0
_OK = 200


@dataclass(slots=True, kw_only=True)
class Member:
    """One Patroni with its PostgreSQL; ``patroni`` is its process while it runs."""

    folder: Path
    port: int
    rest: int
    patroni: subprocess.Popen[bytes] | None = None

    def answers(self, question: str) -> bool:
        """Asks Patroni whether this member is the primary, or a synchronous standby."""
        address = f"http://127.0.0.1:{self.rest}/{question}"
        with suppress(urllib.error.URLError, OSError), urllib.request.urlopen(address, timeout=2) as answer:
            return bool(answer.status == _OK)
        return False

    def postmaster(self) -> int | None:
        """Returns the process of its PostgreSQL, or None."""
        with suppress(FileNotFoundError, ValueError, IndexError):
            process = int((self.folder / "data" / "postmaster.pid").read_text().splitlines()[0])
            if str(self.folder) in Path(f"/proc/{process}/cmdline").read_text():
                return process
        return None

    def children(self, title: str = "") -> list[int]:
        """Lists the processes of its PostgreSQL whose title has this word."""
        parent, found = self.postmaster(), []
        for status in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                is_child = int(status.read_text().rpartition(")")[2].split()[1]) == parent
                if is_child and title in (status.parent / "cmdline").read_text():
                    found.append(int(status.parent.name))
        return found

    def stop_sending(self) -> None:
        """Stops what sends to the standby, as a network that holds everything back."""
        for process in self.children("walsender"):
            os.kill(process, signal.SIGSTOP)

    def kill(self) -> None:
        """Kills the member at once, as when its machine dies; returns when nothing of it is left."""
        process, children = self.postmaster(), self.children()
        if self.patroni is not None:
            self.patroni.kill()
        for one in [] if process is None else [process, *children]:
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        if self.patroni is not None:
            self.patroni.wait()
            self.patroni = None
        _until(lambda: self.postmaster() is None, "a killed PostgreSQL is still there")


@dataclass(slots=True, kw_only=True)
class Shards:
    """The members by shard, and the database of the hub beside the first shard."""

    folder: Path
    identity: Identity
    etcd: int
    synchronous: bool
    members: list[list[Member]] = field(default_factory=list)

    def url(self) -> str:
        """Returns the connection string of the hub's database: whichever member of the first shard is the primary."""
        return _string(self.members[0], "paravent_hub")

    def primary(self, shard: int) -> Member:
        """Waits for the primary of a shard, and returns it."""
        return _until(lambda: next((one for one in self.members[shard] if one.answers("primary")), None),
                      f"shard {shard} has no primary")  # fmt: skip

    def wait_for_standby(self, shard: int) -> Member:
        """Waits for a standby that is promoted if the primary dies: a synchronous one, where they are."""
        question = "synchronous" if self.synchronous else "replica?lag=0"
        return _until(lambda: next((one for one in self.members[shard] if one.answers(question)), None),
                      f"shard {shard} has no standby")  # fmt: skip

    def start(self, member: Member) -> None:
        """Starts a member, or starts it again after it was killed."""
        log = (member.folder / "log").open("ab")
        member.patroni = subprocess.Popen(  # noqa: S603 - the program of Debian's package
            ["/usr/bin/patroni", member.folder / "patroni.yml"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            **self.identity,
        )  # fmt: skip
        log.close()

    def stop(self) -> None:
        """Ends every member."""
        for member in (one for members in self.members for one in members):
            member.kill()


@contextmanager
def running(*, synchronous: bool) -> Iterator[Shards]:
    """Starts the shards with their tables and functions, and ends them; raises NotInstalled with the reason."""
    for program in ("/usr/bin/patroni", "/usr/bin/etcd"):
        if not Path(program).exists():
            raise NotInstalled(f"no {program}: apt-get install --no-install-recommends patroni etcd-server")
    folder = Path(tempfile.mkdtemp(prefix="paravent-shards-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        identity = identity_of(folder)
        client, peer, *ports = free_ports(2 + 2 * SHARDS * MEMBERS)
        stack.callback(_end, _start_etcd(folder, identity, client, peer))
        shards = Shards(folder=folder, identity=identity, etcd=client, synchronous=synchronous)
        stack.callback(shards.stop)
        for shard in range(SHARDS):
            shards.members.append([_member(shards, shard, number, ports) for number in range(MEMBERS)])
        for members in shards.members:
            shards.start(members[0])
        for shard, members in enumerate(shards.members):
            shards.primary(shard)
            for member in members[1:]:
                shards.start(member)
        _fill(shards)
        for shard in range(SHARDS):
            shards.wait_for_standby(shard)
        yield shards


def _member(shards: Shards, shard: int, number: int, ports: list[int]) -> Member:
    folder = shards.folder / f"shard-{shard}-{number}"
    folder.mkdir(mode=0o700)
    member = Member(folder=folder, port=ports.pop(), rest=ports.pop())
    (folder / "patroni.yml").write_text(Template(_TEMPLATE.read_text()).substitute(
        shard=shard, member=number, rest=member.rest, etcd=shards.etcd, port=member.port, folder=folder,
        programs=programs(), synchronous=str(shards.synchronous).lower(),
    ))  # fmt: skip
    if "user" in shards.identity:
        os.chown(folder, shards.identity["user"], shards.identity["group"])
        (folder / "patroni.yml").chmod(0o644)
    return member


def _start_etcd(folder: Path, identity: Identity, client: int, peer: int) -> subprocess.Popen[bytes]:
    clients, peers = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
    with (folder / "etcd.log").open("wb") as log:
        return subprocess.Popen(  # noqa: S603 - the program of Debian's package
            ["/usr/bin/etcd", "--name", "one", "--data-dir", folder / "etcd",
             "--listen-client-urls", clients, "--advertise-client-urls", clients,
             "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", f"one={peers}"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, **identity,
        )  # fmt: skip


def _fill(shards: Shards) -> None:
    """Makes the databases, with what ``hub shard-sql`` writes."""
    strings = [_string(members, f"shard_{number}") for number, members in enumerate(shards.members)]
    databases = [("paravent_hub", hub_sql(strings, _OWNER)), *(
        (f"shard_{number}", shard_sql(number, _OWNER)) for number in range(SHARDS)
    )]  # fmt: skip
    for name, _ in databases:
        members = shards.members[int(name[-1]) if name[-1].isdigit() else 0]
        with psycopg.connect(_string(members, "postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
    # The hub's last: it is what calls the others.
    for name, script in reversed(databases):
        members = shards.members[int(name[-1]) if name[-1].isdigit() else 0]
        with psycopg.connect(_string(members, name), autocommit=True) as connection:
            connection.execute(script.encode())


def _string(members: list[Member], database: str) -> str:
    ports = ",".join(str(member.port) for member in members)
    hosts = ",".join("127.0.0.1" for _ in members)
    return (
        f"host={hosts} port={ports} dbname={database} user={_OWNER} target_session_attrs=read-write connect_timeout=2"
        " tcp_user_timeout=5000"
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _until(found: Callable[[], T | None], otherwise: str) -> T:
    """Asks again until there is an answer."""
    ends_at = time.monotonic() + _START_SECONDS_MAX
    while time.monotonic() < ends_at:
        answer = found()
        if answer:
            return answer
        time.sleep(0.2)
    raise TechnicalFailure(f"{otherwise} after {_START_SECONDS_MAX:.0f} s")
