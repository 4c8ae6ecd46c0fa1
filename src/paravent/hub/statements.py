"""Statements that insurers hand to the hub to be served as they are: status lists, guarantees (protocol.md 4, 11)."""

from __future__ import annotations

from functools import lru_cache

from paravent.crypto.labels import Label
from paravent.crypto.signing import VerifyKey
from paravent.errors import MalformedMessage, ProofFailure
from paravent.optics.audit import require_successor
from paravent.optics.guarantee import GuaranteeTables
from paravent.wire.audit import AuditBook
from paravent.wire.codec import decode
from paravent.wire.statements import STATEMENT_BYTES_MAX, InsurerEntry, Signed, StatusList, open_statement

STATUS_LIST = "status-list"
GUARANTEES = "guarantees"
AUDIT = "audit"
_OPENED_MAX = 256  # statements, of insurers that acts are about


@lru_cache(_OPENED_MAX)
def open_status_list(signed: Signed, amc: str, issuer: VerifyKey) -> StatusList:
    """Opens an insurer's status list; the same one is verified once."""
    return open_statement(signed, StatusList, Label.STATUS_LIST, amc, issuer)


@lru_cache(_OPENED_MAX)
def open_guarantees(signed: Signed, amc: str, issuer: VerifyKey) -> GuaranteeTables:
    """Opens an insurer's guarantees; the same ones are verified once."""
    return open_statement(signed, GuaranteeTables, Label.GUARANTEES, amc, issuer)


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
    else:
        raise MalformedMessage("the hub serves status lists, guarantees and audits")
    if insurer != entry.amc:
        raise ProofFailure("an insurer publishes for itself only", culprit=entry.amc)
    return counter


def verify_follows(signed: Signed, kind: str, former: Signed | None, month: int) -> None:
    """Checks that audits only go forward: committed before their month, revealed after; raises ProofFailure."""
    if kind == AUDIT:
        known = None if former is None else decode(former.payload, AuditBook, bytes_max=STATEMENT_BYTES_MAX)
        require_successor(known, decode(signed.payload, AuditBook, bytes_max=STATEMENT_BYTES_MAX), month)
