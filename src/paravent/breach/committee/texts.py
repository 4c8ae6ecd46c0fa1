"""What the page of the steering committee says in French and in English."""

from __future__ import annotations

from paravent.pages.typography import no_break

FRENCH, ENGLISH = "fr", "en"

TEXTS: dict[str, tuple[str, str]] = {
    "title": (
        "Comité de pilotage : sécurité du tiers payant en optique",
        "Steering committee: security of third-party payment in optics",
    ),
    "public": (
        "Version publique : chaque effectif est donné par tranche de {granule}, zéro compris ; aucun total n'est publié à côté de ses parties.",
        "Public version: each count is given as a band of {granule}, zero included; no total is published beside its parts.",
    ),
    "figure": ("Indicateur", "Figure"),
    "value": ("Valeur", "Value"),
    "unknown": ("non connu", "not known"),
    "of_sector": ("{value} sur {sector} dans le secteur", "{value} of {sector} in the sector"),
    "of": ("{value} sur {all}", "{value} of {all}"),
    "exposure": (
        "Exposition selon l'attaque : personnes lues au dernier exercice",
        "Exposure by attack: persons read in the last drill",
    ),
    "exposure_drawn": (
        "Au dernier exercice, sur des personnes synthétiques : ce que chaque vol ouvre ici et sur une plate-forme classique.",
        "In the last drill, on synthetic persons: what each theft opens here and on a conventional platform.",
    ),
    "attack": ("Attaque", "Attack"),
    "persons": ("personnes", "persons"),
    "here": ("Ici", "Here"),
    "conventional": ("Plate-forme classique", "Conventional platform"),
    "bound": ("Borne publiée", "Published bound"),
    "detected_after": ("Personnes lues avant l'alarme, au pire", "Persons read before the alarm, at worst"),
    "played": ("Attaques jouées au dernier exercice", "Attacks played in the last drill"),
    "no_drill": ("Aucun exercice n'a été donné (--drill).", "No drill was given (--drill)."),
    "measures": (
        "Mesures d'hygiène et de la CNIL, selon leur réponse",
        "Measures of ANSSI and the CNIL by their answer",
    ),
    "measures_drawn": (
        "Nombre de mesures des deux listes publiées, selon ce que vaut leur dernière réponse.",
        "Measures of both published lists, by what their latest answer is worth.",
    ),
    "measure": ("Réponse", "Answer"),
    "count": ("Nombre", "Count"),
    "checked by machine": ("vérifiée par machine", "checked by machine"),
    "document": ("prouvée par un document", "proved by a document"),
    "declared": ("déclarée", "declared"),
    "not known": ("non connue", "not known"),
    "no": ("non", "no"),
    "wrong": ("fausse", "wrong"),
    "unanswered": ("sans réponse", "unanswered"),
    "median": ("Délai de détection, médiane", "Time to detect, median"),
    "longest": ("Délai de détection, le plus long", "Time to detect, longest"),
    "dated_cases": ("Dossiers dont le délai est connu", "Cases whose delay is known"),
    "proved": ("Mesures prouvées (machine ou document)", "Measures proved (machine or document)"),
    "to_do": ("Mesures à faire ou non connues", "Measures to do or not known"),
    "contracts": ("Contrats de sous-traitance", "Processor contracts"),
    "overdue": ("Contrats en retard (audit, échéance)", "Contracts overdue (audit, expiry)"),
    "faults": ("Contrats à reprendre", "Contracts with a fault"),
    "cases": ("Dossiers d'incident", "Incident cases"),
    "last_year": ("dont sur un an", "of which within a year"),
    "running": ("Obligations en cours", "Duties running"),
    "late": ("Obligations en retard", "Duties late"),
    "next_at": ("Prochaine échéance (UTC)", "Next instant (UTC)"),
    "insurers": ("Organismes raccordés", "Insurers connected"),
    "shops": ("Magasins raccordés", "Shops connected"),
    "bulletins": ("Bulletins de sécurité publiés", "Security bulletins published"),
    "acknowledged": ("Magasins ayant lu le dernier bulletin", "Shops that read the latest bulletin"),
    "days-1": ("un jour au plus", "a day at most"),
    "days-7": ("une semaine au plus", "a week at most"),
    "days-30": ("un mois au plus", "a month at most"),
    "days-365": ("un an au plus", "a year at most"),
    "longer": ("plus d'un an", "more than a year"),
    "hours": ("{hours} h", "{hours} h"),
    "days": ("{days} j", "{days} d"),
}


def said(name: str, language: str) -> str:
    """Returns a text in a language."""
    french, english = TEXTS[name]
    return no_break(french) if language == FRENCH else english
