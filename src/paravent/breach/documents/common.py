"""Sentences that several documents share, so that they say the same thing: pure."""

from __future__ import annotations

from collections.abc import Sequence

from paravent.breach.documents.model import Section, View, day, instant, number
from paravent.breach.entries import Category, LootKind, Safeguards
from paravent.breach.texts import assumption

_READ = {LootKind.DEVICE_KEY, LootKind.DESK, LootKind.CARD, LootKind.KEY_SERVER}

NATURE: dict[LootKind, str] = {
    LootKind.DATABASE: "copie de la base de la plateforme, dont les lignes sont chiffrées",
    LootKind.BACKUP: "copie d'une sauvegarde de la plateforme, dont les lignes sont chiffrées",
    LootKind.DEVICE_KEY: "utilisation du poste d'un opticien par un tiers",
    LootKind.DESK: "saisie ou vol du poste d'un opticien",
    LootKind.KEY_SERVER: "copie des clés d'un serveur de clés",
    LootKind.INSURER_KEY: "copie de la clé de recherche d'un organisme",
    LootKind.HUB: "prise de contrôle de la plateforme",
    LootKind.CARD: "copie de la carte à code d'un assuré",
    LootKind.CLEAR_FILE: "sortie d'un fichier en clair chez un organisme",
}
ORIGIN: dict[LootKind, str] = {
    LootKind.DESK: "équipement perdu ou volé", LootKind.CLEAR_FILE: "autre",
}  # fmt: skip
"""Origin in the closed list of the CNIL's form; what is not here is « piratage »."""

STATES = {
    "checked by machine": ("contrôlée par une machine", "contrôlées par une machine"),
    "wrong": ("trouvée en défaut", "trouvées en défaut"), "not known": ("inconnue", "inconnues"),
    "document": ("prouvée par un document", "prouvées par un document"), "declared": ("déclarée", "déclarées"),
    "no": ("absente", "absentes"), "unanswered": ("sans réponse", "sans réponse"),
}  # fmt: skip
"""What an answer to a measure rests on, of one measure and of several."""


def nature(view: View) -> str:
    """Says what happened, in the order of what was stolen."""
    kinds = sorted(view.kinds(), key=list(LootKind).index)
    return " ; ".join(NATURE[kind] for kind in kinds) or "à établir"


def data_categories(view: View) -> list[str]:
    """Says what data were concerned, by what was stolen."""
    kinds, found = view.kinds(), []
    if kinds & _READ:
        found.append(
            "Dossiers ouverts : nom de l'organisme, code de garantie, période de validité des droits, mois à partir duquel"
            " un équipement est remboursable. Le tiers avait saisi lui-même le nom, la date de naissance et le numéro de"
            " sécurité sociale de chaque personne : il les connaissait déjà."
        )
    if kinds & {LootKind.DATABASE, LootKind.BACKUP, LootKind.HUB}:
        found.append(
            "Base de la plateforme : lignes chiffrées, sans nom, sans numéro de sécurité sociale et sans correction"
            " visuelle ; nombre de demandes de remboursement par organisme et par mois."
        )
    if LootKind.CLEAR_FILE in kinds:
        found.append("Fichier sorti : les colonnes de ce fichier, que l'organisme complète ici : à compléter.")
    found.append("Aucune ordonnance et aucune correction visuelle ne sont détenues par la plateforme.")
    return found


def figures(view: View, insurer: str) -> Section:
    """Gives the three numbers of an insurer, each with what would have to fail."""
    exposure = view.exposure(insurer)
    values = (exposure.proved, exposure.estimate, exposure.upper)
    names = ("Minimum établi", "Estimation", "Maximum")
    return Section(
        heading="Nombre de personnes concernées",
        paragraphs=(
            "Ces nombres sont calculés à partir de registres et de fichiers vérifiés ; aucun n'est saisi.",
            "Nombre d'enregistrements : un par personne.",
        ),
        columns=("Nombre", "Personnes", "Ce qui devrait être faux pour qu'il le soit"),
        rows=tuple(
            (name, view.cited(value, insurer), assumption(code))
            for name, value, code in zip(names, values, exposure.assumptions, strict=True)
        ),
    )  # fmt: skip


def measures(view: View) -> Section:
    """Lists the measures in force before, and those taken since."""
    after = view.noted(Category.MEASURE_AFTER) or ["Mesures prises depuis : à compléter."]
    return Section(
        heading="Mesures",
        paragraphs=(
            *(f"Avant la violation : {text}" for text in view.noted(Category.MEASURE_BEFORE)),
            *(f"Depuis : {text}" for text in after),
            *safeguards(view),
        ),
    )  # fmt: skip


def safeguards(view: View) -> list[str]:
    """Counts what the register of measures said before and says now, and lists what changed; nothing without one."""
    if view.safeguards is None:
        return []
    placed, found = view.safeguards
    said, mark = placed.entry.said, f"\u00a0[e{placed.position}]"
    assert isinstance(said, Safeguards)  # noqa: S101 - ``view_of`` takes no other entry
    before, now = (_counted([one.kinds()[place] for one in found]) for place in (0, 1))
    changed = [
        f"« {one.title} » ({one.reference}) : {STATES[one.kinds()[0]][0]}, puis {STATES[one.kinds()[1]][0]}{mark}."
        for one in found if one.changed
    ]  # fmt: skip
    return [
        f"Registre des mesures de l'ANSSI et de la CNIL, avant le {day(said.before)} : {before}{mark}.",
        f"Le même registre, au {day(said.day)} : {now}{mark}.", *changed,
    ]  # fmt: skip


def _counted(kinds: Sequence[str]) -> str:
    counts = [(kinds.count(kind), words) for kind, words in STATES.items()]
    return ", ".join(f"{number(count)} {words[count > 1]}" for count, words in counts if count)


def awareness(view: View) -> str:
    """Says who became aware, when."""
    opened = view.opened
    return f"Prise de connaissance : {view.when(opened.aware_at)}, par le rôle « {opened.aware_role} »."


def copied(view: View) -> bool:
    """Says whether sealed rows were copied."""
    return bool(view.kinds() & {LootKind.DATABASE, LootKind.BACKUP, LootKind.HUB})


def consequences(view: View, insurer: str) -> str:
    """Says what may follow for persons, by whether somebody read something."""
    if view.exposure(insurer).estimate == 0:
        known = "Aucune donnée lue n'est établie ni estimée à ce jour."
        if not copied(view):
            return known
        return f"{known} Les lignes copiées restent des données personnelles : leur secret dépend de clés qui n'ont pas été prises."
    return (
        "Un tiers sait qui est assuré auprès de l'organisme, et avec quelles garanties : risque de démarchage frauduleux"
        " et d'hameçonnage qui citent ces informations, de perte de contrôle de ses données."
    )


def written(view: View) -> str:
    """Says when a document was written."""
    return f"Document établi le {instant(view.now)}, dossier {view.case}."
