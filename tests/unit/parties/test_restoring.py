"""A log taken back from its copy: leaves that lead to what others cosigned, under the leaves that are left here."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from tests.unit.crypto.mutation import edited
from tests.unit.parties.world import World

from paravent.crypto import checkpoint
from paravent.crypto.checkpoint import Checkpoint
from paravent.errors import ProofFailure, WitnessNotReady
from paravent.keyserver import cosigning, restoring
from paravent.keyserver.restoring import keeper_of, remembered, request_of
from paravent.wire.log import SeenAnswer


class Lost(NamedTuple):
    """A log, what two parties cosigned of it at two sizes, and what is left of it."""

    entries: list[bytes]
    cosigned: dict[str, Checkpoint]
    left: list[bytes]


@pytest.fixture
def lost(world: World) -> Lost:
    """The first server's log, put back to before its last opening."""
    answers = {}
    log = world.servers[1].store.log
    for position, party in enumerate(("hub", world.names()[2])):
        started = world.opening(world.known(world.covered(position)))
        for index in (1, 2):
            started.take(*world.open_at(started, index))
        answers[party] = SeenAnswer(note=cosigning.own_checkpoint(world.servers[1].identity, log).encode())
    answers[world.names()[3]] = SeenAnswer(note=None)
    entries = [entry for _, entry in log.entries(0, 1_000)]
    cosigned = remembered(answers, world.servers[1].identity)
    assert [found.size for found in cosigned.values()] == [len(entries) - 1, len(entries)]
    return Lost(entries, cosigned, entries[:-1])


def missing(lost: Lost, *, own: list[bytes] | None = None, copy: list[bytes] | None = None) -> list[bytes]:
    left, kept = lost.left if own is None else own, lost.entries if copy is None else copy
    return list(restoring.missing(left, kept, lost.cosigned, "keeper"))


def test_what_was_lost_comes_back(lost: Lost) -> None:
    assert missing(lost) == lost.entries[-1:]
    assert missing(lost, own=[]) == lost.entries
    assert missing(lost, own=lost.entries) == []
    # What the keeper copied and nobody cosigned yet is left alone.
    assert missing(lost, copy=[*lost.entries, b"later"]) == lost.entries[-1:]


@pytest.mark.parametrize("place", [0, -2, -1])
def test_an_altered_copy_is_refused(place: int, lost: Lost) -> None:
    altered = list(lost.entries)
    altered[place] = b"invented"
    with pytest.raises(ProofFailure, match="does not lead to what") as caught:
        missing(lost, own=[], copy=altered)
    assert caught.value.culprit == "keeper"


def test_a_copy_that_ends_too_early_is_refused(lost: Lost) -> None:
    with pytest.raises(ProofFailure, match="leaves that were cosigned"):
        missing(lost, copy=lost.entries[:-1])


def test_a_log_that_was_forked_here_is_not_mended(lost: Lost) -> None:
    with pytest.raises(ProofFailure, match="others than the cosigned ones"):
        missing(lost, own=[*lost.left, b"another"])


def test_who_shows_what_was_never_signed_here_is_named(world: World) -> None:
    invented = Checkpoint(origin=world.names()[1], size=9, root=bytes(32))
    note = invented.signed(checkpoint.sign(invented, world.servers[2].identity.signing_key)).encode()
    with pytest.raises(ProofFailure) as caught:
        remembered({"hub": SeenAnswer(note=note)}, world.servers[1].identity)
    assert caught.value.culprit == "hub"
    with pytest.raises(WitnessNotReady):
        remembered({"hub": SeenAnswer(note=None)}, world.servers[1].identity)


def test_without_the_roots_an_altered_copy_would_be_taken(lost: Lost, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    defect = edited(restoring, "missing", "roots[checkpoint.size] != checkpoint.root", "False")
    monkeypatch.setattr(restoring, "missing", defect)
    assert missing(lost, own=[], copy=[b"invented", *lost.entries[1:]])[0] == b"invented"


def test_restored_leaves_are_found_again_and_counted(world: World, lost: Lost) -> None:
    store = world.servers[3].store
    assert store.log_size() == 0
    counted = store.restore(lost.entries, world.now)
    assert counted == sum(request_of(entry) is not None for entry in lost.entries)
    assert store.log.root(len(lost.entries)) == lost.cosigned[world.names()[2]].root
    for entry in lost.entries:
        request = request_of(entry)
        assert request is None or store.witnessed(request) is not None


def test_the_next_server_keeps_the_copy(world: World) -> None:
    names = [entry.name for entry in world.directory.keyservers]
    assert [keeper_of(name, world.directory).name for name in names] == [*names[1:], names[0]]
