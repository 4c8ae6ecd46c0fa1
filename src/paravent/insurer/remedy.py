"""What the breach desk asks this insurer to do for a case, verified, and what was done (protocol section 16): pure."""

from __future__ import annotations

import hashlib

from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey, VerifyKey
from paravent.errors import InvalidConfiguration, UnknownParty
from paravent.wire.case import Remedy, RemedyAsked, RemedyDone
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


def effect(
    asked: RemedyAsked, *, newest: int, members: int, unknown: int, rows: int
) -> list[tuple[str, str]]:  # fmt: skip
    """States what executing a request does to this insurer's service, in French and in English."""
    if asked.remedy is Remedy.REVOKE:
        return [
            (
                f"Dossier {asked.case} : révocation des droits, assurés : {members}, pseudonymes inconnus : {unknown}",
                f"Case {asked.case}: the rights of {members} members are revoked ({unknown} labels unknown here)",
            ),
            (
                "Leurs cartes et leurs lignes ne servent plus, sans retour, jusqu'à une nouvelle publication",
                "Their cards and rows serve no more, for good, until their rights are published anew",
            ),
            (
                "La plateforme l'apprend aussitôt ; un poste, à sa prochaine lecture de la liste (chaque jour)",
                "The hub learns it at once; a desk when it next reads the list (every day)",
            ),
        ]
    stated = [_leaving(asked, newest, rows)]
    if asked.end_former:
        stated.append((
            f"La période {asked.epoch} cesse aussitôt : une recherche en cours est à recommencer",
            f"Epoch {asked.epoch} ends at once: a look-up in progress is to be made again",
        ))  # fmt: skip
    return [
        *stated,
        ("Continuent : les cartes, les prises en charge, les factures", "Going on: cards, agreements, claims"),
    ]


def _leaving(asked: RemedyAsked, newest: int, rows: int) -> tuple[str, str]:
    if newest > asked.epoch:
        return (
            f"Dossier {asked.case} : la période {asked.epoch} est déjà quittée ({newest} aujourd'hui)",
            f"Case {asked.case}: epoch {asked.epoch} was left before ({newest} today)",
        )
    return (
        f"Dossier {asked.case} : {rows} lignes sont scellées de nouveau ; une période neuve remplace la {asked.epoch}",
        f"Case {asked.case}: {rows} rows are sealed again under a new epoch, which takes the place of {asked.epoch}",
    )


def sign_done(
    signed: Signed, asked: RemedyAsked, *, epoch: int, revoked: int, unknown: int, now: int, key: SigningKey
) -> Signed:  # fmt: skip
    """Signs what was done: the newest epoch since, persons revoked, labels that are nobody's here."""
    done = RemedyDone(
        case=asked.case, insurer=asked.insurer, request=hashlib.sha256(encode(signed)).digest(), remedy=asked.remedy,
        epoch=epoch, revoked=revoked, unknown=unknown, done_at=now,
    )  # fmt: skip
    return sign_statement(done, Label.CASE_REMEDY_DONE, asked.insurer, key)
