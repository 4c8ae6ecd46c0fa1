"""What every party that writes e-mails shares: the server it hands them to, addresses, when to try again: pure."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from email.message import EmailMessage
from typing import Literal

from paravent.errors import BadInput
from paravent.wire.codec import Message, Name, Port

RETRY_SECONDS = 60
RETRY_SECONDS_MAX = 86_400
ADDRESS_CHARACTERS_MAX = 254
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


class MailConfig(Message, frozen=True, kw_only=True):
    """The mail server that takes messages; with a ``user``, its password is in ``secrets/smtp.password``."""

    server: Name
    server_port: Port
    sender: Name
    security: Literal["tls", "starttls", "none"] = "tls"
    user: str = ""


def require_address(text: str) -> str:
    """Returns an e-mail address that can stand in a header; raises BadInput."""
    if len(text) > ADDRESS_CHARACTERS_MAX or not _ADDRESS.fullmatch(text) or not text.isascii():
        raise BadInput("an e-mail address has a wrong form")
    return text


def automatic_mail(sender: str, address: str, subject: str, at: datetime, identifier: str) -> EmailMessage:
    """Begins a mail that nobody answers; with the same identifier, it is the same message however often it is sent."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"], message["Date"] = sender, address, subject, at
    message["Message-ID"] = f"<{identifier}@{sender.partition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    return message


def bulletin_identifier(number: int, address: str) -> str:
    """Names the mail of one bulletin to one address, in 32 hexadecimal digits."""
    return hashlib.sha256(f"{number} {address}".encode()).hexdigest()[:32]


def next_try(tries: int, now: int) -> int:
    """Says when a message that was not taken is sent again: a minute, then twice as long each time, at most a day."""
    return now + min(RETRY_SECONDS << min(tries, 20), RETRY_SECONDS_MAX)
