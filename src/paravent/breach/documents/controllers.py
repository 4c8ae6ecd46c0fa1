"""For each insurer, the controller: the processor's notice, and what the CNIL is told (RGPD art. 33): pure."""

from __future__ import annotations

from paravent.breach.documents import common
from paravent.breach.documents.model import UNKNOWN, Document, Section, View
from paravent.breach.entries import Unsealed


def notice(view: View, insurer: str) -> Document:
    """Writes what the processor owes the controller (art. 33(2)), with the content of art. 33(3)."""
    return Document(
        name=f"01-avis-au-responsable-{insurer}", title="Violation de données : information du responsable de traitement",
        recipient=view.names[insurer],
        sections=(
            Section(
                heading="Objet",
                paragraphs=(
                    f"{view.operator}, sous-traitant, informe {view.names[insurer]}, responsable de traitement, d'une"
                    " violation de données à caractère personnel (RGPD, article 33, paragraphe 2).",
                    f"{view.opened.facts}\u00a0[e{view.start.position}]",
                    f"Nature : {common.nature(view)}.", common.awareness(view),
                    f"Début : {view.when(view.opened.began_at)}. Fin : {view.when(view.opened.ended_at)}.",
                ),
            ),
            Section(heading="Données", paragraphs=tuple(common.data_categories(view))),
            common.figures(view, insurer),
            Section(heading="Conséquences probables", paragraphs=(common.consequences(view, insurer),)),
            common.measures(view),
            Section(
                heading="Ce que l'organisme a à faire",
                paragraphs=(
                    "La liste des dossiers concernés est jointe sous forme de pseudonymes. Seul l'organisme sait qui ils"
                    " sont : « paravent insurer resolve » les traduit chez lui, dans un fichier qui y reste.",
                    "L'organisme dispose de 72 heures, à compter de cette information, pour notifier la CNIL, si un"
                    " risque existe pour les personnes (article 33, paragraphe 1).",
                    f"Contact : {view.contact}.", common.written(view),
                ),
            ),
        ),
    )  # fmt: skip


def notification(view: View, insurer: str, *, complementary: bool) -> Document:
    """Writes the content of the notification to the CNIL, in the order of its form, ready to be copied.

    The order and the closed values are recalled from the public form and are to be checked on the day.
    """
    kind = "complémentaire" if complementary else "initiale"
    number = "03" if complementary else "02"
    return Document(
        name=f"{number}-cnil-{kind.replace('é', 'e')}-{insurer}", title=f"Notification {kind} à la CNIL : contenu à recopier",
        recipient="CNIL (téléservice), par l'organisme",
        sections=(*_who(view, insurer, kind), *_what(view, insurer), *_after(view, insurer, complementary=complementary)),
    )  # fmt: skip


def _who(view: View, insurer: str, kind: str) -> list[Section]:
    return [
        Section(
            heading="1. Notification",
            paragraphs=(f"Type : {kind}.", f"Numéro de la notification initiale : {UNKNOWN}.",
                        f"Justification si plus de 72 heures : {UNKNOWN} si la date d'échéance est passée."),
        ),
        Section(
            heading="2. Organisme",
            paragraphs=(f"Nom : {view.names[insurer]}.", f"SIREN, adresse, secteur, taille, représentant : {UNKNOWN}."),
        ),
        Section(heading="3. Contact", paragraphs=(f"Délégué à la protection des données de l'organisme : {UNKNOWN}.",)),
        Section(
            heading="4. Autres organismes",
            paragraphs=(f"Sous-traitant : {view.operator}, opérateur de tiers payant. Contact : {view.contact}.",),
        ),
        Section(
            heading="5. Dates",
            paragraphs=(f"Début : {view.when(view.opened.began_at)}.", f"Fin : {view.when(view.opened.ended_at)}.",
                        common.awareness(view), f"Circonstances : {view.opened.facts}\u00a0[e{view.start.position}]"),
        ),
    ]  # fmt: skip


def _what(view: View, insurer: str) -> list[Section]:
    origins = sorted({common.ORIGIN.get(kind, "piratage") for kind in view.kinds()})
    return [
        Section(heading="6. Nature", paragraphs=("Perte de confidentialité.", f"Précision : {common.nature(view)}.")),
        Section(heading="7. Origine", paragraphs=(f"{' ; '.join(origins) or UNKNOWN}.",)),
        Section(heading="8. Cause", paragraphs=("Acte externe malveillant." if view.kinds() else "Inconnu.",)),
        Section(heading="9. Données", paragraphs=tuple(common.data_categories(view))),
        Section(
            heading="10. Personnes",
            paragraphs=("Catégories : clients (assurés et ayants droit), mineurs compris.",),
        ),
        common.figures(view, insurer),
    ]  # fmt: skip


def _after(view: View, insurer: str, *, complementary: bool) -> list[Section]:
    informed = "Non, mais elles le seront." if view.exposure(insurer).estimate else "Pas encore décidé."
    windows = [each for each in view.entries if isinstance(each.entry.said, Unsealed)]
    found = tuple(
        f"Élément nouveau : les dépositaires ont ouvert la fenêtre du dossier, {each.entry.said.openings} inscriptions"
        f"\u00a0[e{each.position}]." for each in windows if isinstance(each.entry.said, Unsealed)
    )  # fmt: skip
    sealed, clear = view.severity
    return [
        Section(
            heading="12. Conséquences",
            paragraphs=(common.consequences(view, insurer),
                        "Confidentialité : croisement avec d'autres informations, exploitation malveillante."),
        ),
        Section(
            heading="13. Gravité",
            paragraphs=(
                f"Formule ENISA, {sealed.state} : {sealed.score} ({sealed.level}) ; {clear.state} : {clear.score}"
                f" ({clear.level}).",
                f"Échelle de la CNIL (négligeable, limitée, importante, maximale) : {UNKNOWN} par l'organisme.",
            ),
        ),
        common.measures(view),
        Section(heading="15. Information des personnes", paragraphs=(informed,)),
        Section(heading="16. Autres États", paragraphs=(f"{UNKNOWN}.",)),
        Section(
            heading="17. Pièces",
            paragraphs=(*(found if complementary else ()), "Dossier de preuves (dossier.tar).", common.written(view)),
        ),
    ]  # fmt: skip
