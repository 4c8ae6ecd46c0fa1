"""Hubs that check before they write: what the double-payment benchmark must notice, and what it must not.

Every check of a right is made outside the transaction that writes, so it may be out of date by then. The *late* hub
still looks at whether its conditional writes were made; the *hasty* one does not, and pays twice.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from paravent.access.database import Connection, Cursor, Statement, Value
from paravent.hub.acts import Adjudicator, AdmittedAct
from paravent.hub.claim_store import ClaimStore
from paravent.hub.store import Store

_Asked = tuple[str, tuple[Value, ...]]


@dataclass(slots=True, kw_only=True)
class Found:
    """Rows that were read, or how many were written."""

    rows: list[Any]
    rowcount: int

    def fetchone(self) -> Any:  # noqa: ANN401 - a row is a tuple of values
        """Returns the next row, or None."""
        return self.rows.pop(0) if self.rows else None

    def fetchall(self) -> list[Any]:
        """Returns every remaining row."""
        rows, self.rows = self.rows, []
        return rows

    def __iter__(self) -> Iterator[Any]:
        """Iterates the remaining rows."""
        return iter(self.fetchall())


@dataclass(slots=True, kw_only=True)
class EarlyReads:
    """A connection that answers reads with what was there before; ``heedless`` calls every write done."""

    connection: Connection
    heedless: bool
    writing: bool = False
    known: dict[_Asked, list[Any]] = field(default_factory=dict)

    def execute(self, statement: str, values: Sequence[Value] = (), /) -> Cursor:
        """Reads early, writes late."""
        asked = (statement, tuple(values))
        if statement.startswith("SELECT"):
            if asked not in self.known:
                self.known[asked] = self.connection.execute(statement, values).fetchall()
            return Found(rows=list(self.known[asked]), rowcount=-1)
        if not self.writing:
            return Found(rows=[], rowcount=1)
        written = self.connection.execute(statement, values).rowcount
        return Found(rows=[], rowcount=1 if self.heedless else written)

    def executemany(self, statement: str, rows: Iterable[Sequence[Value]], /) -> Cursor:
        """Is no statement of the trade."""
        raise NotImplementedError

    def batch(self, statements: Sequence[Statement], /) -> Sequence[Cursor]:
        """Reads or writes each as alone."""
        return [self.execute(statement, values) for statement, values in statements]

    def load(self, table: str, rows: Iterable[Sequence[Value]], /) -> None:
        """Is no statement of the trade."""
        raise NotImplementedError

    def create(self, script: str, /) -> None:
        """Is no statement of the trade."""
        raise NotImplementedError

    def transaction(self) -> AbstractContextManager[None]:
        """Is the hub's own."""
        return self.connection.transaction()

    def savepoint(self) -> AbstractContextManager[None]:
        """Is the hub's own."""
        return self.connection.savepoint()

    def close(self) -> None:
        """Leaves the hub's connection open."""


@dataclass(slots=True, kw_only=True)
class EarlyDecision:
    """An act whose checks are made now, and whose writes are made later."""

    adjudicator: Adjudicator
    store: Store
    reads: EarlyReads

    @classmethod
    def check(
        cls, adjudicator: Adjudicator, store: Store, admitted: AdmittedAct, now: int, *, heedless: bool
    ) -> EarlyDecision:
        """Reads everything that the decision rests on, and writes nothing."""
        reads = EarlyReads(connection=store._connection, heedless=heedless)  # noqa: SLF001 - it stands in its place
        early = cls(adjudicator=adjudicator, store=store, reads=reads)
        early.decide(admitted, now)
        reads.writing = True
        return early

    def decide(self, admitted: AdmittedAct, now: int) -> Any:  # noqa: ANN401 - what the adjudicator answers
        """Decides on what was read; quotas are spent by nobody here."""
        view = SimpleNamespace(
            claims=ClaimStore(self.reads), statement=self.store.statement, spend=lambda *_: None, see=lambda *_: None,
            recovery=self.store.recovery,
        )  # fmt: skip
        return self.adjudicator.decide(admitted, cast("Store", view), now, os.urandom)
