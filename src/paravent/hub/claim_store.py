"""The trade side of the hub's database: states of rights, decisions, sealed events (docs/protocol.md section 11).

Holds: keyed hashes of nullifiers with a state, decisions sealed under the key kept outside, details sealed
to insurers. Stolen: the number of acts by insurer and month, how many rights are reserved or consumed in
which month. Altered: an insurer's own recomputation disagrees.
"""

from __future__ import annotations

from dataclasses import dataclass

from paravent.access.database import Connection
from paravent.hub.vault import ActId, RightId
from paravent.optics.claim_states import RightRecord, RightState
from paravent.wire.claims import PullAnswer, SealedEvent

EVENTS_PER_PULL_MAX = 32

CLAIM_SCHEMA = """
CREATE TABLE IF NOT EXISTS right_state (
    nullifier BLOB PRIMARY KEY, state TEXT NOT NULL, holder BLOB, reserved_until INTEGER, consumed_month INTEGER,
    early_month INTEGER, version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS act (name BLOB PRIMARY KEY, decision BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS claim_identifier (claim BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event (
    number INTEGER PRIMARY KEY, insurer TEXT NOT NULL, month INTEGER NOT NULL, detail BLOB NOT NULL,
    payment BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS event_by_insurer ON event (insurer, number);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRight:
    """A right's state and the version that a conditional write must still find."""

    record: RightRecord
    version: int


class ClaimStore:
    """States, decisions and events; every write happens inside the caller's transaction."""

    def __init__(self, connection: Connection) -> None:
        """Uses the hub's connection, on which the schema exists."""
        self._connection = connection

    def decision(self, act: ActId) -> bytes | None:
        """Returns the sealed decision of an act already decided, or None."""
        found = self._connection.execute("SELECT decision FROM act WHERE name = ?", (act,)).fetchone()
        return None if found is None else bytes(found[0])

    def keep_decision(self, act: ActId, sealed: bytes) -> None:
        """Keeps the sealed decision of an act, once."""
        self._connection.execute("INSERT INTO act VALUES (?, ?)", (act, sealed))

    def right(self, right: RightId) -> StoredRight | None:
        """Returns the state of a right, or None when it was never used."""
        found = self._connection.execute(
            "SELECT state, holder, reserved_until, consumed_month, early_month, version FROM right_state"
            " WHERE nullifier = ?",
            (right,),
        ).fetchone()
        if found is None:
            return None
        state, holder, until, month, early, version = found
        record = RightRecord(
            state=RightState(state), holder=holder, reserved_until=until, consumed_month=month, early_month=early
        )
        return StoredRight(record=record, version=version)

    def keep_right(self, right: RightId, former: StoredRight | None, record: RightRecord) -> bool:
        """Compares and sets: writes only when the right is still in its former version; returns whether it did."""
        values = (record.state.value, record.holder, record.reserved_until, record.consumed_month, record.early_month)
        if former is None:
            cursor = self._connection.execute(
                "INSERT INTO right_state VALUES (?, ?, ?, ?, ?, ?, 1) ON CONFLICT (nullifier) DO NOTHING",
                (right, *values),
            )
        else:
            cursor = self._connection.execute(
                "UPDATE right_state SET state = ?, holder = ?, reserved_until = ?, consumed_month = ?,"
                " early_month = ?, version = version + 1 WHERE nullifier = ? AND version = ?",
                (*values, right, former.version),
            )
        return cursor.rowcount == 1

    def take_claim_identifier(self, claim: bytes) -> bool:
        """Takes a claim identifier; False when another accepted claim has it."""
        cursor = self._connection.execute("INSERT INTO claim_identifier VALUES (?) ON CONFLICT DO NOTHING", (claim,))
        return cursor.rowcount == 1

    def add_event(self, insurer: str, month: int, detail: bytes, payment: bytes) -> None:
        """Adds a sealed event for an insurer."""
        self._connection.execute(
            "INSERT INTO event (insurer, month, detail, payment) VALUES (?, ?, ?, ?)",
            (insurer, month, detail, payment),
        )

    def lines_by_month(self, insurer: str) -> list[tuple[int, int]]:
        """Counts the claim lines of an insurer by month (YYYYMM), the oldest first."""
        found = self._connection.execute(
            "SELECT month, COUNT(*) FROM event WHERE insurer = ? GROUP BY month ORDER BY month", (insurer,)
        )
        return [(int(month), int(lines)) for month, lines in found]

    def events(self, insurer: str, after: int) -> PullAnswer:
        """Returns an insurer's next events."""
        found = self._connection.execute(
            "SELECT number, month, detail, payment FROM event WHERE insurer = ? AND number > ? ORDER BY number LIMIT ?",
            (insurer, after, EVENTS_PER_PULL_MAX),
        )
        return PullAnswer(events=tuple(
            SealedEvent(number=number, insurer=insurer, month=month, detail=detail, payment=payment)
            for number, month, detail, payment in found
        ))  # fmt: skip
