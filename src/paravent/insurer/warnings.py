"""A bulletin for insured persons as the mail of their insurer (docs/protocol.md section 11, step 11.18): pure.

It is the same for everybody it goes to: it holds no name, no number and nothing of their cover, and no link.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage

from paravent.access.mail import automatic_mail, bulletin_identifier
from paravent.errors import BadInput
from paravent.insurer.warnings_store import Warned
from paravent.pages.bulletin_text import ENGLISH, FRENCH, lines
from paravent.wire.bulletins import Audience, Bulletin


def for_members(bulletins: list[Bulletin], number: int) -> Bulletin:
    """Finds a bulletin that is written for insured persons; raises BadInput for any other."""
    found = next((one for one in bulletins if one.number == number), None)
    if found is None or found.audience is not Audience.INSURED:
        raise BadInput("there is no bulletin of this number for insured persons: insurer bulletins lists them")
    return found


def write_warning(bulletin: Bulletin, warned: Warned, insurer: str, sender: str) -> EmailMessage:
    """Writes the mail; sent twice, it is the same message."""
    message = automatic_mail(
        sender, warned.address, f"{bulletin.fr.title} / {bulletin.en.title}",
        datetime.fromtimestamp(bulletin.issued_at, UTC), bulletin_identifier(bulletin.number, warned.address),
    )  # fmt: skip
    french, english = ("\n".join(lines(bulletin, language)) for language in (FRENCH, ENGLISH))
    message.set_content(f"""\
{french}

Ce message ne contient aucun lien, et ne demande ni code, ni paiement, ni
réponse. Un doute : appelez-nous au numéro de votre carte.
{insurer}

---

{english}

This message holds no link, and asks for no code, no payment and no answer. In
doubt: call us on the number of your card.
{insurer}
""")
    return message
