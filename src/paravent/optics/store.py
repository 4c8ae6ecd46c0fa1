"""The rules files shipped with the package (docs/protocol.md section 11).

Holds: public law and tariffs, no person. Stolen: nothing is learnt. Altered: their version is another
one, and the other parties refuse what was computed with them (``decision``).
"""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

from paravent.optics.months import Month, month_of
from paravent.optics.rules import Rules, read_rules, rules_for, rules_of_month

_FOLDER = Path(__file__).parent / "rules"


@cache
def every_shipped_rules() -> tuple[Rules, ...]:
    """Reads every rules file of the package, oldest first."""
    return tuple(read_rules(path.read_bytes()) for path in sorted(_FOLDER.glob("*.toml")))


def shipped_rules() -> Rules:
    """Returns the newest rules of the package."""
    return every_shipped_rules()[-1]


def shipped_rules_at(now: int) -> Rules:
    """Returns the rules of the package for an act of this instant; raises InvalidConfiguration when there are none."""
    return rules_of_month(Month(number=month_of(now)), every_shipped_rules())


def shipped_rules_for(day: date) -> Rules:
    """Returns the rules of the package in force on a day; raises InvalidConfiguration when there are none."""
    return rules_for(day, every_shipped_rules())
