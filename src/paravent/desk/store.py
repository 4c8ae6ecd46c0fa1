"""The desk's database: what was seen of each insurer, entitlements kept 30 days, claims (protocol.md 7, 8, 11).

Holds: the customers served inside the retention window. Stolen: those. Altered: the desk's own work.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from paravent.access.sqlite_store import connect, transaction
from paravent.desk.audit import AuditableClaim, KeptPrescription
from paravent.desk.bulletins_store import DESK_BULLETIN_SCHEMA, DeskBulletins
from paravent.desk.remittances_store import LETTER_SCHEMA, Letters
from paravent.wire.audit import AuditMonth
from paravent.wire.claims import CLAIM_KINDS, Decision, Outcome
from paravent.wire.codec import decode, encode
from paravent.wire.statements import STATEMENT_BYTES_MAX, Signed

DATABASE = "desk.db"
RETENTION_SECONDS = 30 * 86_400
AUDIT_SECONDS = 75 * 86_400
"""A claim of the first day of a month is audited after it: 31 days, 14 to reveal the seed, 30 to answer."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS statement (
    insurer TEXT NOT NULL, kind TEXT NOT NULL, signed BLOB NOT NULL, fetched_at INTEGER NOT NULL,
    PRIMARY KEY (insurer, kind)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS manifest_seen (
    insurer TEXT NOT NULL, epoch INTEGER NOT NULL, counter INTEGER NOT NULL, PRIMARY KEY (insurer, epoch)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS act (
    idempotency_key BLOB PRIMARY KEY, body BLOB NOT NULL, decision BLOB, prescription BLOB, made_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS audit_seen (
    insurer TEXT NOT NULL, month INTEGER NOT NULL, audit BLOB NOT NULL, PRIMARY KEY (insurer, month)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS given_back (restored_at INTEGER PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lie (
    server TEXT NOT NULL, reason TEXT NOT NULL, request BLOB NOT NULL, answer BLOB NOT NULL, seen_at INTEGER NOT NULL
) STRICT;
"""


class Store:
    """Everything the desk keeps on its own machine."""

    def __init__(self, home: Path) -> None:
        """Opens or creates the database of a home."""
        self.home = home
        self._connection = connect(home / DATABASE)
        self._connection.executescript(_SCHEMA + LETTER_SCHEMA + DESK_BULLETIN_SCHEMA)
        self._statements: dict[tuple[str, str], tuple[Signed, int]] = {}
        self._version = 0
        self.letters = Letters(self._connection)
        self.bulletins = DeskBulletins(self._connection)

    def keep_statement(self, insurer: str, kind: str, signed: Signed) -> None:
        """Keeps the newest statement of a kind, so that the card lane works with every server stopped."""
        with transaction(self._connection):
            self._connection.execute(
                "INSERT OR REPLACE INTO statement VALUES (?, ?, ?, ?)",
                (insurer, kind, encode(signed), int(time.time())),
            )
        self._statements.pop((insurer, kind), None)

    def statement(self, insurer: str, kind: str) -> tuple[Signed, int] | None:
        """Returns a kept statement and when it was fetched (Unix seconds), or None."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            # Another process of this desk wrote something.
            self._statements.clear()
            self._version = version
        found = self._statements.get((insurer, kind)) or self._read_statement(insurer, kind)
        if found is not None:
            self._statements[insurer, kind] = found
        return found

    def _read_statement(self, insurer: str, kind: str) -> tuple[Signed, int] | None:
        found = self._connection.execute(
            "SELECT signed, fetched_at FROM statement WHERE insurer = ? AND kind = ?", (insurer, kind)
        ).fetchone()
        return None if found is None else (decode(found[0], Signed, bytes_max=STATEMENT_BYTES_MAX), int(found[1]))

    def counter_seen(self, insurer: str, epoch: int) -> int:
        """Returns the highest manifest counter seen of an epoch."""
        found = self._connection.execute(
            "SELECT counter FROM manifest_seen WHERE insurer = ? AND epoch = ?", (insurer, epoch)
        ).fetchone()
        return 0 if found is None else int(found[0])

    def see_counter(self, insurer: str, epoch: int, counter: int) -> None:
        """Records a manifest counter; the highest of an epoch stays, whichever check writes last."""
        with transaction(self._connection):
            self._connection.execute(
                "INSERT INTO manifest_seen VALUES (?, ?, ?) ON CONFLICT (insurer, epoch) DO UPDATE"
                " SET counter = MAX(counter, excluded.counter)",
                (insurer, epoch, counter),
            )

    def keep_lie(self, server: str, reason: str, request: bytes, answer: bytes) -> None:
        """Keeps a signed wrong answer with the signed request it answers: the proof of a lie."""
        with transaction(self._connection):
            self._connection.execute(
                "INSERT INTO lie VALUES (?, ?, ?, ?, ?)", (server, reason, request, answer, int(time.time()))
            )

    def lies(self) -> list[tuple[str, str]]:
        """Lists the lies kept: server and reason."""
        return [(server, reason) for server, reason in self._connection.execute("SELECT server, reason FROM lie")]

    def keep_act(self, idempotency_key: bytes, body: bytes, prescription: bytes | None) -> None:
        """Keeps an act durably before it is sent, so that a retry sends the same bytes."""
        with transaction(self._connection):
            self._connection.execute(
                "INSERT INTO act VALUES (?, ?, NULL, ?, ?) ON CONFLICT (idempotency_key) DO NOTHING",
                (idempotency_key, body, prescription, int(time.time())),
            )

    def keep_decision(self, idempotency_key: bytes, decision: Signed) -> None:
        """Keeps the hub's signed answer to an act."""
        with transaction(self._connection):
            self._connection.execute(
                "UPDATE act SET decision = ? WHERE idempotency_key = ?", (encode(decision), idempotency_key)
            )

    def act(self, idempotency_key: bytes) -> tuple[bytes, Signed | None] | None:
        """Returns a kept act and its decision, if any."""
        found = self._connection.execute(
            "SELECT body, decision FROM act WHERE idempotency_key = ?", (idempotency_key,)
        ).fetchone()
        if found is None:
            return None
        return found[0], None if found[1] is None else decode(found[1], Signed)

    def decided_since(self, instant: int) -> list[tuple[bytes, Signed]]:
        """Lists acts made since an instant, with the hub's decisions, oldest first."""
        found = self._connection.execute(
            "SELECT body, decision FROM act WHERE decision IS NOT NULL AND made_at >= ? ORDER BY made_at", (instant,)
        )
        return [(body, decode(decision, Signed)) for body, decision in found]

    def made_between(self, first: int, last: int) -> int:
        """Counts the acts made from an instant to another, decided or not."""
        (count,) = self._connection.execute(
            "SELECT count(*) FROM act WHERE made_at >= ? AND made_at < ?", (first, last)
        ).fetchone()
        return int(count)

    def has_given_back(self, restored_at: int) -> bool:
        """Says whether this desk gave back its acts after that restoration of the hub."""
        found = self._connection.execute("SELECT 1 FROM given_back WHERE restored_at = ?", (restored_at,)).fetchone()
        return found is not None

    def keep_given_back(self, restored_at: int) -> None:
        """Notes that it did."""
        with transaction(self._connection):
            self._connection.execute("INSERT OR IGNORE INTO given_back VALUES (?)", (restored_at,))

    def drop_act(self, idempotency_key: bytes) -> None:
        """Forgets an act that was not decided."""
        with transaction(self._connection):
            self._connection.execute(
                "DELETE FROM act WHERE idempotency_key = ? AND decision IS NULL", (idempotency_key,)
            )

    def undecided(self) -> list[bytes]:
        """Lists the acts that got no decision, oldest first."""
        found = self._connection.execute("SELECT body FROM act WHERE decision IS NULL ORDER BY made_at")
        return [body for (body,) in found]

    def forget(self) -> None:
        """Deletes acts older than 30 days, and claims once their audit is over."""
        now = int(time.time())
        with transaction(self._connection):
            self._connection.execute(
                "DELETE FROM act WHERE made_at < CASE WHEN prescription IS NULL THEN ? ELSE ? END",
                (now - RETENTION_SECONDS, now - AUDIT_SECONDS),
            )

    # --- medical audit -------------------------------------------------------------------------

    def see_audit(self, insurer: str, audit: AuditMonth) -> AuditMonth:
        """Keeps the audit of a month as it was first seen, and returns that."""
        with transaction(self._connection):
            self._connection.execute(
                "INSERT INTO audit_seen VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (insurer, audit.month, encode(audit))
            )
            (kept,) = self._connection.execute(
                "SELECT audit FROM audit_seen WHERE insurer = ? AND month = ?", (insurer, audit.month)
            ).fetchone()
        return decode(kept, AuditMonth)

    def decided(self) -> list[Signed]:
        """Lists the decisions kept, oldest first."""
        found = self._connection.execute("SELECT decision FROM act WHERE decision IS NOT NULL ORDER BY made_at")
        return [decode(signed, Signed) for (signed,) in found]

    def claims(self) -> list[AuditableClaim]:
        """Lists the accepted claims of this desk with what it kept of their prescription."""
        found = self._connection.execute(
            "SELECT decision, prescription FROM act WHERE decision IS NOT NULL ORDER BY made_at"
        )
        decided = [(decode(decode(signed, Signed).payload, Decision), kept) for signed, kept in found]
        return [
            AuditableClaim(
                claim_id=decision.claim_id, insurer=decision.insurer, month=decision.month,
                kept=None if kept is None else decode(kept, KeptPrescription, bytes_max=STATEMENT_BYTES_MAX),
            )
            for decision, kept in decided
            if decision.claim_id is not None and decision.kind in CLAIM_KINDS and decision.outcome is Outcome.ACCEPTED
        ]  # fmt: skip

    # --- bulletins ------------------------------------------------------------------------------

    def keep_bulletins(self, head: Signed, first: int, bulletins: Sequence[bytes]) -> None:
        """Keeps a verified head and the bulletins that are new."""
        with transaction(self._connection):
            self.bulletins.keep(head, first, bulletins)

    def keep_acknowledged(self, number: int, now: int) -> None:
        """Keeps that this desk acknowledged a bulletin."""
        with transaction(self._connection):
            self.bulletins.keep_acknowledged(number, now)

    def close(self) -> None:
        """Closes the database."""
        self._connection.close()

    def __enter__(self) -> Self:
        """Uses the store for one command."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()
