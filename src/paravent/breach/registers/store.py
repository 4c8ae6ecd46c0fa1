"""The register's database and the lists shipped with it (docs/governance.md section 2).

Holds: each answer to a measure, with its owner, its instants and the hash of its proof; the signed reports that
answered; processor contracts, as versions. Stolen: which measures this organisation lacks, and its contracts' weak
points. Altered: an answer that was never given; documents are not here, and no longer match; a report no longer
verifies; a deadline of a contract is wrong.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import msgspec

from paravent.access.database import migrate
from paravent.access.sqlite_store import connect, transaction
from paravent.breach.registers.clauses import ClauseTexts, read_clauses
from paravent.breach.registers.contracts import Contract, require_chain
from paravent.breach.registers.measures import Answer, Measure, measures
from paravent.breach.registers.processing import ProcessingTexts, read_texts
from paravent.errors import InvalidConfiguration

DATABASE = "registers.db"
_SHIPPED = Path(__file__).parent / "data"
MIGRATIONS = (
    """CREATE TABLE answer (number INTEGER PRIMARY KEY, answer BLOB NOT NULL) STRICT;
CREATE TABLE report (sha256 BLOB PRIMARY KEY, content BLOB NOT NULL) STRICT, WITHOUT ROWID;""",
    """CREATE TABLE contract (
    number INTEGER PRIMARY KEY, reference TEXT NOT NULL, kept_at INTEGER NOT NULL, content BLOB NOT NULL
) STRICT;""",
)


class Store:
    """Every answer ever given: answers are added, none is changed or removed."""

    def __init__(self, home: Path) -> None:
        """Opens or creates the database of a home."""
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._connection = connect(home / DATABASE)
        migrate(self._connection, MIGRATIONS)

    def add(self, answers: Iterable[Answer], report: bytes | None = None) -> bool:
        """Adds answers, with the report they come from; False when that report was kept before."""
        with transaction(self._connection):
            if report is not None:
                digest = hashlib.sha256(report).digest()
                if self._connection.execute("SELECT 1 FROM report WHERE sha256 = ?", (digest,)).fetchone():
                    return False
                self._connection.execute("INSERT INTO report VALUES (?, ?)", (digest, report))
            self._connection.executemany(
                "INSERT INTO answer (answer) VALUES (?)", [(msgspec.json.encode(answer),) for answer in answers]
            )
        return True

    def history(self) -> list[Answer]:
        """Lists every answer, in the order in which they were kept."""
        rows = self._connection.execute("SELECT answer FROM answer ORDER BY number").fetchall()
        return [msgspec.json.decode(row, type=Answer) for (row,) in rows]

    def report(self, sha256: bytes) -> bytes:
        """Returns a signed report as it was kept; raises InvalidConfiguration when there is none."""
        found = self._connection.execute("SELECT content FROM report WHERE sha256 = ?", (sha256,)).fetchone()
        if found is None:
            raise InvalidConfiguration("no report of this hash is kept here")
        return bytes(found[0])

    def reports(self) -> list[bytes]:
        """Lists the signed reports."""
        return [bytes(content) for (content,) in self._connection.execute("SELECT content FROM report ORDER BY sha256")]

    def keep_contract(self, contract: Contract, now: int) -> None:
        """Keeps a version of a contract; raises InvalidConfiguration when its chain does not hold together."""
        require_chain(contract, {one.reference: one for one in self.contracts()})
        with transaction(self._connection):
            self._connection.execute(
                "INSERT INTO contract (reference, kept_at, content) VALUES (?, ?, ?)",
                (contract.reference, now, msgspec.json.encode(contract)),
            )

    def contracts(self, at: int | None = None) -> list[Contract]:
        """Lists the newest version of each contract, as the register stood at an instant (Unix seconds) or now."""
        rows = self._connection.execute(
            "SELECT content FROM contract WHERE ? IS NULL OR kept_at <= ? ORDER BY number", (at, at)
        ).fetchall()
        newest = {one.reference: one for one in (msgspec.json.decode(row, type=Contract) for (row,) in rows)}
        return [newest[reference] for reference in sorted(newest)]

    def __enter__(self) -> Self:
        """Uses the store for one command."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self._connection.close()


def answers_in(home: Path) -> list[Answer]:
    """Reads every answer of the register of a home; none when the home has no register."""
    if not (home / DATABASE).exists():
        return []
    with Store(home) as store:
        return store.history()


def contracts_in(home: Path, at: int | None = None) -> list[Contract]:
    """Reads the contracts of the register of a home; none when the home has no register."""
    if not (home / DATABASE).exists():
        return []
    with Store(home) as store:
        return store.contracts(at)


def shipped_clauses() -> ClauseTexts:
    """Reads the drafts of the package."""
    return read_clauses((_SHIPPED / "clauses-2026-01-01.toml").read_bytes())


def shipped_processing() -> ProcessingTexts:
    """Reads what each kind of party does, for its record."""
    return read_texts((_SHIPPED / "records-2026-01-01.toml").read_bytes())


def shipped() -> list[Measure]:
    """Reads the lists of the package."""
    return measures(_rows("anssi_hygiene_42.csv"), _rows("cnil_security_guide_2024.csv"))


def _rows(name: str) -> list[dict[str, str]]:
    with (_SHIPPED / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
