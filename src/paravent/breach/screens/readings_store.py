"""Reads the home of a breach desk for its console, and records there what is decided on it (docs/screens.md).

Holds nothing of its own: each reading opens the home's databases and closes them again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from paravent.access.doctor.rules_store import shipped_rules
from paravent.access.doctor.witnessed import stamped_at
from paravent.access.services import WatchedHead
from paravent.breach.alarms import alarms_of
from paravent.breach.committee.figures import Committee
from paravent.breach.committee.store import gather
from paravent.breach.duties import duties
from paravent.breach.duties_store import close_case, duties_in, promised_in, record
from paravent.breach.entries import Decided, Documented, Filed, Placed, Stamped
from paravent.breach.registers.contracts import Contract
from paravent.breach.registers.measures import Standing, standings
from paravent.breach.registers.store import answers_in, contracts_in, shipped
from paravent.breach.rules_store import shipped_duties
from paravent.breach.screens.readings import CaseReading, InForce, case_reading, in_force, own_head
from paravent.breach.store import Store
from paravent.breach.trust import cosigners_of
from paravent.crypto.note import NoteKey
from paravent.errors import UnknownAddress
from paravent.pages.drill_rows import read_rows
from paravent.wire.bulletins import BulletinCounts
from paravent.wire.statements import Directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One home: its cases, its registers, its own log, named by the key ``log``; ``drill`` may not exist."""

    home: Path
    directory: Directory
    log: NoteKey
    drill: Path

    def cases(self, now: int) -> list[CaseReading]:
        """Reads every case, the newest first."""
        with Store(self.home) as store:
            return [self._case(store, name, now) for name in reversed(store.cases())]

    def case(self, name: str, now: int) -> CaseReading:
        """Reads one case; raises UnknownAddress."""
        with self._known(name) as store:
            return self._case(store, name, now)

    def suspended(self) -> list[InForce]:
        """Lists what cases suspended and did not resume."""
        with Store(self.home) as store:
            return [one for name in store.cases() for one in in_force(name, store.entries(name))]

    def document(self, name: str, number: int) -> tuple[str, bytes]:
        """Returns the name and the content of a document of a case, by its entry; raises UnknownAddress."""
        with self._known(name) as store:
            said = next((each.entry.said for each in store.entries(name) if each.entry.number == number), None)
            if not isinstance(said, Documented):
                raise UnknownAddress("this entry of the case is no document")
            return said.name, store.file(said.sha256)

    def head(self, now: int) -> tuple[WatchedHead, int]:
        """Reads the head of the desk's own log, and how many leaves it does not cover yet."""
        cosigners = cosigners_of(self.directory)
        with Store(self.home) as store:
            notes, size = store.checkpoints(), store.size()
            stamps = [
                store.file(each.entry.said.sha256) for name in store.cases() for each in store.entries(name)
                if isinstance(each.entry.said, Stamped)
            ]  # fmt: skip
        head = own_head(notes[max(notes)] if notes else None, self.log, cosigners, now)
        instants = [at for at in map(stamped_at, stamps) if at is not None]
        watched = WatchedHead(
            name=self.log.name, head=head, expected=tuple(one.name for one in cosigners),
            stamped_at=max(instants, default=None),
        )  # fmt: skip
        return watched, size - (0 if head is None else head.size)

    def contracts(self) -> list[Contract]:
        """Reads the register of contracts."""
        return contracts_in(self.home)

    def measures(self, now: int) -> list[Standing]:
        """Reads the register of measures as it stands."""
        return standings(shipped(), answers_in(self.home), now, shipped_rules().limits.answer_age_days_max)

    def committee(self, counts: BulletinCounts | None, now: int) -> Committee:
        """Computes the page of the steering committee; raises MalformedMessage for a drill that is none."""
        rows = read_rows(self.drill.read_bytes()) if self.drill.exists() else []
        return gather(self.home, rows, self.directory, counts, now)

    def record(self, name: str, said: Decided | Filed, *, role: str, now: int) -> Placed:
        """Records a decision or a filing; raises InvalidConfiguration when the case has no such duty."""
        with self._known(name) as store:
            found = duties_in(store, name, self._insurers(), self.home)
            return record(store, name, said, found, role=role, now=now)

    def close(self, name: str, reason: str, *, role: str, now: int) -> Placed:
        """Closes the case of a false alarm; raises InvalidConfiguration saying why it is none."""
        with self._known(name) as store:
            return close_case(store, name, reason, role=role, now=now)

    def _insurers(self) -> list[str]:
        return [entry.amc for entry in self.directory.insurers]

    def _case(self, store: Store, name: str, now: int) -> CaseReading:
        placed = store.entries(name)
        found = duties_in(store, name, self._insurers(), self.home)
        # As the first entry alone said it: what a correction of the opening changed is told.
        former = duties(shipped_duties(), placed[:1], self._insurers(), promised_in(self.home, placed[:1]))
        return case_reading(name, placed, found, former, alarms_of(store, placed), now)

    @contextmanager
    def _known(self, name: str) -> Iterator[Store]:
        with Store(self.home) as store:
            if name not in store.cases():
                raise UnknownAddress("no such case is open here")
            yield store


def day_of(now: int) -> date:
    """Returns the day of an instant (UTC), as the registers count."""
    return datetime.fromtimestamp(now, UTC).date()
