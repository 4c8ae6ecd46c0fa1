"""Openings of traps in the logs that this insurer pulled, and the alarms they are (docs/protocol.md 9.15).

There is no threshold: nobody honest knows the number of a trap. Pure over the two stores.
"""

from __future__ import annotations

from paravent.access.alarms import AlarmPolicy, raise_alarm
from paravent.access.devices import BarReason
from paravent.access.suspension import Verifier
from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey
from paravent.insurer.journal_store import Journal
from paravent.insurer.traps.store import TrapOpening, TrapStore
from paravent.wire.alarm import Alarm, AlarmBook, AlarmSubject, Finding, Sign
from paravent.wire.statements import Signed, sign_statement
from paravent.wire.suspension import SubjectKind

FALSE_ALARMS_A_YEAR_MAX = 1
"""A draw that would be expected to give more is refused."""

HOURS_A_DAY = 24


class _AlarmPlace:
    """The traps as ``raise_alarm`` needs a store: an insurer has no witness log, and bars nobody."""

    def __init__(self, traps: TrapStore) -> None:
        self.alarms = traps.alarms

    @property
    def devices(self) -> _AlarmPlace:
        """Devices are the verifiers'."""
        return self

    def suspend(self, kind: SubjectKind, subject: str, reason: BarReason, now: int) -> bool:  # noqa: ARG002 - its shape
        """Never suspends: that is the breach desk's, and the verifiers'."""
        return False

    def log_alarm(self, payload: bytes) -> int | None:  # noqa: ARG002 - its shape
        """Has no log."""
        return None


def raise_alarms(journal: Journal, traps: TrapStore, amc: str, key: SigningKey, now: int) -> list[Alarm]:
    """Raises one alarm for each shop and day in which a trap was opened that was not seen before."""
    raised: list[Alarm] = []
    with traps.commit():
        for opening in _new_openings(journal, traps):
            alarm = raise_alarm(
                _finding(opening, traps), _AlarmPlace(traps), Verifier(name=amc, base_url="", signing_key=key),
                AlarmPolicy(false_alarms_a_year=FALSE_ALARMS_A_YEAR_MAX), now, drill=opening.drill,
            )  # fmt: skip
            if alarm is not None:
                raised.append(alarm)
    return raised


def _new_openings(journal: Journal, traps: TrapStore) -> list[TrapOpening]:
    found = []
    for epoch, handle, member in traps.handles():
        for server, position, shop, hour in journal.openings(epoch, handle):
            opening = TrapOpening(
                server=server, position=position, member=member, shop=shop, hour=hour,
                drill=traps.announced(member, shop, hour),
            )  # fmt: skip
            if traps.keep_opening(opening):
                found.append(opening)
    return found


def _finding(opening: TrapOpening, traps: TrapStore) -> Finding:
    day = opening.hour // HOURS_A_DAY
    opened = traps.opened_on(opening.shop, day, drill=opening.drill)
    return Finding(
        sign=Sign.TRAP_PERSON, kind=AlarmSubject.SHOP,
        subject=f"{opening.shop} (drill)" if opening.drill else opening.shop, day=day, observed=opened, whole=opened,
        usual="0", statistic="0", limit="0",
    )  # fmt: skip


def book(traps: TrapStore, amc: str, key: SigningKey) -> tuple[int, Signed] | None:
    """Signs all alarms as one statement for the hub to carry, with their number; None when there are none."""
    alarms: list[Signed] = []
    while page := traps.alarms.after(len(alarms)):
        alarms += [kept.signed for kept in page]
    if not alarms:
        return None
    statement = AlarmBook(insurer=amc, counter=len(alarms), alarms=tuple(alarms))
    return len(alarms), sign_statement(statement, Label.ALARM_BOOK, amc, key)
