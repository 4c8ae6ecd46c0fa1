"""The ledger: each event of the hub as this insurer judged it (docs/protocol.md section 11, step 11.6).

Holds: which member bought in which shop, in which month, for which amount, what came of it, and claims as signed.
Stolen: where this insurer's members bought glasses, which, and what it pays for them. Altered: what is not settled yet
is paid as altered; of what is settled, reconciliation names the decision.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from paravent.access.sqlite_store import SqliteConnection
from paravent.insurer.ledger import CORRECTED, LedgerChange, LedgerState, ReviewedClaim
from paravent.insurer.outbox_store import Outbox
from paravent.optics.claim_states import Paid, RightRecord
from paravent.optics.months import month_of
from paravent.wire.claims import Claim
from paravent.wire.codec import decode

CLAIM_SCHEMA = """
CREATE TABLE IF NOT EXISTS claim (
    number INTEGER PRIMARY KEY, decision BLOB NOT NULL, claim BLOB, member TEXT, professional TEXT NOT NULL,
    shop TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
    claimed_cents INTEGER NOT NULL, payable_cents INTEGER NOT NULL, month INTEGER NOT NULL, early INTEGER NOT NULL,
    decided_at INTEGER NOT NULL, correctable_until INTEGER NOT NULL, counts INTEGER NOT NULL, content BLOB,
    act BLOB UNIQUE
) STRICT;
CREATE INDEX IF NOT EXISTS claim_by_decision ON claim (decision);
CREATE INDEX IF NOT EXISTS claim_by_claim ON claim (claim);
CREATE INDEX IF NOT EXISTS claim_by_member ON claim (member);
"""

_COLUMNS = tuple(column.name for column in fields(ReviewedClaim) if column.name != "change")


class Claims:
    """The reviewed events of an insurer; each write is a transaction of its own."""

    def __init__(self, connection: SqliteConnection, outbox: Outbox) -> None:
        """Uses the connection of the insurer's store, on which the schema exists; members are told by the outbox."""
        self._connection = connection
        self._outbox = outbox

    def keep(self, reviewed: ReviewedClaim) -> None:
        """Keeps a reviewed event and what it changes in an earlier line; the same event again changes nothing."""
        values = [getattr(reviewed, name) for name in _COLUMNS]
        with self._connection.transaction():
            counts = reviewed.state is LedgerState.PAYABLE or self._takes_count(reviewed.change)
            inserted = self._connection.execute(
                f"INSERT INTO claim ({', '.join(_COLUMNS)}, counts) VALUES ({'?, ' * len(_COLUMNS)}?)"  # noqa: S608 - constants
                " ON CONFLICT (number) DO NOTHING",
                (*values, counts),
            )
            if inserted.rowcount == 1:
                self._outbox.add(reviewed)
            if inserted.rowcount == 1 and reviewed.change is not None:
                self._change_line(reviewed.change)

    def _takes_count(self, change: LedgerChange | None) -> bool:
        """Says whether what a correction takes the place of counts for its right: it then counts too, if disputed."""
        if change is None or change.reason != CORRECTED:
            return False
        (counts,) = self._connection.execute("SELECT counts FROM claim WHERE number = ?", (change.number,)).fetchone()
        return bool(counts)

    def _change_line(self, change: LedgerChange) -> None:
        """Changes the state of a line; one that was found payable counts for its right until it is reversed."""
        payable = change.state is LedgerState.PAYABLE
        self._connection.execute(
            "UPDATE claim SET state = ?, reason = ?, payable_cents = CASE WHEN ? THEN claimed_cents ELSE 0 END,"
            " counts = CASE WHEN ? THEN 1 WHEN ? THEN 0 ELSE counts END WHERE number = ?",
            (change.state, change.reason, payable, payable, change.state is LedgerState.REVERSED, change.number),
        )

    def decision_known(self, decision: bytes, number: int) -> bool:
        """Says whether another event had this decision identifier."""
        found = self._connection.execute(
            "SELECT 1 FROM claim WHERE decision = ? AND number <> ?", (decision, number)
        ).fetchone()
        return found is not None

    def act_known(self, act: bytes, number: int) -> bool:
        """Says whether another event answered the act of this insurer with this idempotency key."""
        found = self._connection.execute("SELECT 1 FROM claim WHERE act = ? AND number <> ?", (act, number)).fetchone()
        return found is not None

    def line_of(self, claim: bytes) -> ReviewedClaim | None:
        """Returns the first line of a claim that the hub accepted, or None."""
        return next(self._lines("claim = ? AND state <> 'refused'", claim), None)

    def reservation_of(self, member: str) -> ReviewedClaim | None:
        """Returns the last reservation that the hub granted on a member's right, or None."""
        lines = list(self._lines("member = ? AND kind = 'reserve' AND state = 'noted'", member))
        return lines[-1] if lines else None

    def paid(self, member: str, *, without: int | None = None) -> RightRecord:
        """Returns what counts as paid for a member, without the line of one event when it is given."""
        found = self._connection.execute(
            "SELECT month, early FROM claim WHERE member = ? AND counts AND number <> ? ORDER BY month",
            (member, -1 if without is None else without),
        )
        return RightRecord(paid=tuple(Paid(month=month, early=bool(early)) for month, early in found))

    def all(self) -> list[ReviewedClaim]:
        """Lists the reviewed events, oldest first."""
        return list(self._lines("1"))

    def of_member(self, member: str) -> list[ReviewedClaim]:
        """Lists the reviewed events on a member's right, the newest first."""
        return list(self._lines("member = ?", member))[::-1]

    def audited(self, month: int) -> list[Claim]:
        """Lists the claims decided in a month that its device signed: disputed and reversed ones stay in the draw."""
        return [
            decode(line.content, Claim) for line in self._lines("content IS NOT NULL")
            if line.content is not None and month_of(line.decided_at) == month
        ]  # fmt: skip

    def _lines(self, condition: str, *values: object) -> Iterator[ReviewedClaim]:
        found = self._connection.execute(
            f"SELECT {', '.join(_COLUMNS)} FROM claim WHERE {condition} ORDER BY number",  # noqa: S608 - constants
            values,
        )
        for line in found:
            named = dict(zip(_COLUMNS, line, strict=True))
            yield ReviewedClaim(**named | {"early": bool(named["early"]), "state": LedgerState(named["state"])})
