"""Taking a publication: verify what it announces, rebuild its tree, only then serve it (protocol.md section 6)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from paravent.crypto.labels import Label
from paravent.crypto.manifest import manifest_leaf
from paravent.crypto.merkle import HASH_BYTES, build_levels, root_of
from paravent.crypto.sealing import Handle, Row
from paravent.crypto.signing import VerifyKey
from paravent.errors import MalformedMessage, ProofFailure, StaleData
from paravent.wire.cosignatures import verify_cosignatures
from paravent.wire.publication import REMOVED, Publication
from paravent.wire.receipts import verify_receipts
from paravent.wire.statements import (
    BatchFile,
    Closing,
    Directory,
    EpochFile,
    InsurerEntry,
    ManifestHead,
    Signed,
    open_closing,
    open_statement,
)

ROWS_PER_TURN = 1_000
"""Of a publication that goes live, before other requests are answered: some ten milliseconds."""


def verify_publication(
    publication: Publication, entry: InsurerEntry, directory: Directory, current: ManifestHead | None
) -> tuple[EpochFile, ManifestHead]:
    """Verifies everything that a publication announces, before any row is taken.

    1. the insurer's own; 2. epoch file and its receipts; 3. batch files and theirs; 4. head, its cosignatures
    and counter, and the live manifest that it changes, if it does.
    Raises ProofFailure naming who, TooFewServers, or StaleData.
    """
    amc, issuer = entry.amc, VerifyKey(entry.issuer_key)
    # 1. the insurer's own
    if publication.insurer != amc:
        raise ProofFailure("an insurer publishes for itself only", culprit=amc)
    # 2. epoch file
    epoch = open_statement(publication.epoch.statement, EpochFile, Label.EPOCH, amc, issuer)
    verify_receipts(publication.epoch, epoch, None, directory)
    # 3. batch files
    batches = [open_statement(batch.statement, BatchFile, Label.BATCH, amc, issuer) for batch in publication.batches]
    for announced, batch in zip(publication.batches, batches, strict=True):
        if (batch.insurer, batch.epoch) != (amc, epoch.epoch):
            raise ProofFailure("a batch file is of another epoch", culprit=amc)
        verify_receipts(announced, epoch, batch.batch, directory)
    # 4. head
    head = open_statement(publication.head, ManifestHead, Label.MANIFEST_HEAD, amc, issuer)
    verify_cosignatures(publication.head, Label.MANIFEST_HEAD, epoch.servers, directory, epoch.quorum())
    if (head.insurer, head.epoch) != (amc, epoch.epoch) or set(head.live_batches) != {b.batch for b in batches}:
        raise ProofFailure("the manifest head is of another epoch or other batches", culprit=amc)
    if publication.base is not None and (current is None or (current.epoch, current.counter) != (
        head.epoch, publication.base
    )):  # fmt: skip
        raise StaleData("another manifest is live than the one that these changes are of: publish the complete file")
    if current is not None and (head.counter <= current.counter or head.epoch < current.epoch):
        raise StaleData("a manifest's counter goes up, and its epoch never goes down")
    return epoch, head


def verify_closing(signed: Signed, entry: InsurerEntry) -> Closing:
    """Verifies the end of an epoch; raises ProofFailure or MalformedMessage."""
    return open_closing(signed, entry.amc, VerifyKey(entry.issuer_key))


def build_tree(rows: Iterable[tuple[Handle, bytes]], head: ManifestHead) -> Sequence[bytes]:
    """Rebuilds the tree of sorted (handle, H(row)); raises ProofFailure when it is not the one signed."""
    leaves = Leaves(head)
    leaves.add(rows)
    return leaves.levels()


async def rebuild_tree(rows: Iterator[tuple[Handle, bytes]], head: ManifestHead) -> Sequence[bytes]:
    """Does the same in turns with other requests: the tree of a million rows takes ten seconds of the processor."""
    leaves = Leaves(head)
    while piece := list(islice(rows, ROWS_PER_TURN)):
        leaves.add(piece)
        await asyncio.sleep(0)
    return await asyncio.to_thread(leaves.levels)


class Leaves:
    """The leaf hashes of a publication, in the order of its tree, as its rows are read."""

    def __init__(self, head: ManifestHead) -> None:
        """Holds none yet, of the publication of a head."""
        self._head = head
        self._hashes = bytearray()
        self._last = b""

    def add(self, rows: Iterable[tuple[Handle, bytes]]) -> None:
        """Adds the next (handle, H(row)); raises MalformedMessage when they are not sorted."""
        for handle, digest in rows:
            if handle <= self._last:
                raise MalformedMessage("rows are sorted by handle, each once")
            self._hashes += manifest_leaf(handle, digest)
            self._last = handle

    def levels(self) -> Sequence[bytes]:
        """Builds the levels; raises ProofFailure when they are not of the signed head."""
        levels = build_levels([bytes(self._hashes)])
        if len(self._hashes) != self._head.count * HASH_BYTES or root_of(levels) != self._head.root:
            raise ProofFailure("the rows are not those of the signed head", culprit=self._head.insurer)
        return levels


def check_batches(rows: Sequence[Row], head: ManifestHead, base: int | None = None) -> None:
    """Refuses rows of a batch that is not live, and removals from nothing; a removal has one form."""
    for row in rows:
        if row.batch == REMOVED and base is not None:
            if any(row.stored):
                raise MalformedMessage("a removal stores nothing")
        elif row.batch not in head.live_batches:
            raise MalformedMessage("a row is of a batch that is not live")
