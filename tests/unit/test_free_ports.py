"""Ports of a platform on loopback: free, distinct, and none that the system lends to connections."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from paravent.drill import platform
from paravent.drill.platform import free_ports
from paravent.errors import TechnicalFailure


def test_ports_are_free_and_below_those_that_are_lent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lent = tmp_path / "lent"
    lent.write_text("20000\t60999\n")
    monkeypatch.setattr(platform, "_LENT_PORTS", lent)
    found = free_ports(50)
    assert len(set(found)) == 50
    assert max(found) < 20_000
    for port in found[:5]:
        socket.create_server(("127.0.0.1", port)).close()


@pytest.mark.parametrize("lent", ["1024 65535", None])
def test_a_system_that_lends_all_of_them_or_says_nothing_has_ports_too(
    lent: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if lent:
        (tmp_path / "lent").write_text(lent)
    monkeypatch.setattr(platform, "_LENT_PORTS", tmp_path / "lent")
    assert len(free_ports(3)) == 3


def test_a_port_that_is_listened_on_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr("random.SystemRandom.sample", lambda *_: [taken.getsockname()[1]])
        with pytest.raises(TechnicalFailure):
            free_ports(1)


def drawing(ports: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.SystemRandom.sample", lambda *_: ports)


def test_a_port_is_given_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens on it yet: its party starts minutes later."""
    (port,) = free_ports(1)
    drawing([port], monkeypatch)
    with pytest.raises(TechnicalFailure):
        free_ports(1)


def test_a_port_of_another_process_is_not_given_until_that_one_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    program = "from paravent.drill.platform import free_ports; print(*free_ports(1), flush=True); input()"
    asked = [sys.executable, "-c", program]
    with subprocess.Popen(asked, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        port = int(other.stdout.readline())
        drawing([port], monkeypatch)
        with pytest.raises(TechnicalFailure):
            free_ports(1)
        other.communicate("\n")
    assert free_ports(1) == [port]


def test_a_process_that_was_forked_is_given_none_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    (port,) = free_ports(1)
    monkeypatch.setattr(platform, "_GIVEN", set())
    drawing([port], monkeypatch)
    if (child := os.fork()) == 0:
        outcome = 1
        try:
            free_ports(1)
        except TechnicalFailure:
            outcome = 0
        finally:
            os._exit(outcome)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    # The parent itself would be given it: what holds it there is what it remembers.
    assert free_ports(1) == [port]
