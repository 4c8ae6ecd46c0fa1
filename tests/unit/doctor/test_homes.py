"""What is judged was really seen: a fault made in a real home, or on a real socket, turns its check red."""

from __future__ import annotations

import base64
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner

from paravent.access.doctor.machine_store import (
    directory_of,
    filesystem_of,
    listening_on,
    machine_facts,
    packages_of,
    sqlite_of,
)
from paravent.access.doctor.party_config import party_of
from paravent.access.doctor.peers_client import clock_of
from paravent.bench.cluster import Cluster
from paravent.breach.cli import group as breach
from paravent.desk.cli import group as desk
from paravent.hub.cli import group as hub
from paravent.insurer.cli import group as insurer
from paravent.keyserver.cli import group as keyserver


def run(group: Any, *arguments: object) -> dict[str, Any]:
    found = CliRunner().invoke(group, [*map(str, arguments), "--json"])
    assert found.exception is None or isinstance(found.exception, SystemExit), found.output
    values: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
    return values


def outcomes(group: Any, home: Path, *options: object) -> dict[str, str]:
    said = run(group, "doctor", "--home", home, *options)
    return {one["check"]: one["outcome"] for one in said["checks"]}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Path]:
    # As the program does before anything else.
    former = os.umask(0o077)
    home = tmp_path / "ks1"
    run(
        keyserver, "init", "--home", home, "--name", "ks1", "--port", 1, "--operator", "O", "--hosted-by", "H",
        "--administrator", "A", "--entry", tmp_path / "ks1.json",
    )  # fmt: skip
    outcomes(keyserver, home)  # the store is made
    yield home
    os.umask(former)


@contextmanager
def changed(path: Path, old: str, new: str) -> Iterator[None]:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    yield
    path.write_text(text)


def test_a_key_that_others_can_read_is_seen(server: Path) -> None:
    assert outcomes(keyserver, server)["key-files"] == "ok"
    (server / "keyserver.db").chmod(0o644)
    assert outcomes(keyserver, server)["key-files"] == "wrong"


def test_a_quota_raised_and_a_key_of_a_day_past_are_seen(server: Path) -> None:
    found = outcomes(keyserver, server)
    assert (found["quotas"], found["quota-keys"]) == ("ok", "ok")
    old = server / "secrets" / f"quota-{int(time.time()) // 86_400 - 5}.key"
    old.write_bytes(bytes(32))
    old.chmod(0o600)
    with changed(server / "config.toml", "openings_per_day_max = 40", "openings_per_day_max = 4000"):
        found = outcomes(keyserver, server)
    assert (found["quotas"], found["quota-keys"]) == ("wrong", "wrong")


def test_a_lock_of_other_versions_is_seen(server: Path, tmp_path: Path) -> None:
    assert outcomes(keyserver, server)["packages"] == "ok"
    lock = tmp_path / "other.lock"
    lock.write_text("click==0.0.1 \\\n    --hash=sha256:00\n")
    assert outcomes(keyserver, server, "--lock", lock)["packages"] == "wrong"
    lock.write_text("not-installed-here==1\n")
    assert outcomes(keyserver, server, "--lock", lock)["packages"] == "not known"
    assert packages_of(None) is None


def test_the_packages_seen_are_those_installed() -> None:
    listed = json.loads(
        subprocess.run(
            [sys.executable, "-m", "pip", "list", "--format", "json"], check=True, capture_output=True
        ).stdout
    )
    lock = Path(__file__).parents[3] / "requirements" / "dev.lock"
    found = packages_of(lock)
    assert found is not None
    assert {(one["name"].lower().replace("_", "-").replace(".", "-"), one["version"]) for one in listed} <= set(
        found.installed.items()
    )


def test_a_database_without_its_journal_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "some.db"
    assert sqlite_of(path) is None
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE one (name TEXT)")
    before = sqlite_of(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    after = sqlite_of(path)
    assert before is not None
    assert after is not None
    assert (before.settings["journal_mode"], after.settings["journal_mode"]) == ("wal", "delete")


def test_the_file_system_is_that_of_the_nearest_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"disk / ext4 rw 0 0\nmemory {tmp_path.resolve()} tmpfs rw 0 0\n")
    assert filesystem_of(tmp_path / "a.db", mounts) == "tmpfs"
    assert filesystem_of(Path("/somewhere"), mounts) == "ext4"
    assert filesystem_of(tmp_path, tmp_path / "none") is None


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_listening_socket_is_seen_on_its_address(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as listener:
        port = listener.getsockname()[1]
        found = listening_on("127.0.0.1", port, loopback_only=True)
    assert found is not None
    assert found.addresses == (address,)
    nothing = listening_on("127.0.0.1", 1, loopback_only=True)
    assert nothing is not None
    assert nothing.addresses == ()


def test_a_record_of_backups_that_cannot_be_read_is_not_known(server: Path) -> None:
    assert outcomes(keyserver, server)["backup"] == "wrong"
    (server / "backups.json").write_text("{")
    assert outcomes(keyserver, server)["backup"] == "not known"


def test_without_a_directory_nothing_is_known_of_others(tmp_path: Path) -> None:
    assert directory_of(tmp_path, None, cosigned=True) is None
    assert clock_of(None) is None


def test_a_file_of_another_user_is_seen(server: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give a file to another user")
    os.chown(server / "secrets" / "signing.key", 65_534, 65_534)
    assert {one.name for one in machine_facts(server, "keyserver.db", 0).files or () if not one.owned} == {
        "secrets/signing.key"
    }


def test_every_party_is_recognised_by_its_home_and_answers(server: Path, tmp_path: Path) -> None:
    run(hub, "init", "--home", tmp_path / "hub", "--port", 1)
    run(desk, "init", "--home", tmp_path / "desk", "--professional", "810000000001", "--shop", "580000001", "--port", 1)
    run(breach, "init", "--home", tmp_path / "breach", "--name", "breach.example", "--operator", "Operator")
    run(
        insurer, "init", "--home", tmp_path / "insurer", "--amc", "99000001", "--name", "Mutuelle", "--synthetic",
        "--port", 1, "--entry", tmp_path / "insurer.json",
    )  # fmt: skip
    homes = {"keyserver": server} | {name: tmp_path / name for name in ("hub", "desk", "breach", "insurer")}
    groups = {"keyserver": keyserver, "hub": hub, "desk": desk, "breach": breach, "insurer": insurer}
    for name, home in homes.items():
        assert party_of(["--json", "--home", str(home)]) == party_of([f"--home={home}"]) == name
        found = outcomes(groups[name], home)
        assert found["disk-space"] in {"ok", "wrong"}
        assert found["independence"] == "not known"


def test_a_desk_names_no_professional_in_its_report(tmp_path: Path) -> None:
    run(desk, "init", "--home", tmp_path / "d", "--professional", "810000000001", "--shop", "580000001", "--port", 1)
    run(desk, "doctor", "--home", tmp_path / "d", "--out", tmp_path / "report.json")
    report = base64.b64decode(json.loads((tmp_path / "report.json").read_text())["payload"])
    assert b"580000001" in report
    assert b"810000000001" not in report


def test_a_postgresql_that_does_not_flush_is_seen_though_the_hub_refuses_it(cluster: Cluster, tmp_path: Path) -> None:
    url = tmp_path / "database.url"
    url.touch(0o600)
    url.write_text(cluster.fresh())
    home = tmp_path / "hub"
    run(hub, "init", "--home", home, "--port", 1, "--database-url-file", url)
    found = outcomes(hub, home)
    assert found["synchronous-writes"] == "ok"
    with psycopg.connect(cluster.url(), autocommit=True) as administrator:
        try:
            administrator.execute("ALTER SYSTEM SET full_page_writes = off")
            administrator.execute("SELECT pg_reload_conf()")
            deadline = time.monotonic() + 20
            while (found := outcomes(hub, home))["synchronous-writes"] == "ok":
                assert time.monotonic() < deadline, "the setting was not taken"
        finally:
            administrator.execute("ALTER SYSTEM RESET full_page_writes")
            administrator.execute("SELECT pg_reload_conf()")
            while administrator.execute("SHOW full_page_writes").fetchone() != ("on",):
                time.sleep(0.05)
    assert (found["synchronous-writes"], found["live-statements"]) == ("wrong", "not known")
