"""The rules files shipped with the package."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from paravent.optics.rules import Rules, read_rules

_FOLDER = Path(__file__).parent / "rules"


@cache
def shipped_rules() -> Rules:
    """Reads the newest rules file of the package."""
    return read_rules(max(_FOLDER.glob("*.toml")).read_bytes())
