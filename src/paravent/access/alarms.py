"""Raising an alarm at one verifier: recorded, signed, and suspending when its policy says so (protocol.md 9.14): pure.

The detectors are given by the party: this package knows devices and counts, not how they are judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Protocol

import msgspec

from paravent.access.devices import BarReason
from paravent.access.files.looked import Looked
from paravent.access.requests import Authenticated, HttpRequest, authority_of, claimed_keyid, verify_request
from paravent.access.suspension import Verifier
from paravent.crypto.labels import Label
from paravent.crypto.signing import VerifyKey, key_id
from paravent.errors import UnknownParty
from paravent.wire.alarm import Alarm, AlarmsRequest, AlarmSubject, Finding, KeptAlarm, Sign
from paravent.wire.codec import Message, Natural, decode
from paravent.wire.statements import Directory, Signed, sign_statement
from paravent.wire.suspension import SubjectKind

DAY_SECONDS = 86_400
Positive = Annotated[int, msgspec.Meta(ge=1, lt=2**31)]


class AlarmPolicy(Message, frozen=True, kw_only=True):
    """What an operator sets: the false alarms a year of its whole fleet, how large it is, and what suspends at once.

    ``judged_seconds`` is how often counts are judged; 0 runs no detector. ``suspends`` is empty unless the operator
    lists signs: an alarm of one of them suspends its professional at this verifier, which ``resume`` ends. No more than
    ``suspends_a_day_max`` are, each day: a day on which all are above their usual must not close the country.
    """

    false_alarms_a_year: Positive = 12
    professionals: Positive = 13_000
    judged_seconds: Natural = 20
    suspends: tuple[Sign, ...] = ()
    suspends_a_day_max: Positive = 10


class Detectors(Protocol):
    """The detectors of one verifier."""

    def judge(
        self, professional: str, counts: Mapping[int, Mapping[str, int]], tried: tuple[int, int], today: int
    ) -> list[Finding]:
        """Lists what stands out of one professional's counts by day and kind."""

    def tried(self, before: tuple[int, int], *, unknown: bool) -> tuple[int, int]:
        """Counts one look-up in the sequential test of unknown persons."""

    def above(self, sums: Iterable[tuple[int, int, int, int]]) -> int:
        """Counts who is above its own usual, from (sum, sum of squares, days, count of the day)."""

    def judge_fleet(self, day: int, above: int, professionals: int, past: Sequence[int]) -> Finding | None:
        """Judges how many were above their usual on a day that is over."""

    def judge_minute(self, verifier: str, requests: int, past: Sequence[int], day: int) -> Finding | None:
        """Judges the requests of one minute, of anybody."""

    def judge_files(
        self, verifier: str, looked: Looked, past: Sequence[int], looks_a_day: float, day: int
    ) -> list[Finding]:
        """Judges what a look at the files of the verifier gave."""


class AlarmRecords(Protocol):
    """Where a verifier keeps its alarms; every method runs in the caller's transaction."""

    def known(self, finding: Finding) -> bool:
        """Says whether this sign alarmed for this subject on this day already."""

    def suspended_on(self, day: int) -> int:
        """Counts the alarms of a day (since 1970) that suspended somebody."""

    def next_number(self) -> int:
        """Returns the number of the next alarm."""

    def keep(self, alarm: Alarm, signed: Signed, leaf: int | None) -> None:
        """Keeps an alarm."""

    def after(self, number: int) -> list[KeptAlarm]:
        """Returns the next alarms after a number."""

    def clear_tried(self, professional: str) -> None:
        """Begins the sequential test of a professional again."""


class Bars(Protocol):
    """Where a verifier suspends."""

    def suspend(self, kind: SubjectKind, subject: str, reason: BarReason, now: int) -> bool:
        """Suspends from now on; False when it was barred already."""


class AlarmStore(Protocol):
    """The store of a verifier as alarms need it."""

    @property
    def alarms(self) -> AlarmRecords:
        """The alarms."""

    @property
    def devices(self) -> Bars:
        """The register of devices."""

    def log_alarm(self, payload: bytes) -> int | None:
        """Appends an alarm to the witness log; returns the position, None where there is no log."""


def raise_alarm(
    finding: Finding, store: AlarmStore, verifier: Verifier, policy: AlarmPolicy, now: int, *, drill: bool = False
) -> Alarm | None:
    """Records one finding inside the caller's transaction, once for its sign, subject and day; None when it was.

    1. suspended, when the policy lists its sign, it is about one professional and the day's measure is not full;
    2. signed; 3. in the witness log; 4. kept.
    """
    if store.alarms.known(finding):
        return None
    # 1. suspension
    listed = finding.kind is AlarmSubject.PROFESSIONAL and finding.sign in policy.suspends and not drill
    listed = listed and store.alarms.suspended_on(now // DAY_SECONDS) < policy.suspends_a_day_max
    suspended = listed and store.devices.suspend(SubjectKind.PROFESSIONAL, finding.subject, BarReason.DETECTION, now)
    # 2. signature
    alarm = Alarm(
        verifier=verifier.name, number=store.alarms.next_number(), raised_at=now, finding=finding,
        budget=policy.false_alarms_a_year, suspended=suspended, drill=drill,
    )  # fmt: skip
    signed = sign_alarm(alarm, verifier)
    # 3. and 4. log and record
    store.alarms.keep(alarm, signed, store.log_alarm(signed.payload))
    if finding.sign is Sign.UNKNOWN_PERSONS:
        store.alarms.clear_tried(finding.subject)
    return alarm


def sign_alarm(alarm: Alarm, verifier: Verifier) -> Signed:
    """Signs an alarm in the name of its verifier."""
    return sign_statement(alarm, Label.ALARM, verifier.name, verifier.signing_key)


def admit(request: HttpRequest, directory: Directory, base_url: str, now: int) -> tuple[AlarmsRequest, Authenticated]:
    """Verifies that the breach desk of the directory asks; raises UnknownParty or what is wrong."""
    desk = directory.breach_desk
    if desk is None or claimed_keyid(request) != key_id(VerifyKey(desk.verify_key)):
        raise UnknownParty("only the breach desk of the directory asks this")
    caller = verify_request(request, key=VerifyKey(desk.verify_key), authority=authority_of(base_url), now=now)
    return decode(request.body, AlarmsRequest), caller
