"""The shipped mapping to OCSF (docs/detection.md section 6).

Holds: identifiers of a public schema; nothing of any party. Stolen: nothing is learnt. Altered: events are filed
under other classes; whoever can write here can write the program.
"""

from __future__ import annotations

from pathlib import Path

from paravent.access.events.ocsf import OcsfMapping, read_mapping

_FILE = Path(__file__).parent / "data" / "ocsf-1.8.0.toml"


def shipped_mapping() -> OcsfMapping:
    """Reads the mapping in force."""
    return read_mapping(_FILE.read_bytes())
