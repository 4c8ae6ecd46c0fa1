"""What is due in the cases of a home, by its contracts, and the recording of what was done about it.

Holds nothing of its own: cases stand in ``store.py``, contracts in ``registers/store.py``.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

from paravent.breach.closing import require_closable
from paravent.breach.duties import Duty, duties, require_duty
from paravent.breach.entries import Closed, Decided, Filed, Opened, Placed
from paravent.breach.registers.contracts import Promise, promises
from paravent.breach.registers.store import contracts_in
from paravent.breach.rules_store import shipped_duties
from paravent.breach.standing import opened, standing
from paravent.breach.store import Store


def promised_in(registers: Path, placed: list[Placed]) -> dict[str, Promise]:
    """Reads the notice delays of the contracts in force on the day on which the operator became aware of a case."""
    said = opened(standing(placed)).entry.said
    assert isinstance(said, Opened)  # noqa: S101 - ``opened`` returns the entry that opened the case
    return promises(contracts_in(registers), datetime.fromtimestamp(said.aware_at, UTC).date())


def duties_in(store: Store, case: str, insurers: Collection[str], registers: Path) -> list[Duty]:
    """Lists the duties of a case, the contracts being those of the home ``registers``."""
    placed = store.entries(case)
    return duties(shipped_duties(), placed, insurers, promised_in(registers, placed))


def record(
    store: Store, case: str, said: Decided | Filed, known: Collection[Duty], *, role: str, now: int
) -> Placed:  # fmt: skip
    """Records a decision or a filing of a duty that the case has; raises InvalidConfiguration otherwise."""
    require_duty(known, said.duty)
    return store.add(case, said, role=role, now=now)


def close_case(store: Store, case: str, reason: str, *, role: str, now: int) -> Placed:
    """Closes the case of a false alarm; raises InvalidConfiguration saying why it is none."""
    require_closable(store.entries(case))
    return store.add(case, Closed(reason=reason), role=role, now=now)
