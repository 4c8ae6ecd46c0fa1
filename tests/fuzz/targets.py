"""Every target by name, built when it is asked for: whoever adds a reader of what comes from outside adds one here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.fuzz import breach_targets, dossier_targets, protocol_targets, trade_targets
from tests.fuzz.target import Target

TARGETS: dict[str, Callable[[], Target]] = {
    make.__name__.replace("_", "-"): make
    for make in (*protocol_targets.TARGETS, *trade_targets.TARGETS, *breach_targets.TARGETS, *dossier_targets.TARGETS)
}

REGRESSIONS = Path(__file__).parent / "regressions"


def regressions(name: str) -> list[bytes]:
    """Reads the inputs that were faults of a target once."""
    return [path.read_bytes() for path in sorted((REGRESSIONS / name).glob("*"))]
