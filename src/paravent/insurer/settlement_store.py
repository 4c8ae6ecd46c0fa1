"""What the insurer has paid: accounts, settlements, remittances, one line a decision (docs/protocol.md section 11).

Holds: which shop was paid how much for which decision; accounts and payment files sealed to the payments key.
Stolen: what each shop was paid, and no account number without that key. Altered: reconciliation names the decision,
and an account that is not what the insurer signed is paid nothing; a rejection wiped out is not found out.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from paravent.wire.codec import decode, encode
from paravent.wire.settlement import LineKind, Remittance
from paravent.wire.statements import STATEMENT_BYTES_MAX, Signed

SETTLEMENT_SCHEMA = """
CREATE TABLE IF NOT EXISTS account (
    number INTEGER PRIMARY KEY, shop TEXT NOT NULL, keyid TEXT NOT NULL, fingerprint TEXT NOT NULL,
    sealed BLOB NOT NULL UNIQUE, letterbox BLOB, received_at INTEGER NOT NULL, usable_from INTEGER NOT NULL,
    confirmed_at INTEGER, rejected_at INTEGER, confirmation BLOB
) STRICT;
CREATE TABLE IF NOT EXISTS settlement (
    number INTEGER PRIMARY KEY, made_at INTEGER NOT NULL, total_cents INTEGER NOT NULL, payment_file BLOB
) STRICT;
CREATE TABLE IF NOT EXISTS remittance (
    number INTEGER PRIMARY KEY, settlement INTEGER NOT NULL REFERENCES settlement (number), shop TEXT NOT NULL,
    account INTEGER NOT NULL REFERENCES account (number), total_cents INTEGER NOT NULL CHECK (total_cents >= 0),
    signed BLOB NOT NULL, sent_at INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS settled_line (
    decision BLOB NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('payment', 'deduction')),
    remittance INTEGER NOT NULL REFERENCES remittance (number), cents INTEGER NOT NULL CHECK (cents > 0),
    PRIMARY KEY (decision, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS account_by_shop ON account (shop);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where a shop is paid, sealed; ``number`` is 0 until it is kept, ``letterbox`` None when given on paper."""

    number: int
    shop: str
    keyid: str
    fingerprint: str
    sealed: bytes
    letterbox: bytes | None
    received_at: int
    usable_from: int
    confirmed_at: int | None
    rejected_at: int | None
    confirmation: Signed | None

    def usable(self, now: int) -> bool:
        """Says whether money may go there: it was confirmed, its waiting time is over, nobody rejected it."""
        return self.confirmed_at is not None and self.rejected_at is None and self.usable_from <= now


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledLine:
    """A decision in a remittance."""

    decision: bytes
    kind: LineKind
    remittance: int
    cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledRemittance:
    """A remittance as the books know it; what it pays is signed apart."""

    number: int
    settlement: int
    shop: str
    account: int
    total_cents: int
    signed: Signed
    sent_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSettlement:
    """One run of payments; ``payment_file`` is sealed, None when nothing was to be transferred."""

    number: int
    made_at: int
    total_cents: int
    payment_file: bytes | None


class Settlements:
    """The payment tables of the insurer's database; writes are in the caller's transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Uses the connection of the insurer's store, on which the schema exists."""
        self._connection = connection

    # --- accounts ------------------------------------------------------------------------------

    def keep_account(self, account: Account) -> bool:
        """Keeps new bank details, once; returns whether they are new."""
        cursor = self._connection.execute(
            "INSERT INTO account (shop, keyid, fingerprint, sealed, letterbox, received_at, usable_from, confirmed_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (sealed) DO NOTHING",
            (
                account.shop, account.keyid, account.fingerprint, account.sealed, account.letterbox,
                account.received_at, account.usable_from, account.confirmed_at,
            ),
        )  # fmt: skip
        return cursor.rowcount == 1

    def accounts(self) -> list[Account]:
        """Lists every account ever received, oldest first."""
        found = self._connection.execute(
            "SELECT number, shop, keyid, fingerprint, sealed, letterbox, received_at, usable_from, confirmed_at,"
            " rejected_at, confirmation FROM account ORDER BY number"
        )
        return [
            Account(
                number=number, shop=shop, keyid=keyid, fingerprint=fingerprint, sealed=sealed, letterbox=letterbox,
                received_at=received, usable_from=usable, confirmed_at=confirmed, rejected_at=rejected,
                confirmation=None if signed is None else decode(signed, Signed, bytes_max=STATEMENT_BYTES_MAX),
            )
            for (
                number, shop, keyid, fingerprint, sealed, letterbox, received, usable, confirmed, rejected, signed,
            ) in found
        ]  # fmt: skip

    def keep_confirmed(self, account: Account) -> None:
        """Records that an account was compared with its shop over another channel, with what was signed of it."""
        self._connection.execute(
            "UPDATE account SET confirmed_at = ?, usable_from = ?, confirmation = ? WHERE number = ?",
            (account.confirmed_at, account.usable_from, encode(account.confirmation), account.number),
        )

    def reject(self, number: int, now: int) -> bool:
        """Bars an account for good; False when it was barred already."""
        cursor = self._connection.execute(
            "UPDATE account SET rejected_at = ? WHERE number = ? AND rejected_at IS NULL", (now, number)
        )
        return cursor.rowcount == 1

    # --- settlements ---------------------------------------------------------------------------

    def next_numbers(self) -> tuple[int, int]:
        """Returns the numbers of the next settlement and of its first remittance."""
        (settlement,) = self._connection.execute("SELECT COALESCE(MAX(number), 0) + 1 FROM settlement").fetchone()
        (remittance,) = self._connection.execute("SELECT COALESCE(MAX(number), 0) + 1 FROM remittance").fetchone()
        return int(settlement), int(remittance)

    def keep_settlement(
        self, settlement: KeptSettlement, remittances: Sequence[tuple[Remittance, int, Signed]]
    ) -> None:
        """Keeps a settlement: remittances with their account and statement; a decision taken twice is refused."""
        self._connection.execute(
            "INSERT INTO settlement VALUES (?, ?, ?, ?)",
            (settlement.number, settlement.made_at, settlement.total_cents, settlement.payment_file),
        )
        for remittance, account, signed in remittances:
            self._connection.execute(
                "INSERT INTO remittance VALUES (?, ?, ?, ?, ?, ?, NULL)",
                (
                    remittance.number, settlement.number, remittance.shop, account, remittance.total_cents,
                    encode(signed),
                ),
            )  # fmt: skip
            self._connection.executemany(
                "INSERT INTO settled_line VALUES (?, ?, ?, ?)",
                ((line.decision_id, line.kind.value, remittance.number, line.cents) for line in remittance.lines),
            )

    def lines(self) -> list[SettledLine]:
        """Lists every line ever settled."""
        found = self._connection.execute("SELECT decision, kind, remittance, cents FROM settled_line")
        return [
            SettledLine(decision=decision, kind=LineKind(kind), remittance=remittance, cents=cents)
            for decision, kind, remittance, cents in found
        ]

    def remittances(self, settlement: int | None = None) -> list[SettledRemittance]:
        """Lists the remittances, of one settlement or of all."""
        found = self._connection.execute(
            "SELECT number, settlement, shop, account, total_cents, signed, sent_at FROM remittance"
            " WHERE ?1 IS NULL OR settlement = ?1 ORDER BY number",
            (settlement,),
        )
        return [
            SettledRemittance(
                number=number, settlement=run, shop=shop, account=account, total_cents=total,
                signed=decode(signed, Signed, bytes_max=STATEMENT_BYTES_MAX), sent_at=sent,
            )
            for number, run, shop, account, total, signed, sent in found
        ]  # fmt: skip

    def keep_sent(self, remittance: int, now: int) -> None:
        """Records that a remittance was handed to the hub for its shop."""
        self._connection.execute("UPDATE remittance SET sent_at = ? WHERE number = ?", (now, remittance))

    def forget_sent(self, since: int) -> int:
        """Has the remittances that were sent since an instant sent again; returns how many."""
        return self._connection.execute("UPDATE remittance SET sent_at = NULL WHERE sent_at >= ?", (since,)).rowcount

    def settlements(self) -> list[KeptSettlement]:
        """Lists the settlements, oldest first."""
        found = self._connection.execute(
            "SELECT number, made_at, total_cents, payment_file FROM settlement ORDER BY number"
        )
        return [
            KeptSettlement(number=number, made_at=made, total_cents=total, payment_file=sealed)
            for number, made, total, sealed in found
        ]
