"""For justice and for professionals: complaint, offences, notice to professionals, deadlines (docs/glossary.md): pure."""

from __future__ import annotations

from collections.abc import Sequence

from paravent.breach.documents import common
from paravent.breach.documents.model import UNKNOWN, Document, Section, View, instant, number
from paravent.breach.duties import next_working_day_ends
from paravent.breach.duties_rules import Contact
from paravent.breach.entries import LootKind
from paravent.breach.requests import Request

Offence = dict[str, str]
_AT_STAKE = ("323-1 al.1", "323-3", "226-18", "321-1")


def complaint(view: View) -> Document:
    """Writes the template of the complaint letter: who complains fills it; the inquiry's own data come from the case."""
    affair = view.affair
    latest = view.opened.ended_at or view.opened.aware_at
    return Document(
        name="08-lettre-plainte", title="Lettre-plainte", recipient=f"{affair.recipient} ({affair.reference})", public=True,
        sections=(
            Section(
                heading="Destinataire", paragraphs=(f"{affair.recipient}. Référence : {affair.reference}.", affair.address)
            ),
            Section(
                heading="Plainte",
                paragraphs=(
                    "Je soussigné(e) {{civilité, nom de naissance, nom d'usage, prénoms, date et lieu de naissance,"
                    " nationalité, profession, adresse, téléphone, courriel}}, dépose plainte contre X, et contre toute"
                    " personne que l'enquête déterminera, pour des faits d'accès et de maintien frauduleux dans un système"
                    " de traitement automatisé de données et d'extraction de données (articles 323-1 et 323-3 du code"
                    " pénal), de collecte de données à caractère personnel par un moyen frauduleux, déloyal ou illicite"
                    " (article 226-18) et de recel (article 321-1), commis à une date non déterminée et au plus tard le"
                    f" {view.when(latest)}, au préjudice de {view.operator}.",
                    "J'ai été informé(e) le {{date}} par {{organisme}}, par {{moyen}}, que des données me concernant sont"
                    " susceptibles d'avoir été consultées ou extraites : {{liste}}.",
                    "J'ai depuis constaté : {{hameçonnage, usurpation, débits, avec dates et sommes, ou néant}}.",
                    "Je souhaite être avisé(e) des suites. Je me réserve de me constituer partie civile.",
                    "Mon numéro de sécurité sociale n'a pas à figurer ici : écrire « mon numéro de sécurité sociale ».",
                    "Je certifie exacts les renseignements ci-dessus. Fait à {{lieu}}, le {{date}}. Signature.",
                ),
            ),
        ),
    )  # fmt: skip


def offences(view: View, table: Sequence[Offence]) -> Document:
    """Lists the offences and sanctions at stake, as read in the codes; which ones apply is for a court."""
    at_stake = [row for row in table if row["article"] in _AT_STAKE]
    own = [row for row in table if row["article"] in {"226-17", "226-17-1"}]
    columns = ("Article", "Infraction", "Ans", "Amende (EUR)", "Précision")
    return Document(
        name="09-infractions-et-sanctions", title="Infractions et sanctions en jeu", recipient="Conseil, enquêteurs",
        sections=(
            Section(heading="Du côté de l'auteur", columns=columns, rows=tuple(map(_row, at_stake))),
            Section(heading="Du côté des organismes et de l'opérateur", columns=columns, rows=tuple(map(_row, own))),
            Section(
                heading="Sanctions administratives (RGPD, article 83)",
                paragraphs=(
                    "Obligations des articles 8, 11, 25 à 39, 42 et 43 : jusqu'à 10 millions d'euros ou 2 % du chiffre"
                    " d'affaires annuel mondial.",
                    "Principes, droits, transferts, injonctions : jusqu'à 20 millions d'euros ou 4 %.",
                    "Réparation : article 82, responsabilité solidaire.", common.written(view),
                ),
            ),
        ),
    )  # fmt: skip


def professionals(view: View) -> Document:
    """Writes to professionals whose own data may be concerned."""
    named = bool(view.kinds() & {LootKind.DEVICE_KEY, LootKind.DESK, LootKind.HUB, LootKind.DATABASE, LootKind.BACKUP})
    what = (
        "Votre identifiant professionnel et celui de votre poste peuvent être concernés."
        if named else "Rien ne montre que des données de professionnels soient concernées."
    )  # fmt: skip
    return Document(
        name="10-avis-aux-professionnels", title="Vos propres données", recipient="Professionnels de santé", public=True,
        sections=(
            Section(heading="Les faits", paragraphs=(f"{view.opened.facts}\u00a0[e{view.start.position}]", what)),
            Section(
                heading="Ce que la plateforme ne détient pas",
                paragraphs=("Elle ne détient en clair ni votre relevé d'identité bancaire, ni de mot de passe.",),
            ),
            Section(
                heading="À faire",
                paragraphs=("Vérifiez les postes enrôlés à votre nom (« paravent desk devices ») ; signalez tout poste"
                            " inconnu. Ne communiquez aucun code.", f"Contact : {view.contact}."),
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
                paragraphs=(common.awareness(view), "Les instants sont l'heure civile, comptée sans interruption. L'effet du"
                            " règlement 1182/71 sur les fins de semaine est à apprécier par un conseil : la date la plus"
                            " courte est celle qui est suivie."),
                columns=("Obligation", "Par", "À", "Échéance", "Conditions et sûreté"), rows=_duty_rows(view),
            ),
            Section(
                heading="Demandes des autorités",
                paragraphs=() if view.requests else ("Aucune demande n'est enregistrée.",),
                columns=("Qui demande", "Fondement", "Demande", "Échéance", "Remis (pièce, taille, SHA-256, à qui, quand)")
                if view.requests else (),
                rows=tuple(_request_row(one, view.now) for one in view.requests),
            ),
            Section(
                heading="Contacts",
                columns=("Qui", "Pour quoi", "Comment"),
                rows=tuple((one.name, one.for_what, one.how) for one in contacts),
            ),
            Section(heading="Établissement", paragraphs=(common.written(view),)),
        ),
    )  # fmt: skip


def _duty_rows(view: View) -> tuple[tuple[str, ...], ...]:
    rows = []
    for duty in view.duties:
        rule = duty.rule
        who = rule.role if duty.insurer is None else f"{rule.role} : {view.names[duty.insurer]}"
        own = " (objectif interne : la loi dit « dans les meilleurs délais »)" if duty.own_target else ""
        own += f" (délai du contrat {duty.contract})" if duty.contract and not duty.own_target else ""
        due = UNKNOWN if duty.next_at is None else f"{instant(duty.next_at)}{own}\u00a0[e{duty.since}]"
        if duty.next_at is None:
            due = "court à compter de sa condition" if duty.trigger_at is None else "dans les meilleurs délais"
        if duty.weekend and duty.due_at is not None:
            due += f" ; tombe une fin de semaine (fin du jour ouvré suivant : {instant(next_working_day_ends(duty.due_at))},"
            due += " à ne pas retenir sans conseil)"
        late = " En retard : motif à consigner." if duty.late(view.now) else ""
        sure = "" if rule.status == "verified" else f" Source non vérifiée ({rule.status})."
        rows.append((f"{rule.regime} : {rule.text}", who, rule.recipient, due, f"{rule.condition}{sure}{late}".strip()))
    return tuple(rows)


def _request_row(request: Request, now: int) -> tuple[str, ...]:
    said, mark = request.said, f"\u00a0[e{request.position}]"
    due = "sans date" if said.due_at is None else f"{instant(said.due_at)}{mark}"
    late = " En retard : à remettre, et motif à consigner." if request.late(now) else ""
    pieces = [
        f"{piece.name}, {number(piece.size)} octets, {piece.sha256.hex()}, à {piece.taker}, le"
        f" {instant(piece.handed_at)}\u00a0[e{position}]"
        for position, piece in request.pieces
    ]  # fmt: skip
    return (said.authority, said.basis, f"{said.text}{mark}", f"{due}{late}", " ; ".join(pieces) or "rien à ce jour")


def _row(offence: Offence) -> tuple[str, ...]:
    fine = offence["fine_eur"]
    return (
        offence["article"], offence["offence"], offence["prison_years"], number(int(fine)) if fine.isdigit() else fine,
        offence["note"],
    )  # fmt: skip
