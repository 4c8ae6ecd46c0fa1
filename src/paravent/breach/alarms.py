"""From a verifier's alarm to a case of the breach desk (docs/protocol.md section 9, step 9.14).

An alarm is believed with its verifier's signature. Alarms about one subject within a week are one case: the hub and
each key server see the same thief.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from paravent.breach.entries import Artefact, Category, Noted, Opened, Origin
from paravent.breach.store import Store
from paravent.breach.suspension import VerifierEntry, verifiers
from paravent.crypto.labels import Label
from paravent.crypto.signing import VerifyKey
from paravent.errors import ProofFailure
from paravent.wire.alarm import Alarm
from paravent.wire.codec import decode, encode
from paravent.wire.statements import Directory, Signed, open_statement

ONE_CASE_SECONDS = 7 * 86_400
ROLE = "detector"


def read_alarm(signed: Signed, entry: VerifierEntry) -> Alarm:
    """Verifies an alarm of a verifier; raises ProofFailure naming it, or MalformedMessage."""
    alarm = open_statement(signed, Alarm, Label.ALARM, entry.name, VerifyKey(entry.verify_key))
    if alarm.verifier != entry.name:
        raise ProofFailure("its alarm is in the name of another", culprit=entry.name)
    return alarm


def read_any_alarm(signed: Signed, directory: Directory) -> Alarm:
    """Verifies an alarm of whichever verifier of the directory signed it; raises ProofFailure."""
    for entry in verifiers(directory):
        if entry.name == signed.signer:
            return read_alarm(signed, entry)
    raise ProofFailure("no verifier of the directory signed this alarm", culprit=signed.signer)


def take_alarm(store: Store, signed: Signed, alarm: Alarm, now: int) -> tuple[str, bool]:
    """Opens a case from an alarm, or adds the alarm to the case of its subject; returns the case, and if it is new."""
    evidence = encode(signed)
    kept = Artefact(
        name=f"alarm-{alarm.verifier}-{alarm.number}.json", sha256=store.keep_file(evidence), size=len(evidence),
        source=alarm.verifier,
    )  # fmt: skip
    case = _case_of(store, alarm)
    new = case is None
    if case is None:
        case = store.next_case(datetime.fromtimestamp(now, UTC).year)
        store.add(case, _opening(alarm), role=ROLE, now=now, new=True)
    else:
        store.add(case, Noted(category=Category.FACT, text=_facts(alarm)), role=ROLE, now=now)
    store.add(case, kept, role=ROLE, now=now)
    return case, new


def _opening(alarm: Alarm) -> Opened:
    """Opens at the instant of the alarm, the earliest that a clock can run from; a human may supersede it."""
    prefix = "Exercice : " if alarm.drill else ""
    return Opened(
        title=f"{prefix}alarme {alarm.finding.sign.value} de {alarm.verifier}", facts=_facts(alarm),
        origin=Origin.DRILL if alarm.drill else Origin.DETECTOR, aware_at=alarm.raised_at, aware_role=ROLE,
    )  # fmt: skip


def _facts(alarm: Alarm) -> str:
    finding = alarm.finding
    ends = " Suspension locale immédiate." if alarm.suspended else ""
    return (
        f"Alarme {alarm.number} de {alarm.verifier} : {finding.sign.value} ({finding.kind.value}),"
        f" {finding.observed} sur {finding.whole} pour {finding.usual} habituels.{ends}"
    )


def _case_of(store: Store, alarm: Alarm) -> str | None:
    """Finds the case that an alarm of the same subject opened within a week; a drill has its own."""
    for case in store.cases():
        for other in _alarms_of(store, case):
            same = (other.finding.kind, other.finding.subject, other.drill) == (
                alarm.finding.kind, alarm.finding.subject, alarm.drill,
            )  # fmt: skip
            if same and abs(other.raised_at - alarm.raised_at) <= ONE_CASE_SECONDS:
                return case
    return None


def _alarms_of(store: Store, case: str) -> Iterator[Alarm]:
    for placed in store.entries(case):
        said = placed.entry.said
        if isinstance(said, Artefact) and placed.entry.role == ROLE:
            yield decode(decode(store.file(said.sha256), Signed).payload, Alarm)
