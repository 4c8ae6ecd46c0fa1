"""The security events of the breach desk: that a case was opened, and nothing of what it says (docs/detection.md)."""

from __future__ import annotations

from pathlib import Path

from paravent.access.events.happened import CaseOpened, Happened, settled
from paravent.breach.entries import Opened
from paravent.breach.store import Store


def cases_opened(home: Path, since: int, until: int) -> list[Happened]:
    """Lists the cases that were opened from an instant on, before another."""
    with Store(home) as store:
        found = [_opened(store, case) for case in store.cases()]
    return settled([one for one in found if one is not None], since, until)


def _opened(store: Store, case: str) -> CaseOpened | None:
    entry = store.entries(case)[0].entry
    return (
        CaseOpened(case=case, origin=entry.said.origin.value, at=entry.at) if isinstance(entry.said, Opened) else None
    )
