"""For justice and for professionals: complaint, offences, notice to professionals, deadlines (docs/glossary.md): pure."""

from __future__ import annotations

from collections.abc import Sequence

from paravent.breach.documents import common
from paravent.breach.documents.model import UNKNOWN, Document, Section, View, instant, mark, number, of
from paravent.breach.documents.references import Offence, sure
from paravent.breach.duties import Duty, next_working_day_ends
from paravent.breach.duties_rules import Contact
from paravent.breach.entries import LootKind
from paravent.breach.requests import Request
from paravent.wire.case import ComplaintTemplate, LetterField

_AT_STAKE = ("323-1 al.1", "323-3", "226-18", "321-1")
_OWN = ("226-17", "226-17-1")
_PROFESSIONALS = {LootKind.DEVICE_KEY, LootKind.DESK, LootKind.HUB, LootKind.DATABASE, LootKind.BACKUP}


_HINTS = {
    LetterField.IDENTITY: "civilité, nom de naissance, nom d'usage, prénoms, date et lieu de naissance, nationalité, profession,"
    " adresse, téléphone, courriel",
    LetterField.INFORMED_ON: "date", LetterField.INFORMED_BY: "organisme", LetterField.INFORMED_HOW: "moyen",
    LetterField.EXPOSED: "liste",
    LetterField.NOTICED: "messages trompeurs, usurpation, débits, avec dates et sommes, ou néant",
    LetterField.PLACE: "lieu", LetterField.SIGNED_ON: "date",
}  # fmt: skip
"""What the template on paper shows where a field stands."""


def complaint(view: View) -> Document:
    """Writes the template of the complaint letter: who complains fills it; the inquiry's own data come from the case."""
    affair = view.affair
    known = affair.recipient != UNKNOWN
    recipient = f"{affair.recipient} (référence : {affair.reference})" if known else UNKNOWN
    return Document(
        name="08-lettre-plainte", title="Lettre-plainte", recipient=recipient, public=True,
        sections=(
            Section(
                heading="À qui l'envoyer",
                paragraphs=(f"Destinataire : {recipient}.", f"Adresse : {affair.address}."),
            ),
            Section(
                heading="La lettre",
                paragraphs=tuple(map(_hinted, complaint_template(view).paragraphs)),
            ),
            Section(
                heading="Pour la remplir (à ne pas envoyer)",
                paragraphs=(
                    "Remplacez chaque texte entre accolades. « Contre X » veut dire : contre un auteur inconnu.",
                    "N'écrivez pas votre numéro de sécurité sociale : écrivez « mon numéro de sécurité sociale ».",
                    "Gardez une copie de la lettre et de ce que votre mutuelle vous a écrit.",
                ),
            ),
        ),
    )  # fmt: skip


def _period(view: View) -> str:
    """Says between which instants, as far as they are known."""
    began, latest = view.opened.began_at, view.opened.ended_at or view.opened.aware_at
    if began is None or began >= latest:
        return f"à une date non déterminée et au plus tard le {view.when(latest)}"
    return f"entre le {view.when(began)} et le {view.when(latest)}"


def complaint_template(view: View) -> ComplaintTemplate:
    """Writes the complaint letter with its fields to fill in, each as ``{{field}}``."""
    affair = view.affair
    return ComplaintTemplate(
        recipient=affair.recipient, reference=affair.reference, address=affair.address,
        paragraphs=(
            "Je soussigné(e) {{identity}}, dépose plainte contre X, et contre toute"
            " personne que l'enquête déterminera, pour des faits d'accès et de maintien frauduleux dans un système"
            " de traitement automatisé de données et d'extraction de données (articles 323-1 et 323-3 du code"
            " pénal), de collecte de données à caractère personnel par un moyen frauduleux, déloyal ou illicite"
            f" (article 226-18) et de recel (article 321-1), commis {_period(view)}, au préjudice"
            f" {of(view.operator)}.",
            "J'ai été informé(e) le {{informed_on}} par {{informed_by}}, par {{informed_how}}, que des données me concernant"
            " sont susceptibles d'avoir été consultées ou extraites : {{exposed}}.",
            "J'ai depuis constaté : {{noticed}}.",
            "Je souhaite être avisé(e) des suites. Je me réserve de me constituer partie civile.",
            "Je certifie exacts les renseignements ci-dessus. Fait à {{place}}, le {{signed_on}}. Signature.",
        ),
    )  # fmt: skip


def _hinted(paragraph: str) -> str:
    """Says in words what is to be filled in where."""
    for field, hint in _HINTS.items():
        paragraph = paragraph.replace(f"{{{{{field}}}}}", f"{{{{{hint}}}}}")
    return paragraph


def offences(view: View, table: Sequence[Offence]) -> Document:
    """Lists the offences and sanctions at stake, as read in the codes; which ones apply is for a court."""
    columns = ("Source", "Infraction", "Prison (années)", "Amende (euros)", "Précision")
    return Document(
        name="09-infractions-et-sanctions", title="Infractions et sanctions en jeu", recipient="Conseil, enquêteurs",
        sections=(
            Section(
                heading="Du côté de l'auteur", paragraphs=("Les peines sont les plus élevées que la loi prévoit.",),
                columns=columns, rows=tuple(_row(row) for row in table if row["article"] in _AT_STAKE),
            ),
            Section(
                heading="Du côté des organismes et de l'opérateur", columns=columns,
                rows=tuple(_row(row) for row in table if row["article"] in _OWN),
            ),
            Section(
                heading="Sanctions administratives (RGPD, article 83)",
                paragraphs=(
                    "Obligations du responsable et du sous-traitant (RGPD, articles 8, 11, 25 à 39, 42 et 43) : jusqu'à"
                    " 10 millions d'euros ou 2 % du chiffre d'affaires annuel mondial (RGPD, article 83, paragraphe 4).",
                    "Principes, droits des personnes, transferts hors d'Europe, injonctions : jusqu'à 20 millions d'euros"
                    " ou 4 % (RGPD, article 83, paragraphe 5).",
                    "Réparation du dommage : responsabilité solidaire (RGPD, article 82).", common.written(view),
                ),
            ),
        ),
    )  # fmt: skip


def professionals(view: View) -> Document:
    """Writes to professionals whose own data may be concerned."""
    what = (
        "Votre identifiant professionnel et celui de votre ordinateur peuvent être concernés."
        if view.kinds() & _PROFESSIONALS else "Rien ne montre que des données de professionnels soient concernées."
    )  # fmt: skip
    return Document(
        name="10-avis-aux-professionnels", title="Vos propres données", recipient="Professionnels de santé", public=True,
        sections=(
            Section(heading="Les faits", paragraphs=(view.facts(), what)),
            Section(
                heading="Ce que la plateforme ne détient pas",
                paragraphs=("Elle n'a aucun mot de passe, et elle ne peut pas lire votre relevé d'identité bancaire.",),
            ),
            Section(
                heading="À faire",
                paragraphs=("Vérifiez la liste des ordinateurs inscrits à votre nom : c'est la commande « paravent desk"
                            " devices ». Signalez tout ordinateur inconnu.",
                            "Ne communiquez aucun code, à personne.", f"Contact : {view.contact}."),
            ),
        ),
    )  # fmt: skip


def deadlines(view: View, contacts: Sequence[Contact]) -> Document:
    """Lists what is due, when, by whom, to whom, with what is not sure; and whom to call."""
    return Document(
        name="11-echeances-et-contacts", title="Échéances et contacts", recipient="Cellule de crise",
        sections=(
            Section(
                heading="Échéances",
                paragraphs=(common.awareness(view), "Les délais sont comptés en heures qui se suivent, nuits et fins de"
                            " semaine comprises. Ce que la loi européenne change quand un délai finit une fin de semaine"
                            " (règlement 1182/71) est à demander à un conseil : suivre la date la plus proche."),
                columns=("Obligation", "Par", "À", "Échéance", "Conditions et sûreté"),
                rows=tuple(_duty_row(view, duty) for duty in view.duties),
            ),
            Section(
                heading="Demandes des autorités",
                paragraphs=() if view.requests else ("Aucune demande n'est enregistrée.",),
                columns=("Qui demande", "Fondement", "Demande", "Échéance", "Ce qui a été remis, à qui, quand")
                if view.requests else (),
                rows=tuple(_request_row(one, view.now) for one in view.requests),
            ),
            Section(
                heading="Contacts", columns=("Qui", "Pour quoi", "Comment"),
                rows=tuple((one.name, one.for_what, one.how) for one in contacts),
            ),
            Section(heading="Établissement", paragraphs=(common.written(view),)),
        ),
    )  # fmt: skip


def _duty_row(view: View, duty: Duty) -> tuple[str, ...]:
    rule = duty.rule
    who = rule.role if duty.insurer is None else f"{rule.role} : {view.names[duty.insurer]}"
    known = "" if rule.status == "verified" else f"Sûreté : {sure(rule.status)}."
    late = "En retard : motif à consigner." if duty.late(view.now) else ""
    condition = f"{rule.condition[:1].upper()}{rule.condition[1:]}." if rule.condition else ""
    sureness = " ".join(part for part in (condition, known, late) if part)
    return (f"{rule.text.removesuffix('.')} ({rule.source}).", who, rule.recipient, _due(duty), sureness)


def _due(duty: Duty) -> str:
    """Writes when a duty is due, and what is not certain about it."""
    if duty.next_at is None or duty.since is None:
        return "à compter de la déclaration qui la précède" if duty.trigger_at is None else "dans les meilleurs délais"
    due = f"{instant(duty.next_at)}{mark(duty.since)}"
    if duty.own_target:
        due += " : objectif interne, la loi dit « dans les meilleurs délais »"
    elif duty.contract:
        due += f" : délai du contrat {duty.contract}"
    if duty.weekend and duty.due_at is not None:
        working = instant(next_working_day_ends(duty.due_at))
        return (
            f"{due} ; tombe une fin de semaine (fin du jour ouvré suivant : {working}, à ne pas retenir sans conseil)"
        )
    return due


def _request_row(request: Request, now: int) -> tuple[str, ...]:
    said, source = request.said, mark(request.position)
    due = "sans date" if said.due_at is None else f"{instant(said.due_at)}{source}"
    late = ". En retard : à remettre, et motif à consigner" if request.late(now) else ""
    pieces = [
        f"{piece.name} ({number(piece.size)} octets, empreinte SHA-256 {piece.sha256.hex()}), à {piece.taker}, le"
        f" {instant(piece.handed_at)}{mark(position)}"
        for position, piece in request.pieces
    ]  # fmt: skip
    return (said.authority, said.basis, f"{said.text}{source}", f"{due}{late}", " ; ".join(pieces) or "rien à ce jour")


def _row(offence: Offence) -> tuple[str, ...]:
    fine = offence["fine_eur"]
    return (
        offence["source"], offence["offence"], offence["prison_years"], number(int(fine)) if fine.isdigit() else fine,
        offence["note"],
    )  # fmt: skip
