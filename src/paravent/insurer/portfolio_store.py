"""What an insurer has published, line by line, and what a new file changes in it (docs/protocol.md section 6).

Lines are compared under a key of this insurer: the tables repeat no name, number or birth date. A file is staged
in a database of its own, deleted at the end, so that memory does not grow with it.
Holds: which member has which lines and rows, and who switched the number lane off. Stolen: with the keys, lines can be
tried against a list: members of this insurer, as its own files say. Altered: rows would be published that did not
change, or not those that did; with the pivot key, somebody signs in as another member.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from paravent.access.sqlite_store import SqliteConnection
from paravent.access.store import read_secret, write_secret
from paravent.crypto.group import Rng
from paravent.crypto.labels import Label, enc
from paravent.errors import InvalidMemberFile
from paravent.insurer.config import SECRETS
from paravent.insurer.members import Change, Line, Member, Reject
from paravent.insurer.runs_store import LINE_BYTES, SortedRow
from paravent.person.pivot import own_pivot
from paravent.wire.publication import REMOVED

PORTFOLIO_SCHEMA = """
CREATE TABLE IF NOT EXISTS published_line (
    line BLOB PRIMARY KEY, member TEXT NOT NULL, terms BLOB NOT NULL, guarantee TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS published_line_by_member ON published_line (member);
CREATE TABLE IF NOT EXISTS live_row (
    epoch INTEGER NOT NULL, handle BLOB NOT NULL, batch INTEGER NOT NULL, digest BLOB NOT NULL, line BLOB,
    PRIMARY KEY (epoch, handle)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS live_row_by_line ON live_row (line);
CREATE TABLE IF NOT EXISTS ended_member (member TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS former_index (
    status_index INTEGER PRIMARY KEY, member TEXT NOT NULL, revoked_at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS former_index_by_member ON former_index (member);
CREATE TABLE IF NOT EXISTS pivot (pivot BLOB NOT NULL, line BLOB NOT NULL, PRIMARY KEY (pivot, line))
    STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS pivot_by_line ON pivot (line);
CREATE TABLE IF NOT EXISTS number_lane_choice (
    member TEXT PRIMARY KEY, off INTEGER NOT NULL, asked_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""

_STAGING_SCHEMA = """
CREATE TABLE staging.staged (
    line BLOB PRIMARY KEY, number INTEGER NOT NULL, member TEXT NOT NULL, terms BLOB NOT NULL, guarantee TEXT NOT NULL,
    ended INTEGER NOT NULL, sealing INTEGER NOT NULL, pivot BLOB, trap INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE staging.staged_member (member TEXT PRIMARY KEY, terms BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE staging.ending (line BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE staging.leaving (member TEXT PRIMARY KEY) STRICT, WITHOUT ROWID
"""

LINES_PER_TRANSACTION = 5_000
PIVOT_KEY_FILE = "pivot.key"
_CACHE_KIBIBYTES = 65_536
_KEY_BYTES = 32

# The lines of members that stand once a file is published: its own, and for a delta those that it does not name.
# Every live trap is staged with every file, so that none stands among the others.
_STANDING = """
    (SELECT member, guarantee FROM staging.staged WHERE ended = 0 AND trap = 0
     UNION ALL SELECT member, guarantee FROM published_line
     WHERE :delta AND line NOT IN (SELECT line FROM staging.staged))
"""
# Members who switched the number lane off: they stay published, and no row of theirs is live.
_OFF = "SELECT member FROM number_lane_choice WHERE off = 1"
_SAME = "published.line = staged.line AND published.member = staged.member AND published.terms = staged.terms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """How many lines a file adds, changes and ends, and how many persons there are then."""

    added: int
    changed: int
    ended: int
    persons: int


class Portfolio:
    """The published lines of an insurer, and the staging of a file."""

    def __init__(self, connection: SqliteConnection, home: Path) -> None:
        """Uses the insurer's database."""
        self._connection = connection
        self._home = home
        self._key = b""
        self._pivot_key = b""

    # --- staging a file -----------------------------------------------------------------------

    @contextmanager
    def staging(self, rng: Rng) -> Iterator[None]:
        """Opens an empty staging database; deletes it at the end."""
        path = self._home / "staging.db"
        path.unlink(missing_ok=True)
        self._key = self._read_key("portfolio.key", rng)
        self._pivot_key = self._read_key(PIVOT_KEY_FILE, rng)
        self._connection.execute("ATTACH ? AS staging", (str(path),))
        try:
            # What a crash leaves of it is deleted at the next start: nothing here needs to last.
            for pragma in ("synchronous=OFF", "journal_mode=OFF", f"cache_size=-{_CACHE_KIBIBYTES}"):
                self._connection.execute(f"PRAGMA staging.{pragma}")
            self._connection.create(_STAGING_SCHEMA)
            yield
        finally:
            self._connection.execute("DETACH staging")
            path.unlink(missing_ok=True)

    def _read_key(self, name: str, rng: Rng) -> bytes:
        path = self._home / SECRETS / name
        if not path.exists():
            write_secret(path, rng(_KEY_BYTES))
        return read_secret(path, _KEY_BYTES)

    def stage(self, lines: Iterable[Line | Reject], *, delta: bool) -> Iterator[Reject]:
        """Stages the lines of a file; lists those that cannot be taken, in the order of the file."""
        left = iter(lines)
        while chunk := list(islice(left, LINES_PER_TRANSACTION)):
            with self._connection.transaction():
                rejects = [reject for line in chunk if (reject := self._stage(line, delta=delta)) is not None]
            yield from rejects
        if delta:
            yield from self._disagreeing()
        with self._connection.transaction():
            self._connection.execute(
                "INSERT INTO staging.ending SELECT line FROM staging.staged WHERE ended = 1" if delta else
                "INSERT INTO staging.ending SELECT line FROM published_line"
                " WHERE line NOT IN (SELECT line FROM staging.staged)"
            )  # fmt: skip

    def _stage(self, line: Line | Reject, *, delta: bool) -> Reject | None:
        if isinstance(line, Reject):
            return line
        member, key, terms = line.member, self.key_of(line.member), self._terms(line.member)
        ended = line.change is Change.ENDED
        fault = self._fault_of_delta(key, member.member_id, ended=ended) if delta else None
        if fault is None:
            taken = self._connection.execute(
                "INSERT OR IGNORE INTO staging.staged VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?)",
                (
                    key,
                    line.number,
                    member.member_id,
                    terms,
                    member.guarantee,
                    ended,
                    None if line.trap else self._pivot_of(member),
                    line.trap,
                ),
            )
            fault = None if taken.rowcount else self._owner_fault(key, member.member_id)
        if fault is None and not ended:
            fault = self._member_fault(key, member.member_id, terms)
        return None if fault is None else Reject(line=line.number, reason=f"{InvalidMemberFile.code}: {fault}")

    def _fault_of_delta(self, key: bytes, member: str, *, ended: bool) -> str | None:
        found = self._connection.execute("SELECT member FROM published_line WHERE line = ?", (key,)).fetchone()
        if found is None:
            return "no published line has this number, birth date and rank" if ended else None
        return None if found[0] == member else "another member has this number, birth date and rank"

    def _owner_fault(self, key: bytes, member: str) -> str:
        (owner,) = self._connection.execute("SELECT member FROM staging.staged WHERE line = ?", (key,)).fetchone()
        if owner == member:
            return "the same member stands twice under the same number"
        return "another member has this number, birth date and rank: twins have different ranks"

    def _member_fault(self, key: bytes, member: str, terms: bytes) -> str | None:
        self._connection.execute("INSERT OR IGNORE INTO staging.staged_member VALUES (?, ?)", (member, terms))
        (first,) = self._connection.execute(
            "SELECT terms FROM staging.staged_member WHERE member = ?", (member,)
        ).fetchone()
        if first == terms:
            return None
        self._connection.execute("DELETE FROM staging.staged WHERE line = ?", (key,))
        return "the same member has another name, birth date or other terms on another line"

    def _disagreeing(self) -> list[Reject]:
        """Lists the lines of a delta whose member keeps another line with other terms."""
        found = self._connection.execute(
            "SELECT DISTINCT staged.number FROM staging.staged AS staged JOIN published_line AS published"
            " ON published.member = staged.member WHERE staged.ended = 0 AND published.terms <> staged.terms"
            " AND published.line NOT IN (SELECT line FROM staging.staged) ORDER BY staged.number"
        )
        reason = f"{InvalidMemberFile.code}: the member has a published line with other terms, which the delta leaves"
        return [Reject(line=number, reason=reason) for (number,) in found]

    def key_of(self, member: Member) -> bytes:
        """Names a line: number, birth date and rank under the key of the portfolio, 16 bytes."""
        (identity,) = member.identities
        fields = (identity.nir.thirteen, identity.birth_date, identity.rank)
        return hmac.digest(self._key, enc(Label.PORTFOLIO_LINE, *fields), "sha256")[:LINE_BYTES]

    def _pivot_of(self, member: Member) -> bytes | None:
        """Names the pivot identity of a line under its person's own number, or None."""
        (identity,) = member.identities
        pivot = own_pivot(identity)
        return None if pivot is None else pivot.under(self._pivot_key)

    def _terms(self, member: Member) -> bytes:
        (identity,) = member.identities
        fields = (
            identity.name, identity.birth_date, member.guarantee, member.valid_from, member.valid_until,
            member.free_from, member.renewal_months,
        )  # fmt: skip
        return hmac.digest(self._key, enc(Label.PORTFOLIO_TERMS, *fields), "sha256")[:LINE_BYTES]

    # --- what a file changes -------------------------------------------------------------------

    def changes(self, *, delta: bool) -> Changes:
        """Counts what the staged file changes; traps are counted nowhere."""
        (persons,) = self._connection.execute(
            f"SELECT COUNT(DISTINCT member) FROM {_STANDING}",  # noqa: S608 - constants
            {"delta": delta},
        ).fetchone()
        (standing,) = self._connection.execute(
            "SELECT COUNT(*) FROM staging.staged WHERE ended = 0 AND trap = 0"
        ).fetchone()
        known, same = self._connection.execute(
            "SELECT COUNT(*), COUNT(CASE WHEN published.member = staged.member AND published.terms = staged.terms"
            " THEN 1 END) FROM staging.staged AS staged JOIN published_line AS published USING (line)"
            " WHERE staged.ended = 0 AND staged.trap = 0"
        ).fetchone()
        (ended,) = self._connection.execute(
            "SELECT COUNT(*) FROM staging.ending WHERE line NOT IN (SELECT line FROM staging.staged WHERE trap = 1)"
        ).fetchone()
        return Changes(added=standing - known, changed=known - same, ended=ended, persons=persons)

    def shared_guarantees(self, *, delta: bool) -> dict[str, int]:
        """Counts the persons of each guarantee once the staged file is published."""
        found = self._connection.execute(
            f"SELECT guarantee, COUNT(DISTINCT member) FROM {_STANDING} GROUP BY guarantee",  # noqa: S608 - constants
            {"delta": delta},
        )
        return dict(found.fetchall())

    def coming(self) -> int:
        """Counts the persons of the staged file who have no numbers yet."""
        (count,) = self._connection.execute(
            "SELECT COUNT(*) FROM staging.staged_member WHERE member NOT IN (SELECT member FROM member_right)"
        ).fetchone()
        return int(count)

    def mark(self, epoch: int, *, everybody: bool) -> int:
        """Marks the lines to seal: every one, or those not live as they are in this epoch; returns how many.

        Those of members who switched the number lane off are never sealed.
        """
        with self._connection.transaction():
            marked = self._connection.execute(
                f"UPDATE staging.staged AS staged SET sealing = 1 WHERE ended = 0 AND member NOT IN ({_OFF})"  # noqa: S608 - constants
                " AND (:everybody OR NOT EXISTS"
                f" (SELECT 1 FROM published_line AS published WHERE {_SAME}) OR NOT EXISTS (SELECT 1 FROM live_row"
                " WHERE live_row.line = staged.line AND live_row.epoch = :epoch))",
                {"everybody": everybody, "epoch": epoch},
            )
        return marked.rowcount

    def unmark(self, lines: Iterable[bytes]) -> int:
        """Takes the mark off lines that are sealed already; returns how many had it."""
        with self._connection.transaction():
            found = self._connection.executemany(
                "UPDATE staging.staged SET sealing = 0 WHERE line = ? AND sealing = 1", ((line,) for line in lines)
            )
        return max(found.rowcount, 0)

    def marked(self, members: Sequence[Member]) -> dict[bytes, Member]:
        """Returns those of some members, one line each, that are marked, by line.

        Raises InvalidMemberFile when a line is no longer as it was staged.
        """
        keyed = {self.key_of(member): member for member in members}
        places = ", ".join("?" * len(keyed))
        found = self._connection.execute(
            f"SELECT line, terms FROM staging.staged WHERE sealing = 1 AND line IN ({places})",  # noqa: S608 - places
            tuple(keyed),
        ).fetchall()
        if any(self._terms(keyed[line]) != terms for line, terms in found):
            raise InvalidMemberFile("the file changed while it was read; nothing was published")
        return {line: keyed[line] for line, _ in found}

    def marked_traps(self) -> int:
        """Counts the marked lines of traps."""
        found = self._connection.execute("SELECT COUNT(*) FROM staging.staged WHERE sealing = 1 AND trap = 1")
        return int(found.fetchone()[0])

    # --- live rows -----------------------------------------------------------------------------

    def live_counter(self, epoch: int) -> int | None:
        """Returns the counter of the head whose rows are those kept here, or None when that is not known."""
        found = self._connection.execute("SELECT value FROM counter WHERE name = ?", (f"live-{epoch}",)).fetchone()
        return None if found is None else int(found[0])

    def forget_live_counter(self, epoch: int) -> None:
        """Says that the live rows are not known: an upload that ends without an answer leaves it so."""
        with self._connection.transaction():
            self._connection.execute("DELETE FROM counter WHERE name = ?", (f"live-{epoch}",))

    def live_rows(self, epoch: int) -> Iterator[tuple[bytes, bytes, int]]:
        """Reads (handle, H(row), batch) of the live rows, in the order of the tree."""
        yield from self._connection.execute(
            "SELECT handle, digest, batch FROM live_row WHERE epoch = ? ORDER BY handle", (epoch,)
        )

    def ending_handles(self, epoch: int) -> list[bytes]:
        """Lists the live handles of the lines that end, and of members who switched the number lane off."""
        found = self._connection.execute(
            "SELECT handle FROM live_row WHERE epoch = ? AND (line IN (SELECT line FROM staging.ending)"  # noqa: S608 - constants
            f" OR line IN (SELECT line FROM published_line WHERE member IN ({_OFF})))",
            (epoch,),
        )
        return [handle for (handle,) in found]

    def decoys(self, epoch: int) -> list[bytes]:
        """Lists the live handles of nobody."""
        found = self._connection.execute("SELECT handle FROM live_row WHERE epoch = ? AND line IS NULL", (epoch,))
        return [handle for (handle,) in found]

    def live_batches(self, epoch: int) -> list[int]:
        """Lists the batches of the live rows."""
        found = self._connection.execute("SELECT DISTINCT batch FROM live_row WHERE epoch = ? ORDER BY 1", (epoch,))
        return [batch for (batch,) in found]

    def live_among(self, epoch: int, handles: Sequence[bytes]) -> int:
        """Counts those of some handles that are live."""
        places = ", ".join("?" * len(handles))
        found = self._connection.execute(
            f"SELECT COUNT(*) FROM live_row WHERE epoch = ? AND handle IN ({places})",  # noqa: S608 - places
            (epoch, *handles),
        )
        return int(found.fetchone()[0])

    def keep_handles(self, epoch: int, rows: Sequence[SortedRow]) -> None:
        """Keeps whose handle each of some rows of the staged file has, so that an opening can be told to its person.

        Those of traps are kept among the traps: whatever asks for a member finds none behind them.
        """
        with self._connection.transaction():
            self._connection.executemany(
                "INSERT OR IGNORE INTO handle SELECT ?, ?, member FROM staging.staged WHERE line = ? AND trap = 0",
                ((epoch, row.handle, row.line) for row in rows),
            )

    def trap_lines(self) -> dict[bytes, str]:
        """Returns the staged lines of traps, each with its trap."""
        return dict(self._connection.execute("SELECT line, member FROM staging.staged WHERE trap = 1").fetchall())

    def live_handles(self, epoch: int) -> int:
        """Counts the live handles of members: those of nobody are decoys and traps."""
        found = self._connection.execute(
            "SELECT COUNT(*) FROM live_row JOIN handle USING (epoch, handle) WHERE epoch = ?", (epoch,)
        )
        return int(found.fetchone()[0])

    def went_live(self, epoch: int, counter: int, rows: Iterable[SortedRow], *, everybody: bool, now: int) -> int:
        """Keeps what is live from now on, in one transaction; revokes who has no line left, and returns how many."""
        with self._connection.transaction():
            if everybody:
                self._connection.execute("DELETE FROM live_row")
            for row in rows:
                self._keep_row(epoch, row)
            self._keep_lines()
            left = self._revoke_who_left(now)
            self._connection.execute("INSERT OR REPLACE INTO counter VALUES (?, ?)", (f"live-{epoch}", counter))
        return left

    def _keep_row(self, epoch: int, row: SortedRow) -> None:
        if row.batch != REMOVED:
            self._connection.execute(
                "INSERT OR REPLACE INTO live_row VALUES (?, ?, ?, ?, ?)",
                (epoch, row.handle, row.batch, row.digest, row.line),
            )
        else:
            self._connection.execute("DELETE FROM live_row WHERE epoch = ? AND handle = ?", (epoch, row.handle))

    def _keep_lines(self) -> None:
        run = self._connection.execute
        run(
            "INSERT OR IGNORE INTO staging.leaving SELECT member FROM published_line AS published WHERE line IN"
            " (SELECT line FROM staging.ending) OR EXISTS (SELECT 1 FROM staging.staged AS staged"
            " WHERE staged.line = published.line AND staged.member <> published.member)"
        )
        run("DELETE FROM published_line WHERE line IN (SELECT line FROM staging.ending)")
        run(
            "DELETE FROM pivot WHERE line IN (SELECT line FROM staging.ending) OR EXISTS (SELECT 1 FROM staging.staged"
            " AS staged WHERE staged.line = pivot.line AND staged.pivot IS NOT pivot.pivot)"
        )
        run("INSERT OR IGNORE INTO pivot SELECT pivot, line FROM staging.staged WHERE ended = 0 AND pivot IS NOT NULL")
        run(
            "INSERT OR REPLACE INTO published_line SELECT line, member, terms, guarantee FROM staging.staged"
            " WHERE ended = 0"
        )

    def _revoke_who_left(self, now: int) -> int:
        gone = (
            "SELECT member FROM staging.leaving WHERE member NOT IN (SELECT member FROM published_line)"
            " AND member IN (SELECT member FROM member_right WHERE revoked_at IS NULL)"
        )
        run = self._connection.execute
        count = run(f"INSERT OR IGNORE INTO ended_member {gone}").rowcount
        run(f"UPDATE card SET revoked_at = ? WHERE revoked_at IS NULL AND member IN ({gone})", (now,))  # noqa: S608 - constants
        run(f"UPDATE member_right SET revoked_at = ? WHERE member IN ({gone})", (now,))  # noqa: S608 - constants
        return count
