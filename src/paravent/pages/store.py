"""The templates shipped with the package.

Holds: layouts, no person and no amount. Stolen: nothing is learnt. Altered: documents say something else than what
was computed; whoever can write here can write the program.
"""

from __future__ import annotations

from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"
_SHARED = frozenset({"faces", "layout"})


def template_names() -> frozenset[str]:
    """Lists the documents that can be laid out; what they share is not one."""
    return frozenset(path.stem for path in TEMPLATES.glob("*.typ")) - _SHARED
