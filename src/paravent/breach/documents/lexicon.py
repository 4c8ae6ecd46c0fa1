"""The words of a document that a layman may not know, each explained where it is used: pure.

Law and trade have their own words, and a document for an authority uses them. Whoever reads one finds at its end what
each of them means; a document for everybody is written to need few.
"""

from __future__ import annotations

import re

from paravent.breach.documents.model import Document, Section

HEADING = "Les mots de ce document"
WORDS = {
    "ACPR": "autorité qui contrôle les banques et les assurances",
    "AMC": "organisme complémentaire : mutuelle, assureur ou institution de prévoyance",
    "ANSSI": "agence de l'État chargée de la sécurité informatique",
    "BL2C": "brigade de la préfecture de police de Paris, pour les délits informatiques",
    "CERT Santé": "service de l'État qui aide les établissements de santé après une attaque informatique",
    "CERT-FR": "service de l'ANSSI qui reçoit les déclarations d'attaques et aide à y répondre",
    "CNIL": "autorité qui protège les données personnelles en France",
    "COMCYBER-MI": "commandement du ministère de l'Intérieur contre les menaces informatiques",
    "DORA": "règlement européen sur la résistance informatique des banques et des assurances",
    "ENISA": "agence européenne pour la sécurité informatique ; sa formule note la gravité d'une violation",
    "LOPMI": "loi d'orientation et de programmation du ministère de l'Intérieur",
    "NIS2": "directive européenne sur la sécurité informatique des services importants",
    "OFAC": "office de la police nationale contre les délits informatiques",
    "RGPD": "règlement européen qui protège les données personnelles",
    "SHA-256": "façon de calculer une empreinte",
    "SIREN": "numéro d'une entreprise ou d'un organisme en France",
    "UNC": "unité de la gendarmerie nationale contre les délits informatiques",
    "base": "fichier où la plateforme range ce qu'elle garde",
    "chiffré": "rendu illisible pour qui n'a pas la clé",
    "code de garantie": "nom court de la formule de remboursement d'un assuré",
    "dépositaire": "personne qui garde une partie de la clé sous laquelle est écrit qui a ouvert quel dossier ; il en faut deux"
    " ensemble",
    "empreinte": "suite de caractères calculée à partir d'un fichier, qui change dès qu'un caractère du fichier change",
    "hameçonnage": "message trompeur qui cherche à obtenir un mot de passe, un code ou de l'argent",
    "journal": "liste où chaque fait est inscrit après le précédent ; rien ne peut en être retiré sans que cela se voie",
    "contresigné": "signé aussi par une autre organisation, qui atteste que rien n'a été retiré",
    "partie civile": "victime qui demande réparation au juge pénal",
    "plateforme": "système informatique qui relie les opticiens aux mutuelles et aux assureurs",
    "pseudonyme": "suite de caractères mise à la place d'un nom ; l'organisme seul sait à qui elle correspond",
    "recel": "fait de garder, de transmettre ou d'utiliser ce qui vient d'un délit",
    "responsable de traitement": "organisme qui décide pourquoi et comment des données personnelles sont utilisées ; ici, la"
    " mutuelle ou l'assureur",
    "serveur de clés": "machine d'une organisation indépendante, qui garde une partie des clés ; il en faut plusieurs, d'accord"
    " entre eux, pour ouvrir un dossier",
    "sous-traitant": "entreprise qui traite des données pour le compte d'un responsable ; ici, l'opérateur de la plateforme",
    "tiers payant": "paiement de l'opticien par la mutuelle, sans que l'assuré avance les frais",
    "téléservice": "formulaire à remplir sur le site d'une administration",
}
"""Each word with what it means: no figure, and nothing of a case."""


def explained(document: Document) -> Document:
    """Adds at the end of a document what each of its words means; a document that needs none stays as it is."""
    text = "\n".join([
        document.title, document.recipient,
        *(part for section in document.sections for part in (
            section.heading, *section.paragraphs, *section.columns, *(cell for row in section.rows for cell in row),
        )),
    ])  # fmt: skip
    rows = tuple((word, meaning) for word, meaning in sorted(WORDS.items(), key=_order) if pattern(word).search(text))
    if not rows:
        return document
    words = Section(heading=HEADING, columns=("Mot", "Ce qu'il veut dire"), rows=rows)
    return Document(
        name=document.name, title=document.title, recipient=document.recipient, sections=(*document.sections, words),
        public=document.public,
    )  # fmt: skip


def pattern(word: str) -> re.Pattern[str]:
    """Finds a word, in the plural and the feminine too; an acronym as it is written."""
    if word[:2].isupper():
        return re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])")
    plural = word.replace("journal", "journ(?:al|aux)")
    return re.compile(rf"(?i)(?<![\w-]){' '.join(f'{part}(?:e|s|es)?' for part in plural.split())}(?![\w-])")


def _order(item: tuple[str, str]) -> str:
    return item[0].lower().replace("é", "e")
