"""The database of the conventional platform: accounts, insured persons, claims (docs/drill.md).

Accounts of professionals, insured persons with insurer, guarantee and corrections, claims. Whoever copies it has
everybody, or nobody without the application's key, as the variant says; whoever alters it is not noticed.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from paravent.drill.conventional.protection import KEY_BYTES, ApplicationKey, Contract, Identity, Protection, Variant
from paravent.drill.population import Population

DATABASE = "conventional.db"
KEY_FILE = "application.key"
VARIANT_FILE = "variant"
QUOTA_FILE = "quota"
JOURNAL_FILE = "journal.log"
"""Who looked whom up, as the CNIL asks: instant, account, reference as the column has it."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS account (
    login TEXT PRIMARY KEY, salt BLOB NOT NULL, password BLOB NOT NULL, insurer TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS insured (
    reference BLOB PRIMARY KEY, contract BLOB NOT NULL, name TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS claim (
    number TEXT PRIMARY KEY, reference BLOB NOT NULL, account TEXT NOT NULL, items TEXT NOT NULL, cents INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""
# What is recommended for interactive logins: 16 MiB and some tens of milliseconds a try.
_SCRYPT = {"n": 2**14, "r": 8, "p": 1}


class Store:
    """One database, with the protection of its columns."""

    def __init__(self, home: Path, protection: Protection) -> None:
        """Opens or creates the database of a home."""
        self.protection = protection
        self._connection = sqlite3.connect(home / DATABASE, isolation_level=None)
        self._connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;" + _SCHEMA)

    @contextmanager
    def commit(self) -> Iterator[None]:
        """One durable transaction."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def load(self, persons: Iterable[tuple[Identity, Contract]]) -> None:
        """Takes the insured persons of an insurer's file; the name is kept where identities are kept in clear."""
        named = self.protection.variant is Variant.CLEAR
        rows = (
            (self.protection.reference(identity), self.protection.write(contract), identity.name if named else None)
            for identity, contract in persons
        )
        with self.commit():
            self._connection.executemany("INSERT OR REPLACE INTO insured VALUES (?, ?, ?)", rows)

    def leave(self, identities: Iterable[Identity]) -> None:
        """Deletes persons whose contract has ended."""
        with self.commit():
            self._connection.executemany(
                "DELETE FROM insured WHERE reference = ?", ((self.protection.reference(one),) for one in identities)
            )

    def find(self, identity: Identity) -> Contract | None:
        """Finds a person's contract."""
        found = self._connection.execute(
            "SELECT contract FROM insured WHERE reference = ?", (self.protection.reference(identity),)
        ).fetchone()
        return None if found is None else self.protection.read(bytes(found[0]))

    def references(self) -> set[bytes]:
        """Lists the references of everybody."""
        return {bytes(reference) for (reference,) in self._connection.execute("SELECT reference FROM insured")}

    def contracts(self) -> Iterator[bytes]:
        """Yields every contract as it is kept."""
        for (contract,) in self._connection.execute("SELECT contract FROM insured"):
            yield bytes(contract)

    def add_account(self, login: str, password: str, insurer: str | None = None) -> None:
        """Creates a professional's account, or one of an insurer, which sees its own members only."""
        salt = os.urandom(16)
        values = (login, salt, _hashed(password, salt), insurer)
        self._connection.execute("INSERT INTO account VALUES (?, ?, ?, ?)", values)

    def insurer_of(self, login: str) -> str | None:
        """Returns the insurer whose account this is, or None for a professional's."""
        found = self._connection.execute("SELECT insurer FROM account WHERE login = ?", (login,)).fetchone()
        return None if found is None else found[0]

    def password_fits(self, login: str, password: str) -> bool:
        """Says whether a password is the account's; an unknown login costs as much time."""
        found = self._connection.execute("SELECT salt, password FROM account WHERE login = ?", (login,)).fetchone()
        salt, kept = (bytes(16), bytes(64)) if found is None else found
        return hmac.compare_digest(_hashed(password, salt), kept)

    def add_claim(self, number: str, identity: Identity, account: str, items: str, cents: int) -> bool:
        """Keeps a claim, once; returns whether it is new."""
        with self.commit():
            cursor = self._connection.execute(
                "INSERT INTO claim VALUES (?, ?, ?, ?, ?) ON CONFLICT (number) DO NOTHING",
                (number, self.protection.reference(identity), account, items, cents),
            )
        return cursor.rowcount == 1

    def claims(self) -> Iterator[tuple[bytes, str, int]]:
        """Yields (reference, items, cents) of every claim."""
        for reference, items, cents in self._connection.execute("SELECT reference, items, cents FROM claim"):
            yield bytes(reference), items, cents

    def contract_of(self, reference: bytes) -> Contract | None:
        """Reads the contract under a reference; None when there is none or it cannot be read."""
        found = self._connection.execute("SELECT contract FROM insured WHERE reference = ?", (reference,)).fetchone()
        return None if found is None else self.protection.read(bytes(found[0]))

    def __enter__(self) -> Self:
        """Uses the store for one task."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self._connection.close()


def create(home: Path, variant: Variant, quota: int | None = None) -> None:
    """Creates a home: the variant, the application's key, and how many persons a day an account may look up."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    (home / VARIANT_FILE).write_text(variant.value)
    if quota is not None:
        (home / QUOTA_FILE).write_text(str(quota))
    (home / KEY_FILE).write_bytes(os.urandom(KEY_BYTES))


def protection_of(home: Path) -> Protection:
    """Reads a home's protection, the key included: what the application starts with."""
    variant = Variant((home / VARIANT_FILE).read_text())
    return Protection(variant=variant, key=ApplicationKey((home / KEY_FILE).read_bytes()))


def quota_of(home: Path) -> int | None:
    """Reads how many persons a day an account of a home may look up; None when there is no such limit."""
    path = home / QUOTA_FILE
    return int(path.read_text()) if path.exists() else None


def insured(population: Population) -> Iterator[tuple[Identity, Contract]]:
    """Yields what insurers hand to a conventional platform of each coverage, the last correction included."""
    for number, person in enumerate(population.persons):
        sphere = (number % 49) / 4 - 6
        for cover in person.coverages:
            identity = Identity(nir=cover.nir, birth_date=person.birth_date, rank=cover.rank, name=person.name)
            yield identity, Contract(
                insurer=cover.insurer, guarantee=person.guarantee, free_from=person.free_from,
                renewal_months=person.renewal_months, corrections=f"OD {sphere:+.2f} OG {sphere:+.2f}",
            )  # fmt: skip


def _hashed(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, **_SCRYPT)
