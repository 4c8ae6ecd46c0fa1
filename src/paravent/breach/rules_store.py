"""The shipped files of duties, contacts and offences.

Holds: rows with their source and status, no case. Stolen: nothing is learnt. Altered: a due date or a contact is
wrong; whoever can write here can write the program.
"""

from __future__ import annotations

import csv
from pathlib import Path

from paravent.breach.duties_rules import Contacts, DutyRules, read_contacts, read_rules

_DATA = Path(__file__).parent / "data"


def shipped_duties() -> DutyRules:
    """Reads the duties in force."""
    return read_rules((_DATA / "duties-2026-01-01.toml").read_bytes())


def shipped_contacts() -> Contacts:
    """Reads whom to call."""
    return read_contacts((_DATA / "contacts-2026-01-01.toml").read_bytes())


def shipped_offences() -> list[dict[str, str]]:
    """Reads the offences."""
    with (_DATA / "offences-2023-01-26.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
