"""What the breach desk keeps of its bulletins, and the e-mails that carry them (docs/watch.md section 9).

Holds: bulletins, which are public; e-mail addresses of shops that wait for one, 30 days. Stolen: those addresses.
Altered: the list no longer leads to its signed head, and the hub refuses it; a shop is not written to, or twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from paravent.access.bulletin_store import BULLETIN_SCHEMA, Bulletins
from paravent.access.mail import next_try
from paravent.access.sqlite_store import connect, transaction
from paravent.breach.bulletins.templates import Templates, read_templates
from paravent.wire.bulletins import KnownList, follow
from paravent.wire.statements import Signed

DATABASE = "bulletins.db"
KEPT_SECONDS = 30 * 86_400
_SHIPPED = Path(__file__).parent / "data" / "templates-2026-11-27.toml"

_SCHEMA = (
    BULLETIN_SCHEMA
    + """
CREATE TABLE IF NOT EXISTS bulletin_mail (
    bulletin INTEGER NOT NULL, address TEXT NOT NULL, queued_at INTEGER NOT NULL, tries INTEGER NOT NULL,
    next_try INTEGER NOT NULL, sent_at INTEGER, PRIMARY KEY (bulletin, address)
) STRICT, WITHOUT ROWID;
"""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A bulletin to be sent to a shop."""

    bulletin: int
    address: str
    tries: int

    def __repr__(self) -> str:
        return "Mail(REDACTED)"


class Store:
    """The list of the breach desk, and its outbox."""

    def __init__(self, home: Path) -> None:
        """Opens or creates the database of a home."""
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._connection = connect(home / DATABASE)
        self._connection.executescript(_SCHEMA)
        self.list = Bulletins(self._connection)

    def keep(self, head: Signed, first: int, bulletins: Iterable[bytes]) -> None:
        """Keeps what was signed, before anybody is sent it."""
        with transaction(self._connection):
            self.list.keep(head, first, list(bulletins))

    def digest_at(self, count: int) -> bytes:
        """Computes the digest of the first bulletins: 32 bytes."""
        digest = KnownList().digest
        found = self._connection.execute("SELECT content FROM bulletin WHERE number <= ? ORDER BY number", (count,))
        for (content,) in found.fetchall():
            digest = follow(digest, bytes(content))
        return digest

    # --- outbox ---------------------------------------------------------------------------------

    def queue(self, bulletin: int, addresses: Iterable[str], now: int) -> int:
        """Queues a bulletin for addresses, once each; returns how many are new."""
        with transaction(self._connection):
            return sum(
                self._connection.execute(
                    "INSERT INTO bulletin_mail VALUES (?, ?, ?, 0, 0, NULL) ON CONFLICT DO NOTHING",
                    (bulletin, address, now),
                ).rowcount
                for address in addresses
            )

    def due(self, now: int, count: int = 100) -> list[Mail]:
        """Lists what is to be sent now, the oldest first."""
        found = self._connection.execute(
            "SELECT bulletin, address, tries FROM bulletin_mail WHERE sent_at IS NULL AND next_try <= ?"
            " ORDER BY next_try, bulletin, address LIMIT ?",
            (now, count),
        )
        return [Mail(bulletin=bulletin, address=address, tries=tries) for bulletin, address, tries in found]

    def keep_sent(self, mail: Mail, now: int) -> None:
        """Records that a mail server took a bulletin."""
        with transaction(self._connection):
            self._connection.execute(
                "UPDATE bulletin_mail SET sent_at = ?, tries = tries + 1 WHERE bulletin = ? AND address = ?",
                (now, mail.bulletin, mail.address),
            )

    def keep_failed(self, mail: Mail, now: int) -> None:
        """Puts a bulletin off."""
        with transaction(self._connection):
            self._connection.execute(
                "UPDATE bulletin_mail SET tries = tries + 1, next_try = ? WHERE bulletin = ? AND address = ?",
                (next_try(mail.tries, now), mail.bulletin, mail.address),
            )

    def forget(self, now: int) -> None:
        """Deletes addresses after 30 days, written to or not."""
        with transaction(self._connection):
            self._connection.execute("DELETE FROM bulletin_mail WHERE queued_at < ?", (now - KEPT_SECONDS,))

    def mail_counts(self) -> tuple[int, int]:
        """Counts what waits and what was sent, of the last 30 days."""
        waiting, sent = self._connection.execute(
            "SELECT COUNT(*) - COUNT(sent_at), COUNT(sent_at) FROM bulletin_mail"
        ).fetchone()
        return int(waiting), int(sent)

    def __enter__(self) -> Self:
        """Uses the store for one command."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self._connection.close()


def shipped_templates() -> Templates:
    """Reads the templates of the package."""
    return read_templates(_SHIPPED.read_bytes())
