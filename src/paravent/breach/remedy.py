"""What a case asks an insurer to do itself: leave an epoch, revoke entitlements (docs/protocol.md section 16): pure."""

from __future__ import annotations

from paravent.crypto.labels import Label
from paravent.crypto.signing import SigningKey
from paravent.errors import InvalidConfiguration
from paravent.wire.case import Remedy, RemedyAsked
from paravent.wire.statements import Directory, Signed, sign_statement


def ask(asked: RemedyAsked, directory: Directory, key: SigningKey) -> Signed:
    """Signs a request as the breach desk of the directory; raises InvalidConfiguration when the key is another's."""
    desk = directory.breach_desk
    if desk is None or bytes(key.public) != desk.verify_key:
        raise InvalidConfiguration("the directory does not list this breach desk: sign it again with --breach-desk")
    if directory.insurer(asked.insurer) is None:
        raise InvalidConfiguration("the directory has no such insurer")
    return sign_statement(asked, Label.CASE_REMEDY, desk.name, key)


def effect(asked: RemedyAsked) -> list[tuple[str, str]]:
    """States what a request does to the service once the insurer executes it, in French and in English."""
    if asked.remedy is Remedy.REVOKE:
        return [
            (
                f"Dossier {asked.case} : {asked.insurer} révoque les droits des dossiers ouverts ({len(asked.labels)})",
                f"Case {asked.case}: {asked.insurer} revokes the rights behind {len(asked.labels)} opened records",
            ),
            (
                "Leurs cartes et leurs lignes ne servent plus, sans retour, jusqu'à une nouvelle publication",
                "Their cards and rows serve no more, for good, until they are published anew",
            ),
        ]
    stated = [
        (
            f"Dossier {asked.case} : l'organisme {asked.insurer} quitte la période {asked.epoch} et scelle de nouveau",
            f"Case {asked.case}: insurer {asked.insurer} leaves epoch {asked.epoch} and seals everybody again",
        ),
        (
            "Les postes relisent la nouvelle période ; les cartes continuent",
            "Desks read the next epoch; cards go on",
        ),
    ]
    if asked.end_former:
        stated.append(
            (
                "L'ancienne période cesse aussitôt : les recherches en cours sont à recommencer",
                "The former epoch ends at once: look-ups in progress are to be made again",
            )
        )
    return stated
