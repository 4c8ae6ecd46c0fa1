"""The shipped files of duties, contacts, offences, and the CNIL's form.

Holds: rows with their source and status, no case. Stolen: nothing is learnt. Altered: a due date or a contact is
wrong; whoever can write here can write the program.
"""

from __future__ import annotations

import csv
from pathlib import Path

from paravent.breach.documents.references import References, read_form
from paravent.breach.duties_rules import DutyRules, read_contacts, read_rules

_DATA = Path(__file__).parent / "data"


def shipped_duties() -> DutyRules:
    """Reads the duties in force."""
    return read_rules((_DATA / "duties-2026-01-01.toml").read_bytes())


def shipped_references() -> References:
    """Reads whom to call, the offences, and the form."""
    with (_DATA / "offences-2023-01-26.csv").open(encoding="utf-8", newline="") as file:
        offences = list(csv.DictReader(file))
    return References(
        contacts=read_contacts((_DATA / "contacts-2026-01-01.toml").read_bytes()).contact, offences=offences,
        form=read_form((_DATA / "cnil-form-2026-09-10.toml").read_bytes()),
    )  # fmt: skip
