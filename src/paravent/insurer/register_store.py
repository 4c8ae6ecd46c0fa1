"""The register of members: their right numbers, nullifiers, cards and revocations (docs/protocol.md sections 4 and 6).

Holds: which member has which right, under which handles, and which were revoked. Stolen: this insurer's members, as any
insurer's own files. Altered: re-issued rows would name other rights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from paravent.access.sqlite_store import SqliteConnection
from paravent.crypto.entitlement import NULLIFIER_BYTES
from paravent.crypto.group import Rng
from paravent.crypto.status import bits_for
from paravent.errors import InvalidMemberFile
from paravent.insurer.card import PrintedCard
from paravent.insurer.card_store import Cards
from paravent.insurer.counter_store import Counters
from paravent.insurer.sealing import RightNumbers

REGISTER_SCHEMA = """
CREATE TABLE IF NOT EXISTS member_right (
    member TEXT PRIMARY KEY, nullifier BLOB NOT NULL UNIQUE, status_index INTEGER NOT NULL UNIQUE,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS handle (
    epoch INTEGER NOT NULL, handle BLOB NOT NULL, member TEXT NOT NULL, PRIMARY KEY (epoch, handle)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS handle_by_member ON handle (member);
"""

_MEMBERS_PER_QUERY = 500
_BLOCKED = "cards-blocked"
_BLOCKED_PUBLISHED = "cards-blocked-published"


class Register:
    """The members of an insurer; each write is a transaction of its own."""

    def __init__(
        self, connection: SqliteConnection, cards: Cards, counters: Counters, is_trap: Callable[[str], bool]
    ) -> None:
        """Uses the connection of the insurer's store, on which the schema exists; a trap is no member."""
        self._connection = connection
        self._cards = cards
        self._counters = counters
        self._is_trap = is_trap

    # --- rights --------------------------------------------------------------------------------

    def rights(self, members: Sequence[str], rng: Rng, *, coming: int = 0) -> dict[str, RightNumbers]:
        """Returns the numbers of these members, drawing those that are new; at most once per person.

        ``coming`` is how many new persons there are with those of later calls: indices are drawn among enough bits.
        """
        known = self._numbers(members)
        new = [member for member in dict.fromkeys(members) if member not in known]
        if new:
            (count,) = self._connection.execute("SELECT COUNT(*) FROM member_right").fetchone()
            bits = bits_for(count + max(len(new), coming))
            with self._connection.transaction():
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
            with self._connection.transaction():
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
        return None if found is None or self._is_trap(found[0]) else str(found[0])

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
        if found is None or self._is_trap(member):
            raise InvalidMemberFile("no such member was published")

    # --- revocations ---------------------------------------------------------------------------

    def revocations(self, member: str) -> dict[int, int | None]:
        """Returns each status index a member has or had, with when it was revoked (Unix seconds), or None."""
        found = self._connection.execute(
            "SELECT status_index, revoked_at FROM member_right WHERE member = ?1"
            " UNION ALL SELECT status_index, revoked_at FROM former_index WHERE member = ?1"
            " UNION ALL SELECT status_index, revoked_at FROM card WHERE member = ?1",
            (member,),
        )
        return dict(found.fetchall())

    def revoke(self, member: str, now: int) -> None:
        """Revokes a member's entitlements, card included; the next status list says so."""
        with self._connection.transaction():
            self.require_member(member)
            self._cards.revoke(member, now)
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

    # --- cards ---------------------------------------------------------------------------------

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
        with self._connection.transaction():
            replaced = self._cards.revoke(card.member_id, card.issued_at)
            self._cards.keep(card.member_id, status_index, card)
        return bool(replaced)

    def revoke_card(self, member: str, now: int) -> bool:
        """Revokes a member's card alone; returns whether one was in use. Raises InvalidMemberFile."""
        with self._connection.transaction():
            self.require_member(member)
            return bool(self._cards.revoke(member, now))

    def block_card(self, member: str, now: int) -> bool:
        """Revokes a card as its member asks, for ``serve`` to publish; returns whether one was in use."""
        with self._connection.transaction():
            blocked = bool(self._cards.revoke(member, now))
            if blocked:
                self._counters.next(_BLOCKED)
        return blocked

    def cards_blocked(self) -> tuple[int, int]:
        """Counts the cards that members blocked, and how many of them the status list at the hub says."""
        found = dict(self._connection.execute("SELECT name, value FROM counter WHERE name LIKE 'cards-blocked%'"))
        return found.get(_BLOCKED, 0), found.get(_BLOCKED_PUBLISHED, 0)

    def keep_blocked_published(self, count: int) -> None:
        """Keeps how many blocked cards the status list at the hub says."""
        with self._connection.transaction():
            self._counters.keep(_BLOCKED_PUBLISHED, count)

    # --- handles -------------------------------------------------------------------------------

    def keep_handles(self, epoch: int, handles: Iterable[tuple[bytes, str]]) -> None:
        """Keeps which handle is which member's, so that a listed opening can be told to its person."""
        with self._connection.transaction():
            self._connection.executemany(
                "INSERT OR IGNORE INTO handle VALUES (?, ?, ?)", ((epoch, handle, member) for handle, member in handles)
            )
