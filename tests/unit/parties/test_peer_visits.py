"""What a dishonest peer sends stops neither the watch of the others nor this server."""

from __future__ import annotations

import asyncio
from http.client import HTTPException
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.parties.world import World

from paravent.access import peer_client
from paravent.access.log_watch_client import visited
from paravent.errors import ProofFailure, Unreachable
from paravent.wire.statements import KeyServerEntry


class Drip:
    """An answer that comes one byte at a time, for ever."""

    def read1(self, _: int) -> bytes:
        """Gives one byte more."""
        return b" "


def test_an_answer_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1_000_000))
    monkeypatch.setattr(peer_client, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    drip: Any = Drip()
    with pytest.raises(HTTPException):
        peer_client._read(drip)
    assert next(clock) < 20


def test_an_answer_without_end_is_given_up() -> None:
    class Flood(Drip):
        def read1(self, size: int) -> bytes:
            return bytes(size)

    flood: Any = Flood()
    with pytest.raises(HTTPException):
        peer_client._read(flood)


@pytest.mark.parametrize("fault", [ValueError("junk"), ProofFailure("a lie", culprit="peer"), Unreachable("away")])
def test_a_visit_that_fails_in_any_way_ends_no_other(
    fault: Exception, still: World, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = []

    async def visit(peer: KeyServerEntry) -> None:
        seen.append(peer.name)
        if len(seen) == 1:
            raise fault

    async def both() -> None:
        await asyncio.gather(*(visited(peer, visit) for peer in still.directory.keyservers[1:]))

    asyncio.run(both())
    assert len(seen) == 2
    logged = capsys.readouterr().err
    assert logged.count("\n") == 1
    assert "junk" not in logged
