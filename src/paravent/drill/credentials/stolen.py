"""What a thief does with one server whose clock or disk it commands: that server counts as stolen."""

from __future__ import annotations

from paravent.drill.credentials.scene import DAY, Scene


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
