"""Suspending for a case at every verifier, and what came of it (docs/protocol.md section 9): pure.

Nothing is read there but counts of devices; no person is concerned, no row is opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from paravent.access.requests import Authenticated
from paravent.crypto.labels import Label
from paravent.crypto.signing import VerifyKey
from paravent.errors import ParaventError, ProofFailure
from paravent.wire.statements import Directory, HubEntry, KeyServerEntry, Signed, open_statement
from paravent.wire.suspension import LANES, Measure, SubjectKind, SuspensionReport, SuspensionRequest

VerifierEntry = HubEntry | KeyServerEntry


class OutcomeKind(StrEnum):
    """What came of a measure at one verifier."""

    DONE = "done"
    ALREADY = "already"
    SEEN = "seen"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One verifier's signed report, or the error in its place."""

    verifier: str
    report: SuspensionReport | None
    error: ParaventError | None = None
    evidence: Signed | None = None

    def kind(self, measure: Measure) -> OutcomeKind:
        """Says what came of it."""
        if self.report is None:
            return OutcomeKind.FAILED
        if measure is Measure.LOOK:
            return OutcomeKind.SEEN
        return OutcomeKind.DONE if self.report.changed else OutcomeKind.ALREADY


def verifiers(directory: Directory) -> list[VerifierEntry]:
    """Lists who answers devices: the hub and every key server."""
    return [directory.hub, *directory.keyservers]


def read_report(signed: Signed, entry: VerifierEntry, sent: Authenticated) -> SuspensionReport:
    """Verifies a verifier's report on one request; raises ProofFailure naming it, or MalformedMessage."""
    report = open_statement(signed, SuspensionReport, Label.SUSPENSION, entry.name, VerifyKey(entry.verify_key))
    if (report.verifier, report.request) != (entry.name, sent.digest):
        raise ProofFailure("its report is on another request", culprit=entry.name)
    return report


def complete(outcomes: Sequence[Outcome]) -> bool:
    """Says whether every verifier took the measure."""
    return all(outcome.error is None for outcome in outcomes)


def effect(asked: SuspensionRequest, outcomes: Sequence[Outcome]) -> list[tuple[str, str]]:
    """States what a measure does to the service, from what each verifier said when it was looked at.

    Returns sentences, each in French and in English.
    """
    reports = [outcome.report for outcome in outcomes if outcome.report is not None]
    devices = max((report.active for report in reports), default=0)
    professionals = max((report.professionals for report in reports), default=0)
    shops = max((report.shops for report in reports), default=0)
    counted = (
        f"postes actifs : {devices}, professionnels : {professionals}, magasins : {shops}",
        f"active devices: {devices}, professionals: {professionals}, shops: {shops}",
    )
    return [_measured(asked, counted), *_consequences(asked), *_gaps(outcomes)]


_KINDS_FR = {
    SubjectKind.DEVICE: "le poste",
    SubjectKind.PROFESSIONAL: "le professionnel",
    SubjectKind.SHOP: "le magasin",
    SubjectKind.INSURER: "la voie numéro de l'organisme",
    SubjectKind.LANE: "la voie",
}


def _measured(asked: SuspensionRequest, counted: tuple[str, str]) -> tuple[str, str]:
    subject_fr, subject_en = f"{_KINDS_FR[asked.kind]} {asked.subject}", f"{asked.kind.value} {asked.subject}"
    match asked.measure:
        case Measure.RESUME:
            return (
                f"Dossier {asked.case} : fin de la suspension pour {subject_fr} (aujourd'hui {counted[0]})",
                f"Case {asked.case}: the suspension of the {subject_en} ends (today {counted[1]})",
            )
        case Measure.WITHDRAW:
            return (
                f"Dossier {asked.case} : retrait définitif pour {subject_fr} ({counted[0]})",
                f"Case {asked.case}: the {subject_en} is withdrawn for good ({counted[1]})",
            )
        case Measure.SUSPEND | Measure.LOOK:
            return (
                f"Dossier {asked.case} : suspension pour {subject_fr} ({counted[0]})",
                f"Case {asked.case}: the {subject_en} is suspended ({counted[1]})",
            )


def _consequences(asked: SuspensionRequest) -> list[tuple[str, str]]:
    if asked.measure is Measure.RESUME:
        return [
            (
                "Ce que l'exploitant ou un autre dossier suspend le reste",
                "What the operator or another case suspends stays so",
            )
        ]
    if asked.kind in LANES:
        whose = ("de tous les organismes", "of every insurer")
        if asked.kind is SubjectKind.INSURER:
            whose = (f"de l'organisme {asked.subject}", f"of insurer {asked.subject}")
        return [
            (
                f"S'arrêtent dès la demande suivante : recherches et ouvertures par numéro, assurés {whose[0]}",
                f"Stopped from the next request on: look-ups and openings by number, members {whose[1]}",
            ),
            (
                "Les postes disent « panne technique », jamais « non couvert »",
                "Desks say a technical failure, never that somebody is not covered",
            ),
            (
                "Continuent : les cartes, les prises en charge et les factures de droits déjà lus",
                "Going on: cards, prises en charge and claims of rights that were read before",
            ),
        ]
    return [
        (
            "S'arrêtent dès la demande suivante : la voie numéro, les prises en charge et les factures de ces postes",
            "Stopped from the next request on: number lane, prises en charge and claims of these devices",
        ),
        (
            "Continuent : la lecture hors ligne des cartes ; les prises en charge ouvertes gardent leur terme",
            "Going on: offline reading of cards; open prises en charge keep their term",
        ),
    ]


def _gaps(outcomes: Sequence[Outcome]) -> list[tuple[str, str]]:
    missing = ", ".join(outcome.verifier for outcome in outcomes if outcome.error is not None)
    if not missing:
        return []
    return [
        (
            f"Sans réponse conforme de {missing} : la mesure n'y vaut pas encore ; à relancer",
            f"No proper answer from {missing}: the measure does not hold there yet; run it again",
        )
    ]
