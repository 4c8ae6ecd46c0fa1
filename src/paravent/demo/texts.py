"""The sentences of the demonstration, French and English side by side."""

from __future__ import annotations

from enum import StrEnum


class Language(StrEnum):
    """The languages of the demonstration."""

    FRENCH = "fr"
    ENGLISH = "en"


TEXTS: dict[str, tuple[str, str]] = {
    "setup": (
        "Installation d'une plateforme sur cette machine : 3 serveurs de clés (2 suffisent), un hub, 2 assureurs, un poste d'opticien.",
        "Setting up a platform on this machine: 3 key servers (2 are enough), a hub, 2 insurers, one optician's desk.",
    ),
    "exception": (
        "Exception de démonstration : un seul exploitant pour les trois serveurs ; garanties partagées par 20 personnes au lieu de 1 000.",
        "Demonstration exception: one operator for all three servers; guarantees shared by 20 persons instead of 1,000.",
    ),
    "published": (
        "{name} publie {persons} assurés : {rows} lignes scellées, dont {decoys} leurres. Ni nom, ni NIR, ni date de naissance.",
        "{name} publishes {persons} insured persons: {rows} sealed rows, {decoys} of them decoys. No name, NIR or birth date.",
    ),
    "space": (
        "{name} ouvre à ses assurés un espace : {address}, identifiant « {subject} » chez le fournisseur d'identité local.",
        "{name} opens a space to those it insures: {address}, signed in as “{subject}” at the local identity provider.",
    ),
    "chapter-card": ("1. Voie carte", "1. Card lane"),
    "card-offline": (
        "Tous les serveurs sont arrêtés. Le QR code de la carte est lu et vérifié sur le poste : droits ouverts, payables depuis {month}.",
        "Every server is stopped. The card's QR code is read and checked on the desk: covered, payable from {month}.",
    ),
    "card-online": (
        "Les serveurs tournent de nouveau : même carte, même réponse.",
        "The servers run again: same card, same answer.",
    ),
    "card-altered": (
        "Un caractère du QR code changé : « {title} ».",
        "One character of the QR code changed: “{title}”.",
    ),
    "chapter-number": ("2. Voie numéro", "2. Number lane"),
    "number-checked": (
        "Numéro AMC, NIR, date de naissance et rang : 2 serveurs évaluent à l'aveugle, le hub donne une ligne et sa preuve, 2 serveurs l'ouvrent. Droits ouverts, garantie {guarantee}, en {milliseconds} ms.",
        "AMC number, NIR, birth date and rank: 2 servers evaluate blindly, the hub gives a row and its proof, 2 servers open it. Covered, guarantee {guarantee}, in {milliseconds} ms.",
    ),
    "number-absent": (
        "Un inconnu de l'assureur : l'absence est prouvée, « {title} ».",
        "Somebody the insurer does not know: absence is proved, “{title}”.",
    ),
    "number-typo": ("Un chiffre faux dans le NIR : « {title} ».", "A wrong digit in the NIR: “{title}”."),
    "chapter-glasses": ("3. Une paire de lunettes", "3. One pair of glasses"),
    "classified": (
        "L'ordonnance publiée par HL7 donne sur le poste : {right} + {left}, équipement {band} ({focal}). Aucune correction ne sort.",
        "HL7's published prescription gives, on the desk: {right} + {left}, band {band} ({focal}). No correction leaves.",
    ),
    "quoted": (
        "Devis : {price} ; sécurité sociale {amo}, complémentaire {amc}, reste à charge {rest}.",
        "Quote: {price}; compulsory scheme {amo}, insurer {amc}, remaining charge {rest}.",
    ),
    "reserved": ("Prise en charge accordée pour 60 jours.", "Prise en charge granted for 60 days."),
    "claimed": (
        "Facture acceptée par le hub : {amc} ; l'assureur refait le calcul : payable.",
        "Claim accepted by the hub: {amc}; the insurer recomputes it: payable.",
    ),
    "chapter-again": ("4. Deux fois ?", "4. Twice?"),
    "resent": (
        "La même facture renvoyée : même décision, payée une seule fois ({payable} à payer).",
        "The same claim sent again: same decision, paid once ({payable} payable).",
    ),
    "second-pair": (
        "Une deuxième paire tout de suite : refus, « {reason} » ; payable à nouveau à partir de {month}.",
        "A second pair at once: refused, “{reason}”; payable again from {month}.",
    ),
    "chapter-outage": ("5. Pannes", "5. Outages"),
    "one-down": (
        "Un serveur de clés arrêté : la voie numéro continue.",
        "One key server stopped: the number lane goes on.",
    ),
    "two-down": (
        "Deux serveurs arrêtés : « {title}. {advice} » La voie carte continue.",
        "Two servers stopped: “{title}. {advice}” The card lane goes on.",
    ),
    "chapter-theft": ("6. Premier exercice d'attaque", "6. A first drill"),
    "theft": (
        "Le voleur a la base du hub, la liste exacte de tous les NIR et dates de naissance, et les fichiers de clés de {servers} serveur(s) : {opened} personnes ouvertes sur {persons}, en {seconds} s.",
        "The thief holds the hub's database, the true list of every NIR and birth date, and the key files of {servers} server(s): {opened} persons opened of {persons}, in {seconds} s.",
    ),
    "visit": (
        "7. À vous. Des clients inventés, avec leur carte :",
        "7. Your turn. Invented customers, with their cards:",
    ),
    "visitor": (
        "   {name}, {birth}, {insurer}, numéro {nir}\n     carte : {card}",
        "   {name}, {birth}, {insurer}, number {nir}\n     card: {card}",
    ),
    "visit-link": (
        "Ouvrez le poste dans un navigateur de cette machine (le lien sert une fois) :\n   {link}\nUn autre lien : paravent desk open --home {home}",
        "Open the desk in a browser of this machine (the link serves once):\n   {link}\nAnother link: paravent desk open --home {home}",
    ),
    "paid": (
        "   Un assureur a payé : relevez ses lettres dans « Dossiers et paiements ».",
        "   An insurer has paid: fetch its letters in “Files and payments”.",
    ),
    "running": ("Tout continue de tourner. Ctrl-C pour arrêter.", "Everything keeps running. Ctrl-C to stop."),
}


def say(key: str, language: Language, **values: object) -> str:
    """Returns a sentence in a language."""
    french, english = TEXTS[key]
    return (french if language is Language.FRENCH else english).format(**values)
