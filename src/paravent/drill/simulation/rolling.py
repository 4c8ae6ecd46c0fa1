"""A key server whose database is put back: found out by what others cosigned, then taken back from a copy (12.8)."""

from __future__ import annotations

import shutil
from pathlib import Path

from paravent.access.log_watch import Seen, take_checkpoint
from paravent.drill.simulation.parties import SimulatedServer
from paravent.drill.simulation.platform import SimulatedPlatform
from paravent.drill.simulation.watch import Property, PropertyBroken
from paravent.errors import LogRolledBack
from paravent.keyserver import restoring
from paravent.keyserver.cosigning import own_checkpoint, require_not_rolled_back
from paravent.keyserver.store import DATABASE
from paravent.wire.log import CheckpointAnswer, SeenAnswer

_ENTRIES_MAX = 1_000_000


def cosign(platform: SimulatedPlatform, server: SimulatedServer) -> int:
    """Lets every other party that is up watch a server's log, and the next one copy it; returns how many did."""
    log, watchers = server.store.log, 0
    note = own_checkpoint(server.identity, log).encode()
    for party in platform.verifiers():
        if party is server or not party.up:
            continue
        seen = party.store.memory.seen(server.name)
        answer = CheckpointAnswer(note=note, proof=log.consistency(seen.size, log.size()))
        checkpoint, _ = take_checkpoint(answer, server.entry(), seen)
        with party.store.commit():
            if isinstance(party, SimulatedServer) and party.name == _keeper(platform, server):
                copied = party.store.log.copied(server.name)
                party.store.log.copy(server.name, log.entries(copied, _ENTRIES_MAX))
            party.store.memory.see(server.name, Seen(size=checkpoint.size, root=checkpoint.root, note=note))
        watchers += 1
    return watchers


def roll_back(platform: SimulatedPlatform, server: SimulatedServer, former: Path) -> str:
    """Puts a server's database back to what it was in ``former``, and has the server start; raises PropertyBroken.

    Its others cosigned its log as it stood. It must be refused whenever it lost a leaf; what it lost comes back from
    the copy, or, where the keeper is away, with the later database.
    """
    later, size = server.home.copy(), server.store.log_size()
    target = server.home.copy()
    for leftover in target.glob(f"{DATABASE}*"):
        leftover.unlink()
    # With its write-ahead log, in which the newest transactions may still stand.
    for file in former.glob(f"{DATABASE}*"):
        shutil.copy(file, target / file.name)
    server.restart(target, platform.directory, platform.now)
    memories = {
        party.name: SeenAnswer(note=party.store.memory.seen(server.name).note)
        for party in platform.verifiers() if party is not server and party.up
    }  # fmt: skip
    lost = size - server.store.log_size()
    refused = [name for name, answer in memories.items() if _refuses(server, name, answer)]
    if lost and not refused:
        raise PropertyBroken(Property.ROLLED_BACK, f"{server.name} lost {lost} leaves and may answer")
    keeper = platform.verifier(_keeper(platform, server))
    if not lost:
        return "lost nothing"
    if not isinstance(keeper, SimulatedServer) or not keeper.up:
        server.restart(later, platform.directory, platform.now)
        return "refused"
    return f"refused, {_restore(platform, server, keeper, memories)} leaves restored"


def _refuses(server: SimulatedServer, name: str, answer: SeenAnswer) -> bool:
    try:
        require_not_rolled_back(answer, name, server.identity, server.store.log)
    except LogRolledBack:
        return True
    return False


def _restore(
    platform: SimulatedPlatform, server: SimulatedServer, keeper: SimulatedServer, memories: dict[str, SeenAnswer]
) -> int:
    cosigned = restoring.remembered(memories, server.identity)
    own = [entry for _, entry in server.store.log.entries(0, _ENTRIES_MAX)]
    copy = [entry for _, entry in keeper.store.log.copies(server.name, 0, _ENTRIES_MAX)]
    lost = restoring.missing(own, copy, cosigned, keeper.name)
    server.store.restore(lost, platform.now + server.skew)
    return len(lost)


def _keeper(platform: SimulatedPlatform, server: SimulatedServer) -> str:
    return restoring.keeper_of(server.name, platform.directory).name
