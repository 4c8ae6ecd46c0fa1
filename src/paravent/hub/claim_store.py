"""The trade side of the hub's database: states of rights, decisions, sealed events (docs/protocol.md section 11).

Holds: hashes of nullifiers with a state, signed decisions by idempotency key, details sealed to insurers.
Stolen: claim lines by insurer, month and outcome. Altered: an insurer's own recomputation disagrees.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from paravent.optics.claim_states import RightRecord, RightState
from paravent.wire.claims import Outcome, PullAnswer, SealedEvent
from paravent.wire.codec import decode, encode
from paravent.wire.statements import Signed

EVENTS_PER_PULL_MAX = 8

CLAIM_SCHEMA = """
CREATE TABLE IF NOT EXISTS right_state (
    nullifier BLOB PRIMARY KEY, state TEXT NOT NULL, holder BLOB, reserved_until INTEGER, consumed_month INTEGER,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS act (
    device TEXT NOT NULL, idempotency_key BLOB NOT NULL, body_digest BLOB NOT NULL, decision BLOB NOT NULL,
    PRIMARY KEY (device, idempotency_key)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS claim_identifier (claim BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event (
    number INTEGER PRIMARY KEY, insurer TEXT NOT NULL, month INTEGER NOT NULL, outcome TEXT NOT NULL,
    detail BLOB NOT NULL, payment BLOB
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

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Uses the hub's connection, on which the schema exists."""
        self._connection = connection

    def decided(self, device: str, idempotency_key: bytes) -> tuple[bytes, Signed] | None:
        """Returns the body digest and decision of an act already decided, or None."""
        found = self._connection.execute(
            "SELECT body_digest, decision FROM act WHERE device = ? AND idempotency_key = ?", (device, idempotency_key)
        ).fetchone()
        return None if found is None else (found[0], decode(found[1], Signed))

    def keep_decision(self, device: str, idempotency_key: bytes, body_digest: bytes, decision: Signed) -> None:
        """Keeps a decision under its idempotency key, once."""
        self._connection.execute(
            "INSERT INTO act VALUES (?, ?, ?, ?)", (device, idempotency_key, body_digest, encode(decision))
        )

    def right(self, nullifier: bytes) -> StoredRight | None:
        """Returns the state of a right, or None when it was never used."""
        found = self._connection.execute(
            "SELECT state, holder, reserved_until, consumed_month, version FROM right_state WHERE nullifier = ?",
            (nullifier,),
        ).fetchone()
        if found is None:
            return None
        state, holder, until, month, version = found
        record = RightRecord(state=RightState(state), holder=holder, reserved_until=until, consumed_month=month)
        return StoredRight(record=record, version=version)

    def keep_right(self, nullifier: bytes, former: StoredRight | None, record: RightRecord) -> bool:
        """Compares and sets: writes only when the right is still in its former version; returns whether it did."""
        values = (record.state.value, record.holder, record.reserved_until, record.consumed_month)
        if former is None:
            cursor = self._connection.execute(
                "INSERT INTO right_state VALUES (?, ?, ?, ?, ?, 1) ON CONFLICT (nullifier) DO NOTHING",
                (nullifier, *values),
            )
        else:
            cursor = self._connection.execute(
                "UPDATE right_state SET state = ?, holder = ?, reserved_until = ?, consumed_month = ?,"
                " version = version + 1 WHERE nullifier = ? AND version = ?",
                (*values, nullifier, former.version),
            )
        return cursor.rowcount == 1

    def take_claim_identifier(self, claim: bytes) -> bool:
        """Takes a claim identifier; False when another accepted claim has it."""
        cursor = self._connection.execute("INSERT INTO claim_identifier VALUES (?) ON CONFLICT DO NOTHING", (claim,))
        return cursor.rowcount == 1

    def add_event(self, insurer: str, month: int, outcome: Outcome, detail: bytes, payment: bytes | None) -> None:
        """Adds a sealed event for an insurer."""
        self._connection.execute(
            "INSERT INTO event (insurer, month, outcome, detail, payment) VALUES (?, ?, ?, ?, ?)",
            (insurer, month, outcome.value, detail, payment),
        )

    def events(self, insurer: str, after: int) -> PullAnswer:
        """Returns an insurer's next events."""
        found = self._connection.execute(
            "SELECT number, month, outcome, detail, payment FROM event WHERE insurer = ? AND number > ?"
            " ORDER BY number LIMIT ?",
            (insurer, after, EVENTS_PER_PULL_MAX),
        )
        return PullAnswer(events=tuple(
            SealedEvent(
                number=number, insurer=insurer, month=month, outcome=Outcome(outcome), detail=detail, payment=payment
            )
            for number, month, outcome, detail, payment in found
        ))  # fmt: skip
