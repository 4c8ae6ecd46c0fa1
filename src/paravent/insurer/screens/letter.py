"""The complaint letter (*lettre-plainte*) of one person, from what they type: checked, laid out, kept nowhere: pure."""

from __future__ import annotations

from datetime import date

from paravent.insurer.incident import filled
from paravent.insurer.sign_in import SignedIn
from paravent.pages.pdf import Language, Letterhead, render_pdf
from paravent.pages.screens.catalogue import marked
from paravent.pages.screens.forms import Form
from paravent.person.nir import holds_nir
from paravent.wire.case import IncidentTold, LetterField

REQUIRED = ("civility", "birth_name", "first_names", "birth_date", "birth_place", "nationality", "address",
            "informed_on", "informed_how", "exposed", "noticed", "place", "signed_on")  # fmt: skip
FIELDS = (*REQUIRED, "used_name", "profession", "telephone", "email")
_CHARACTERS_MAX = 1_500
_LINE_CHARACTERS = 380
_ADDRESS_LINES = 5


def suggested(who: SignedIn, insurer: str, today: date) -> Form:
    """Fills in what the sign-in and the incident already say; the person changes what they like."""
    born = who.birth_date
    return Form(values={
        "birth_name": who.family_name, "first_names": who.given_names,
        "birth_date": f"{born[6:8]}/{born[4:6]}/{born[:4]}", "nationality": "française",
        "informed_how": f"l'espace personnel de {insurer}", "informed_on": f"{today:%d/%m/%Y}",
        "exposed": "nom de mon organisme, garantie optique et ses dates", "noticed": "néant",
        "signed_on": f"{today:%d/%m/%Y}",
    })  # fmt: skip


def checked(form: Form) -> Form:
    """Returns the form with what is wrong in it: missing, too long, or a social-security number."""
    for name in FIELDS:
        if name in REQUIRED and not form[name]:
            form = form.wrong(**{name: marked("Remplissez ce champ.")})
        elif len(form[name]) > _CHARACTERS_MAX:
            form = form.wrong(**{name: marked("Ce texte est trop long.")})
        elif holds_nir(form[name]):
            form = form.wrong(
                **{name: marked("N'écrivez pas votre numéro de sécurité sociale : il n'a pas à figurer.")}
            )
    return form


def letter_pdf(told: IncidentTold, form: Form, insurer: str, today: date, created_at: int) -> bytes:
    """Lays the letter out; nothing of it is kept."""
    head = Letterhead(
        title="Lettre-plainte", language=Language.FRENCH, issuer=_issuer(form),
        recipient=_lines(told.complaint.recipient, told.complaint.address), reference=told.complaint.reference[:200],
        day=today,
    )  # fmt: skip
    values = {
        LetterField.IDENTITY: _identity(form), LetterField.INFORMED_ON: form["informed_on"],
        LetterField.INFORMED_BY: insurer, LetterField.INFORMED_HOW: form["informed_how"],
        LetterField.EXPOSED: form["exposed"], LetterField.NOTICED: form["noticed"], LetterField.PLACE: form["place"],
        LetterField.SIGNED_ON: form["signed_on"],
    }  # fmt: skip
    content = {"paragraphs": filled(told.complaint, values), "table": None}
    return render_pdf("letter", head, content, created_at=created_at)


def _identity(form: Form) -> str:
    used = f", nom d'usage {form['used_name']}" if form["used_name"] else ""
    optional = [f"{words} {form[name]}" for name, words in (
        ("profession", "profession"), ("telephone", "téléphone"), ("email", "courriel"),
    ) if form[name]]  # fmt: skip
    address = " ".join(form["address"].split())
    return ", ".join([
        f"{form['civility']} {form['birth_name']}{used}, {form['first_names']}",
        f"né(e) le {form['birth_date']} à {form['birth_place']}", f"de nationalité {form['nationality']}",
        f"demeurant {address}", *optional,
    ])  # fmt: skip


def _issuer(form: Form) -> tuple[str, ...]:
    name = f"{form['first_names']} {form['used_name'] or form['birth_name']}"
    return _lines(name, form["address"], form["telephone"], form["email"])


def _lines(*texts: str) -> tuple[str, ...]:
    """Cuts addresses into the lines of a letterhead."""
    found = [line.strip() for text in texts for line in text.splitlines()[:_ADDRESS_LINES] if line.strip()]
    return tuple(line[:_LINE_CHARACTERS] for line in found)[:8]
