"""Believing the report that a party signed of its own state (docs/governance.md section 2): pure."""

from __future__ import annotations

from collections.abc import Mapping

from paravent.crypto.labels import Label
from paravent.crypto.signing import VerifyKey
from paravent.errors import MalformedMessage, ProofFailure, UnknownParty
from paravent.wire.codec import decode
from paravent.wire.doctor import DoctorReport
from paravent.wire.statements import Directory, Signed, open_statement

AHEAD_SECONDS_MAX = 60


def open_report(content: bytes, directory: Directory | None, others: Mapping[str, bytes], now: int) -> DoctorReport:
    """Verifies a report: by the directory, or by keys of ``others``, which stand in none: a desk's, and one's own.

    Raises UnknownParty when neither names its signer, ProofFailure naming it, MalformedMessage.
    """
    signed = decode(content, Signed)
    keys = {} if directory is None else {name: found[0] for name, found in directory.keys().items()}
    keys.update(others)
    if signed.signer not in keys:
        raise UnknownParty("no key of who signed this report is known here: join a directory, or give --key")
    report = open_statement(signed, DoctorReport, Label.DOCTOR_REPORT, signed.signer, VerifyKey(keys[signed.signer]))
    if report.party != signed.signer:
        raise ProofFailure("a party reports of itself alone", culprit=signed.signer)
    if report.at > now + AHEAD_SECONDS_MAX:
        raise ProofFailure("the report is of a time to come", culprit=signed.signer)
    names = [one.check for one in report.results]
    if len(set(names)) != len(names):
        raise MalformedMessage("a check stands twice in a report")
    return report
