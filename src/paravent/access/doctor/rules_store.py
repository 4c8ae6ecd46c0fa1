"""The shipped file of checks (docs/governance.md section 1).

Holds: limits, and which measures a check answers; no state of any party. Stolen: nothing is learnt. Altered: a
check judges by other limits; whoever can write here can write the program.
"""

from __future__ import annotations

from pathlib import Path

from paravent.access.doctor.rules import DoctorRules, read_rules

_DATA = Path(__file__).parent / "data"


def shipped_rules() -> DoctorRules:
    """Reads the limits in force."""
    return read_rules((_DATA / "doctor-2026-01-01.toml").read_bytes())
