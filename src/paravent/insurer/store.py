"""The insurer's database: members' rights, handles, claims (docs/protocol.md sections 4, 6 and 11).

Holds: which member has which right, under which handles, and the claims decided. Stolen: this insurer's
members, as any insurer's own files. Altered: re-issued rows would name other rights.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Self

from paravent.access.bulletin_store import BULLETIN_SCHEMA, Bulletins
from paravent.access.log_memory_store import MEMORY_SCHEMA, LogMemory
from paravent.access.sqlite_store import connect, transaction
from paravent.access.store import delete_secret, read_secret, write_secret
from paravent.crypto.entitlement import NULLIFIER_BYTES
from paravent.crypto.group import Rng, decode_scalar
from paravent.crypto.status import bits_for
from paravent.errors import InvalidMemberFile, StaleData
from paravent.insurer.boxes_store import BOX_SCHEMA, InsurerBoxes
from paravent.insurer.card import PrintedCard
from paravent.insurer.card_store import CARD_SCHEMA, Cards
from paravent.insurer.config import SECRETS
from paravent.insurer.epoch import DrawnEpoch
from paravent.insurer.incident_store import INCIDENT_SCHEMA, Incidents
from paravent.insurer.insured_store import Insured
from paravent.insurer.journal_store import JOURNAL_SCHEMA, Journal
from paravent.insurer.ledger import CORRECTED, LedgerChange, LedgerState, ReviewedClaim
from paravent.insurer.outbox_store import OUTBOX_SCHEMA, Outbox
from paravent.insurer.portfolio_store import PORTFOLIO_SCHEMA, Portfolio
from paravent.insurer.sealing import RightNumbers
from paravent.insurer.settlement_store import SETTLEMENT_SCHEMA, Settlements
from paravent.insurer.traps.store import TrapStore, has_traps
from paravent.insurer.warnings_store import WARNING_SCHEMA, Warnings
from paravent.optics.claim_states import Paid, RightRecord
from paravent.optics.months import month_of
from paravent.wire.claims import Claim, Decision, Outcome
from paravent.wire.codec import Bytes32, Message, decode, encode
from paravent.wire.statements import STATEMENT_BYTES_MAX, Announced, Closing, EpochFile, Signed

DATABASE = "insurer.db"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS member_right (
    member TEXT PRIMARY KEY, nullifier BLOB NOT NULL UNIQUE, status_index INTEGER NOT NULL UNIQUE,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS handle (
    epoch INTEGER NOT NULL, handle BLOB NOT NULL, member TEXT NOT NULL, PRIMARY KEY (epoch, handle)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS handle_by_member ON handle (member);
CREATE TABLE IF NOT EXISTS announced (
    epoch INTEGER NOT NULL, batch INTEGER NOT NULL, announced BLOB NOT NULL, PRIMARY KEY (epoch, batch)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS closing (
    epoch INTEGER NOT NULL, batch INTEGER NOT NULL, notice BLOB NOT NULL, PRIMARY KEY (epoch, batch)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS closing_taken (
    epoch INTEGER NOT NULL, batch INTEGER NOT NULL, party TEXT NOT NULL, notice BLOB NOT NULL,
    PRIMARY KEY (epoch, batch, party)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS member_file (one INTEGER PRIMARY KEY CHECK (one = 1), path TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS published (kind TEXT PRIMARY KEY, signed BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
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
CREATE TABLE IF NOT EXISTS pulled_event (number INTEGER PRIMARY KEY, detail BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS insurer_act (
    idempotency_key BLOB PRIMARY KEY, signed BLOB NOT NULL, decision BLOB, made_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""

_COLUMNS = tuple(column.name for column in fields(ReviewedClaim) if column.name != "change")
_COUNT = "INSERT INTO counter VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value"
_MEMBERS_PER_QUERY = 500
EPOCH_ROW = 0  # in ``announced``, the epoch file stands at batch 0; batches start at 1


class DrawnEpochFile(Message, frozen=True, kw_only=True):
    """An epoch as it was drawn, as a secret file: stolen with dump and list, it says who is a member."""

    epoch_file: Signed
    lookup_key: Bytes32
    shares: tuple[Bytes32, ...]


class Store:
    """Everything the insurer keeps for this protocol."""

    def __init__(self, home: Path) -> None:
        """Opens or creates the database of a home."""
        self._home = home
        self._connection = connect(home / DATABASE)
        self._connection.executescript(
            _SCHEMA + PORTFOLIO_SCHEMA + JOURNAL_SCHEMA + SETTLEMENT_SCHEMA + OUTBOX_SCHEMA + BOX_SCHEMA + CARD_SCHEMA
            + INCIDENT_SCHEMA + MEMORY_SCHEMA + BULLETIN_SCHEMA + WARNING_SCHEMA
        )  # fmt: skip
        self.boxes = InsurerBoxes(self._connection)
        self.cards = Cards(self._connection)
        self.incidents = Incidents(self._connection)
        self.insured = Insured(self._connection)
        self.journal = Journal(self._connection)
        self.memory = LogMemory(self._connection)
        self.portfolio = Portfolio(self._connection, home)
        self.outbox = Outbox(self._connection)
        self.bulletins = Bulletins(self._connection)
        self.warnings = Warnings(self._connection)
        self.settlements = Settlements(self._connection)
        self._traps: TrapStore | None = None

    @property
    def traps(self) -> TrapStore | None:
        """The traps, None while none was ever drawn; a running service finds those drawn since it started."""
        if self._traps is None and has_traps(self._home):
            self._traps = TrapStore(self._home)
        return self._traps

    def is_trap(self, member: str) -> bool:
        """Says whether a member number is that of a trap: it is nobody's, for everything that is done for members."""
        return self.traps is not None and self.traps.holds(member)

    @contextmanager
    def commit(self) -> Iterator[None]:
        """One durable transaction."""
        with transaction(self._connection):
            yield

    # --- rights ------------------------------------------------------------------------------

    def rights(self, members: Sequence[str], rng: Rng, *, coming: int = 0) -> dict[str, RightNumbers]:
        """Returns the numbers of these members, drawing those that are new; at most once per person.

        ``coming`` is how many new persons there are with those of later calls: indices are drawn among enough bits.
        """
        known = self._numbers(members)
        new = [member for member in dict.fromkeys(members) if member not in known]
        if new:
            (count,) = self._connection.execute("SELECT COUNT(*) FROM member_right").fetchone()
            bits = bits_for(count + max(len(new), coming))
            with self.commit():
                for member in new:
                    known[member] = self._draw(member, bits, rng)
        return known

    def _numbers(self, members: Sequence[str]) -> dict[str, RightNumbers]:
        found: dict[str, RightNumbers] = {}
        for start in range(0, len(members), _MEMBERS_PER_QUERY):
            some = members[start : start + _MEMBERS_PER_QUERY]
            rows = self._connection.execute(
                "SELECT member, nullifier, status_index FROM member_right"  # noqa: S608 - places
                f" WHERE member IN ({', '.join('?' * len(some))})",
                tuple(some),
            )
            found |= {member: RightNumbers(nullifier=name, status_index=index) for member, name, index in rows}
        return found

    def _draw(self, member: str, bits: int, rng: Rng) -> RightNumbers:
        nullifier = rng(NULLIFIER_BYTES)
        index = self._free_index(bits, rng)
        self._connection.execute(
            "INSERT INTO member_right (member, nullifier, status_index) VALUES (?, ?, ?)", (member, nullifier, index)
        )
        return RightNumbers(nullifier=nullifier, status_index=index)

    def _free_index(self, bits: int, rng: Rng) -> int:
        """Draws a status index nobody has or had: random, so that it says nothing of when its holder joined."""
        while True:
            index = int.from_bytes(rng(8), "big") % bits
            taken = self._connection.execute(
                "SELECT 1 FROM member_right WHERE status_index = ?1"
                " UNION ALL SELECT 1 FROM former_index WHERE status_index = ?1"
                " UNION ALL SELECT 1 FROM card WHERE status_index = ?1",
                (index,),
            ).fetchone()
            if taken is None:
                return index

    def readmit(self, members: Sequence[str], rng: Rng) -> None:
        """Gives those of some members who had left a new status index: the former one stays revoked for ever."""
        back = [
            member for member in dict.fromkeys(members)
            if self._connection.execute("SELECT 1 FROM ended_member WHERE member = ?", (member,)).fetchone()
        ]  # fmt: skip
        if back:
            (count,) = self._connection.execute("SELECT COUNT(*) FROM member_right").fetchone()
            with self.commit():
                for member in back:
                    self._readmit(member, bits_for(count), rng)

    def _readmit(self, member: str, bits: int, rng: Rng) -> None:
        self._connection.execute(
            "INSERT INTO former_index SELECT status_index, member, revoked_at FROM member_right WHERE member = ?",
            (member,),
        )
        self._connection.execute(
            "UPDATE member_right SET status_index = ?, revoked_at = NULL WHERE member = ?",
            (self._free_index(bits, rng), member),
        )
        self._connection.execute("DELETE FROM ended_member WHERE member = ?", (member,))

    def member_of(self, nullifier: bytes) -> str | None:
        """Finds the member behind a nullifier, or None; a trap is no member, and nothing of it is ever paid."""
        found = self._connection.execute("SELECT member FROM member_right WHERE nullifier = ?", (nullifier,)).fetchone()
        return None if found is None or self.is_trap(found[0]) else str(found[0])

    def nullifier_of(self, member: str) -> bytes:
        """Returns the nullifier of a member's right; raises InvalidMemberFile when no such member was published."""
        self.require_member(member)
        (nullifier,) = self._connection.execute(
            "SELECT nullifier FROM member_right WHERE member = ?", (member,)
        ).fetchone()
        return bytes(nullifier)

    def require_member(self, member: str) -> None:
        """Raises InvalidMemberFile when no such member was published."""
        found = self._connection.execute("SELECT 1 FROM member_right WHERE member = ?", (member,)).fetchone()
        if found is None or self.is_trap(member):
            raise InvalidMemberFile("no such member was published")

    def revocations(self, member: str) -> dict[int, int | None]:
        """Returns each status index a member has or had, with when it was revoked (Unix seconds), or None."""
        found = self._connection.execute(
            "SELECT status_index, revoked_at FROM member_right WHERE member = ?1"
            " UNION ALL SELECT status_index, revoked_at FROM former_index WHERE member = ?1"
            " UNION ALL SELECT status_index, revoked_at FROM card WHERE member = ?1",
            (member,),
        )
        return dict(found.fetchall())

    def next_card_index(self, member: str, rng: Rng) -> int:
        """Draws the status index of a member's next card, within the list as it stands.

        Raises InvalidMemberFile for a member who was revoked: a new card would bring the right back.
        """
        found = self._connection.execute("SELECT revoked_at FROM member_right WHERE member = ?", (member,)).fetchone()
        if found is not None and found[0] is not None:
            raise InvalidMemberFile("this member was revoked: no card is issued until they are published anew")
        return self._free_index(self.revoked()[1], rng)

    def keep_card(self, status_index: int, card: PrintedCard) -> bool:
        """Keeps a card in the place of the one in use, which is revoked; returns whether there was one."""
        with self.commit():
            replaced = self.cards.revoke(card.member_id, card.issued_at)
            self.cards.keep(card.member_id, status_index, card)
        return bool(replaced)

    def revoke_card(self, member: str, now: int) -> bool:
        """Revokes a member's card alone; returns whether one was in use. Raises InvalidMemberFile."""
        with self.commit():
            self.require_member(member)
            return bool(self.cards.revoke(member, now))

    def block_card(self, member: str, now: int) -> bool:
        """Revokes a card as its member asks, for ``serve`` to publish; returns whether one was in use."""
        with self.commit():
            blocked = bool(self.cards.revoke(member, now))
            if blocked:
                self._connection.execute(_COUNT, ("cards-blocked",))
        return blocked

    def cards_blocked(self) -> tuple[int, int]:
        """Counts the cards that members blocked, and how many of them the status list at the hub says."""
        found = dict(self._connection.execute("SELECT name, value FROM counter WHERE name LIKE 'cards-blocked%'"))
        return found.get("cards-blocked", 0), found.get("cards-blocked-published", 0)

    def keep_blocked_published(self, count: int) -> None:
        """Keeps how many blocked cards the status list at the hub says."""
        with self.commit():
            self._connection.execute("INSERT OR REPLACE INTO counter VALUES ('cards-blocked-published', ?)", (count,))

    def revoke(self, member: str, now: int) -> None:
        """Revokes a member's entitlements, card included; the next status list says so."""
        with self.commit():
            self.require_member(member)
            self.cards.revoke(member, now)
            self._connection.execute(
                "UPDATE member_right SET revoked_at = COALESCE(revoked_at, ?) WHERE member = ?", (now, member)
            )

    def revoked(self) -> tuple[list[int], int]:
        """Returns the revoked status indices and the length of the list in bits."""
        found = self._connection.execute(
            "SELECT status_index FROM member_right WHERE revoked_at IS NOT NULL"
            " UNION ALL SELECT status_index FROM former_index"
            " UNION ALL SELECT status_index FROM card WHERE revoked_at IS NOT NULL"
        ).fetchall()
        count, highest = self._connection.execute(
            "SELECT COUNT(*) + (SELECT COUNT(*) FROM card), MAX(COALESCE(MAX(status_index), 0),"
            " (SELECT COALESCE(MAX(status_index), 0) FROM former_index),"
            " (SELECT COALESCE(MAX(status_index), 0) FROM card)) FROM member_right"
        ).fetchone()
        return [index for (index,) in found], max(bits_for(count), 1 << highest.bit_length())

    # --- epochs and batches ------------------------------------------------------------------

    def keep_drawn(self, drawn: DrawnEpoch) -> None:
        """Keeps A, its shares and its epoch file in a secret file until the epoch ends: a deal may have to be resent.

        The shares say no more than A; the opening keys of batches are never written.
        """
        file = DrawnEpochFile(
            epoch_file=drawn.signed, lookup_key=drawn.lookup_key.reveal(),
            shares=tuple(drawn.shares[index].reveal() for index in sorted(drawn.shares)),
        )  # fmt: skip
        write_secret(self._drawn_path(drawn.file.epoch), encode(file))

    def drawn(self, epoch: int) -> DrawnEpoch | None:
        """Reads what was drawn for an epoch, or None when nothing was, or when it was deleted."""
        path = self._drawn_path(epoch)
        if not path.exists():
            return None
        file = decode(read_secret(path), DrawnEpochFile)
        return DrawnEpoch(
            # This insurer signed it, and only its owner writes this file.
            file=decode(file.epoch_file.payload, EpochFile), signed=file.epoch_file,
            lookup_key=decode_scalar(file.lookup_key),
            shares={index: decode_scalar(share) for index, share in enumerate(file.shares, start=1)},
        )  # fmt: skip

    def delete_drawn(self, epoch: int) -> int:
        """Deletes what was drawn for an epoch and every earlier one; returns how many there were."""
        ended = [number for number in range(1, epoch + 1) if self._drawn_path(number).exists()]
        for number in ended:
            delete_secret(self._drawn_path(number))
        return len(ended)

    def delete_ended(self, now: int) -> int:
        """Deletes the look-up keys of epochs that have reached their end; returns how many."""
        numbers = [int(path.stem.removeprefix("epoch-")) for path in (self._home / SECRETS).glob("epoch-*.json")]
        drawn = [(number, self.drawn(number)) for number in sorted(numbers)]
        return sum(self.delete_drawn(number) for number, found in drawn if found and found.file.not_after <= now)

    def _drawn_path(self, epoch: int) -> Path:
        return self._home / SECRETS / f"epoch-{epoch}.json"

    def keep_announced(self, epoch: int, batch: int, announced: Announced) -> None:
        """Keeps an epoch or batch file with its receipts."""
        with self.commit():
            self._connection.execute(
                "INSERT OR REPLACE INTO announced VALUES (?, ?, ?)", (epoch, batch, encode(announced))
            )

    def announced(self, epoch: int) -> dict[int, Announced]:
        """Returns what was announced for an epoch, by batch; the epoch file at 0."""
        found = self._connection.execute("SELECT batch, announced FROM announced WHERE epoch = ?", (epoch,))
        return {batch: decode(body, Announced, bytes_max=STATEMENT_BYTES_MAX) for batch, body in found}

    def newest_epoch(self) -> int:
        """Returns the number of the epoch drawn last, 0 when there is none."""
        found = self._connection.execute("SELECT value FROM counter WHERE name = 'epoch'").fetchone()
        return 0 if found is None else int(found[0])

    # --- closings ----------------------------------------------------------------------------

    def keep_closing(self, closing: Closing, notice: Signed) -> None:
        """Keeps the notice of an end until every party has taken it; a later one takes its place."""
        with self.commit():
            if closing.batch is not None:
                # The notice of a later batch says the same of every earlier one.
                self._connection.execute(
                    "DELETE FROM closing WHERE epoch = ? AND batch BETWEEN ? AND ?",
                    (closing.epoch, EPOCH_ROW + 1, closing.batch),
                )
            self._connection.execute(
                "INSERT OR REPLACE INTO closing VALUES (?, ?, ?)",
                (closing.epoch, closing.batch or EPOCH_ROW, encode(notice)),
            )

    def closed(self, epoch: int, batch: int | None = None) -> bool:
        """Says whether the end of an epoch, or of a batch of it, was announced."""
        found = self._connection.execute(
            "SELECT 1 FROM closing WHERE batch = ? AND epoch >= ? OR batch >= ? AND epoch = ?",
            (EPOCH_ROW, epoch, EPOCH_ROW if batch is None else batch, epoch if batch is not None else None),
        )
        return found.fetchone() is not None

    def closings_for(self, party: str) -> list[Signed]:
        """Lists the notices that a party has not taken."""
        found = self._connection.execute(
            "SELECT notice FROM closing WHERE NOT EXISTS (SELECT 1 FROM closing_taken AS taken WHERE taken.party = ?"
            " AND (taken.epoch, taken.batch, taken.notice) = (closing.epoch, closing.batch, closing.notice))"
            " ORDER BY epoch, batch",
            (party,),
        )
        return [decode(notice, Signed) for (notice,) in found]

    def keep_closing_taken(self, closing: Closing, notice: Signed, party: str) -> None:
        """Keeps that a party has taken a notice."""
        with self.commit():
            self._connection.execute(
                "INSERT OR REPLACE INTO closing_taken VALUES (?, ?, ?, ?)",
                (closing.epoch, closing.batch or EPOCH_ROW, party, encode(notice)),
            )

    # --- what was published ------------------------------------------------------------------

    def keep_member_file(self, path: Path | None) -> None:
        """Keeps where the complete member file published last stands, never the file; None after a delta."""
        with self.commit():
            self._connection.execute("DELETE FROM member_file")
            if path is not None:
                self._connection.execute("INSERT INTO member_file VALUES (1, ?)", (str(path.resolve()),))

    def member_file(self) -> Path | None:
        """Returns where the member file published last stood."""
        found = self._connection.execute("SELECT path FROM member_file").fetchone()
        return None if found is None else Path(found[0])

    def keep_guarantees(self, signed: Signed) -> None:
        """Keeps the guarantee tables published last: what this insurer recomputes with."""
        with self.commit():
            self._connection.execute("INSERT OR REPLACE INTO published VALUES ('guarantees', ?)", (encode(signed),))

    def guarantees(self) -> Signed:
        """Returns the guarantee tables published last; raises StaleData when none were."""
        found = self._connection.execute("SELECT signed FROM published WHERE kind = 'guarantees'").fetchone()
        if found is None:
            raise StaleData("this insurer has published no guarantee table yet")
        return decode(found[0], Signed, bytes_max=STATEMENT_BYTES_MAX)

    def keep_published(self, kind: str, signed: Signed) -> None:
        """Keeps a statement published last."""
        with self.commit():
            self._connection.execute("INSERT OR REPLACE INTO published VALUES (?, ?)", (kind, encode(signed)))

    def published(self, kind: str) -> Signed | None:
        """Returns the statement of a kind published last, or None."""
        found = self._connection.execute("SELECT signed FROM published WHERE kind = ?", (kind,)).fetchone()
        return None if found is None else decode(found[0], Signed, bytes_max=STATEMENT_BYTES_MAX)

    def next_counter(self, name: str) -> int:
        """Returns the next value of a counter: 1, 2, 3..."""
        with self.commit():
            (value,) = self._connection.execute(_COUNT, (name,)).fetchone()
        return int(value)

    def keep_handles(self, epoch: int, handles: Iterable[tuple[bytes, str]]) -> None:
        """Keeps which handle is which member's, so that a listed opening can be told to its person."""
        with self.commit():
            self._connection.executemany(
                "INSERT OR IGNORE INTO handle VALUES (?, ?, ?)", ((epoch, handle, member) for handle, member in handles)
            )

    # --- claims --------------------------------------------------------------------------------

    def keep_claim(self, reviewed: ReviewedClaim) -> None:
        """Keeps a reviewed event and what it changes in an earlier line; the same event again changes nothing."""
        values = [getattr(reviewed, name) for name in _COLUMNS]
        with self.commit():
            counts = reviewed.state is LedgerState.PAYABLE or self._takes_count(reviewed.change)
            inserted = self._connection.execute(
                f"INSERT INTO claim ({', '.join(_COLUMNS)}, counts) VALUES ({'?, ' * len(_COLUMNS)}?)"  # noqa: S608 - constants
                " ON CONFLICT (number) DO NOTHING",
                (*values, counts),
            )
            if inserted.rowcount == 1:
                self.outbox.add(reviewed)
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

    def claims(self) -> list[ReviewedClaim]:
        """Lists the reviewed events, oldest first."""
        return list(self._lines("1"))

    def claims_of(self, member: str) -> list[ReviewedClaim]:
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

    # --- acts of this insurer -----------------------------------------------------------------

    def keep_insurer_act(self, idempotency_key: bytes, signed: Signed, now: int) -> None:
        """Keeps an act durably before it is sent, so that a retry sends the same bytes."""
        with self.commit():
            self._connection.execute(
                "INSERT INTO insurer_act VALUES (?, ?, NULL, ?) ON CONFLICT (idempotency_key) DO NOTHING",
                (idempotency_key, encode(signed), now),
            )

    def keep_insurer_decision(self, idempotency_key: bytes, decision: Signed) -> None:
        """Keeps the hub's signed answer to an act."""
        with self.commit():
            self._connection.execute(
                "UPDATE insurer_act SET decision = ? WHERE idempotency_key = ?", (encode(decision), idempotency_key)
            )

    def drop_insurer_act(self, idempotency_key: bytes) -> None:
        """Forgets an act that the hub will never decide."""
        with self.commit():
            self._connection.execute(
                "DELETE FROM insurer_act WHERE idempotency_key = ? AND decision IS NULL", (idempotency_key,)
            )

    def undecided_insurer_acts(self) -> list[Signed]:
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

    # --- pulling --------------------------------------------------------------------------------

    def keep_event(self, number: int, detail: bytes) -> None:
        """Keeps the sealed detail of an event, so that a hub that lost it can be given it back."""
        with self.commit():
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

    def giving_back(self, restored_at: int) -> int:
        """Returns the number of the last event given back after a restoration of the hub, or 0."""
        found = self._connection.execute(
            "SELECT value FROM counter WHERE name = 'given-back-to'"
            " AND EXISTS (SELECT 1 FROM counter WHERE name = 'giving-back' AND value = ?)",
            (restored_at,),
        ).fetchone()
        return 0 if found is None else int(found[0])

    def keep_giving_back(self, restored_at: int, number: int) -> None:
        """Notes the number of the last event that the hub took back."""
        with self.commit():
            self._connection.executemany(
                "INSERT OR REPLACE INTO counter VALUES (?, ?)",
                (("giving-back", restored_at), ("given-back-to", number)),
            )

    def given_back(self) -> int:
        """Returns which restoration of the hub this insurer last gave its acts back after: its instant, or 0."""
        found = self._connection.execute("SELECT value FROM counter WHERE name = 'given-back'").fetchone()
        return 0 if found is None else int(found[0])

    def keep_given_back(self, restored_at: int) -> None:
        """Notes that it did."""
        with self.commit():
            self._connection.execute("INSERT OR REPLACE INTO counter VALUES ('given-back', ?)", (restored_at,))

    def letters_sent_again(self) -> int:
        """Returns after which restoration of the hub this insurer last wrote its letters again: its instant, or 0."""
        found = self._connection.execute("SELECT value FROM counter WHERE name = 'letters-again'").fetchone()
        return 0 if found is None else int(found[0])

    def keep_letters_sent_again(self, restored_at: int) -> None:
        """Notes that it does, in the caller's transaction."""
        self._connection.execute("INSERT OR REPLACE INTO counter VALUES ('letters-again', ?)", (restored_at,))

    def last_pulled(self) -> int:
        """Returns the hub's number of the last event pulled."""
        found = self._connection.execute("SELECT value FROM counter WHERE name = 'pulled'").fetchone()
        return 0 if found is None else int(found[0])

    def keep_pulled(self, number: int) -> None:
        """Keeps the hub's number of the last event pulled."""
        with self.commit():
            self._connection.execute("INSERT OR REPLACE INTO counter VALUES ('pulled', ?)", (number,))

    def close(self) -> None:
        """Closes the database."""
        self._connection.close()
        if self._traps is not None:
            self._traps.close()

    def __enter__(self) -> Self:
        """Uses the store for one command."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()
