"""A verifier cosigns the breach desk's log: what follows on, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from paravent.access import cosign_cli
from paravent.access.cosign_cli import cosign_breach_desk
from paravent.access.log_watch import Seen, take_checkpoint
from paravent.breach.bundling import checkpoint, cosigned_by
from paravent.breach.config import BreachConfig
from paravent.breach.entries import Opened, Origin
from paravent.breach.log import Tree, origin_key, with_cosignatures
from paravent.breach.store import Store
from paravent.breach.trust import cosigners_of
from paravent.crypto.checkpoint import open_checkpoint
from paravent.crypto.signing import SigningKey
from paravent.drill.simulation.platform import Shape, SimulatedPlatform
from paravent.errors import BadInput, ProofFailure, UnknownParty
from paravent.wire.log import CheckpointAnswer
from paravent.wire.statements import BreachDeskEntry

NAME = "breach-desk"
NOW = 1_800_000_000


def answer(leaves: list[bytes], key: SigningKey, old: int = 0) -> CheckpointAnswer:
    tree = Tree(leaves)
    return CheckpointAnswer(note=tree.checkpoint(NAME, key), proof=tree.consistency(old, tree.size))


def test_only_what_follows_on_is_cosigned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    platform = SimulatedPlatform.build(tmp_path, Shape(persons=6), 4)
    key = SigningKey.generate(random.Random(1).randbytes)
    desk = BreachDeskEntry(name=NAME, verify_key=key.public)
    directory = msgspec.structs.replace(platform.directory, breach_desk=desk)
    server = platform.servers[1]

    def cosign(asked: CheckpointAnswer) -> bytes:
        return cosign_breach_desk(asked, directory, server.identity, server.store, NOW)[1].encode()

    first = answer([b"a", b"b"], key)
    note = with_cosignatures(first.note, cosign(first), origin_key(NAME, key), cosigners_of(directory), NOW)
    assert note.count(b"\n\xe2\x80\x94 ") == 2
    cosign(answer([b"a", b"b", b"c"], key, 2))
    shorter, forked = answer([b"a", b"b"], key), answer([b"a", b"x", b"c", b"d"], key, 3)
    other = answer([b"a", b"b", b"c"], SigningKey.generate(random.Random(2).randbytes))
    for refused in (shorter, forked, other):
        with pytest.raises(ProofFailure):
            cosign(refused)
    with pytest.raises(BadInput, match="--for this party"):
        cosign(answer([b"a", b"b", b"c", b"d"], key))
    with pytest.raises(UnknownParty):
        cosign_breach_desk(first, platform.directory, server.identity, server.store, NOW)
    assert server.store.memory.seen(NAME).size == 3
    # The control: a cosigner that remembers nothing signs the fork.
    monkeypatch.setattr(cosign_cli, "take_checkpoint", forgetful(take_checkpoint))
    assert open_checkpoint(cosign(forked), origin_key(NAME, key), culprit=NAME)[0].size == 4
    platform.close()


def test_the_desk_goes_on_from_what_each_party_cosigned(tmp_path: Path) -> None:
    platform = SimulatedPlatform.build(tmp_path / "platform", Shape(persons=6), 4)
    key = SigningKey.generate(random.Random(1).randbytes)
    desk = BreachDeskEntry(name=NAME, verify_key=key.public)
    directory = msgspec.structs.replace(platform.directory, breach_desk=desk)
    server = platform.servers[1]
    with Store(tmp_path / "desk") as store:
        said = Opened(title="t", facts="f", origin=Origin.HAND, aware_at=1, aware_role="dpo")
        for place in range(3):
            store.add(f"2026-00{place}", said, role="dpo", now=1, new=True)
            size, note = checkpoint(store, BreachConfig(name=NAME, operator="o"), key)
            old = cosigned_by(store, server.name)
            assert old == place
            asked = CheckpointAnswer(note=note, proof=store.tree().consistency(old, size))
            brought = cosign_breach_desk(asked, directory, server.identity, server.store, NOW)[1].encode()
            note = with_cosignatures(note, brought, origin_key(NAME, key), cosigners_of(directory), NOW)
            store.keep_checkpoint(size, note)
        assert (cosigned_by(store, server.name), cosigned_by(store, "hub"), cosigned_by(store, None)) == (3, 0, 0)
    platform.close()


def forgetful(take: Callable[..., object]) -> Callable[..., object]:
    return lambda asked, desk, seen: take(asked, desk, Seen(size=0, root=seen.root))
