"""For persons (RGPD art. 34): the decision, its record, the notice in plain words; press, counter: pure."""

from __future__ import annotations

from paravent.breach.documents import common
from paravent.breach.documents.model import UNKNOWN, Document, Section, View, mark, of, persons
from paravent.breach.entries import LootKind, Measured

_FILES = {
    "log": "journal d'un serveur de clés", "counts": "comptes de la plateforme",
    "answer": "réponse d'un organisme", "leak": "déclaration d'un organisme", "done": "compte rendu d'un organisme",
}  # fmt: skip


def decision(view: View, insurer: str) -> Document:
    """Writes the record of the decision to inform persons or not, with what art. 34(3)(a) needs at this date."""
    duty = next((one for one in view.duties if one.rule.code == "rgpd-34" and one.insurer == insurer), None)
    decided = duty.decision if duty is not None and duty.decision else "à prendre par l'organisme"
    state, proposed = _intelligible(view, insurer)
    evidence = tuple(
        (_FILES[each.entry.said.kind], _source(view, each.entry.said),
         f"{each.entry.said.summary}{mark(each.position)}", each.entry.said.sha256.hex())
        for each in view.entries if isinstance(each.entry.said, Measured)
    )  # fmt: skip
    return Document(
        name=f"04-decision-article-34-{insurer}", title="Décision d'informer ou non les personnes (RGPD, article 34)",
        recipient=view.names[insurer],
        sections=(
            Section(
                heading="Décision",
                paragraphs=(f"Décision de l'organisme : {decided}.",
                            f"Motif : {(duty.reason if duty else '') or UNKNOWN}.", f"Proposition : {proposed}"),
            ),
            common.figures(view, insurer),
            Section(
                heading="Les données sont-elles illisibles pour qui les a prises (article 34, paragraphe 3, point a) ?",
                paragraphs=(state, f"Nature : {common.nature(view, insurer)}.",
                            "Ce qui le démontre : les fichiers ci-dessous, dont chaque signature a été vérifiée."),
                columns=("Fichier", "De qui", "Ce qu'il établit", "Empreinte SHA-256"), rows=evidence,
            ),
            Section(
                heading="Les deux autres exceptions (article 34, paragraphe 3)",
                paragraphs=("Point b, mesures prises depuis qui écartent le risque élevé : à apprécier par l'organisme.",
                            "Point c, effort disproportionné et communication publique : à apprécier par l'organisme.",
                            common.written(view)),
            ),
        ),
    )  # fmt: skip


def _source(view: View, said: Measured) -> str:
    """Names who signed a file."""
    return view.operator if said.kind == "counts" else view.names.get(said.source, said.source)


def _intelligible(view: View, insurer: str) -> tuple[str, str]:
    """Says whether what was taken can be read, and what is proposed: the encryption excuses only what nobody opened."""
    kinds, estimate = view.kinds(insurer), view.exposure(insurer).estimate
    inform = "informer chaque personne de la liste."
    spare = "ne pas informer individuellement, sous réserve de l'appréciation de l'organisme"
    if LootKind.CLEAR_FILE in kinds:
        return "Non : le fichier sorti n'était pas chiffré. L'exception du chiffrement ne vaut pas.", inform
    if estimate > 0:
        return (
            "Non pour les dossiers ouverts : l'exception du chiffrement ne vaut pas pour eux. Les autres lignes sont restées"
            " chiffrées.", inform,
        )  # fmt: skip
    if common.copied(view):
        return (
            "Oui, à la date de ce document : chaque ligne est chiffrée avec une clé qui lui est propre, qu'aucun serveur de"
            " clés ne détient seul et que la plateforme ne détient pas ; aucune ouverture n'est établie.",
            f"{spare} : aucune lecture n'est établie ni estimée.",
        )
    return "Rien n'établit que des données de cet organisme aient été prises.", f"{spare} : rien n'est établi."


def letter(view: View, insurer: str) -> Document:
    """Writes what an insurer sends to each person, in plain words; the name is added at the insurer."""
    return Document(
        name=f"05-avis-aux-personnes-{insurer}", title="Ce qui est arrivé, et ce qui vous concerne", public=True,
        recipient="{{prénom}} {{nom}}",
        sections=(
            Section(heading="Que s'est-il passé ?", paragraphs=(
                view.facts(), f"{view.operator}, qui fait fonctionner la plateforme entre les opticiens et nous, l'a su le"
                f" {view.when(view.opened.aware_at)}.",
            )),
            Section(heading="Êtes-vous concerné ?", paragraphs=tuple(_read(view, insurer))),
            Section(heading="Ce qui n'est pas concerné", paragraphs=(_spared(view, insurer),)),
            Section(heading="Ce que cela peut entraîner", paragraphs=(
                "Quelqu'un peut vous appeler ou vous écrire en se faisant passer pour votre mutuelle, votre opticien ou la"
                " sécurité sociale, et citer de vraies informations pour paraître sérieux.",
            )),
            Section(
                heading="Ce que vous pouvez faire",
                paragraphs=(
                    "Méfiez-vous des appels, des courriels et des messages qui parlent de votre mutuelle ou de"
                    " remboursements. Ne donnez jamais un mot de passe ni un code reçu par message.",
                    "En cas de doute, raccrochez, puis rappelez au numéro écrit sur votre carte de mutuelle.",
                    "Regardez de temps en temps vos comptes sur ameli.fr, impots.gouv.fr et moncompteformation.gouv.fr.",
                    "Vous pouvez porter plainte : un modèle de lettre est joint.",
                ),
            ),
            Section(
                heading="Ce que nous faisons",
                paragraphs=(*(common.taken(view, insurer) or (f"Ce que nous avons fait depuis : {UNKNOWN}.",)),
                            "Une question ? La personne chargée de la protection des données chez"
                            f" {view.names[insurer]} vous répond : {UNKNOWN}."),
            ),
        ),
    )  # fmt: skip


def _read(view: View, insurer: str) -> list[str]:
    """Says what somebody may have read of the person, and what whoever read it knew beforehand."""
    if not view.kinds(insurer) and view.kinds():
        return ["Non, à ce que nous savons : rien de ce qui a été pris ne vient de chez nous."]
    if view.exposure(insurer).estimate == 0:
        spared = ["Des fichiers ont été copiés ; sans des clés qui n'ont pas été prises, ils sont illisibles."]
        return [
            *(spared if common.copied(view) else []),
            "Rien ne montre que quelqu'un ait lu des informations sur vous.",
        ]
    if LootKind.CLEAR_FILE in view.kinds(insurer):
        return ["Oui. Vous figurez dans le fichier qui est sorti.", f"Ce fichier contient ceci sur vous : {UNKNOWN}."]
    return [
        "Oui. Quelqu'un qui n'en avait pas le droit a pu savoir que vous êtes assuré chez nous et lire le nom de votre formule"
        " de remboursement pour les lunettes, les dates de début et de fin de vos droits, et le mois à partir duquel de"
        " nouvelles lunettes peuvent vous être remboursées.",
        "Pour lire cela, il devait déjà connaître votre nom, votre date de naissance et votre numéro de sécurité sociale :"
        " d'où il les tient, nous ne le savons pas.",
    ]


def _spared(view: View, insurer: str) -> str:
    """Says what is known not to be concerned: what the platform never held, unless a file left elsewhere."""
    if LootKind.CLEAR_FILE in view.kinds(insurer):
        return f"Rien d'autre que ce que contient ce fichier. Ce qu'il ne contient pas : {UNKNOWN}."
    return "Vos ordonnances, votre correction et vos coordonnées bancaires ne sont pas concernées : la plateforme ne les a pas."


def press(view: View) -> Document:
    """Writes a press release with what is known, and nothing that is not."""
    return Document(
        name="06-communique-de-presse", title=view.opened.title, recipient="Presse", public=True,
        sections=(
            Section(
                heading="Les faits",
                paragraphs=(view.facts(), f"Nature de l'incident : {common.nature(view)}."),
            ),
            Section(
                heading="Qui est concerné",
                paragraphs=tuple(_concerned(view, insurer) for insurer in sorted(view.exposures)),
            ),
            Section(heading="Ce que cela veut dire", paragraphs=(_meaning(view),)),
            Section(
                heading="Et maintenant",
                paragraphs=("Chaque organisme informe lui-même ses assurés, individuellement et directement.",
                            f"Contact : {view.contact}."),
            ),
        ),
    )  # fmt: skip


def _concerned(view: View, insurer: str) -> str:
    """Gives the estimate of an insurer, and the upper bound when it is another."""
    exposure, source = view.exposure(insurer), mark(view.exposures[insurer].position)
    count = persons(exposure.estimate)
    if LootKind.CLEAR_FILE in view.kinds(insurer):
        said = f"{count} figure{'nt' if exposure.estimate > 1 else ''} dans le fichier sorti{source}"
    elif exposure.estimate == 0:
        said = f"aucun dossier n'a été lu, à ce qui est établi{source}"
    else:
        said = f"le dossier {of(count)} a pu être lu{source}"
    more = "" if exposure.upper == exposure.estimate else f" ; au plus, celui {of(persons(exposure.upper))}{source}"
    return f"{view.names[insurer]} : {said}{more}."


def _meaning(view: View) -> str:
    """Says what it means that this was stolen and nothing else."""
    held = (
        "L'opérateur de la plateforme ne détient ni les noms, ni les numéros de sécurité sociale, ni les corrections visuelles"
        " des assurés."
    )
    if not common.copied(view):
        return held
    return (
        f"{held} Les lignes copiées restent des données personnelles ; elles sont illisibles sans des clés que détiennent"
        " plusieurs organisations indépendantes."
    )


def counter(view: View) -> Document:
    """Writes what an optician can say to a customer who asks."""
    return Document(
        name="07-mot-au-comptoir", title="Ce que vous pouvez dire à vos clients", recipient="Opticiens", public=True,
        sections=(
            Section(
                heading="Si un client demande",
                paragraphs=(
                    "« Un incident a touché le système qui vous évite d'avancer les frais. Ce système n'a ni votre correction,"
                    " ni votre ordonnance : je les garde ici. »",
                    "« Si vous êtes concerné, c'est votre mutuelle qui vous l'écrit. Je ne peux pas le vérifier, et personne"
                    " ne doit vous demander votre numéro de sécurité sociale pour le vérifier. »",
                    "« Méfiez-vous des appels et des messages qui parlent de remboursements. »",
                ),
            ),
            Section(
                heading="Au magasin",
                paragraphs=("Vous pouvez toujours lire le code imprimé sur la carte du client : cela ne passe pas par la"
                            " plateforme.",
                            "Un ordinateur mis hors service affiche « Poste suspendu » : appelez l'assistance, ne prêtez"
                            " aucun autre ordinateur.",
                            f"Contact : {view.contact}."),
            ),
        ),
    )  # fmt: skip
