"""The hub's database, number-lane side: manifests, sealed rows, tree pages, devices (protocol.md section 6).

Holds: sealed rows sorted by random handles, signed heads, the ledger. Stolen: 0 persons, the number of
rows by insurer. Altered: a row or a node no longer leads to the signed root.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from paravent.access.alarm_store import ALARM_SCHEMA, CANARY_SCHEMA
from paravent.access.bulletin_store import BULLETIN_SCHEMA, Bulletins
from paravent.access.database import Database, Statement
from paravent.access.enrolment_store import CASE_SCHEMA, DEVICE_SCHEMA
from paravent.access.log_memory_store import MEMORY_SCHEMA, LogMemory
from paravent.access.quotas import HOUR_SECONDS, QuotaLimits
from paravent.access.sqlite_store import connect
from paravent.access.store import LEDGER_SCHEMA, DailyKeys, VerifierStore
from paravent.access.tally_store import TALLY_SCHEMA
from paravent.crypto.group import Rng
from paravent.crypto.merkle import HASH_BYTES
from paravent.crypto.sealing import Handle, Row
from paravent.errors import EpochNotLive, MalformedMessage, ProofFailure, StaleData
from paravent.hub.acknowledgements_store import ACKNOWLEDGEMENT_SCHEMA, Acknowledgements
from paravent.hub.boxes_store import BOX_SCHEMA, BoxStore
from paravent.hub.claim_store import CLAIM_SCHEMA, RECORD_SCHEMA, ClaimStore
from paravent.hub.recovery_store import RECOVERY_SCHEMA, REOPENING_SCHEMA, RecoveryStore
from paravent.hub.row_statements import (
    DROP_PAGES,
    DROP_ROWS,
    LAST_HANDLE,
    MERGE,
    NEXT_ROWS,
    PAGE_AT,
    ROW_ABOVE,
    ROW_AT,
    ROW_BELOW,
    ROW_SCHEMA,
)
from paravent.hub.state import Manifest, PlacedRow, Staged
from paravent.wire.codec import decode, encode
from paravent.wire.publication import REMOVED
from paravent.wire.recovery import HeadCounter
from paravent.wire.statements import (
    OPENABLE_SECONDS,
    STATEMENT_BYTES_MAX,
    EpochBundle,
    EpochFile,
    ManifestHead,
    Signed,
)

DATABASE = "hub.db"
# 30 hashes are 960 bytes: SQLite keeps up to 1,002 in an index page of 4 KiB, a longer one gets a page of its own.
PAGE_HASHES = 30

_MANIFEST_SCHEMA = """
CREATE TABLE IF NOT EXISTS manifest (
    number INTEGER PRIMARY KEY, insurer TEXT NOT NULL, epoch INTEGER NOT NULL, bundle BLOB NOT NULL,
    rows INTEGER NOT NULL, live INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS closing (
    insurer TEXT NOT NULL, epoch INTEGER NOT NULL, deletes_at INTEGER NOT NULL, PRIMARY KEY (insurer, epoch)
) STRICT, WITHOUT ROWID;
"""
_STATEMENT_SCHEMA = """CREATE TABLE IF NOT EXISTS statement (
    insurer TEXT NOT NULL, kind TEXT NOT NULL, counter INTEGER NOT NULL, signed BLOB NOT NULL,
    PRIMARY KEY (insurer, kind)
) STRICT, WITHOUT ROWID;
"""

_BASE = "ALTER TABLE manifest ADD COLUMN base INTEGER"

MIGRATIONS = (
    _MANIFEST_SCHEMA + ROW_SCHEMA + _STATEMENT_SCHEMA + CLAIM_SCHEMA + DEVICE_SCHEMA + LEDGER_SCHEMA,
    CASE_SCHEMA + MEMORY_SCHEMA, RECORD_SCHEMA, _BASE,
    BOX_SCHEMA, TALLY_SCHEMA, BULLETIN_SCHEMA + ACKNOWLEDGEMENT_SCHEMA, RECOVERY_SCHEMA,
    ALARM_SCHEMA, CANARY_SCHEMA, REOPENING_SCHEMA,
)  # fmt: skip
"""Every change of the tables, in order; what was released is never edited (``database.migrate``)."""
ROWS_PER_READ = 5_000


class Store(VerifierStore):
    """Everything the hub keeps: ``claims`` is the trade side, ``boxes`` what it carries, ``bulletins`` what it serves.

    ``memory`` is what was cosigned of the key servers' logs, ``tally`` how many requests came,
    ``database`` all of it, to be copied as a whole.
    """

    def __init__(self, home: Path, limits: QuotaLimits, rng: Rng, database: Database | None = None) -> None:
        """Opens or creates the database of a home: SQLite in a file of its own, unless another is given."""
        self.home = home
        self.database: Database = connect(home / DATABASE) if database is None else database
        super().__init__(self.database, MIGRATIONS, DailyKeys(home / "secrets", rng), limits)
        self._live: dict[tuple[str, int], Manifest] = {}
        self._statements: dict[tuple[str, str], Signed] = {}
        self.claims = ClaimStore(self._connection)
        self.boxes = BoxStore(self._connection)
        self.bulletins = Bulletins(self._connection)
        self.acknowledgements = Acknowledgements(self._connection)
        self.memory = LogMemory(self._connection)
        self.recovery = RecoveryStore(self._connection)
        self._load()

    def _load(self) -> None:
        found = self._connection.execute(
            "SELECT number, insurer, epoch, bundle FROM manifest WHERE live = 1"
        ).fetchall()
        self._live = {
            (insurer, epoch): _manifest(number, decode(bundle, EpochBundle, bytes_max=STATEMENT_BYTES_MAX))
            for number, insurer, epoch, bundle in found
        }

    # --- reading manifests ----------------------------------------------------------------

    def manifest(self, insurer: str, epoch: int) -> Manifest | None:
        """Returns the live manifest of an epoch, or None."""
        return self._live.get((insurer, epoch))

    def live(self, insurer: str) -> list[Manifest]:
        """Lists the live manifests of an insurer, the oldest epoch first."""
        return [self._live[key] for key in sorted(self._live) if key[0] == insurer]

    def heads(self) -> list[HeadCounter]:
        """Lists the live manifests of every insurer."""
        return [
            HeadCounter(insurer=insurer, epoch=epoch, counter=manifest.head.counter)
            for (insurer, epoch), manifest in sorted(self._live.items())
        ]

    def newest(self, insurer: str) -> Manifest | None:
        """Returns the live manifest of the newest epoch of an insurer, or None."""
        epochs = [epoch for amc, epoch in self._live if amc == insurer]
        return self._live[insurer, max(epochs)] if epochs else None

    def row(self, manifest: Manifest, handle: Handle) -> PlacedRow | None:
        """Finds a row by handle."""
        found = self._select(ROW_AT, manifest, handle)
        return found[0] if found else None

    def neighbours(self, manifest: Manifest, handle: Handle) -> list[PlacedRow]:
        """Returns the last row below a handle and the first above, where they exist."""
        return [*self._select(ROW_BELOW, manifest, handle), *self._select(ROW_ABOVE, manifest, handle)]

    def _select(self, statement: str, manifest: Manifest, handle: Handle) -> list[PlacedRow]:
        found = self._connection.execute(statement, (manifest.number, handle)).fetchall()
        head = manifest.head
        return [
            PlacedRow(position=position, row=Row(
                insurer=head.insurer, epoch=head.epoch, batch=batch, handle=Handle(name), stored=stored))
            for position, name, batch, stored in found
        ]  # fmt: skip

    def nodes(self, manifest: Manifest, positions: Iterable[tuple[int, int]]) -> tuple[bytes, ...]:
        """Returns the tree nodes at (level, position), one page read each."""
        placed = [(level, *divmod(position, PAGE_HASHES)) for level, position in positions]
        pages = self._connection.batch([
            Statement(PAGE_AT, (manifest.number, level, page)) for level, page, _ in placed
        ])  # fmt: skip
        return tuple(
            bytes(hashes[offset * HASH_BYTES : (offset + 1) * HASH_BYTES])
            for (hashes,), (_, _, offset) in zip((page.fetchone() for page in pages), placed, strict=True)
        )

    # --- taking a publication -------------------------------------------------------------

    def open_publication(self, bundle: EpochBundle, head: ManifestHead, base: int | None = None) -> int:
        """Starts a manifest that is not live, dropping unfinished ones of the same epoch; returns its number."""
        with self.commit():
            self._drop_unfinished(head)
            (opened,) = self._connection.execute(
                "INSERT INTO manifest (insurer, epoch, bundle, rows, live, base) VALUES (?, ?, ?, 0, 0, ?)"
                " RETURNING number",
                (head.insurer, head.epoch, encode(bundle), base),
            ).fetchone()
        return int(opened)

    def _drop_unfinished(self, head: ManifestHead) -> None:
        stale = self._connection.execute(
            "SELECT number FROM manifest WHERE insurer = ? AND epoch = ? AND live = 0", (head.insurer, head.epoch)
        ).fetchall()
        for (number,) in stale:
            self._drop(number)

    def staged(self, number: int, insurer: str) -> Staged:
        """Returns an unfinished publication of this insurer; raises EpochNotLive when there is none."""
        found = self._connection.execute(
            "SELECT bundle, rows, base FROM manifest WHERE number = ? AND insurer = ? AND live = 0", (number, insurer)
        ).fetchone()
        if found is None:
            raise EpochNotLive("there is no such publication in progress")
        bundle = decode(found[0], EpochBundle, bytes_max=STATEMENT_BYTES_MAX)
        return Staged(bundle=bundle, rows=int(found[1]), base=found[2])

    def add_rows(self, number: int, first: int, rows: Sequence[Row]) -> None:
        """Adds rows at positions from ``first``; raises MalformedMessage when they do not follow on, or not sorted."""
        with self.commit():
            self._require_sorted(number, first, rows)
            updated = self._connection.execute(
                "UPDATE manifest SET rows = rows + ? WHERE number = ? AND rows = ? AND live = 0",
                (len(rows), number, first),
            )
            if updated.rowcount != 1:
                raise MalformedMessage("these rows do not follow the ones already stored")
            self._connection.load(
                "row", ((number, row.handle, first + offset, row.batch, row.stored) for offset, row in enumerate(rows))
            )

    def _require_sorted(self, number: int, first: int, rows: Sequence[Row]) -> None:
        """Positions are those of the upload, so the upload is in the order of the tree."""
        last = self._connection.execute(LAST_HANDLE, (number, first)).fetchone()
        handles = [b"" if last is None else last[0], *(row.handle for row in rows)]
        if any(after <= before for before, after in pairwise(handles)):
            raise MalformedMessage("rows are sorted by handle, each once")

    def merge(self, number: int, head: ManifestHead, base: int) -> int:
        """Applies changes to the live manifest of counter ``base``, as a new unfinished one; returns its number.

        Raises StaleData when another is live by now.
        """
        live = self._live.get((head.insurer, head.epoch))
        if live is None or live.head.counter != base:
            raise StaleData("another manifest is live than the one that these changes are of")
        with self.commit():
            (merged,) = self._connection.execute(
                "INSERT INTO manifest (insurer, epoch, bundle, rows, live)"
                " SELECT insurer, epoch, bundle, 0, 0 FROM manifest WHERE number = ? RETURNING number",
                (number,),
            ).fetchone()
            written = self._connection.execute(MERGE, (merged, 0, number, REMOVED, live.number, number))
            self._connection.execute("UPDATE manifest SET rows = ? WHERE number = ?", (written.rowcount, merged))
        return int(merged)

    def staged_digests(self, number: int, head: ManifestHead) -> Iterator[tuple[Handle, bytes]]:
        """Iterates (handle, H(row)) of a publication, by position."""
        last = b""
        while found := self._connection.execute(NEXT_ROWS, (number, last, ROWS_PER_READ)).fetchall():
            for handle, batch, stored in found:
                row = Row(insurer=head.insurer, epoch=head.epoch, batch=batch, handle=Handle(handle), stored=stored)
                yield row.handle, row.digest()
            last = found[-1][0]

    def go_live(self, number: int, head: ManifestHead, levels: Sequence[bytes]) -> None:
        """Stores the tree and makes a publication the live manifest, in one transaction."""
        with self.commit():
            self._connection.load("node", _pages(number, levels))
            former = self._live.get((head.insurer, head.epoch))
            if former is not None:
                self._drop(former.number)
            updated = self._connection.execute(
                "UPDATE manifest SET live = 1 WHERE number = ? AND rows = ? AND live = 0", (number, head.count)
            )
            if updated.rowcount != 1:
                raise ProofFailure("the publication is not whole", culprit=head.insurer)
            self._drop_unfinished(head)
        self._load()

    # --- the end of an epoch ----------------------------------------------------------------

    def keep_closing(self, insurer: str, epoch: int, deletes_at: int) -> None:
        """Keeps when an epoch and every earlier one are to be deleted; the earliest instant given stays."""
        with self.commit():
            self._connection.execute(
                "INSERT INTO closing VALUES (?, ?, ?) ON CONFLICT (insurer, epoch) DO UPDATE"
                " SET deletes_at = CASE WHEN excluded.deletes_at < closing.deletes_at THEN excluded.deletes_at"
                " ELSE closing.deletes_at END",
                (insurer, epoch, deletes_at),
            )

    def delete_ended(self, now: int) -> None:
        """Deletes the manifests of ended epochs: nobody can open their rows any more."""
        with self.commit():
            ended = self._connection.execute(
                "SELECT number FROM manifest WHERE EXISTS (SELECT 1 FROM closing WHERE closing.insurer ="
                " manifest.insurer AND closing.epoch >= manifest.epoch AND closing.deletes_at <= ?)",
                (now,),
            ).fetchall()
            numbers = {number for (number,) in ended} | {
                manifest.number for manifest in self._live.values()
                if decode(manifest.bundle.epoch.statement.payload, EpochFile).not_after + OPENABLE_SECONDS <= now
            }  # fmt: skip
            for number in numbers:
                self._drop(number)
        if numbers:
            self._load()

    def forget(self, now: int) -> None:
        """Deletes what has outlived its term: of devices and quotas, and manifests of ended epochs."""
        super().forget(now)
        self.delete_ended(now)
        with self.commit():
            self.boxes.forget(now)
            self.tally.forget(now // HOUR_SECONDS)

    def _drop(self, number: int) -> None:
        for statement in (DROP_ROWS, DROP_PAGES):
            self._connection.execute(statement, (number,))
        self._connection.execute("DELETE FROM manifest WHERE number = ?", (number,))

    # --- signed statements served as they are ----------------------------------------------

    def keep_statement(self, insurer: str, kind: str, counter: int, signed: Signed) -> bool:
        """Keeps a statement when its counter goes up; returns whether it did."""
        with self.commit():
            updated = self._connection.execute(
                "INSERT INTO statement VALUES (?, ?, ?, ?) ON CONFLICT (insurer, kind) DO UPDATE"
                " SET counter = excluded.counter, signed = excluded.signed WHERE excluded.counter > statement.counter",
                (insurer, kind, counter, encode(signed)),
            )
        # Read again when it is next asked for: only what was committed is served.
        self._statements.pop((insurer, kind), None)
        return updated.rowcount == 1

    def statement(self, insurer: str, kind: str) -> Signed | None:
        """Returns a statement, or None; what was read once stays in memory until a newer one is kept."""
        if (insurer, kind) not in self._statements:
            found = self._statement(insurer, kind)
            if found is None:
                return None
            self._statements[insurer, kind] = found
        return self._statements[insurer, kind]

    def _statement(self, insurer: str, kind: str) -> Signed | None:
        found = self._connection.execute(
            "SELECT signed FROM statement WHERE insurer = ? AND kind = ?", (insurer, kind)
        ).fetchone()
        return None if found is None else decode(found[0], Signed, bytes_max=STATEMENT_BYTES_MAX)

    def sizes(self) -> tuple[int, int]:
        """Returns how many manifests are live and how many rows they have."""
        return len(self._live), sum(manifest.head.count for manifest in self._live.values())


def _manifest(number: int, bundle: EpochBundle) -> Manifest:
    # The payload was verified when it was published; its hash is under the signature every desk checks.
    head = decode(bundle.head.payload, ManifestHead)
    return Manifest(number=number, bundle=bundle, head=head)


def _pages(number: int, levels: Sequence[bytes]) -> Iterator[tuple[int, int, int, bytes]]:
    size = PAGE_HASHES * HASH_BYTES
    for level, hashes in enumerate(levels):
        for page, start in enumerate(range(0, len(hashes), size)):
            yield number, level, page, hashes[start : start + size]
