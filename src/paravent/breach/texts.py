"""What an exposure rests on, in French then English, by the code that an entry holds (docs/glossary.md)."""

from __future__ import annotations

ASSUMPTIONS: dict[str, tuple[str, str]] = {
    "sealed": (
        "Il faudrait qu'assez de serveurs de clés aient été pris ensemble, ou que le chiffrement soit cassé.",
        "At least t key servers would have to be taken, or the encryption be broken.",
    ),
    "logged": (
        "Il faudrait que la signature d'un serveur de clés ou d'un organisme soit fausse.",
        "A signature of a key server or of an insurer would have to be false.",
    ),
    "answers-lost": (
        "Il faudrait qu'un serveur de clés ait répondu sans inscrire l'ouverture à son registre.",
        "A key server would have to have answered without writing the opening in its log.",
    ),
    "quota": (
        "Il faudrait que les quotas aient cédé sur plus de serveurs de clés que ceux déclarés volés.",
        "The quotas would have to have failed at more key servers than those said stolen.",
    ),
    "desk": (
        "Les cartes lues par ce poste ne sont inscrites à aucun registre : seule la taille du portefeuille borne.",
        "Cards read by this desk stand in no log: only the size of the portfolio bounds them.",
    ),
    "all-open": (
        "Il faudrait que le voleur n'ait pas de liste des assurés, ou pas de copie de la base.",
        "The thief would have to lack a list of insured persons, or a copy of the database.",
    ),
    "no-copy": (
        "Il faudrait que le voleur ait aussi une copie de la base, ou un poste pour demander les lignes.",
        "The thief would also have to hold a copy of the database, or a desk to ask for rows.",
    ),
    "unseen": (
        "Aucun registre ne voit ce que des serveurs de clés volés ouvrent ensemble.",
        "No log sees what t stolen servers open together.",
    ),
    "card": (
        "Il faudrait que la carte copiée n'ait pas été lue, ou qu'une copie ait circulé davantage.",
        "The copied card would have to be unread, or further copies to circulate.",
    ),
    "file": (
        "Il faudrait que le fichier sorti ne soit pas celui dont l'organisme a signé l'empreinte.",
        "The file that left would have to be another than the one whose digest the insurer signed.",
    ),
    "rows": (
        "Il faudrait que des lignes concernent des personnes que l'organisme ne reconnaît pas.",
        "Rows would have to be about persons whom the insurer does not recognise.",
    ),
}


def assumption(code: str) -> str:
    """Returns the French sentence of a code."""
    return ASSUMPTIONS[code][0]
