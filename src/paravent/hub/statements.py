"""Statements that insurers hand to the hub to be served as they are: status lists, guarantees (protocol.md 4, 11)."""

from __future__ import annotations

from functools import lru_cache

from paravent.crypto.labels import Label
from paravent.crypto.signing import VerifyKey
from paravent.errors import MalformedMessage, ProofFailure
from paravent.optics.audit import require_successor
from paravent.optics.guarantee import GuaranteeTables
from paravent.wire.alarm import ALARM_BOOK, ALARMS_PER_ANSWER_MAX, Alarm, AlarmBook, KeptAlarm
from paravent.wire.audit import AuditBook
from paravent.wire.codec import decode
from paravent.wire.statements import STATEMENT_BYTES_MAX, InsurerEntry, Signed, StatusList, open_statement

STATUS_LIST = "status-list"
GUARANTEES = "guarantees"
AUDIT = "audit"
SERVED = frozenset({STATUS_LIST, GUARANTEES, AUDIT})
"""What anybody may read; the alarms of an insurer are for the breach desk."""
_OPENED_MAX = 256  # statements, of insurers that acts are about


@lru_cache(_OPENED_MAX)
def open_status_list(signed: Signed, amc: str, issuer: VerifyKey) -> StatusList:
    """Opens an insurer's status list; the same one is verified once."""
    return open_statement(signed, StatusList, Label.STATUS_LIST, amc, issuer)


@lru_cache(_OPENED_MAX)
def open_guarantees(signed: Signed, amc: str, issuer: VerifyKey) -> GuaranteeTables:
    """Opens an insurer's guarantees; the same ones are verified once."""
    return open_statement(signed, GuaranteeTables, Label.GUARANTEES, amc, issuer)


def open_alarm_book(signed: Signed, amc: str, issuer: VerifyKey) -> AlarmBook:
    """Opens an insurer's alarms, each of them signed and numbered from 1; raises ProofFailure or MalformedMessage."""
    found = open_statement(signed, AlarmBook, Label.ALARM_BOOK, amc, issuer)
    for number, alarm in enumerate(found.alarms, start=1):
        if open_statement(alarm, Alarm, Label.ALARM, amc, issuer).number != number:
            raise ProofFailure("its alarms are not numbered from 1", culprit=amc)
    if found.counter != len(found.alarms):
        raise ProofFailure("it counts its alarms wrongly", culprit=amc)
    return found


def carried_alarms(signed: Signed | None, after: int) -> tuple[KeptAlarm, ...]:
    """Returns the next alarms after a number of a book that was verified when it was taken; no log holds their hash."""
    if signed is None:
        return ()
    found = decode(signed.payload, AlarmBook, bytes_max=STATEMENT_BYTES_MAX).alarms
    return tuple(KeptAlarm(signed=alarm, leaf=None) for alarm in found[after : after + ALARMS_PER_ANSWER_MAX])


def verify_statement(signed: Signed, kind: str, entry: InsurerEntry) -> int:
    """Verifies a status list or a guarantee table and returns its counter; raises ProofFailure or MalformedMessage."""
    issuer = VerifyKey(entry.issuer_key)
    if kind == STATUS_LIST:
        statuses = open_status_list(signed, entry.amc, issuer)
        insurer, counter = statuses.insurer, statuses.counter
    elif kind == GUARANTEES:
        tables = open_guarantees(signed, entry.amc, issuer)
        insurer, counter = tables.insurer, tables.counter
    elif kind == AUDIT:
        audits = open_statement(signed, AuditBook, Label.AUDIT, entry.amc, issuer)
        insurer, counter = audits.insurer, audits.counter
    elif kind == ALARM_BOOK:
        alarms = open_alarm_book(signed, entry.amc, issuer)
        insurer, counter = alarms.insurer, alarms.counter
    else:
        raise MalformedMessage("the hub takes status lists, guarantees, audits and alarms")
    if insurer != entry.amc:
        raise ProofFailure("an insurer publishes for itself only", culprit=entry.amc)
    return counter


def verify_follows(signed: Signed, kind: str, former: Signed | None, month: int) -> None:
    """Checks that audits and alarms only go forward; raises ProofFailure."""
    if kind == AUDIT:
        known = None if former is None else decode(former.payload, AuditBook, bytes_max=STATEMENT_BYTES_MAX)
        require_successor(known, decode(signed.payload, AuditBook, bytes_max=STATEMENT_BYTES_MAX), month)
    if kind == ALARM_BOOK and former is not None:
        told = decode(former.payload, AlarmBook, bytes_max=STATEMENT_BYTES_MAX).alarms
        if decode(signed.payload, AlarmBook, bytes_max=STATEMENT_BYTES_MAX).alarms[: len(told)] != told:
            raise ProofFailure("it takes back an alarm that it gave", culprit=signed.signer)
