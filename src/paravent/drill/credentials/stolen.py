"""What a thief does with one server whose clock or disk it commands: that server counts as stolen."""

from __future__ import annotations

from paravent.access.log_watch import Seen, take_checkpoint
from paravent.crypto.merkle import EMPTY_ROOT
from paravent.drill.credentials.scene import DAY, Scene, bound
from paravent.errors import LogRolledBack
from paravent.keyserver.cosigning import own_checkpoint, require_not_rolled_back
from paravent.wire.log import CheckpointAnswer, SeenAnswer


def clock_ahead(scene: Scene) -> None:
    """Puts the clock of one server a day ahead, where its window is empty, and back."""
    _jump(scene, DAY)


def clock_behind(scene: Scene) -> None:
    """Puts the clock of one server a day behind before it was asked anything, and back."""
    scene.platform.servers[scene.stolen[0]].skew = -DAY
    _jump(scene, 0)


def clock_back(scene: Scene) -> None:
    """Puts the clock of one server a day back once its quota is spent: it answers nobody."""
    scene.attacker.drain(scene.hits)
    _jump(scene, -DAY)


def _jump(scene: Scene, skew: int) -> None:
    attacker, server = scene.attacker, scene.platform.servers[scene.stolen[0]]
    attacker.preferred = set(scene.stolen)
    for clock in (server.skew, skew, 0):
        server.skew = clock
        attacker.drain(scene.hits)
    attacker.preferred.clear()
    attacker.drain(scene.hits)


def roll_back(scene: Scene) -> None:
    """Puts the disk of one server back to what it was before, again and again."""
    attacker, platform = scene.attacker, scene.platform
    server = platform.servers[scene.stolen[0]]
    attacker.preferred = {server.index}
    before = server.home.copy()
    for _ in range(4):
        attacker.drain(scene.hits)
        server.restart(before, platform.directory, platform.now)
        before = server.home.copy()
    attacker.preferred.clear()
    attacker.drain(scene.hits)


def between_cosignatures(scene: Scene) -> int:
    """Puts one server back to just after its last cosignature, once; before that, its others would say so.

    Returns the bound of this attack: what can be opened without a stolen server, and what was forgotten of it.
    """
    attacker, platform = scene.attacker, scene.platform
    server = platform.servers[scene.stolen[0]]
    attacker.preferred = {server.index}
    earlier = server.home.copy()
    # Two thirds of its quota are spent when the others cosign its log.
    attacker.drain(scene.hits[: platform.shape.server_limits.openings_per_day_max * 2 // 3])
    size = server.store.log_size()
    note = own_checkpoint(server.identity, server.store.log).encode()
    take_checkpoint(CheckpointAnswer(note=note, proof=()), server.entry(), Seen(size=0, root=EMPTY_ROOT))
    remembered, cosigned = SeenAnswer(note=note), server.home.copy()
    attacker.drain(scene.hits)
    forgotten = server.store.log_size() - size
    server.restart(earlier, platform.directory, platform.now)
    try:
        require_not_rolled_back(remembered, "another server", server.identity, server.store.log)
    except LogRolledBack:
        # Found out, it answers nobody: the thief goes back no further than the cosignature.
        server.restart(cosigned, platform.directory, platform.now)
        require_not_rolled_back(remembered, "another server", server.identity, server.store.log)
    attacker.drain(scene.hits)
    attacker.preferred.clear()
    attacker.drain(scene.hits)
    shape = platform.shape
    gained = len(attacker.devices) * shape.servers * shape.server_limits.openings_per_day_max + forgotten
    return min(gained // shape.threshold, bound(shape, len(attacker.devices), 1, 1))
