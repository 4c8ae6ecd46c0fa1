"""A bulletin as an e-mail to shops (docs/watch.md section 9): text and PDF, nothing of the shop it goes to: pure."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from email.message import EmailMessage

from paravent.access.mail import automatic_mail, bulletin_identifier, require_address
from paravent.errors import BadInput
from paravent.pages.bulletin_text import ENGLISH, FRENCH, lines
from paravent.wire.bulletins import Bulletin

_COLUMN = "email"


def write_mail(bulletin: Bulletin, pdf: bytes, address: str, sender: str, operator: str) -> EmailMessage:
    """Writes the mail; sent twice, it is the same message: its identifier is of the bulletin and the address."""
    message = automatic_mail(
        sender, address, f"Bulletin de sécurité n° {bulletin.number} : {bulletin.fr.title}",
        datetime.fromtimestamp(bulletin.issued_at, UTC), bulletin_identifier(bulletin.number, address),
    )  # fmt: skip
    french, english = ("\n".join(lines(bulletin, language)) for language in (FRENCH, ENGLISH))
    message.set_content(f"""\
{french}

Ce message ne contient aucun lien et ne demande rien. Le même bulletin, signé,
se lit sur votre poste : paravent desk bulletins.
{operator}

---

{english}

This message holds no link and asks for nothing. The same bulletin, signed, is
on your desk: paravent desk bulletins.
{operator}
""")
    message.add_attachment(pdf, maintype="application", subtype="pdf", filename=f"bulletin-{bulletin.number:04d}.pdf")
    return message


def read_contacts(content: str) -> list[str]:
    """Reads the addresses of a CSV with a column ``email``, each once; raises BadInput naming the line."""
    rows = csv.DictReader(io.StringIO(content.removeprefix("\ufeff"), newline=""))
    found: dict[str, None] = {}
    try:
        if _COLUMN not in (rows.fieldnames or ()):
            raise BadInput(f"the file has no column {_COLUMN}")
        for row in rows:
            found[_address(row[_COLUMN] or "", rows.line_num)] = None
    except csv.Error:
        raise BadInput(f"line {rows.line_num + 1}: this is not CSV; nothing was queued") from None
    return list(found)


def _address(text: str, line: int) -> str:
    try:
        return require_address(text)
    except BadInput:
        raise BadInput(f"line {line}: not an e-mail address; nothing was queued") from None
