"""Ports of a platform on loopback: free, distinct, and none that the system lends to connections."""

from __future__ import annotations

import socket
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
