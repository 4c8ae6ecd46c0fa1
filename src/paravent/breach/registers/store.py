"""The register's database and the lists shipped with it (docs/watch.md section 8).

Holds: each answer to a measure, with its owner, its day and the hash of its proof. Stolen: which measures this
organisation lacks. Altered: an answer that was never given; the documents are not here, and no longer match.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Self

import msgspec

from paravent.access.sqlite_store import connect, transaction
from paravent.breach.registers.measures import Answer, Measure, measures

DATABASE = "registers.db"
_SHIPPED = Path(__file__).parent / "data"
_SCHEMA = "CREATE TABLE IF NOT EXISTS answer (number INTEGER PRIMARY KEY, answer BLOB NOT NULL) STRICT;"


class Store:
    """Every answer ever given: the latest counts, the former ones stay."""

    def __init__(self, home: Path) -> None:
        """Opens or creates the database of a home."""
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._connection = connect(home / DATABASE)
        self._connection.executescript(_SCHEMA)

    def add(self, answer: Answer) -> None:
        """Adds an answer."""
        with transaction(self._connection):
            self._connection.execute("INSERT INTO answer (answer) VALUES (?)", (msgspec.json.encode(answer),))

    def history(self) -> list[Answer]:
        """Lists every answer, in the order in which they were given."""
        rows = self._connection.execute("SELECT answer FROM answer ORDER BY number")
        return [msgspec.json.decode(row, type=Answer) for (row,) in rows]

    def latest(self) -> dict[str, Answer]:
        """Returns the latest answer of each measure that has one."""
        return {answer.reference: answer for answer in self.history()}

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


def shipped() -> list[Measure]:
    """Reads the lists of the package."""
    return measures(_rows("anssi_hygiene_42.csv"), _rows("cnil_security_guide_2024.csv"))


def _rows(name: str) -> list[dict[str, str]]:
    with (_SHIPPED / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
