"""From a verifier's alarm to a case of the breach desk (docs/protocol.md section 9, step 9.14).

An alarm is believed with its verifier's signature. Alarms about one subject within a week are one case: the hub and
each key server see the same thief.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from paravent.breach.closing import DETECTOR, closing
from paravent.breach.entries import Artefact, Placed
from paravent.breach.opening import ReportedAlarm, add_alarm, open_from_alarm
from paravent.breach.store import Store
from paravent.breach.suspension import VerifierEntry, verifiers
from paravent.crypto.group import Rng
from paravent.crypto.labels import Label
from paravent.crypto.signing import VerifyKey
from paravent.errors import ProofFailure
from paravent.wire.alarm import Alarm, AlarmSubject
from paravent.wire.codec import decode, encode
from paravent.wire.statements import Directory, Signed, open_statement

ONE_CASE_SECONDS = 7 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Who raises alarms, with which key; those of an ``insurer`` are asked of the hub, which carries them."""

    name: str
    key: VerifyKey
    at: VerifierEntry
    insurer: str | None = None


def sources(directory: Directory) -> list[Source]:
    """Lists who raises alarms: every verifier, and every insurer of its traps."""
    own = [Source(name=entry.name, key=VerifyKey(entry.verify_key), at=entry) for entry in verifiers(directory)]
    return own + [
        Source(name=entry.amc, key=VerifyKey(entry.issuer_key), at=directory.hub, insurer=entry.amc)
        for entry in directory.insurers
    ]


def read_alarm(signed: Signed, source: Source) -> Alarm:
    """Verifies an alarm of whoever raised it; raises ProofFailure naming it, or MalformedMessage."""
    alarm = open_statement(signed, Alarm, Label.ALARM, source.name, source.key)
    if alarm.verifier != source.name:
        raise ProofFailure("its alarm is in the name of another", culprit=source.name)
    return alarm


def read_any_alarm(signed: Signed, directory: Directory) -> Alarm:
    """Verifies an alarm of whichever verifier or insurer of the directory signed it; raises ProofFailure."""
    for source in sources(directory):
        if source.name == signed.signer:
            return read_alarm(signed, source)
    raise ProofFailure("no verifier and no insurer of the directory signed this alarm", culprit=signed.signer)


def take_alarm(store: Store, signed: Signed, alarm: Alarm, now: int, rng: Rng) -> tuple[str, bool]:
    """Opens a case from an alarm, or adds the alarm to the case of its subject; returns the case, and if it is new."""
    case, said = _case_of(store, alarm), _reported(signed, alarm)
    if case is None:
        return open_from_alarm(store, said, now, rng).entry.case, True
    add_alarm(store, case, said, now)
    return case, False


def _reported(signed: Signed, alarm: Alarm) -> ReportedAlarm:
    finding = alarm.finding
    return ReportedAlarm(
        verifier=alarm.verifier, number=alarm.number, sign=finding.sign.value,
        professional=finding.subject if finding.kind is AlarmSubject.PROFESSIONAL else None, day=finding.day,
        observed=finding.observed, usual=float(finding.usual), raised_at=alarm.raised_at, suspended=alarm.suspended,
        drill=alarm.drill, file=encode(signed),
    )  # fmt: skip


def _case_of(store: Store, alarm: Alarm) -> str | None:
    """Finds the open case that an alarm of the same subject opened within a week; a drill has its own.

    A case that was closed takes no further alarm: a new one opens another, whose clocks run.
    """
    for case in store.cases():
        placed = store.entries(case)
        if closing(placed) is not None:
            continue
        for other in alarms_of(store, placed):
            same = (other.finding.kind, other.finding.subject, other.drill) == (
                alarm.finding.kind, alarm.finding.subject, alarm.drill,
            )  # fmt: skip
            if same and abs(other.raised_at - alarm.raised_at) <= ONE_CASE_SECONDS:
                return case
    return None


def alarms_of(store: Store, placed: Iterable[Placed]) -> Iterator[Alarm]:
    """Reads the alarms that the entries of a case keep as evidence; each was verified when it was taken."""
    for each in placed:
        said = each.entry.said
        if isinstance(said, Artefact) and each.entry.role == DETECTOR:
            yield decode(decode(store.file(said.sha256), Signed).payload, Alarm)
