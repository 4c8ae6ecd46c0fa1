"""The key server's disk: secret files, SQLite for the rest (docs/protocol.md sections 3, 10, 12).

Holds: shares and opening keys in files of their own (never in an ordinary backup), the ledger, the
witness log. Stolen: with fewer than t servers' secret files, nothing of anybody. Altered: proofs stop
verifying; a shortened log is found by its peers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import msgspec

from paravent.access.alarm_store import ALARM_SCHEMA, CANARY_SCHEMA
from paravent.access.enrolment_store import CASE_SCHEMA, DEVICE_SCHEMA
from paravent.access.log_memory_store import LogMemory
from paravent.access.quotas import HOUR_SECONDS, Pseudonyms, QuotaKind, QuotaLimits
from paravent.access.sqlite_store import connect
from paravent.access.store import (
    LEDGER_SCHEMA,
    DailyKeys,
    Logged,
    VerifierStore,
    delete_secret,
    read_secret,
    write_secret,
)
from paravent.access.tally_store import TALLY_SCHEMA
from paravent.crypto.group import Element, Rng, decode_element, decode_scalar
from paravent.crypto.hpke import BoxKey
from paravent.crypto.labels import Label, enc
from paravent.crypto.replicated import OpeningKey, ServerSet
from paravent.errors import EpochNotLive, InvalidConfiguration, MalformedMessage, ProofFailure, StaleData
from paravent.keyserver.log_store import LOG_SCHEMA, WitnessLog
from paravent.keyserver.restoring import request_of
from paravent.keyserver.state import BatchKeys, EpochShare, LeafPosition
from paravent.wire.codec import Amc, Bytes32, Message, Natural, ServerIndex, decode, encode
from paravent.wire.deal import DealtKey
from paravent.wire.log import AlarmEntry, DeletionEntry
from paravent.wire.recovery import CosignedHeads, HeadCounter
from paravent.wire.statements import OPENABLE_SECONDS, Closing, ManifestHead

SECRETS = "secrets"
DATABASE = "keyserver.db"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS dealt (
    insurer TEXT NOT NULL, epoch INTEGER NOT NULL, commitment BLOB NOT NULL UNIQUE, PRIMARY KEY (insurer, epoch)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS closing (
    insurer TEXT NOT NULL, epoch INTEGER NOT NULL, batch INTEGER NOT NULL, ends_at INTEGER NOT NULL,
    deletes_at INTEGER NOT NULL, PRIMARY KEY (insurer, epoch, batch)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS head (
    insurer TEXT NOT NULL, epoch INTEGER NOT NULL, counter INTEGER NOT NULL, digest BLOB NOT NULL,
    PRIMARY KEY (insurer, epoch)
) STRICT, WITHOUT ROWID;
"""
MIGRATIONS = (
    _SCHEMA + LOG_SCHEMA + DEVICE_SCHEMA + LEDGER_SCHEMA, CASE_SCHEMA, TALLY_SCHEMA + ALARM_SCHEMA, CANARY_SCHEMA,
)  # fmt: skip
EPOCH_ROW = 0  # in ``closing`` and in the log, an epoch stands at batch 0; batches start at 1
NOT_RECORDED = bytes(32)


class ShareFile(Message, frozen=True, kw_only=True):
    """A share as a secret file: stolen alone, it opens nothing."""

    insurer: Amc
    epoch: Natural
    index: ServerIndex
    threshold: ServerIndex
    servers: ServerIndex
    share: Bytes32
    public: Bytes32
    commitment: Bytes32
    not_before: Natural
    not_after: Natural
    statement: Bytes32
    digest: Bytes32 = NOT_RECORDED


class OpeningKeyFile(Message, frozen=True, kw_only=True):
    """The opening keys of one batch as a secret file: stolen alone, they open nothing."""

    insurer: Amc
    epoch: Natural
    batch: Natural
    keys: tuple[DealtKey, ...]
    statement: Bytes32
    digest: Bytes32 = NOT_RECORDED


class Store(VerifierStore):
    """Everything a key server keeps; secrets are read once and held in memory."""

    def __init__(self, home: Path, limits: QuotaLimits, rng: Rng) -> None:
        """Opens or creates the store of a home."""
        self.home = home
        self._secrets = home / SECRETS
        self._rng = rng
        super().__init__(connect(home / DATABASE), MIGRATIONS, DailyKeys(self._secrets, rng), limits)
        self.log = WitnessLog(self._connection)
        self.memory = LogMemory(self._connection)
        self._shares: dict[tuple[str, int], EpochShare] = {}
        self._batches: dict[tuple[str, int, int], BatchKeys] = {}
        self._box_key = self._newest_box_key()
        self._load()

    def _load(self) -> None:
        for path in sorted(self._secrets.glob("share-*.json")):
            share = _share(read_dealt(read_secret(path), ShareFile, path.name))
            self._shares[share.insurer, share.epoch] = share
            self._keep_dealt(share)
        for path in sorted(self._secrets.glob("opening-*.json")):
            file = read_dealt(read_secret(path), OpeningKeyFile, path.name)
            share_of = self.share(file.insurer, file.epoch)
            # Without their share they open nothing: their end is due.
            batch = _batch(file, 0 if share_of is None else share_of.deletes_at)
            self._batches[batch.insurer, batch.epoch, batch.batch] = batch
        self._apply_closings()

    # --- box key -----------------------------------------------------------------------------

    @property
    def box_key(self) -> BoxKey:
        """The key to which deals are sealed now."""
        return self._box_key[1]

    def _newest_box_key(self) -> tuple[int, BoxKey]:
        numbers = [int(path.stem.removeprefix("box-")) for path in self._secrets.glob("box-*.key")]
        number = max(numbers, default=1)
        if not numbers:
            write_secret(self._box_path(number), self._rng(BoxKey.size))
        return number, BoxKey(read_secret(self._box_path(number), BoxKey.size))

    def _rotate_box_key(self) -> None:
        following = self._box_path(self._box_key[0] + 1)
        # Another process of this home, a verb, may have drawn it already.
        if not following.exists():
            write_secret(following, self._rng(BoxKey.size))
        self._box_key = self._newest_box_key()
        for path in self._secrets.glob("box-*.key"):
            if path != self._box_path(self._box_key[0]):
                delete_secret(path)

    def _box_path(self, number: int) -> Path:
        return self._secrets / f"box-{number}.key"

    # --- what is dealt -----------------------------------------------------------------------

    def share(self, insurer: str, epoch: int) -> EpochShare | None:
        """Returns the share of an epoch, or None."""
        return self._shares.get((insurer, epoch))

    def shares(self) -> list[EpochShare]:
        """Lists the shares held, ended ones that are not deleted yet too."""
        return list(self._shares.values())

    def batches(self) -> list[BatchKeys]:
        """Lists the opening keys held, ended ones that are not deleted yet too."""
        return list(self._batches.values())

    def keep_share(self, share: EpochShare) -> None:
        """Keeps a share; A is never dealt twice: neither again in its epoch, nor in another, nor after its end."""
        known = self.share(share.insurer, share.epoch)
        if known is not None:
            if (known.share, known.statement) != (share.share, share.statement):
                raise ProofFailure("this epoch was already dealt with another key or file", culprit=share.insurer)
            return
        for insurer, epoch in self._connection.execute(
            "SELECT insurer, epoch FROM dealt WHERE commitment = ? OR (insurer, epoch) = (?, ?)",
            (share.commitment, share.insurer, share.epoch),
        ):
            if (insurer, epoch) == (share.insurer, share.epoch):
                raise EpochNotLive("this epoch has ended")
            raise ProofFailure("this look-up key is the one of another epoch", culprit=share.insurer)
        file = ShareFile(
            insurer=share.insurer, epoch=share.epoch, index=share.index, threshold=share.threshold,
            servers=share.servers, share=share.share.reveal(), public=share.public, commitment=share.commitment,
            not_before=share.not_before, not_after=share.not_after, statement=share.statement,
        )  # fmt: skip
        write_secret(self._share_path(share), write_dealt(file))
        self._shares[share.insurer, share.epoch] = share
        self._keep_dealt(share)
        self._apply_closings()

    def _keep_dealt(self, share: EpochShare) -> None:
        # Written after the share, and again at each start: a crash between the two leaves a share that is known.
        with self.commit():
            self._connection.execute(
                "INSERT OR IGNORE INTO dealt VALUES (?, ?, ?)", (share.insurer, share.epoch, share.commitment)
            )

    def _share_path(self, share: EpochShare) -> Path:
        return self._secrets / f"share-{share.insurer}-{share.epoch}.json"

    def batch(self, insurer: str, epoch: int, batch: int) -> BatchKeys | None:
        """Returns the opening keys of a live batch, or None."""
        return self._batches.get((insurer, epoch, batch))

    def keep_batch(self, batch: BatchKeys) -> None:
        """Keeps opening keys; others, or another batch file, for the same batch are refused, and a closed batch."""
        known = self.batch(batch.insurer, batch.epoch, batch.batch)
        if known is not None:
            if (known.keys, known.statement) != (batch.keys, batch.statement):
                raise ProofFailure(
                    "this batch was already dealt with other keys or another file", culprit=batch.insurer
                )
            return
        closed = self._connection.execute(
            "SELECT 1 FROM closing WHERE (insurer, epoch) = (?, ?) AND batch >= ?",
            (batch.insurer, batch.epoch, batch.batch),
        ).fetchone()
        if closed is not None:
            raise EpochNotLive("this batch was closed")
        keys = tuple(DealtKey(servers=members, key=key.reveal()) for members, key in batch.keys.items())
        file = OpeningKeyFile(
            insurer=batch.insurer, epoch=batch.epoch, batch=batch.batch, keys=keys, statement=batch.statement
        )
        write_secret(self._batch_path(batch), write_dealt(file))
        self._batches[batch.insurer, batch.epoch, batch.batch] = batch

    def _batch_path(self, batch: BatchKeys) -> Path:
        return self._secrets / f"opening-{batch.insurer}-{batch.epoch}-{batch.batch}.json"

    # --- its end -----------------------------------------------------------------------------

    def keep_closing(self, closing: Closing) -> None:
        """Keeps when a batch or an epoch ends, and every earlier one; the earliest instants given stay."""
        with self.commit():
            self._connection.execute(
                "INSERT INTO closing VALUES (?, ?, ?, ?, ?) ON CONFLICT (insurer, epoch, batch) DO UPDATE SET"
                " ends_at = MIN(ends_at, excluded.ends_at), deletes_at = MIN(deletes_at, excluded.deletes_at)",
                (
                    closing.insurer, closing.epoch, EPOCH_ROW if closing.batch is None else closing.batch,
                    closing.ends_at, closing.deletes_at,
                ),
            )  # fmt: skip
        self._apply_closings()

    def _apply_closings(self) -> None:
        for insurer, epoch, batch, ends_at, deletes_at in self._connection.execute("SELECT * FROM closing").fetchall():
            for name, share in self._shares.items():
                if batch == EPOCH_ROW and share.insurer == insurer and share.epoch <= epoch:
                    ends = min(share.ends_at, ends_at)
                    self._shares[name] = replace(share, ends_at=ends, deletes_at=min(share.deletes_at, deletes_at))
            for key, held in self._batches.items():
                whole = batch == EPOCH_ROW and held.epoch <= epoch
                if held.insurer == insurer and (whole or (held.epoch == epoch and held.batch <= batch)):
                    self._batches[key] = replace(held, deletes_at=min(held.deletes_at, deletes_at))

    def delete_ended(self, now: int) -> int:
        """Deletes shares and opening keys whose end has come, and the box key to which they were dealt.

        Each deletion is in the log before it is done: after a crash between the two, it is done at the next call.
        Returns how many files were deleted.
        """
        # Another process of this home, a verb, may have closed something.
        self._apply_closings()
        shares = [share for share in self._shares.values() if share.deletes_at <= now]
        batches = [batch for batch in self._batches.values() if batch.deletes_at <= now]
        if not shares and not batches:
            return 0
        with self.commit():
            for share in shares:
                self._log_deletion(share.insurer, share.epoch, EPOCH_ROW, share.deletes_at)
            for batch in batches:
                self._log_deletion(batch.insurer, batch.epoch, batch.batch, batch.deletes_at)
        for batch in batches:
            delete_secret(self._batch_path(batch))
            del self._batches[batch.insurer, batch.epoch, batch.batch]
        for share in shares:
            delete_secret(self._share_path(share))
            del self._shares[share.insurer, share.epoch]
        # A recorded deal opens with the box key of then, and gives what was just deleted.
        self._rotate_box_key()
        return len(shares) + len(batches)

    def _log_deletion(self, insurer: str, epoch: int, batch: int, due_at: int) -> None:
        entry = DeletionEntry(insurer=insurer, epoch=epoch, batch=batch, due_at=due_at).encode()
        name = hashlib.sha256(entry).digest()
        if self.witnessed(name) is None:
            self.append(entry, name)

    def forget(self, now: int) -> None:
        """Deletes what has outlived its term."""
        super().forget(now)
        with self.commit():
            self.tally.forget(now // HOUR_SECONDS)

    # --- heads -------------------------------------------------------------------------------

    def keep_head(self, head: ManifestHead, digest: bytes) -> None:
        """Keeps the head that is cosigned; a lower counter, or another head of the same counter, is refused."""
        with self.commit():
            found = self._connection.execute(
                "SELECT counter, digest FROM head WHERE insurer = ? AND epoch = ?", (head.insurer, head.epoch)
            ).fetchone()
            if found is not None and head.counter < found[0]:
                raise StaleData("a head with a higher counter was already cosigned")
            if found is not None and head.counter == found[0] and digest != found[1]:
                raise ProofFailure("another head with this counter was already cosigned", culprit=head.insurer)
            self._connection.execute(
                "INSERT OR REPLACE INTO head VALUES (?, ?, ?, ?)", (head.insurer, head.epoch, head.counter, digest)
            )

    def heads(self) -> CosignedHeads:
        """Lists the last head cosigned, by insurer and epoch."""
        found = self._connection.execute("SELECT insurer, epoch, counter FROM head ORDER BY insurer, epoch")
        return CosignedHeads(heads=tuple(
            HeadCounter(insurer=insurer, epoch=epoch, counter=counter) for insurer, epoch, counter in found
        ))  # fmt: skip

    # --- witness log -------------------------------------------------------------------------

    def recount(self, now: int) -> int:
        """Counts again every opening of the last day that the log holds; returns how many were missing.

        The log says the hour: an opening is counted as of the end of it, which frees it late, never early.
        """
        logged = (
            Logged(
                names=Pseudonyms(professional=entry.professional, subject=entry.subject), request=entry.request,
                at=min(now, (entry.hour + 1) * HOUR_SECONDS),
            )
            for entry in self.log.openings(now // HOUR_SECONDS - 24)
        )  # fmt: skip
        with self.commit():
            return self._ledger.recount(QuotaKind.OPENING, logged, now)

    def restore(self, entries: Sequence[bytes], now: int) -> int:
        """Appends entries of one's own log that were lost, and counts their openings again, in one transaction each.

        Returns how many openings were counted again.
        """
        with self.commit():
            for entry in entries:
                # A deletion or an alarm is found again under its own hash, an opening under its request.
                own = entry.startswith((enc(Label.DELETION), enc(Label.ALARM_ENTRY)))
                self.log.append(entry, hashlib.sha256(entry).digest() if own else request_of(entry))
        return self.recount(now)

    def append(self, entry: bytes, request: bytes | None) -> LeafPosition:
        """Appends an entry to the witness log, at the next position."""
        return self.log.append(entry, request)

    def log_alarm(self, payload: bytes) -> int:
        """Appends an alarm to the witness log, by its hash; it is found again under the entry's own."""
        entry = AlarmEntry(payload_digest=hashlib.sha256(payload).digest()).encode()
        return self.append(entry, hashlib.sha256(entry).digest()).index

    def log_size(self) -> int:
        """Returns the number of leaves."""
        return self.log.size()

    def leaf_hash(self, index: int) -> bytes | None:
        """Returns a leaf hash, or None."""
        return self.log.leaf_hash(index)

    def witnessed(self, request: bytes) -> LeafPosition | None:
        """Finds the leaf of an identical request seen before."""
        return self.log.witnessed(request)


D = TypeVar("D", ShareFile, OpeningKeyFile)


def write_dealt(file: ShareFile | OpeningKeyFile) -> bytes:
    """Encodes a secret file with the digest of what is in it."""
    return encode(msgspec.structs.replace(file, digest=hashlib.sha256(encode(file)).digest()))


def read_dealt(content: bytes, kind: type[D], name: str) -> D:
    """Reads a secret file; raises InvalidConfiguration when it is damaged, whichever byte it is.

    One that has no digest was written by an earlier version.
    """
    damaged = f"the secret file {name} is damaged: put back its copy, or have this server replaced at the next epoch"
    try:
        file = decode(content, kind)
    except MalformedMessage:
        raise InvalidConfiguration(damaged) from None
    plain = msgspec.structs.replace(file, digest=NOT_RECORDED)
    if file.digest not in {NOT_RECORDED, hashlib.sha256(encode(plain)).digest()}:
        raise InvalidConfiguration(damaged)
    return plain


def _share(file: ShareFile) -> EpochShare:
    return EpochShare(
        insurer=file.insurer, epoch=file.epoch, index=file.index, threshold=file.threshold, servers=file.servers,
        share=decode_scalar(file.share), public=Element(decode_element(file.public)),
        commitment=Element(decode_element(file.commitment)), not_before=file.not_before, not_after=file.not_after,
        statement=file.statement, ends_at=file.not_after, deletes_at=file.not_after + OPENABLE_SECONDS,
    )  # fmt: skip


def _batch(file: OpeningKeyFile, deletes_at: int) -> BatchKeys:
    keys = {ServerSet(dealt.servers): OpeningKey(dealt.key) for dealt in file.keys}
    return BatchKeys(
        insurer=file.insurer, epoch=file.epoch, batch=file.batch, keys=keys, statement=file.statement,
        deletes_at=deletes_at,
    )  # fmt: skip
