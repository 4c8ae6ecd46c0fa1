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
        "Il faudrait qu'un serveur de clés ait répondu sans inscrire l'ouverture à son journal.",
        "A key server would have to have answered without writing the opening in its log.",
    ),
    "quota": (
        "Il faudrait que plus de serveurs de clés que ceux déclarés volés aient laissé dépasser le nombre d'ouvertures permis.",
        "The quotas would have to have failed at more key servers than those said stolen.",
    ),
    "desk": (
        "Il faudrait que l'organisme ait plus d'assurés que ses listes signées : aucun journal n'inscrit les cartes lues.",
        "The insurer would have to have more members than its signed lists: cards read by this desk stand in no log.",
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
        "Rien, mais le vrai nombre peut être bien plus haut : aucun journal ne voit ce qu'ouvrent des serveurs de clés volés.",
        "Nothing would make it false, yet the truth may be far above: no log sees what t stolen servers open together.",
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
        "Il faudrait qu'une ligne du fichier concerne plusieurs personnes.",
        "A row of the file would have to be about several persons.",
    ),
}


def assumption(code: str) -> str:
    """Returns the French sentence of a code."""
    return ASSUMPTIONS[code][0]
