"""The Sigma rules that are shipped for an operator's SIEM (docs/detection.md section 7).

Holds: rules over the events of ``paravent ... events --ocsf``; nothing of any party. Stolen: which simple rules are
run. Altered: an operator who takes them from here has other rules; whoever can write here can write the program.
"""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent / "sigma"


def shipped_rules() -> dict[str, str]:
    """Reads every rule file, by name, in alphabetical order: the name of a file is the sign, or the nearest to it."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(_FOLDER.glob("*.yml"))}
