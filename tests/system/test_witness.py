"""Witness logs on running processes: cosigned by the others, read by the insurer, opened by two custodians."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from paravent.crypto.checkpoint import parse_checkpoint
from paravent.crypto.note import parse_note
from paravent.drill.platform import INSURERS, Platform
from paravent.drill.population import Population, synthesise
from paravent.errors import TechnicalFailure
from tests.stamping import StampingAuthority
from tests.system.conftest import KEYSERVERS
from tests.system.customers import adults, particulars

WAIT_SECONDS_MAX = 120.0
SIGNERS = {*KEYSERVERS, "hub"}
"""Who stands under a checkpoint: its own server, the others and the hub."""


@pytest.fixture(scope="module")
def population() -> Population:
    return synthesise(200, list(INSURERS), 31, datetime.now(UTC).year)


@pytest.fixture(scope="module")
def watched(
    population: Population, authority: StampingAuthority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Platform]:
    """A platform whose key servers look at one another every second."""
    running = Platform(tmp_path_factory.mktemp("witnesses"))
    try:
        running.create(population, 15)
        for name in (*KEYSERVERS, "hub"):
            config = running.home / name / "config.toml"
            stamped = "" if name == "hub" else f'timestamp_url = "{authority.url}"\n'
            config.write_text(config.read_text().replace("watch_seconds = 20", f"{stamped}watch_seconds = 1"))
        running.start(*KEYSERVERS, "hub", "desk")
        for amc in INSURERS:
            running.publish(amc)
        running.desk("/v1/refreshes", {})
        for person in adults(population)[:3]:
            assert running.desk("/v1/checks/number", particulars(person))[0] == 200
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StampingAuthority]:
    """A time-stamping authority of its own, on loopback."""
    with StampingAuthority(tmp_path_factory.mktemp("authority")) as running:
        yield running


def until(seen: Callable[[], bool]) -> None:
    """Waits for something that the parties do by themselves."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not seen():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)


def checkpoint(platform: Platform, name: str) -> tuple[int, set[str]]:
    """Returns the size of a server's checkpoint and who signed or cosigned it."""
    status, answer = platform.call(name, "/v1/log/checkpoint", b'{"old": 0}', {})
    assert status == 200, answer
    note = parse_note(base64.b64decode(answer["note"]))
    return parse_checkpoint(note.text).size, {signature.name for signature in note.signatures}


def own_state(platform: Platform, name: str) -> dict[str, str]:
    """Has a running party check itself; returns the outcome of each check."""
    command = [sys.executable, "-m", "paravent", "doctor", "--home", str(platform.home / name), "--json"]
    said = json.loads(subprocess.run(command, check=False, capture_output=True).stdout.splitlines()[-1])
    return {one["check"]: one["outcome"] for one in said["checks"]}


def log_size(platform: Platform, name: str) -> int:
    return int(platform.command("keyserver", "status", "--home", platform.home / name, "--json")["log_size"])


def test_each_log_is_cosigned_by_the_two_others_and_the_hub(watched: Platform) -> None:
    for name in KEYSERVERS:
        until(lambda name=name: checkpoint(watched, name)[1] == SIGNERS)  # type: ignore[misc]


def test_running_parties_find_themselves_cosigned_stamped_on_time_and_where_they_should_listen(
    watched: Platform,
) -> None:
    wanted = {"log-cosigned", "log-stamped", "clock", "listening", "share-custody", "second-factor", "packages"}
    until(lambda: {name for name, outcome in own_state(watched, KEYSERVERS[0]).items() if outcome == "ok"} >= wanted)
    hub = own_state(watched, "hub")
    assert {hub[name] for name in ("clock", "listening", "live-statements", "second-factor", "quotas")} == {"ok"}
    desk = own_state(watched, "desk")
    assert (desk["listening"], desk["clock"]) == ("ok", "ok")
    # One machine, one operator: what a demonstration is, and what a platform must not be.
    assert hub["independence"] == "wrong"
    assert hub["tls-front"] == "not known"


def journal(watched: Platform, amc: str, *options: str) -> dict[str, Any]:
    """Reads the logs as an insurer, and lists what they say."""
    return watched.command("insurer", "journal", "--home", watched.home / f"insurer-{amc}", *options, "--json")


def test_the_insurer_reads_which_shop_opened_its_member(watched: Platform, population: Population) -> None:
    # A checkpoint is handed out for a moment: the first reading may be of just before.
    until(lambda: sum(journal(watched, amc)["persons_opened"] for amc in INSURERS) == 3)
    for person in adults(population)[:3]:
        found = journal(watched, person.coverages[0].insurer, "--member", person.member_id)
        assert len(found["openings"]) == 1
        assert len(found["openings"][0]["servers"]) >= 2
        assert found["openings"][0]["confirmed"]
        assert found["unreadable"] == 0


def checked(watched: Platform, authority: StampingAuthority, leaves: Path) -> dict[str, Any]:
    """Checks an exported log offline."""
    return watched.command(
        "breach", "check-log", leaves, "--directory", watched.pin["file"], "--signer", watched.pin["signer"],
        "--key", watched.pin["key"], "--authority", authority.certificate, "--root", authority.root, "--json",
    )  # fmt: skip


def test_an_exported_log_is_checked_offline(watched: Platform, authority: StampingAuthority) -> None:
    # A desk asks the quickest servers: any one of them may have been left out of every opening.
    name = max(KEYSERVERS, key=lambda name: log_size(watched, name))
    until(lambda: checkpoint(watched, name)[1] == SIGNERS)
    out = watched.home / "export.leaves"
    until(
        lambda: (
            watched.command("keyserver", "export-log", "--home", watched.home / name, "--out", out) == {}
            and (json.loads(out.with_suffix(".json").read_text())["stamp"] is not None)
        )
    )
    found = checked(watched, authority, out)
    assert found["leaves"] == log_size(watched, name)
    assert set(found["cosigners"]) == SIGNERS - {name}
    assert 0 <= time.time() - int(str(found["stamped_at"])) < 600
    lines = out.read_bytes().splitlines(keepends=True)
    assert len(lines) >= 3
    altered = {
        "a leaf left out": lines[:1] + lines[2:],
        "two leaves swapped": [lines[1], lines[0], *lines[2:]],
        "the last leaf cut off": lines[:-1],
        "a leaf of another log": [lines[0].replace(b"A", b"B"), *lines[1:]],
    }
    accepted = []
    for kind, wrong in altered.items():
        out.write_bytes(b"".join(wrong))
        with contextlib.suppress(TechnicalFailure):
            checked(watched, authority, out)
            accepted.append(kind)
    assert accepted == []


def unseal(watched: Platform, *shares: int) -> list[dict[str, str]]:
    """Opens this day's window with the shares of some custodians."""
    leaves: list[str | Path] = []
    for name in KEYSERVERS:
        until(lambda name=name: checkpoint(watched, name)[1] == SIGNERS)  # type: ignore[misc]
        out = watched.home / f"{name}.leaves"
        watched.command("keyserver", "export-log", "--home", watched.home / name, "--out", out)
        leaves += ["--leaves", out]
    return opened_window(watched, leaves, *shares)


def opened_window(watched: Platform, leaves: list[str | Path], *shares: int) -> list[dict[str, str]]:
    """Opens this day's window in some leaves, and the day's before where that ended within the hour."""
    now = datetime.now(UTC)
    day, first = now.strftime("%Y-%m-%d"), (now - timedelta(hours=1)).strftime("%Y-%m-%d")
    options: list[str | Path] = []
    for share in shares:
        options += ["--share", watched.home / f"custodian-{share}" / "custodian.key"]
    home = watched.home / "breach"
    if not home.exists():
        watched.command("breach", "init", "--home", home, "--name", "breach.test", "--operator", "test")
    opened = watched.command(
        "breach", "open", "--home", home, "--title", "test", "--facts", "test", "--aware", f"{day}T00:00Z",
        "--aware-role", "dpo", "--json",
    )  # fmt: skip
    found = watched.command(
        "breach", "unseal", str(opened["case"]), "--home", home, *options, *leaves,
        "--directory", watched.pin["file"], "--signer", watched.pin["signer"], "--key", watched.pin["key"],
        "--from", f"{first}T00", "--to", f"{day}T23", "--json",
    )  # fmt: skip
    return list(found["openings"])


@pytest.mark.parametrize("pair", [(1, 2), (1, 3), (2, 3)])
def test_two_custodians_open_who_asked(pair: tuple[int, int], watched: Platform) -> None:
    opened = unseal(watched, *pair)
    assert len(opened) >= 6  # three persons at two servers at least
    keyid = {row["device"] for row in opened}
    assert len(keyid) == len({row["professional"] for row in opened}) == 1


@pytest.mark.parametrize(("kind", "reason"), [
    ("a leaf cut off", "do not lead to the checkpoint"), ("no cosignature", "no other party has cosigned"),
])  # fmt: skip
def test_a_log_that_does_not_check_is_not_opened(kind: str, reason: str, watched: Platform) -> None:
    out = watched.home / "unchecked.leaves"
    watched.command("keyserver", "export-log", "--home", watched.home / KEYSERVERS[0], "--out", out)
    if kind == "a leaf cut off":
        out.write_bytes(b"".join(out.read_bytes().splitlines(keepends=True)[:-1]))
    else:
        export = json.loads(out.with_suffix(".json").read_text())
        note = base64.b64decode(export["note"]).decode()
        alone = note[: note.index("\n", note.index("\n\n") + 2) + 1]
        out.with_suffix(".json").write_text(json.dumps(export | {"note": base64.b64encode(alone.encode()).decode()}))
    with pytest.raises(TechnicalFailure, match=reason):
        opened_window(watched, ["--leaves", out], 1, 2)


def test_one_custodian_twice_opens_nothing(watched: Platform) -> None:
    with pytest.raises(TechnicalFailure, match="not of two custodians"):
        unseal(watched, 1, 1)


def test_a_server_that_went_back_answers_nothing(watched: Platform, population: Population) -> None:
    """Its database is put back as it was before an opening that the others cosigned."""
    person = adults(population)[3]
    name = KEYSERVERS[0]
    watched.stop(name)
    database = watched.home / name / "keyserver.db"
    former = watched.home / "former.db"
    shutil.copy(database, former)
    watched.start(name)
    before = log_size(watched, name)
    # Two of three servers are asked at random: until the first one has witnessed something more.
    for other in adults(population)[4:20]:
        assert watched.desk("/v1/checks/number", particulars(other))[0] == 200
        if log_size(watched, name) > before:
            break
    grown = log_size(watched, name)
    assert grown > before
    until(lambda: checkpoint(watched, name)[0] == grown and checkpoint(watched, name)[1] == SIGNERS)
    watched.stop(name)
    shutil.copy(former, database)
    for leftover in (f"{database}-wal", f"{database}-shm"):
        Path(leftover).unlink(missing_ok=True)
    # The hub alone remembers: that is enough.
    watched.stop(*KEYSERVERS[1:])
    watched.start(name)
    log = watched.home / f"{name}.log"
    until(lambda: "log-rolled-back" in log.read_text())
    watched.start(*KEYSERVERS[1:])
    # The two others serve, as soon as the hub has said what it remembers of them.
    until(lambda: watched.desk("/v1/checks/number", particulars(person))[0] == 200)
    events = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    assert {event["code"] for event in events if event["event"] == "log-rolled-back"} == {"log-rolled-back"}
    # With one of the two others stopped as well, the one that went back does not make up the number.
    watched.stop(KEYSERVERS[2])
    status, problem = watched.desk("/v1/checks/number", particulars(adults(population)[21]))
    assert (status, problem["type"].rsplit(":", 1)[-1]) == (503, "too-few-servers")
    # The next server keeps a copy of its log: an altered one is refused, the true one is taken back.
    watched.stop(name)
    keeper = watched.home / KEYSERVERS[1] / "keyserver.db"
    (true,) = altered_copy(keeper, name, grown - 1, b"invented")
    with pytest.raises(TechnicalFailure, match="does not lead to what"):
        watched.command("keyserver", "restore-log", "--home", watched.home / name)
    altered_copy(keeper, name, grown - 1, true)
    restore = ("keyserver", "restore-log", "--home", watched.home / name, "--json")
    assert watched.command(*restore, "--dry-run")["missing"] == grown - before
    assert log_size(watched, name) < grown
    restored = watched.command(*restore)
    assert (restored["restored"], log_size(watched, name)) == (grown - before, grown)
    assert restored["counted"] >= 1
    # It answers again, and the openings that its database had forgotten are counted.
    watched.start(name)
    until(lambda: watched.desk("/v1/checks/number", particulars(adults(population)[21]))[0] == 200)
    assert log_size(watched, name) > grown


def altered_copy(database: Path, server: str, position: int, entry: bytes) -> tuple[bytes]:
    """Puts another entry in a server's copy of a log, while it runs; returns the former one."""
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        where = (server, position)
        (former,) = connection.execute("SELECT entry FROM copied WHERE (server, position) = (?, ?)", where).fetchone()
        connection.execute("UPDATE copied SET entry = ? WHERE (server, position) = (?, ?)", (entry, *where))
        return (bytes(former),)
