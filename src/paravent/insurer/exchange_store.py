"""What went between this insurer and the hub: acts sent, events pulled, acts given back (protocol.md 11.6 and 18.2).

Holds: acts of this insurer with the hub's answers, and the events pulled, sealed. Stolen: which claims it disputed,
upheld or reversed, and which rights it released; with the claims key, every event. Altered: an act no longer verifies,
and an event no longer opens: the hub takes neither.
"""

from __future__ import annotations

from paravent.access.sqlite_store import SqliteConnection
from paravent.errors import StaleData
from paravent.insurer.counter_store import Counters
from paravent.wire.claims import Decision, Outcome
from paravent.wire.codec import decode, encode
from paravent.wire.statements import Signed

EXCHANGE_SCHEMA = """
CREATE TABLE IF NOT EXISTS pulled_event (number INTEGER PRIMARY KEY, detail BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS insurer_act (
    idempotency_key BLOB PRIMARY KEY, signed BLOB NOT NULL, decision BLOB, made_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""

_PULLED = "pulled"
_GIVING_BACK = "giving-back"
_GIVEN_BACK_TO = "given-back-to"
_GIVEN_BACK = "given-back"
_LETTERS_AGAIN = "letters-again"


class Exchange:
    """How far an insurer is with the hub; each write is a transaction of its own, unless it says otherwise."""

    def __init__(self, connection: SqliteConnection, counters: Counters) -> None:
        """Uses the connection of the insurer's store, on which the schema exists."""
        self._connection = connection
        self._counters = counters

    # --- acts of this insurer ------------------------------------------------------------------

    def keep_act(self, idempotency_key: bytes, signed: Signed, now: int) -> None:
        """Keeps an act durably before it is sent, so that a retry sends the same bytes."""
        with self._connection.transaction():
            self._connection.execute(
                "INSERT INTO insurer_act VALUES (?, ?, NULL, ?) ON CONFLICT (idempotency_key) DO NOTHING",
                (idempotency_key, encode(signed), now),
            )

    def keep_decision(self, idempotency_key: bytes, decision: Signed) -> None:
        """Keeps the hub's signed answer to an act."""
        with self._connection.transaction():
            self._connection.execute(
                "UPDATE insurer_act SET decision = ? WHERE idempotency_key = ?", (encode(decision), idempotency_key)
            )

    def drop_act(self, idempotency_key: bytes) -> None:
        """Forgets an act that the hub will never decide."""
        with self._connection.transaction():
            self._connection.execute(
                "DELETE FROM insurer_act WHERE idempotency_key = ? AND decision IS NULL", (idempotency_key,)
            )

    def undecided_acts(self) -> list[Signed]:
        """Lists the acts that got no answer, oldest first."""
        found = self._connection.execute("SELECT signed FROM insurer_act WHERE decision IS NULL ORDER BY made_at")
        return [decode(signed, Signed) for (signed,) in found]

    def require_acts_pulled(self) -> None:
        """Checks that the ledger has followed every act of this insurer that the hub accepted; raises StaleData."""
        kept = self._connection.execute("SELECT idempotency_key, decision FROM insurer_act WHERE decision IS NOT NULL")
        for key, answer in kept:
            # The hub's signature was verified when the answer was kept.
            decision = decode(decode(answer, Signed).payload, Decision)
            if decision.outcome is Outcome.ACCEPTED and not self._followed(key, decision):
                raise StaleData("an act that the hub accepted is not in the ledger yet: pull first, then settle")

    def _followed(self, key: bytes, decision: Decision) -> bool:
        found = self._connection.execute(
            "SELECT 1 FROM claim WHERE act = ? AND decision = ? AND state = 'noted'", (key, decision.decision_id)
        )
        return found.fetchone() is not None

    # --- events pulled -------------------------------------------------------------------------

    def keep_event(self, number: int, detail: bytes) -> None:
        """Keeps the sealed detail of an event, so that a hub that lost it can be given it back."""
        with self._connection.transaction():
            self._connection.execute("INSERT OR REPLACE INTO pulled_event VALUES (?, ?)", (number, detail))

    def events_since(self, instant: int, after: int, most: int) -> list[tuple[int, bytes]]:
        """Lists (number, sealed detail) of the events decided since an instant, or that cannot be dated.

        Those numbered above ``after``, so many at most.
        """
        return self._connection.execute(
            "SELECT number, detail FROM pulled_event JOIN claim USING (number)"
            " WHERE (decided_at >= ? OR decided_at = 0) AND number > ? ORDER BY number LIMIT ?",
            (instant, after, most),
        ).fetchall()

    def last_pulled(self) -> int:
        """Returns the hub's number of the last event pulled."""
        return self._counters.value(_PULLED)

    def keep_pulled(self, number: int) -> None:
        """Keeps the hub's number of the last event pulled."""
        with self._connection.transaction():
            self._counters.keep(_PULLED, number)

    # --- after a restoration of the hub --------------------------------------------------------

    def giving_back(self, restored_at: int) -> int:
        """Returns the number of the last event given back after a restoration of the hub, or 0."""
        found = self._connection.execute(
            "SELECT value FROM counter WHERE name = ? AND EXISTS (SELECT 1 FROM counter WHERE name = ? AND value = ?)",
            (_GIVEN_BACK_TO, _GIVING_BACK, restored_at),
        ).fetchone()
        return 0 if found is None else int(found[0])

    def keep_giving_back(self, restored_at: int, number: int) -> None:
        """Notes the number of the last event that the hub took back."""
        with self._connection.transaction():
            self._counters.keep(_GIVING_BACK, restored_at)
            self._counters.keep(_GIVEN_BACK_TO, number)

    def given_back(self) -> int:
        """Returns which restoration of the hub this insurer last gave its acts back after: its instant, or 0."""
        return self._counters.value(_GIVEN_BACK)

    def keep_given_back(self, restored_at: int) -> None:
        """Notes that it did."""
        with self._connection.transaction():
            self._counters.keep(_GIVEN_BACK, restored_at)

    def letters_sent_again(self) -> int:
        """Returns after which restoration of the hub this insurer last wrote its letters again: its instant, or 0."""
        return self._counters.value(_LETTERS_AGAIN)

    def keep_letters_sent_again(self, restored_at: int) -> None:
        """Notes that it does, in the caller's transaction."""
        self._counters.keep(_LETTERS_AGAIN, restored_at)
