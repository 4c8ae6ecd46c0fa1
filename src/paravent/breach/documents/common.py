"""Sentences that several documents share, so that they say the same thing: pure."""

from __future__ import annotations

from collections.abc import Sequence

from paravent.breach.documents.model import UNKNOWN, Section, View, day, instant, mark, number, of
from paravent.breach.entries import Category, LootKind, Placed, Safeguards, Switched
from paravent.breach.texts import assumption

_READ = {LootKind.DEVICE_KEY, LootKind.DESK, LootKind.CARD, LootKind.KEY_SERVER}
_COPIED = {LootKind.DATABASE, LootKind.BACKUP, LootKind.HUB}

NATURE: dict[LootKind, str] = {
    LootKind.DATABASE: "copie de la base de la plateforme, dont les lignes sont chiffrées",
    LootKind.BACKUP: "copie d'une sauvegarde de la plateforme, dont les lignes sont chiffrées",
    LootKind.DEVICE_KEY: "utilisation de l'ordinateur d'un opticien par quelqu'un d'autre",
    LootKind.DESK: "saisie ou vol de l'ordinateur d'un opticien",
    LootKind.KEY_SERVER: "copie des clés d'un serveur de clés",
    LootKind.INSURER_KEY: "copie de la clé de recherche d'un organisme",
    LootKind.HUB: "prise de contrôle de la plateforme",
    LootKind.CARD: "copie du code imprimé sur la carte d'un assuré",
    LootKind.CLEAR_FILE: "sortie d'un fichier non chiffré chez un organisme",
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


_SWITCHED = {
    ("suspend", "device"): "Un ordinateur a été mis hors service",
    ("suspend", "professional"): "Les ordinateurs d'un professionnel ont été mis hors service",
    ("suspend", "shop"): "Les ordinateurs d'un magasin ont été mis hors service",
    ("suspend", "insurer"): "La recherche par numéro a été fermée pour un organisme",
    ("suspend", "lane"): "La recherche par numéro a été fermée pour tous",
    ("resume", "device"): "Un ordinateur a été remis en service",
    ("resume", "professional"): "Les ordinateurs d'un professionnel ont été remis en service",
    ("resume", "shop"): "Les ordinateurs d'un magasin ont été remis en service",
    ("resume", "insurer"): "La recherche par numéro a été rouverte pour un organisme",
    ("resume", "lane"): "La recherche par numéro a été rouverte pour tous",
    ("withdraw", "device"): "Un ordinateur a été retiré pour toujours",
}
"""What each switch did, in words that name nobody."""
_ASKED = {"rotate": "de changer ses clés", "revoke": "de révoquer les droits des dossiers ouverts"}


def nature(view: View, insurer: str | None = None) -> str:
    """Says what happened, in the order of what was stolen; of an insurer of which nothing was, so."""
    kinds = sorted(view.kinds(insurer), key=list(LootKind).index)
    if not kinds and insurer is not None and view.kinds():
        return f"aucune atteinte aux données {of(view.names[insurer])} n'est établie"
    return " ; ".join(NATURE[kind] for kind in kinds) or "à établir"


def data_categories(view: View, insurer: str | None = None) -> list[str]:
    """Says what data were concerned, by what was stolen; of one insurer, or of all."""
    kinds, found = view.kinds(insurer), []
    if kinds & _READ:
        found.append(
            "Dossiers ouverts : nom de l'organisme, code de garantie, période de validité des droits, mois à partir duquel"
            " un équipement est remboursable. Qui les a ouverts a dû saisir le nom, la date de naissance et le numéro de"
            " sécurité sociale de chaque personne : il les connaissait déjà."
        )
    if kinds & _COPIED:
        found.append(
            "Base de la plateforme : lignes chiffrées, sans nom, sans numéro de sécurité sociale et sans correction"
            " visuelle ; nombre de demandes de remboursement par organisme et par mois."
        )
    if LootKind.CLEAR_FILE in kinds:
        found.append(f"Fichier sorti : les colonnes de ce fichier, que l'organisme énumère ici : {UNKNOWN}.")
    if not kinds and view.kinds() and insurer is not None:
        found.append(f"Aucune donnée {of(view.names[insurer])} n'est concernée, à ce qui est établi.")
    found.append("La plateforme ne détient aucune ordonnance et aucune correction visuelle.")
    return found


def figures(view: View, insurer: str, heading: str = "Nombre de personnes concernées", *before: str) -> Section:
    """Gives the three numbers of an insurer, each with what would have to fail."""
    exposure = view.exposure(insurer)
    values = (exposure.proved, exposure.estimate, exposure.upper)
    names = ("Minimum établi", "Estimation", "Maximum")
    return Section(
        heading=heading,
        paragraphs=(
            *before, "Ces nombres sont calculés à partir de journaux et de fichiers vérifiés ; aucun n'est saisi à la main.",
            "Nombre d'enregistrements : un dossier par personne.",
        ),
        columns=("Nombre", "Personnes", "Pour que ce nombre soit faux"),
        rows=tuple(
            (name, view.cited(value, insurer), assumption(code))
            for name, value, code in zip(names, values, exposure.assumptions, strict=True)
        ),
    )  # fmt: skip


def measures_before(view: View) -> list[str]:
    """Lists the measures in force before, and counts what the register of measures said then."""
    return [*view.noted(Category.MEASURE_BEFORE), *safeguards(view)[:1]]


def measures_since(view: View) -> list[str]:
    """Lists the measures taken since, and what the register of measures says now."""
    return [*(taken(view) or [f"Mesures prises : {UNKNOWN}."]), *safeguards(view)[1:]]


def taken(view: View, insurer: str | None = None) -> list[str]:
    """Lists what was done since: what the desk switched off or asked of an insurer, then what people noted.

    For one insurer, what was asked of another is left out.
    """
    switched = [
        _switch(view, each, each.entry.said) for each in view.entries
        if isinstance(each.entry.said, Switched) and _concerns(each.entry.said, insurer)
    ]  # fmt: skip
    return [*switched, *view.noted(Category.MEASURE_AFTER)]


def _concerns(said: Switched, insurer: str | None) -> bool:
    measure, *_, subject = said.target.split()
    return insurer is None or subject == insurer or measure not in _ASKED


def _switch(view: View, placed: Placed, said: Switched) -> str:
    measure, *_, subject = said.target.split()
    kind = said.target.split()[1]
    if measure in _ASKED:
        done = f"Une demande écrite a été faite à {view.names.get(subject, subject)} {_ASKED[measure]}"
    else:
        done = _SWITCHED.get((measure, kind), "Une mesure a été prise")
    everywhere = "" if said.complete else ", mais pas encore partout"
    return f"{done}{everywhere}, le {instant(placed.entry.at)}{mark(placed.position)}."


def measures(view: View) -> Section:
    """Lists the measures in force before, and those taken since."""
    return Section(
        heading="Mesures",
        paragraphs=(
            *(f"Avant la violation. {text}" for text in measures_before(view)),
            *(f"Depuis la violation. {text}" for text in measures_since(view)),
        ),
    )  # fmt: skip


def safeguards(view: View) -> list[str]:
    """Counts what the register of measures said before and says now, and lists what changed; nothing without one."""
    if view.safeguards is None:
        return []
    placed, found = view.safeguards
    said, from_entry = placed.entry.said, mark(placed.position)
    assert isinstance(said, Safeguards)  # noqa: S101 - ``view_of`` takes no other entry
    before, now = (_counted([one.kinds()[place] for one in found]) for place in (0, 1))
    changed = [
        f"« {one.title} » ({one.reference}) : mesure {STATES[one.kinds()[0]][0]} avant, {STATES[one.kinds()[1]][0]}"
        f" depuis{from_entry}."
        for one in found if one.changed
    ]  # fmt: skip
    return [
        f"Registre des mesures de sécurité de l'ANSSI et de la CNIL, avant le {day(said.before)} : {before}{from_entry}.",
        f"Registre des mesures de sécurité de l'ANSSI et de la CNIL, au {day(said.day)} : {now}{from_entry}.", *changed,
    ]  # fmt: skip


def awareness(view: View) -> str:
    """Says who became aware, when."""
    opened = view.opened
    return f"Prise de connaissance : le {view.when(opened.aware_at)}, par : {opened.aware_role}."


def dates(view: View) -> str:
    """Says from when to when."""
    began, ended = (
        f"le {view.when(at)}" if at else view.when(at) for at in (view.opened.began_at, view.opened.ended_at)
    )
    return f"Début : {began}. Fin : {ended}."


def copied(view: View) -> bool:
    """Says whether sealed rows were copied."""
    return bool(view.kinds() & _COPIED)


def consequences(view: View, insurer: str) -> str:
    """Says what may follow for persons, by whether somebody read something."""
    if view.exposure(insurer).estimate == 0:
        known = "Aucune lecture de données n'est établie ni estimée à ce jour."
        if not copied(view):
            return known
        return (
            f"{known} Les lignes copiées restent des données personnelles : leur secret dépend de clés qui n'ont pas été"
            " prises."
        )
    return (
        "Quelqu'un sait qui est assuré auprès de l'organisme, et avec quelles garanties. Il peut s'en servir pour du"
        " démarchage frauduleux ou des messages d'hameçonnage qui citent ces informations ; les personnes perdent le contrôle"
        " de leurs données."
    )


def written(view: View) -> str:
    """Says when a document was written, and from which state of the log."""
    last = max(each.position for each in view.entries)
    return f"Document établi le {instant(view.now)}, dossier {view.case}, d'après le journal jusqu'à cette ligne :{mark(last)}."


def _counted(kinds: Sequence[str]) -> str:
    counts = [(kinds.count(kind), words) for kind, words in STATES.items()]
    return ", ".join(f"{number(count)} {words[count > 1]}" for count, words in counts if count)
