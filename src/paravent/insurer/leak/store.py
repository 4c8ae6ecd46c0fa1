"""The insurer's history: what it held of whom and when, what left in clear to whom, what was matched (leak-matcher.md).

Holds: terms of each member from publication to publication, keyed names of members, files that left with their keyed
marks and the seeds of their order, matches made. Stolen: this insurer's members' terms over the years, under member
numbers; with the key, beside the database, whether a person of whom one knows number or name was one. Altered: a match
no longer agrees; each match carries the hash of the one before.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

from paravent.access.sqlite_store import connect, transaction
from paravent.access.store import read_secret, write_secret
from paravent.crypto.group import Rng
from paravent.crypto.labels import Label, enc
from paravent.crypto.signing import VerifyKey
from paravent.errors import InvalidLeakSample, QuotaExceeded
from paravent.insurer.config import SECRETS
from paravent.insurer.leak.clues import Clues, day_of
from paravent.insurer.leak.matching import ALWAYS, Delivery, Matched, Row, Terms, Version
from paravent.insurer.members import Change, Line, Member

DATABASE = "history.db"
KEY_FILE = "history.key"
MATCHES_MAX = 20
MATCHES_DAYS = 30

_SCHEMA = """
CREATE TABLE IF NOT EXISTS member_version (
    member TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, guarantee TEXT NOT NULL,
    valid_from TEXT NOT NULL, valid_to TEXT NOT NULL, free_from INTEGER NOT NULL, PRIMARY KEY (member, first)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS member_name (name BLOB NOT NULL, member TEXT NOT NULL, PRIMARY KEY (name, member))
    STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS delivery (
    number INTEGER PRIMARY KEY, recipient TEXT NOT NULL, at INTEGER NOT NULL, guarantee TEXT NOT NULL,
    lines INTEGER NOT NULL, digest BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS delivery_order (delivery INTEGER PRIMARY KEY, seed BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS mark (name BLOB NOT NULL, delivery INTEGER NOT NULL, PRIMARY KEY (name, delivery))
    STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS approver (name TEXT PRIMARY KEY, public BLOB NOT NULL UNIQUE) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS leak_match (
    number INTEGER PRIMARY KEY, case_number TEXT NOT NULL, sample BLOB NOT NULL, lines INTEGER NOT NULL,
    approvers TEXT NOT NULL, verdict TEXT NOT NULL, at INTEGER NOT NULL, before BLOB NOT NULL
) STRICT;
"""


class History:
    """The history of one insurer, in a database and under a key of its own."""

    def __init__(self, home: Path, rng: Rng) -> None:
        """Opens or creates the history of a home."""
        key = home / SECRETS / KEY_FILE
        if not key.exists():
            write_secret(key, rng(32))
        self._key = read_secret(key, 32)
        self._connection = connect(home / DATABASE)
        self._connection.executescript(_SCHEMA)

    # --- what was held ------------------------------------------------------------------------

    def record(self, members: Iterable[Member], now: int) -> None:
        """Records a whole portfolio as published now: what changed begins a version, who is gone ends one."""
        with transaction(self._connection):
            self._connection.execute("CREATE TEMP TABLE IF NOT EXISTS present (member TEXT PRIMARY KEY)")
            self._connection.execute("DELETE FROM present")
            for member in members:
                self._record(member, now)
                self._connection.execute("INSERT OR IGNORE INTO present VALUES (?)", (member.member_id,))
            self._connection.execute(
                "UPDATE member_version SET last = ? WHERE last = ? AND member NOT IN (SELECT member FROM present)",
                (now, ALWAYS),
            )

    def record_changes(self, lines: Iterable[Line], now: int) -> None:
        """Records a delta published now: who is added or changed begins a version, who ended ends one."""
        with transaction(self._connection):
            for line in lines:
                if line.change is Change.ENDED:
                    self._end(line.member.member_id, now)
                else:
                    self._record(line.member, now)

    def _record(self, member: Member, now: int) -> None:
        terms = terms_of(member)
        self._connection.executemany(
            "INSERT OR IGNORE INTO member_name VALUES (?, ?)",
            ((name, member.member_id) for name in self._names_of(member)),
        )
        found = self._connection.execute(
            "SELECT guarantee, valid_from, valid_to, free_from FROM member_version WHERE member = ? AND last = ?",
            (member.member_id, ALWAYS),
        ).fetchone()
        values = (terms.guarantee, terms.valid_from, terms.valid_to, terms.free_from)
        if found == values:
            return
        self._end(member.member_id, now)
        # Two publications in one second: the later one is what was held.
        self._connection.execute(
            "INSERT OR REPLACE INTO member_version VALUES (?, ?, ?, ?, ?, ?, ?)",
            (member.member_id, now, ALWAYS, *values),
        )

    def _end(self, member: str, now: int) -> None:
        self._connection.execute(
            "UPDATE member_version SET last = ? WHERE member = ? AND last = ?", (now, member, ALWAYS)
        )

    def shares(self) -> dict[Terms, float]:
        """Returns for each terms ever held the part of all versions that have them."""
        found = self._connection.execute(
            "SELECT guarantee, valid_from, valid_to, free_from, COUNT(*) FROM member_version GROUP BY 1, 2, 3, 4"
        ).fetchall()
        total = sum(count for *_, count in found)
        return {
            Terms(guarantee=code, valid_from=first, valid_to=last, free_from=free): count / total
            for code, first, last, free, count in found
        }

    # --- what left ----------------------------------------------------------------------------

    def keep_delivery(
        self, *, recipient: str, guarantee: str, lines: int, digest: bytes, marks: Iterable[Member], seed: bytes,
        now: int,
    ) -> int:  # fmt: skip
        """Keeps a file that leaves in clear, with its marks and the seed of its order; returns its number."""
        with transaction(self._connection):
            number = self._connection.execute(
                "INSERT INTO delivery (recipient, at, guarantee, lines, digest) VALUES (?, ?, ?, ?, ?)",
                (recipient, now, guarantee, lines, digest),
            ).lastrowid
            self._connection.executemany(
                "INSERT INTO mark VALUES (?, ?)", ((name, number) for mark in marks for name in self._names_of(mark))
            )
            self._connection.execute("INSERT INTO delivery_order VALUES (?, ?)", (number, seed))
        return int(number or 0)

    def seeds(self) -> dict[int, bytes]:
        """Returns the seeds by which the rows of each delivery are ordered."""
        return dict(self._connection.execute("SELECT delivery, seed FROM delivery_order").fetchall())

    def deliveries(self) -> list[Delivery]:
        """Lists what left in clear, oldest first."""
        found = self._connection.execute("SELECT number, recipient, at, guarantee FROM delivery ORDER BY number")
        return [Delivery(number=n, recipient=who, at=at, guarantee=code) for n, who, at, code in found]

    # --- what a row of a sample names -----------------------------------------------------------

    def row(self, place: int, clues: Clues) -> Row:
        """Finds the members whom a row names, their versions, and the marks it carries."""
        names = self._names(clues)
        members = {member for name in names for member in self._column("member_name", "member", name)}
        marks = {int(number) for name in names for number in self._column("mark", "delivery", name)}
        versions = [version for member in sorted(members) for version in self._versions(member)]
        return Row(place=place, clues=clues, versions=tuple(versions), marks=tuple(sorted(marks)))

    def codes(self) -> frozenset[str]:
        """Returns every guarantee code ever held."""
        return frozenset(code for (code,) in self._connection.execute("SELECT DISTINCT guarantee FROM member_version"))

    def _versions(self, member: str) -> list[Version]:
        found = self._connection.execute(
            "SELECT guarantee, valid_from, valid_to, free_from, first, last FROM member_version WHERE member = ?"
            " ORDER BY first",
            (member,),
        )
        return [
            Version(
                member=member, first=first, last=last,
                terms=Terms(guarantee=code, valid_from=begins, valid_to=ends, free_from=free),
            )
            for code, begins, ends, free, first, last in found
        ]  # fmt: skip

    def _column(self, table: str, column: str, name: bytes) -> list[str]:
        found = self._connection.execute(f"SELECT {column} FROM {table} WHERE name = ?", (name,))  # noqa: S608 - own names
        return [value for (value,) in found]

    def _names_of(self, member: Member) -> set[bytes]:
        identities = member.identities
        return {self._by_nir(one.nir.thirteen) for one in identities} | {
            self._by_name(str(one.name), str(one.birth_date)) for one in identities
        }

    def _names(self, clues: Clues) -> set[bytes]:
        """A number names a member by itself, a name with a birth date; children share a parent's number."""
        named = {self._by_name(name, day) for name in clues.names for day in clues.dates}
        known = {
            name for name in named
            if self._column("member_name", "member", name) or self._column("mark", "delivery", name)
        }  # fmt: skip
        return known or {self._by_nir(nir) for nir in clues.nirs}

    def _by_nir(self, thirteen: str) -> bytes:
        return hmac.digest(self._key, enc(Label.HISTORY_INDEX, "nir", thirteen), "sha256")

    def _by_name(self, name: str, birth_date: str) -> bytes:
        return hmac.digest(self._key, enc(Label.HISTORY_INDEX, "name", name, birth_date), "sha256")

    # --- approvals and matches ------------------------------------------------------------------

    def add_approver(self, name: str, public: VerifyKey) -> None:
        """Lists an approver; raises InvalidLeakSample when the name or the key is listed already."""
        with transaction(self._connection):
            cursor = self._connection.execute("INSERT OR IGNORE INTO approver VALUES (?, ?)", (name, public))
            if cursor.rowcount != 1:
                raise InvalidLeakSample("this approver, or this key, is listed already")

    def approvers(self) -> dict[str, VerifyKey]:
        """Returns who may approve a match, with their keys."""
        found = self._connection.execute("SELECT name, public FROM approver")
        return {name: VerifyKey(bytes(public)) for name, public in found}

    def keep_match(self, case: str, sample: bytes, approvers: Sequence[str], matched: Matched, now: int) -> int:
        """Records a match before it is shown, within the budget; raises QuotaExceeded beyond it."""
        with transaction(self._connection):
            since = now - MATCHES_DAYS * 86_400
            (spent,) = self._connection.execute("SELECT COUNT(*) FROM leak_match WHERE at > ?", (since,)).fetchone()
            if spent >= MATCHES_MAX:
                raise QuotaExceeded(f"at most {MATCHES_MAX} matches in {MATCHES_DAYS} days")
            last = self._connection.execute("SELECT * FROM leak_match ORDER BY number DESC LIMIT 1").fetchone()
            number = self._connection.execute(
                "INSERT INTO leak_match (case_number, sample, lines, approvers, verdict, at, before)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    case, sample, matched.rows, ",".join(approvers), matched.verdict.value, now,
                    hashlib.sha256(repr(last).encode()).digest(),
                ),
            ).lastrowid  # fmt: skip
        return int(number or 0)

    def __enter__(self) -> Self:
        """Uses the history for one command."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self._connection.close()


def terms_of(member: Member) -> Terms:
    """Returns the terms of a member as a file in clear says them."""
    return Terms(
        guarantee=member.guarantee, valid_from=day_of(member.valid_from), valid_to=day_of(member.valid_until),
        free_from=member.free_from,
    )  # fmt: skip
