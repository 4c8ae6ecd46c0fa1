"""Epochs as they were drawn, announced and ended (docs/protocol.md sections 3 and 6).

Holds: what servers hold of each epoch and batch, with their receipts; the notices of ends, and who has taken them.
Stolen: nothing that key servers and hub were not sent; the look-up keys stand in secret files. Altered: a publication
or a notice no longer verifies, and is not taken.
"""

from __future__ import annotations

from pathlib import Path

from paravent.access.sqlite_store import SqliteConnection
from paravent.access.store import delete_secret, read_secret, write_secret
from paravent.crypto.group import decode_scalar
from paravent.insurer.config import SECRETS
from paravent.insurer.counter_store import Counters
from paravent.insurer.epoch import DrawnEpoch
from paravent.wire.codec import Bytes32, Message, decode, encode
from paravent.wire.statements import STATEMENT_BYTES_MAX, Announced, Closing, EpochFile, Signed

EPOCH_SCHEMA = """
CREATE TABLE IF NOT EXISTS announced (
    epoch INTEGER NOT NULL, batch INTEGER NOT NULL, announced BLOB NOT NULL, PRIMARY KEY (epoch, batch)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS closing (
    epoch INTEGER NOT NULL, batch INTEGER NOT NULL, notice BLOB NOT NULL, PRIMARY KEY (epoch, batch)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS closing_taken (
    epoch INTEGER NOT NULL, batch INTEGER NOT NULL, party TEXT NOT NULL, notice BLOB NOT NULL,
    PRIMARY KEY (epoch, batch, party)
) STRICT, WITHOUT ROWID;
"""

EPOCH_ROW = 0  # in ``announced``, the epoch file stands at batch 0; batches start at 1


class DrawnEpochFile(Message, frozen=True, kw_only=True):
    """An epoch as it was drawn, as a secret file: stolen with dump and list, it says who is a member."""

    epoch_file: Signed
    lookup_key: Bytes32
    shares: tuple[Bytes32, ...]


class Epochs:
    """The epochs of an insurer; each write is a transaction of its own."""

    def __init__(self, connection: SqliteConnection, home: Path, counters: Counters) -> None:
        """Uses the connection of the insurer's store, on which the schema exists, and the secret files of its home."""
        self._connection = connection
        self._home = home
        self._counters = counters

    # --- what was drawn ------------------------------------------------------------------------

    def keep_drawn(self, drawn: DrawnEpoch) -> None:
        """Keeps A, its shares and its epoch file in a secret file until the epoch ends: a deal may have to be resent.

        The shares say no more than A; the opening keys of batches are never written.
        """
        file = DrawnEpochFile(
            epoch_file=drawn.signed, lookup_key=drawn.lookup_key.reveal(),
            shares=tuple(drawn.shares[index].reveal() for index in sorted(drawn.shares)),
        )  # fmt: skip
        write_secret(self._drawn_path(drawn.file.epoch), encode(file))

    def drawn(self, epoch: int) -> DrawnEpoch | None:
        """Reads what was drawn for an epoch, or None when nothing was, or when it was deleted."""
        path = self._drawn_path(epoch)
        if not path.exists():
            return None
        file = decode(read_secret(path), DrawnEpochFile)
        return DrawnEpoch(
            # This insurer signed it, and only its owner writes this file.
            file=decode(file.epoch_file.payload, EpochFile), signed=file.epoch_file,
            lookup_key=decode_scalar(file.lookup_key),
            shares={index: decode_scalar(share) for index, share in enumerate(file.shares, start=1)},
        )  # fmt: skip

    def delete_drawn(self, epoch: int) -> int:
        """Deletes what was drawn for an epoch and every earlier one; returns how many there were."""
        ended = [number for number in range(1, epoch + 1) if self._drawn_path(number).exists()]
        for number in ended:
            delete_secret(self._drawn_path(number))
        return len(ended)

    def delete_ended(self, now: int) -> int:
        """Deletes the look-up keys of epochs that have reached their end; returns how many."""
        numbers = [int(path.stem.removeprefix("epoch-")) for path in (self._home / SECRETS).glob("epoch-*.json")]
        drawn = [(number, self.drawn(number)) for number in sorted(numbers)]
        return sum(self.delete_drawn(number) for number, found in drawn if found and found.file.not_after <= now)

    def _drawn_path(self, epoch: int) -> Path:
        return self._home / SECRETS / f"epoch-{epoch}.json"

    # --- what was announced --------------------------------------------------------------------

    def keep_announced(self, epoch: int, batch: int, announced: Announced) -> None:
        """Keeps an epoch or batch file with its receipts."""
        with self._connection.transaction():
            self._connection.execute(
                "INSERT OR REPLACE INTO announced VALUES (?, ?, ?)", (epoch, batch, encode(announced))
            )

    def announced(self, epoch: int) -> dict[int, Announced]:
        """Returns what was announced for an epoch, by batch; the epoch file at 0."""
        found = self._connection.execute("SELECT batch, announced FROM announced WHERE epoch = ?", (epoch,))
        return {batch: decode(body, Announced, bytes_max=STATEMENT_BYTES_MAX) for batch, body in found}

    def newest(self) -> int:
        """Returns the number of the epoch drawn last, 0 when there is none."""
        return self._counters.value("epoch")

    # --- closings ------------------------------------------------------------------------------

    def keep_closing(self, closing: Closing, notice: Signed) -> None:
        """Keeps the notice of an end until every party has taken it; a later one takes its place."""
        with self._connection.transaction():
            if closing.batch is not None:
                # The notice of a later batch says the same of every earlier one.
                self._connection.execute(
                    "DELETE FROM closing WHERE epoch = ? AND batch BETWEEN ? AND ?",
                    (closing.epoch, EPOCH_ROW + 1, closing.batch),
                )
            self._connection.execute(
                "INSERT OR REPLACE INTO closing VALUES (?, ?, ?)",
                (closing.epoch, closing.batch or EPOCH_ROW, encode(notice)),
            )

    def closed(self, epoch: int, batch: int | None = None) -> bool:
        """Says whether the end of an epoch, or of a batch of it, was announced."""
        found = self._connection.execute(
            "SELECT 1 FROM closing WHERE batch = ? AND epoch >= ? OR batch >= ? AND epoch = ?",
            (EPOCH_ROW, epoch, EPOCH_ROW if batch is None else batch, epoch if batch is not None else None),
        )
        return found.fetchone() is not None

    def closings_for(self, party: str) -> list[Signed]:
        """Lists the notices that a party has not taken."""
        found = self._connection.execute(
            "SELECT notice FROM closing WHERE NOT EXISTS (SELECT 1 FROM closing_taken AS taken WHERE taken.party = ?"
            " AND (taken.epoch, taken.batch, taken.notice) = (closing.epoch, closing.batch, closing.notice))"
            " ORDER BY epoch, batch",
            (party,),
        )
        return [decode(notice, Signed) for (notice,) in found]

    def keep_closing_taken(self, closing: Closing, notice: Signed, party: str) -> None:
        """Keeps that a party has taken a notice."""
        with self._connection.transaction():
            self._connection.execute(
                "INSERT OR REPLACE INTO closing_taken VALUES (?, ?, ?, ?)",
                (closing.epoch, closing.batch or EPOCH_ROW, party, encode(notice)),
            )
