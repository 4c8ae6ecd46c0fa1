"""Before a server listens: its port is free, and the limit of open files leaves it connections enough."""

from __future__ import annotations

import resource
import socket
import subprocess
import sys

import pytest
from tests.unit.crypto.mutation import edited

from paravent.access import app
from paravent.access.app import CONNECTIONS_MAX
from paravent.errors import InvalidConfiguration

NONE = resource.RLIM_INFINITY
ALL = CONNECTIONS_MAX + 96
FEWEST = 64 + 96


def limited(patched: pytest.MonkeyPatch, soft: int, hard: int) -> list[int]:
    """Gives this process limits of open files, in appearance; what it then asks for is listed."""
    asked: list[int] = []
    patched.setattr(resource, "getrlimit", lambda _: (soft, hard))
    patched.setattr(resource, "setrlimit", lambda _, limits: asked.append(limits[0]))
    return asked


@pytest.mark.parametrize(
    ("soft", "hard", "asked", "connections"),
    [
        (1_024, NONE, [ALL], CONNECTIONS_MAX),
        (NONE, NONE, [], CONNECTIONS_MAX),
        (1_024, 1_000_000, [ALL], CONNECTIONS_MAX),
        (1_000_000, 1_000_000, [], CONNECTIONS_MAX),
        (256, 1_024, [1_024], 1_024 - 96),
        (FEWEST, FEWEST, [], 64),
    ],
)
def test_connections_are_what_the_limit_leaves(
    soft: int, hard: int, asked: list[int], connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = limited(monkeypatch, soft, hard)
    assert app._connections_max() == connections
    assert found == asked


def a_server_with_too_few_files_says_what_to_raise(patched: pytest.MonkeyPatch, hard: int) -> None:
    asked = limited(patched, hard, hard)
    with pytest.raises(InvalidConfiguration, match=rf"RLIMIT_NOFILE\) is {hard} here.*needs {FEWEST}.*LimitNOFILE="):
        app._connections_max()
    assert asked == []


@pytest.mark.parametrize("hard", [0, 95, 96, FEWEST - 1])
def test_a_server_with_too_few_files_says_what_to_raise(hard: int, monkeypatch: pytest.MonkeyPatch) -> None:
    a_server_with_too_few_files_says_what_to_raise(monkeypatch, hard)


def test_a_limit_that_nobody_compares_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_connections_max", edited(app, "_connections_max", "files < needed", "False"))
    with pytest.raises(pytest.fail.Exception):
        a_server_with_too_few_files_says_what_to_raise(monkeypatch, FEWEST - 1)


def test_a_port_that_somebody_listens_on_is_said_to_be_taken() -> None:
    taken = pytest.raises(InvalidConfiguration, match="cannot be listened on")
    with socket.create_server(("127.0.0.1", 0)) as other, taken:
        app._require_free(*other.getsockname())


def test_a_port_is_tried_without_listening_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who connected to a port that is only tried would be cut off instead of refused."""

    def listen(*_: object) -> None:
        raise AssertionError("it listens")

    monkeypatch.setattr(socket.socket, "listen", listen)
    app._require_free("127.0.0.1", 0)


SERVES = """
import asyncio, gc
from types import SimpleNamespace
from paravent.access import app
asyncio.run = lambda serving: (serving.close(), print(gc.get_threshold()[0], gc.get_freeze_count() > 10_000))
app.serve(SimpleNamespace(state=SimpleNamespace()), host="127.0.0.1", port=0)
"""


def test_a_server_seldom_looks_for_cycles_and_never_among_what_lives_as_long_as_itself() -> None:
    ran = subprocess.run([sys.executable, "-c", SERVES], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "20000 True\n"
