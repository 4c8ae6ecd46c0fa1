"""What the breach desk asks this insurer to do for a case, verified, and what was done (protocol section 16): pure."""

from __future__ import annotations

import hashlib

from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey, VerifyKey
from paravent.errors import InvalidConfiguration, UnknownParty
from paravent.wire.case import RemedyAsked, RemedyDone
from paravent.wire.codec import encode
from paravent.wire.statements import Directory, Signed, open_statement, sign_statement


def read_request(signed: Signed, directory: Directory, amc: str) -> RemedyAsked:
    """Verifies a request: the breach desk of the directory signed it, for this insurer.

    Raises UnknownParty when the directory has no breach desk, ProofFailure, or InvalidConfiguration when it is for
    another insurer.
    """
    desk = directory.breach_desk
    if desk is None:
        raise UnknownParty("the directory lists no breach desk")
    asked = open_statement(signed, RemedyAsked, Label.CASE_REMEDY, desk.name, VerifyKey(desk.verify_key))
    if asked.insurer != amc:
        raise InvalidConfiguration("this request is for another insurer")
    return asked


def sign_done(
    signed: Signed, asked: RemedyAsked, *, epoch: int, revoked: int, unknown: int, now: int, key: SigningKey
) -> Signed:  # fmt: skip
    """Signs what was done: the newest epoch since, persons revoked, labels that are nobody's here."""
    done = RemedyDone(
        case=asked.case, insurer=asked.insurer, request=hashlib.sha256(encode(signed)).digest(), remedy=asked.remedy,
        epoch=epoch, revoked=revoked, unknown=unknown, done_at=now,
    )  # fmt: skip
    return sign_statement(done, Label.CASE_REMEDY_DONE, asked.insurer, key)
