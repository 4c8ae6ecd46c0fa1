"""One private PostgreSQL on loopback, of Debian's package, for benchmarks and tests (docs/operating.md).

It lives in a temporary folder, listens on a free port of 127.0.0.1 and ends with its user. Durable as any other:
the hub refuses a server that does not flush.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import psycopg

from paravent.access.postgresql_store import SERVER_VERSION_OLDEST
from paravent.hub.shards import hub_sql
from paravent.hub.shards_store import shard_sql

_PROGRAMS = Path("/usr/lib/postgresql")
_OWNER = "postgres"
_START_SECONDS_MAX = 60
_MAJOR_OLDEST = SERVER_VERSION_OLDEST // 10_000


class NotInstalled(Exception):
    """There is no PostgreSQL on this machine that could be started."""


@dataclass(slots=True, kw_only=True)
class Cluster:
    """A running server; ``process`` is its own."""

    port: int
    process: subprocess.Popen[bytes]
    schemas: int = 0
    databases: int = 0

    def fresh(self) -> str:
        """Makes an empty schema and returns the connection string of whoever is to live in it."""
        self.schemas += 1
        name = f"party_{self.schemas}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}".encode())
        return self.url(name)

    def fresh_shards(self, shards: int) -> str:
        """Makes a database and its shards, all in this server; returns the connection string of the first.

        Raises NotInstalled when the server has no PL/Proxy.
        """
        self.databases += 1
        hub, *others = (f"hub_{self.databases}", *(f"shard_{self.databases}_{number}" for number in range(shards)))
        strings = [f"host=127.0.0.1 port={self.port} dbname={name}" for name in others]
        with psycopg.connect(self.url(), autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'plproxy'").fetchone() is None:
                raise NotInstalled("this PostgreSQL has no PL/Proxy: apt-get install postgresql-15-plproxy")
            for name in (hub, *others):
                connection.execute(f"CREATE DATABASE {name}".encode())
        scripts = [hub_sql(strings, _OWNER), *(shard_sql(number, _OWNER) for number in range(shards))]
        for name, script in zip((hub, *others), scripts, strict=True):
            with psycopg.connect(self.database_url(name), autocommit=True) as connection:
                connection.execute(script.encode())
        return self.database_url(hub)

    def database_url(self, name: str) -> str:
        """Returns the connection string of a database."""
        return f"postgresql://{_OWNER}@127.0.0.1:{self.port}/{name}"

    def url(self, schema: str = "public") -> str:
        """Returns the connection string of a schema."""
        options = urllib.parse.quote(f"-csearch_path={schema}")
        return f"postgresql://{_OWNER}@127.0.0.1:{self.port}/postgres?options={options}"


class Identity(TypedDict, total=False):
    """As whom, and where, a server runs."""

    user: int
    group: int
    extra_groups: list[int]
    cwd: str


@contextmanager
def running() -> Iterator[Cluster]:
    """Starts a server, and stops it; raises NotInstalled with the reason when this machine has none."""
    # Owned by the server's user, who may not enter a folder of ours.
    folder = Path(tempfile.mkdtemp(prefix="paravent-postgresql-"))
    try:
        found(folder)
        cluster = start(folder)
        try:
            yield cluster
        finally:
            # The fast shutdown: connections end, nothing is lost.
            cluster.process.send_signal(signal.SIGINT)
            cluster.process.wait(_START_SECONDS_MAX)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def kill(cluster: Cluster) -> None:
    """Ends every process of a server as a power cut does, without waiting for them."""
    # Each of its processes leads a session of its own, so that they are found as its children.
    children = [
        int(stat.parent.name) for stat in Path("/proc").glob("[0-9]*/stat") if _parent(stat) == cluster.process.pid
    ]
    for process in (cluster.process.pid, *children):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def _parent(stat: Path) -> int:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def found(folder: Path) -> None:
    """Makes the files of a server in a folder, which becomes its user's; raises NotInstalled."""
    options = ["-U", _OWNER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    _run([programs() / "initdb", "-D", folder / "data", *options], identity_of(folder))


def start(folder: Path, *options: str) -> Cluster:
    """Starts the server of a folder; raises NotInstalled when it does not start."""
    port = _free_port()
    place: list[str | Path] = ["-D", folder / "data", "-p", str(port), "-h", "127.0.0.1", "-k", folder]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - the programs of Debian's package
            [programs() / "postgres", *place, *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            **identity_of(folder),
        )  # fmt: skip
    cluster = Cluster(port=port, process=process)
    try:
        _wait(cluster)
    except NotInstalled:
        process.kill()
        process.wait()
        raise
    return cluster


def programs() -> Path:
    """Finds the programs of PostgreSQL; raises NotInstalled when there are none."""
    found = [path for path in _PROGRAMS.glob("*/bin") if path.parent.name.isdigit() and (path / "initdb").exists()]
    recent = [path for path in found if int(path.parent.name) >= _MAJOR_OLDEST]
    if not recent:
        raise NotInstalled(f"no PostgreSQL {_MAJOR_OLDEST} or later under {_PROGRAMS}: apt-get install postgresql")
    return max(recent, key=lambda path: int(path.parent.name))


def identity_of(folder: Path) -> Identity:
    """Says as whom the server runs: it refuses root, so then as the user of Debian's package."""
    if os.geteuid() != 0:
        return Identity(cwd="/")
    try:
        owner = pwd.getpwnam(_OWNER)
    except KeyError:
        raise NotInstalled(f"PostgreSQL refuses to run as root, and there is no user {_OWNER}") from None
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    return Identity(user=owner.pw_uid, group=owner.pw_gid, extra_groups=[], cwd="/")


def _run(command: list[str | Path], identity: Identity) -> None:
    done = subprocess.run(  # noqa: S603 - the programs of Debian's package
        command, capture_output=True, check=False, timeout=_START_SECONDS_MAX, **identity
    )
    if done.returncode:
        raise NotInstalled(f"initdb failed: {done.stderr.decode(errors='replace').strip()[-200:]}")


def _wait(cluster: Cluster) -> None:
    ends_at = time.monotonic() + _START_SECONDS_MAX
    while True:
        try:
            psycopg.connect(cluster.url(), connect_timeout=1).close()
        except psycopg.Error:
            if cluster.process.poll() is not None or time.monotonic() > ends_at:
                raise NotInstalled("PostgreSQL did not start") from None
            time.sleep(0.05)
        else:
            return


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
