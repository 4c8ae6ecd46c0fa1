"""Statements that insurers hand to the hub to be served as they are: status lists, guarantees (protocol.md 4, 11)."""

from __future__ import annotations

from functools import lru_cache

from paravent.crypto.labels import Label
from paravent.crypto.signing import VerifyKey
from paravent.errors import MalformedMessage, ProofFailure
from paravent.optics.guarantee import GuaranteeTables
from paravent.wire.statements import InsurerEntry, Signed, StatusList, open_statement

STATUS_LIST = "status-list"
GUARANTEES = "guarantees"
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
    else:
        raise MalformedMessage("the hub serves status lists and guarantees")
    if insurer != entry.amc:
        raise ProofFailure("an insurer publishes for itself only", culprit=entry.amc)
    return counter
