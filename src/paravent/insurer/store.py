"""The insurer's database: what it is made of, and what it published last (docs/protocol.md sections 4, 6 and 11).

Holds: the statements published last, and where the member file published last stands. Stolen: what was published, and
the name of a file. Altered: guarantee tables no longer verify, and nothing is reviewed; of an audit book put back, the
newer one at the hub stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from paravent.access.bulletin_store import BULLETIN_SCHEMA, Bulletins
from paravent.access.log_memory_store import MEMORY_SCHEMA, LogMemory
from paravent.access.sqlite_store import connect, transaction
from paravent.errors import StaleData
from paravent.insurer.boxes_store import BOX_SCHEMA, InsurerBoxes
from paravent.insurer.card_store import CARD_SCHEMA, Cards
from paravent.insurer.claim_store import CLAIM_SCHEMA, Claims
from paravent.insurer.counter_store import COUNTER_SCHEMA, Counters
from paravent.insurer.epoch_store import EPOCH_SCHEMA, Epochs
from paravent.insurer.exchange_store import EXCHANGE_SCHEMA, Exchange
from paravent.insurer.incident_store import INCIDENT_SCHEMA, Incidents
from paravent.insurer.insured_store import Insured
from paravent.insurer.journal_store import JOURNAL_SCHEMA, Journal
from paravent.insurer.outbox_store import OUTBOX_SCHEMA, Outbox
from paravent.insurer.portfolio_store import PORTFOLIO_SCHEMA, Portfolio
from paravent.insurer.register_store import REGISTER_SCHEMA, Register
from paravent.insurer.settlement_store import SETTLEMENT_SCHEMA, Settlements
from paravent.insurer.traps.store import TrapStore, has_traps
from paravent.insurer.warnings_store import WARNING_SCHEMA, Warnings
from paravent.wire.codec import decode, encode
from paravent.wire.statements import STATEMENT_BYTES_MAX, Signed

DATABASE = "insurer.db"

_PUBLISHED_SCHEMA = """
CREATE TABLE IF NOT EXISTS member_file (one INTEGER PRIMARY KEY CHECK (one = 1), path TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS published (kind TEXT PRIMARY KEY, signed BLOB NOT NULL) STRICT, WITHOUT ROWID;
"""


class Store:
    """Everything the insurer keeps: ``register`` is its members, ``epochs`` what it deals, ``claims`` its ledger.

    ``exchange`` is how far it is with the hub, ``portfolio`` what it published of whom, ``settlements`` what it paid.
    """

    def __init__(self, home: Path) -> None:
        """Opens or creates the database of a home."""
        self._home = home
        self._connection = connect(home / DATABASE)
        self._connection.executescript(
            REGISTER_SCHEMA + EPOCH_SCHEMA + _PUBLISHED_SCHEMA + COUNTER_SCHEMA + CLAIM_SCHEMA + EXCHANGE_SCHEMA
            + PORTFOLIO_SCHEMA + JOURNAL_SCHEMA + SETTLEMENT_SCHEMA + OUTBOX_SCHEMA + BOX_SCHEMA + CARD_SCHEMA
            + INCIDENT_SCHEMA + MEMORY_SCHEMA + BULLETIN_SCHEMA + WARNING_SCHEMA
        )  # fmt: skip
        self._traps: TrapStore | None = None
        self._counters = Counters(self._connection)
        self.boxes = InsurerBoxes(self._connection)
        self.cards = Cards(self._connection)
        self.register = Register(self._connection, self.cards, self._counters, self.is_trap)
        self.epochs = Epochs(self._connection, home, self._counters)
        self.outbox = Outbox(self._connection)
        self.claims = Claims(self._connection, self.outbox)
        self.exchange = Exchange(self._connection, self._counters)
        self.incidents = Incidents(self._connection)
        self.insured = Insured(self._connection)
        self.journal = Journal(self._connection)
        self.memory = LogMemory(self._connection)
        self.portfolio = Portfolio(self._connection, home)
        self.bulletins = Bulletins(self._connection)
        self.warnings = Warnings(self._connection)
        self.settlements = Settlements(self._connection)

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
            return self._counters.next(name)

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
