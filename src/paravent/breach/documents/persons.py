"""For persons (RGPD art. 34): the decision, its record, the notice in plain words; press, counter: pure."""

from __future__ import annotations

from paravent.breach.documents import common
from paravent.breach.documents.model import UNKNOWN, Document, Section, View, instant
from paravent.breach.entries import Category, LootKind, Measured

_FILES = {
    "log": "registre d'un serveur de clés", "counts": "comptes de la plateforme",
    "answer": "réponse d'un organisme", "leak": "déclaration d'un organisme",
}  # fmt: skip


def decision(view: View, insurer: str) -> Document:
    """Writes the record of the decision to inform persons or not, with what art. 34(3)(a) needs at this date."""
    exposure = view.exposure(insurer)
    duty = next((one for one in view.duties if one.rule.code == "rgpd-34" and one.insurer == insurer), None)
    decided = duty.decision if duty is not None and duty.decision else "à prendre par l'organisme"
    unintelligible = exposure.estimate == 0
    evidence = tuple(
        (_FILES[each.entry.said.kind], each.entry.said.source, f"{each.entry.said.summary}\u00a0[e{each.position}]",
         each.entry.said.sha256.hex())
        for each in view.entries if isinstance(each.entry.said, Measured)
    )  # fmt: skip
    proposed = (
        "Proposition : ne pas informer individuellement, sous réserve de l'appréciation de l'organisme : aucune donnée lue"
        " n'est établie ni estimée."
        if unintelligible else
        "Proposition : informer chaque personne de la liste. L'exception du chiffrement ne vaut pas pour les dossiers"
        " ouverts."
    )  # fmt: skip
    return Document(
        name=f"04-decision-article-34-{insurer}", title="Décision d'informer ou non les personnes (RGPD, article 34)",
        recipient=view.names[insurer],
        sections=(
            Section(
                heading="Décision",
                paragraphs=(f"Décision de l'organisme : {decided}.",
                            f"Motif : {(duty.reason if duty else '') or UNKNOWN}.", proposed),
            ),
            common.figures(view, insurer),
            Section(
                heading=f"Éléments de l'article 34, paragraphe 3, point a, au {instant(view.now)}",
                paragraphs=(
                    "Données inintelligibles : chaque ligne est chiffrée avec une clé propre, qu'aucun des serveurs de clés"
                    " ne détient seul ; la plateforme n'en détient aucune.",
                    f"Ce qui a été pris : {common.nature(view)}.",
                    "Ce qui le démontre : les fichiers vérifiés ci-dessous, chacun par sa signature.",
                ),
                columns=("Fichier", "De qui", "Ce qu'il établit", "SHA-256"), rows=evidence,
            ),
            Section(
                heading="Autres exceptions",
                paragraphs=("Point b (mesures qui écartent le risque élevé) : à apprécier par l'organisme.",
                            "Point c (effort disproportionné, communication publique) : à apprécier par l'organisme.",
                            common.written(view)),
            ),
        ),
    )  # fmt: skip


def letter(view: View, insurer: str) -> Document:
    """Writes what an insurer sends to each person, in plain words; the name is added at the insurer."""
    read = view.exposure(insurer).estimate > 0
    spared = (
        "Des fichiers illisibles sans des clés qui n'ont pas été prises ont été copiés. " if common.copied(view) else ""
    )
    what = (
        "Une personne non autorisée a pu savoir que vous êtes assuré chez nous, et lire le nom de votre garantie optique,"
        " ses dates et la date à laquelle de nouvelles lunettes peuvent être remboursées."
        if read else f"{spared}Rien ne montre que quelqu'un ait lu des informations sur vous."
    )  # fmt: skip
    return Document(
        name=f"05-avis-aux-personnes-{insurer}", title="Information sur vos données personnelles", public=True,
        recipient="{{prénom}} {{nom}}",
        sections=(
            Section(heading="Que s'est-il passé ?", paragraphs=(f"{view.opened.facts}\u00a0[e{view.start.position}]", what)),
            Section(
                heading="Ce qui n'est pas concerné",
                paragraphs=(_spared(view),),
            ),
            Section(
                heading="Ce que vous pouvez faire",
                paragraphs=(
                    "Méfiez-vous des appels, des courriels et des messages qui parlent de votre mutuelle ou de"
                    " remboursements. Ne donnez jamais un mot de passe ni un code reçu par message.",
                    "Surveillez vos comptes sur ameli.fr, impots.gouv.fr et moncompteformation.gouv.fr.",
                    "Vous pouvez porter plainte : un modèle est joint.",
                ),
            ),
            Section(
                heading="Ce que nous faisons",
                paragraphs=(*(view.noted(Category.MEASURE_AFTER) or (f"Ce que nous avons fait depuis : {UNKNOWN}.",)),
                            f"Une question ? Le délégué à la protection des données de {view.names[insurer]} vous répond :"
                            f" {UNKNOWN}."),
            ),
        ),
    )  # fmt: skip


def _spared(view: View) -> str:
    """Says what is known not to be concerned: what the platform never held, unless a file left elsewhere."""
    if LootKind.CLEAR_FILE in view.kinds():
        return f"Le fichier sorti contient ces informations, et aucune autre : {UNKNOWN}."
    return (
        "Vos ordonnances, votre correction et vos coordonnées bancaires ne sont pas concernées : l'opérateur ne les détient"
        " pas."
    )


def press(view: View) -> Document:
    """Writes a press release with what is known, and nothing that is not."""
    proved = " ; ".join(
        f"{view.names[amc]} : {view.cited(view.exposure(amc).estimate, amc)}" for amc in sorted(view.exposures)
    )
    return Document(
        name="06-communique-de-presse", title=view.opened.title, recipient="Presse", public=True,
        sections=(
            Section(
                heading="Les faits",
                paragraphs=(f"{view.opened.facts}\u00a0[e{view.start.position}]", f"Nature : {common.nature(view)}.",
                            f"Nombre de personnes dont un dossier a pu être lu, par organisme : {proved}."),
            ),
            Section(
                heading="Ce que cela veut dire",
                paragraphs=(_meaning(view),),
            ),
            Section(
                heading="Et maintenant",
                paragraphs=("Chaque organisme informe lui-même ses assurés, individuellement et directement.",
                            f"Contact : {view.contact}."),
            ),
        ),
    )  # fmt: skip


def _meaning(view: View) -> str:
    """Says what it means that this was stolen and nothing else."""
    held = "L'opérateur ne détient ni les noms, ni les numéros de sécurité sociale, ni les corrections visuelles des assurés."
    if not common.copied(view):
        return held
    return (
        f"{held} Les lignes copiées restent des données personnelles, protégées par des clés que détiennent des organismes"
        " indépendants."
    )


def counter(view: View) -> Document:
    """Writes what an optician can say to a customer who asks."""
    return Document(
        name="07-mot-au-comptoir", title="Ce que vous pouvez dire à vos clients", recipient="Opticiens", public=True,
        sections=(
            Section(
                heading="Si un client demande",
                paragraphs=(
                    "« Un incident a touché le tiers payant. L'opérateur ne détient ni votre correction, ni votre"
                    " ordonnance : je les garde ici. »",
                    "« Si vous êtes concerné, c'est votre mutuelle qui vous l'écrit. Je ne peux pas le vérifier, et personne"
                    " ne doit vous demander votre numéro de sécurité sociale pour le vérifier. »",
                    "« Méfiez-vous des messages qui parlent de remboursements. »",
                ),
            ),
            Section(
                heading="Le service",
                paragraphs=("La lecture de la carte à code continue sans la plateforme.",
                            "Un poste suspendu affiche « Poste suspendu » : appelez l'assistance, ne prêtez aucun poste.",
                            f"Contact : {view.contact}."),
            ),
        ),
    )  # fmt: skip
