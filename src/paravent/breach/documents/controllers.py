"""For each insurer, the controller: the processor's notice, and what the CNIL is told (RGPD art. 33): pure."""

from __future__ import annotations

from paravent.breach.documents import common
from paravent.breach.documents.model import UNKNOWN, Document, Section, View, day, decimal, mark, number, sentence
from paravent.breach.documents.references import Form, chosen, sure
from paravent.breach.entries import Stolen, Unsealed
from paravent.breach.severity import severities


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
                    view.facts(), f"Nature : {common.nature(view, insurer)}.", common.awareness(view), common.dates(view),
                ),
            ),
            Section(heading="Données", paragraphs=tuple(common.data_categories(view, insurer))),
            common.figures(view, insurer),
            Section(heading="Conséquences probables", paragraphs=(common.consequences(view, insurer),)),
            common.measures(view),
            Section(
                heading="Ce que l'organisme a à faire",
                paragraphs=(
                    _list(view, insurer),
                    "À compter de cette information, l'organisme dispose de 72 heures pour notifier la violation à la CNIL,"
                    " sauf si elle n'est pas susceptible d'engendrer un risque pour les personnes (RGPD, article 33,"
                    " paragraphe 1).",
                    f"Contact : {view.contact}.", common.written(view),
                ),
            ),
        ),
    )  # fmt: skip


def _list(view: View, insurer: str) -> str:
    """Says how the insurer learns who is concerned."""
    if view.exposure(insurer).proved == 0:
        return "Aucun dossier de l'organisme n'est établi comme lu : il n'y a pas de liste de personnes à ce jour."
    return (
        "La liste des dossiers concernés est jointe sous forme de pseudonymes. Seul l'organisme sait à qui ils"
        " correspondent : sur sa propre machine, la commande « paravent insurer resolve » en fait une liste d'assurés, qui y"
        " reste."
    )


def notification(view: View, insurer: str, form: Form, *, complementary: bool) -> Document:
    """Writes the content of the notification to the CNIL, in the order of its form, ready to be copied.

    The order and the closed values are recalled from the public form: the document says so, with the form's date.
    """
    kind = "complémentaire" if complementary else "initiale"
    place = "03" if complementary else "02"
    texts = (
        *_who(view, insurer, form, kind), *_what(view, insurer, form),
        *_after(view, insurer, form, complementary=complementary),
    )  # fmt: skip
    headings = iter(form.headings)
    sections = tuple(
        text if isinstance(text, Section) else Section(heading=heading, paragraphs=text)
        for text, heading in zip(texts, headings, strict=True)
    )
    return Document(
        name=f"{place}-cnil-{kind.replace('é', 'e')}-{insurer}",
        title=f"Notification {kind} à la CNIL : contenu à recopier", recipient="CNIL (téléservice), par l'organisme",
        sections=(Section(heading="À vérifier avant l'envoi", paragraphs=(to_check(form),)), *sections),
    )  # fmt: skip


def to_check(form: Form) -> str:
    """Says from when the order of the form is, and how sure."""
    return (
        "L'ordre des rubriques et les listes de réponses de ce document sont à comparer, avant l'envoi, au formulaire de la"
        f" CNIL (source : {form.source} ; date : {day(form.recalled_on.isoformat())} ; sûreté : {sure(form.status)})."
    )


Part = tuple[str, ...] | Section


def _who(view: View, insurer: str, form: Form, kind: str) -> list[Part]:
    return [
        (
            f"Type : {chosen(form.types, kind)}.", f"Numéro de la notification initiale : {UNKNOWN}.",
            "Justification, si plus de 72 heures ont passé (RGPD, article 33, paragraphe 1) :"
            f" {UNKNOWN} si la date d'échéance est dépassée.",
        ),
        (f"Nom : {view.names[insurer]}.", f"SIREN, adresse, secteur, taille, représentant : {UNKNOWN}."),
        (f"Délégué à la protection des données de l'organisme : {UNKNOWN}.",),
        (f"Sous-traitant : {view.operator}, opérateur de tiers payant. Contact : {view.contact}.",),
        (common.dates(view), common.awareness(view),
         f"Circonstances de la découverte : « {view.opened.facts} »{mark(view.start.position)}."),
    ]  # fmt: skip


def _what(view: View, insurer: str, form: Form) -> list[Part]:
    kinds = view.kinds(insurer)
    origins = sorted({common.ORIGIN.get(kind, "piratage") for kind in kinds})
    return [
        (f"Perte de : {chosen(form.losses, 'confidentialité')}.", f"Précision : {common.nature(view, insurer)}."),
        (sentence(chosen(form.origins, *origins) if origins else UNKNOWN),),
        (sentence(chosen(form.causes, "acte externe malveillant" if kinds else "inconnu")),),
        tuple(common.data_categories(view, insurer)),
        common.figures(
            view, insurer, form.headings[9],
            f"Catégories : {chosen(form.persons, 'clients', 'mineurs')}. Ce sont les assurés et ceux qu'ils couvrent.",
        ),
        tuple(common.measures_before(view)) or (sentence(UNKNOWN),),
    ]  # fmt: skip


def _after(view: View, insurer: str, form: Form, *, complementary: bool) -> list[Part]:
    informed = "non, mais elles le seront" if view.exposure(insurer).estimate else "pas encore décidé"
    windows = [each for each in view.entries if isinstance(each.entry.said, Unsealed)]
    found = tuple(
        f"Élément nouveau : deux dépositaires ont ouvert la période en cause, {number(each.entry.said.openings)} lignes"
        f"{mark(each.position)}." for each in windows if isinstance(each.entry.said, Unsealed)
    )  # fmt: skip
    harms = f"Confidentialité : {chosen(form.consequences, *form.consequences[1:])}."
    return [
        (common.consequences(view, insurer), *((harms,) if view.kinds(insurer) else ())),
        (_severity(view, insurer), f"Échelle de la CNIL ({', '.join(form.gravities)}) : {UNKNOWN} par l'organisme."),
        tuple(common.measures_since(view)),
        (sentence(chosen(form.informed, informed)),),
        (sentence(UNKNOWN),),
        (*(found if complementary else ()), "Dossier de preuves (fichier dossier.tar).", common.written(view)),
    ]  # fmt: skip


def _severity(view: View, insurer: str) -> str:
    """Scores what concerns one insurer, as it was protected and as if it had not been."""
    if not view.kinds(insurer) and view.kinds():
        return "Formule de l'ENISA : sans objet, aucune atteinte aux données de l'organisme n'est établie."
    loots = [each.entry.said for each in view.entries if isinstance(each.entry.said, Stolen)]
    exposure, source = view.exposure(insurer), mark(view.exposures[insurer].position)
    own = [loot for loot in loots if loot.insurer in {None, insurer}]
    sealed, clear = severities(own, exposure.estimate, exposure.upper)
    return (
        f"Formule de l'ENISA, {sealed.state} : {decimal(sealed.score)} ({sealed.level}){source} ; {clear.state} :"
        f" {decimal(clear.score)} ({clear.level}){source}."
    )
