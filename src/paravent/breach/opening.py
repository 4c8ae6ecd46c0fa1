"""Opening a case: by hand, by a detector's alarm, by the drill (docs/protocol.md section 16).

An alarm brings what a case starts from, so that nobody types it: what was seen, on which day, by which verifier, of
which professional. It is no proof of a breach: the exposure is computed from the logs, and a case of a false alarm is
closed by saying so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from paravent.breach.case import OPERATOR
from paravent.breach.closing import DETECTOR
from paravent.breach.documents.model import day, number
from paravent.breach.entries import (
    AnyEvent,
    Artefact,
    Category,
    LootKind,
    Noted,
    Opened,
    Origin,
    Placed,
    Private,
    Stolen,
)
from paravent.breach.standing import standing
from paravent.breach.store import Store
from paravent.crypto.group import Rng
from paravent.pages.screens.catalogue import marked

DAY_SECONDS = 86_400
SIGNS = {
    "volume": marked("un nombre inhabituel de recherches"),
    "unknown-persons": marked("des recherches de personnes inconnues"),
    "evaluations-without-openings": marked("des recherches sans suite"),
    "openings-without-claims": marked("des dossiers ouverts sans demande de remboursement"),
    "new-devices": marked("des postes ajoutés en nombre inhabituel"),
    "closed-hours": marked("une activité aux heures de fermeture"),
    "claims-mix": marked("des demandes de remboursement inhabituelles"),
    "fleet": marked("une activité inhabituelle chez de nombreux opticiens à la fois"),
    "request-flood": marked("un afflux de demandes"),
    "mass-rewrite": marked("une réécriture en masse de fichiers d'un serveur"),
    "canary-file": marked("l'utilisation d'un fichier piège"),
    "canary-credential": marked("l'utilisation d'un identifiant piège"),
    "trap-person": marked("l'ouverture du dossier d'un assuré leurre"),
}
"""What each sign of a detector says to a person who has never seen one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedAlarm:
    """A verified alarm: which verifier saw which sign, of which professional (None: of all, or of itself), on a day.

    ``day`` counts from 1970 (UTC); ``raised_at`` is in Unix seconds; ``file`` is the alarm as the verifier signed it;
    ``drill`` says that an exercise had been announced.
    """

    verifier: str
    number: int
    sign: str
    professional: str | None
    day: int
    observed: int
    usual: float
    raised_at: int
    suspended: bool
    drill: bool
    file: bytes


def next_case(store: Store, now: int) -> str:
    """Names the case that would be opened at an instant."""
    return store.next_case(datetime.fromtimestamp(now, UTC).year)


def open_case(store: Store, said: Opened, more: Iterable[AnyEvent], now: int, role: str = OPERATOR) -> Placed:
    """Opens a case and adds what is known already; returns the entry that opens it."""
    case = next_case(store, now)
    placed = store.add(case, said, role=said.aware_role, now=now, new=True)
    for event in more:
        store.add(case, event, role=role, now=now)
    return placed


def open_from_alarm(store: Store, alarm: ReportedAlarm, now: int, rng: Rng) -> Placed:
    """Opens a case with all that an alarm says: facts, window, what was stolen, the signed alarm as evidence."""
    return open_case(store, opened_by(alarm), [*_brought(store, alarm), *_stolen(store, alarm, rng)], now, DETECTOR)


def add_alarm(store: Store, case: str, alarm: ReportedAlarm, now: int) -> None:
    """Adds to a case another alarm of the same subject: its facts, its evidence, and the days that it adds."""
    store.add(case, Noted(category=Category.FACT, text=opened_by(alarm).facts), role=DETECTOR, now=now)
    for event in _brought(store, alarm):
        store.add(case, event, role=DETECTOR, now=now)
    for placed in standing(store.entries(case)):
        said = placed.entry.said
        if isinstance(said, Stolen) and said.professional is not None and _who(store, said) == alarm.professional:
            wider = _widened(said, alarm)
            if wider != said:
                store.add(case, wider, role=DETECTOR, now=now, supersedes=placed.entry.number)


def _who(store: Store, said: Stolen) -> str | None:
    return None if said.professional is None else store.private(said.professional)


def _window(alarm: ReportedAlarm) -> tuple[int, int]:
    began = alarm.day * DAY_SECONDS
    return began, max(alarm.raised_at, began + DAY_SECONDS - 1)


def _widened(said: Stolen, alarm: ReportedAlarm) -> Stolen:
    first, last = _window(alarm)
    return msgspec.structs.replace(said, from_at=min(said.from_at or first, first), to_at=max(said.to_at or last, last))


def _brought(store: Store, alarm: ReportedAlarm) -> list[AnyEvent]:
    """Keeps the signed alarm, and says what the verifier did at once."""
    kept: list[AnyEvent] = [
        Artefact(
            name=f"alarm-{alarm.verifier}-{alarm.number}.json", sha256=store.keep_file(alarm.file),
            size=len(alarm.file), source=alarm.verifier,
        )
    ]  # fmt: skip
    if alarm.suspended:
        kept.append(Noted(category=Category.MEASURE_AFTER, text="Le compte en cause a été suspendu dès l'alarme."))
    return kept


def _stolen(store: Store, alarm: ReportedAlarm, rng: Rng) -> list[AnyEvent]:
    """Counts every device of the professional as stolen over the day; who it is stands outside the log."""
    if alarm.professional is None:
        return []
    first, last = _window(alarm)
    whose = store.keep_private(Private.of(alarm.professional, rng))
    return [Stolen(kind=LootKind.DEVICE_KEY, professional=whose, from_at=first, to_at=last)]


def opened_by(alarm: ReportedAlarm) -> Opened:
    """Says what an alarm says, in words; the clock runs from the instant at which it was raised."""
    seen = SIGNS.get(alarm.sign, "une activité inhabituelle")
    whose = "" if alarm.professional is None else " sur le compte d'un opticien"
    when = datetime.fromtimestamp(alarm.day * DAY_SECONDS, UTC).date().isoformat()
    usual = number(round(alarm.usual))
    return Opened(
        title=f"Alarme : {seen}{whose}",
        facts=f"La surveillance automatique a signalé {seen}{whose} le {day(when)} : {number(alarm.observed)}, contre"
        f" {usual} d'habitude. La cause n'est pas encore connue.",
        origin=Origin.DRILL if alarm.drill else Origin.DETECTOR, aware_at=alarm.raised_at,
        aware_role=f"surveillance automatique ({alarm.verifier})", began_at=alarm.day * DAY_SECONDS,
    )  # fmt: skip
