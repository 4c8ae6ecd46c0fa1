"""Handing messages to a mail server by SMTP (RFC 5321)."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol

from paravent.access.mail import MailConfig
from paravent.access.store import read_secret
from paravent.errors import InvalidConfiguration, Unreachable

SMTP_SECONDS_MAX = 10


class Sender(Protocol):
    """Whatever hands a message over; raises Unreachable when it did not."""

    def send(self, message: EmailMessage) -> None:
        """Hands one message over."""


class SmtpSender:
    """Hands messages to one mail server, a connection for each."""

    def __init__(self, config: MailConfig, secrets: Path) -> None:
        """Reads the password when there is a user; raises InvalidConfiguration when it would travel in clear."""
        if config.user and config.security == "none":
            raise InvalidConfiguration("a mail password travels over TLS only: set security to tls or starttls")
        self._config = config
        self._password = read_secret(secrets / "smtp.password").decode() if config.user else ""

    def send(self, message: EmailMessage) -> None:
        """Hands one message over; raises Unreachable, without a word of the message."""
        try:
            with self._connect() as server:
                if self._config.security == "starttls":
                    server.starttls(context=ssl.create_default_context())
                if self._config.user:
                    server.login(self._config.user, self._password)
                server.send_message(message)
        except (OSError, smtplib.SMTPException) as fault:
            raise Unreachable(f"the mail server did not take a message ({type(fault).__name__})") from None

    def _connect(self) -> smtplib.SMTP:
        host, port = self._config.server, self._config.server_port
        if self._config.security == "tls":
            return smtplib.SMTP_SSL(host, port, timeout=SMTP_SECONDS_MAX, context=ssl.create_default_context())
        return smtplib.SMTP(host, port, timeout=SMTP_SECONDS_MAX)
