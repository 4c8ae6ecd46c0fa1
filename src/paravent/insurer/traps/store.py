"""The traps of an insurer, under which handles they are published, and what opened them (docs/protocol.md 9.15).

Holds: identities and terms of the trap persons, the members whose terms they follow, their handles, their openings,
the drills that were announced, the alarms raised. Stolen: which persons of this insurer are traps: whoever has it
avoids them. Altered: an opening of a trap raises no alarm here; the logs of the key servers still have it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from paravent.access.alarm_store import ALARM_SCHEMA, AlarmLedger
from paravent.access.sqlite_store import SqliteConnection, connect
from paravent.access.store import write_secret
from paravent.errors import BadInput
from paravent.insurer.config import SECRETS
from paravent.insurer.members import Line, Member
from paravent.insurer.traps.drawing import Trap
from paravent.insurer.traps.following import Traps
from paravent.person.identity import BirthDate, NormalisedName, PersonIdentity
from paravent.person.nir import Nir

DATABASE = "traps.db"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS trap (
    member TEXT PRIMARY KEY, model TEXT NOT NULL, name TEXT NOT NULL, guarantee TEXT NOT NULL,
    valid_from INTEGER NOT NULL, valid_until INTEGER NOT NULL, free_from INTEGER NOT NULL,
    renewal_months INTEGER NOT NULL, drawn_at INTEGER NOT NULL, published_at INTEGER, ended_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS trap_identity (
    member TEXT NOT NULL, place INTEGER NOT NULL, birth_date TEXT NOT NULL, nir TEXT NOT NULL, rank INTEGER NOT NULL,
    PRIMARY KEY (member, place)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS trap_handle (
    epoch INTEGER NOT NULL, handle BLOB NOT NULL, member TEXT NOT NULL, PRIMARY KEY (epoch, handle)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS trap_drill (
    member TEXT NOT NULL, shop TEXT NOT NULL, first_hour INTEGER NOT NULL, last_hour INTEGER NOT NULL,
    PRIMARY KEY (member, shop, first_hour)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS trap_opening (
    server TEXT NOT NULL, position INTEGER NOT NULL, member TEXT NOT NULL, shop TEXT NOT NULL, hour INTEGER NOT NULL,
    drill INTEGER NOT NULL, PRIMARY KEY (server, position)
) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrapState:
    """What became of a trap: draw, publication, end in Unix seconds; last firings in hours since 1970; or None."""

    member: str
    drawn_at: int
    published_at: int | None
    ended_at: int | None
    drilled_hour: int | None
    fired_hour: int | None

    @property
    def tested(self) -> bool:
        """Says whether it has ever fired in a drill."""
        return self.drilled_hour is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrapOpening:
    """An opening of a trap's row as one server witnessed it, and whether a drill had been announced for it."""

    server: str
    position: int
    member: str
    shop: str
    hour: int
    drill: bool


class TrapStore:
    """The traps of one insurer, in a database among its secret files; no backup of its databases has it."""

    def __init__(self, home: Path) -> None:
        """Opens or creates it, readable by its owner alone."""
        path = home / SECRETS / DATABASE
        if not path.exists():
            write_secret(path, b"")
        self._connection: SqliteConnection = connect(path)
        self._connection.executescript(_SCHEMA + ALARM_SCHEMA)
        self.alarms = AlarmLedger(self._connection)

    def commit(self) -> AbstractContextManager[None]:
        """One durable transaction."""
        return self._connection.transaction()

    def close(self) -> None:
        """Closes the database."""
        self._connection.close()

    # --- who they are --------------------------------------------------------------------------

    def add(self, traps: Iterable[Trap], now: int) -> None:
        """Adds traps, to be published in the next epoch; in the caller's transaction."""
        for trap in traps:
            member = trap.member
            self._connection.execute(
                "INSERT INTO trap VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
                (member.member_id, trap.model, member.printed_name, *_terms(member), now),
            )
            self._connection.executemany(
                "INSERT INTO trap_identity VALUES (?, ?, ?, ?, ?)",
                (
                    (member.member_id, place, str(one.birth_date), one.nir.thirteen, one.rank)
                    for place, one in enumerate(member.identities)
                ),
            )

    def live(self, *, waiting: bool = False) -> Traps:
        """Returns the traps that are published, with those that wait for an epoch when ``waiting``."""
        found = self._connection.execute(
            "SELECT * FROM trap WHERE ended_at IS NULL AND (? OR published_at IS NOT NULL) ORDER BY member", (waiting,)
        ).fetchall()
        return Traps(live=tuple(self._trap(row) for row in found))

    def _trap(self, row: Sequence[object]) -> Trap:
        member, model, name, guarantee, valid_from, valid_until, free_from, renewal, *_ = row
        identities = self._connection.execute(
            "SELECT birth_date, nir, rank FROM trap_identity WHERE member = ? ORDER BY place", (member,)
        )
        normalised = NormalisedName.of(str(name))
        return Trap(
            member=Member(
                member_id=str(member), printed_name=str(name),
                identities=tuple(
                    PersonIdentity(name=normalised, birth_date=BirthDate(date), nir=Nir(nir), rank=rank)
                    for date, nir, rank in identities
                ),
                guarantee=str(guarantee), valid_from=int(str(valid_from)), valid_until=int(str(valid_until)),
                free_from=int(str(free_from)), renewal_months=int(str(renewal)),
            ),
            model=str(model),
        )  # fmt: skip

    def holds(self, member: str) -> bool:
        """Says whether a member number is that of a trap, live or ended."""
        return self._connection.execute("SELECT 1 FROM trap WHERE member = ?", (member,)).fetchone() is not None

    def published(self, lines: Iterable[Line], now: int) -> None:
        """Keeps the terms with which traps were published, and ends those whose models are gone."""
        standing = {line.member.member_id: line.member for line in lines}
        with self.commit():
            for trap in self.live(waiting=True).live:
                member = standing.get(trap.member.member_id)
                if member is None:
                    # One that waits for its epoch was not asked for.
                    self._connection.execute(
                        "UPDATE trap SET ended_at = ? WHERE member = ? AND published_at IS NOT NULL",
                        (now, trap.member.member_id),
                    )
                else:
                    self._connection.execute(
                        "UPDATE trap SET guarantee = ?, valid_from = ?, valid_until = ?, free_from = ?,"
                        " renewal_months = ?, published_at = COALESCE(published_at, ?) WHERE member = ?",
                        (*_terms(member), now, member.member_id),
                    )

    # --- under which handles -------------------------------------------------------------------

    def keep_handles(self, epoch: int, handles: Iterable[tuple[bytes, str]]) -> None:
        """Keeps under which handles traps are published."""
        with self.commit():
            self._connection.executemany(
                "INSERT OR REPLACE INTO trap_handle VALUES (?, ?, ?)",
                ((epoch, handle, member) for handle, member in handles),
            )

    def handles(self) -> list[tuple[int, bytes, str]]:
        """Lists (epoch, handle, trap)."""
        found = self._connection.execute("SELECT epoch, handle, member FROM trap_handle ORDER BY epoch, handle")
        return [(int(epoch), bytes(handle), str(member)) for epoch, handle, member in found]

    def of_handle(self, epoch: int, handle: bytes) -> str | None:
        """Finds the trap behind a handle, or None."""
        found = self._connection.execute(
            "SELECT member FROM trap_handle WHERE epoch = ? AND handle = ?", (epoch, handle)
        ).fetchone()
        return None if found is None else str(found[0])

    # --- what opened them ----------------------------------------------------------------------

    def announce_drill(self, member: str, shop: str, first_hour: int, last_hour: int) -> None:
        """Says beforehand that a shop opens a trap in a drill; raises BadInput when there is no such live trap."""
        found = self._connection.execute(
            "SELECT 1 FROM trap WHERE member = ? AND published_at IS NOT NULL AND ended_at IS NULL", (member,)
        )
        if found.fetchone() is None:
            raise BadInput("no published trap has this number: see traps")
        self._connection.execute(
            "INSERT OR REPLACE INTO trap_drill VALUES (?, ?, ?, ?)", (member, shop, first_hour, last_hour)
        )

    def announced(self, member: str, shop: str, hour: int) -> bool:
        """Says whether a drill was announced for an opening of this trap in this shop and hour."""
        found = self._connection.execute(
            "SELECT 1 FROM trap_drill WHERE member = ? AND shop = ? AND ? BETWEEN first_hour AND last_hour",
            (member, shop, hour),
        )
        return found.fetchone() is not None

    def keep_opening(self, opening: TrapOpening) -> bool:
        """Keeps an opening, once, in the caller's transaction; returns whether it is new."""
        written = self._connection.execute(
            "INSERT OR IGNORE INTO trap_opening VALUES (?, ?, ?, ?, ?, ?)",
            (opening.server, opening.position, opening.member, opening.shop, opening.hour, int(opening.drill)),
        )
        return written.rowcount == 1

    def opened_on(self, shop: str, day: int, *, drill: bool) -> int:
        """Counts the distinct traps that a shop opened on a day (since 1970)."""
        (count,) = self._connection.execute(
            "SELECT COUNT(DISTINCT member) FROM trap_opening WHERE shop = ? AND hour / 24 = ? AND drill = ?",
            (shop, day, int(drill)),
        ).fetchone()
        return int(count)

    def states(self) -> list[TrapState]:
        """Lists the traps, oldest first."""
        found = self._connection.execute(
            "SELECT trap.member, drawn_at, published_at, ended_at, MAX(CASE WHEN drill = 1 THEN hour END),"
            " MAX(CASE WHEN drill = 0 THEN hour END) FROM trap LEFT JOIN trap_opening USING (member)"
            " GROUP BY trap.member ORDER BY drawn_at, trap.member"
        )
        return [
            TrapState(
                member=member,
                drawn_at=drawn,
                published_at=published,
                ended_at=ended,
                drilled_hour=drilled,
                fired_hour=fired,
            )
            for member, drawn, published, ended, drilled, fired in found
        ]


def has_traps(home: Path) -> bool:
    """Says whether traps were ever drawn, without creating anything."""
    return (home / SECRETS / DATABASE).exists()


def _terms(member: Member) -> tuple[str, int, int, int, int]:
    return (member.guarantee, member.valid_from, member.valid_until, member.free_from, member.renewal_months)
