"""The lens rules shipped with the package."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from paravent.person.lens_category import LensRules, read_lens_rules


@cache
def shipped_lens_rules() -> LensRules:
    """Reads the rules file of the package."""
    return read_lens_rules((Path(__file__).parent / "lens_rules.toml").read_bytes())
