"""The key server's disk: secret files, SQLite for the rest (docs/protocol.md sections 3, 10, 12).

Holds: shares and opening keys in files of their own (never in an ordinary backup), the ledger, the
witness log. Stolen: with fewer than t servers' secret files, nothing of anybody. Altered: proofs stop
verifying; a shortened log is found by its peers.
"""

from __future__ import annotations

from pathlib import Path

from paravent.access.quotas import QuotaLimits
from paravent.access.store import DailyKeys, VerifierStore, read_secret, write_secret
from paravent.crypto.group import Element, Rng, decode_element, decode_scalar
from paravent.crypto.replicated import OpeningKey, ServerSet
from paravent.errors import ProofFailure
from paravent.keyserver.log_store import LOG_SCHEMA, WitnessLog
from paravent.keyserver.state import BatchKeys, EpochShare, LeafPosition
from paravent.wire.codec import Amc, Bytes32, Message, Natural, ServerIndex, decode, encode
from paravent.wire.deal import DealtKey

SECRETS = "secrets"
DATABASE = "keyserver.db"

_SCHEMA = """
"""


class ShareFile(Message, frozen=True, kw_only=True):
    """A share as a secret file: stolen alone, it opens nothing."""

    insurer: Amc
    epoch: Natural
    index: ServerIndex
    threshold: ServerIndex
    servers: ServerIndex
    share: Bytes32
    public: Bytes32
    not_before: Natural
    not_after: Natural
    statement: Bytes32


class OpeningKeyFile(Message, frozen=True, kw_only=True):
    """The opening keys of one batch as a secret file: stolen alone, they open nothing."""

    insurer: Amc
    epoch: Natural
    batch: Natural
    keys: tuple[DealtKey, ...]
    statement: Bytes32


class Store(VerifierStore):
    """Everything a key server keeps; secrets are read once and held in memory."""

    def __init__(self, home: Path, limits: QuotaLimits, rng: Rng) -> None:
        """Opens or creates the store of a home."""
        self._secrets = home / SECRETS
        super().__init__(home / DATABASE, _SCHEMA + LOG_SCHEMA, DailyKeys(self._secrets, rng), limits)
        self.log = WitnessLog(self._connection)
        self._shares: dict[tuple[str, int], EpochShare] = {}
        self._batches: dict[tuple[str, int, int], BatchKeys] = {}
        self._load()

    def _load(self) -> None:
        for path in sorted(self._secrets.glob("share-*.json")):
            share = _share(decode(read_secret(path), ShareFile))
            self._shares[share.insurer, share.epoch] = share
        for path in sorted(self._secrets.glob("opening-*.json")):
            batch = _batch(decode(read_secret(path), OpeningKeyFile))
            self._batches[batch.insurer, batch.epoch, batch.batch] = batch

    def share(self, insurer: str, epoch: int) -> EpochShare | None:
        """Returns the share of an epoch, or None."""
        return self._shares.get((insurer, epoch))

    def keep_share(self, share: EpochShare) -> None:
        """Keeps a share; another share or epoch file for the same epoch is refused (A is never dealt twice)."""
        known = self.share(share.insurer, share.epoch)
        if known is not None:
            if known != share:
                raise ProofFailure("this epoch was already dealt with another key or file", culprit=share.insurer)
            return
        file = ShareFile(
            insurer=share.insurer, epoch=share.epoch, index=share.index, threshold=share.threshold,
            servers=share.servers, share=share.share.reveal(), public=share.public,
            not_before=share.not_before, not_after=share.not_after, statement=share.statement,
        )  # fmt: skip
        write_secret(self._secrets / f"share-{share.insurer}-{share.epoch}.json", encode(file))
        self._shares[share.insurer, share.epoch] = share

    def batch(self, insurer: str, epoch: int, batch: int) -> BatchKeys | None:
        """Returns the opening keys of a live batch, or None."""
        return self._batches.get((insurer, epoch, batch))

    def keep_batch(self, batch: BatchKeys) -> None:
        """Keeps opening keys; others, or another batch file, for the same batch are refused."""
        known = self.batch(batch.insurer, batch.epoch, batch.batch)
        if known is not None:
            if known != batch:
                raise ProofFailure(
                    "this batch was already dealt with other keys or another file", culprit=batch.insurer
                )
            return
        keys = tuple(DealtKey(servers=members, key=key.reveal()) for members, key in batch.keys.items())
        file = OpeningKeyFile(
            insurer=batch.insurer, epoch=batch.epoch, batch=batch.batch, keys=keys, statement=batch.statement
        )
        write_secret(self._secrets / f"opening-{batch.insurer}-{batch.epoch}-{batch.batch}.json", encode(file))
        self._batches[batch.insurer, batch.epoch, batch.batch] = batch

    def append(self, entry: bytes, request: bytes | None) -> LeafPosition:
        """Appends an entry to the witness log, at the next position."""
        return self.log.append(entry, request)

    def log_size(self) -> int:
        """Returns the number of leaves."""
        return self.log.size()

    def leaf_hash(self, index: int) -> bytes | None:
        """Returns a leaf hash, or None."""
        return self.log.leaf_hash(index)

    def witnessed(self, request: bytes) -> LeafPosition | None:
        """Finds the leaf of an identical request seen before."""
        return self.log.witnessed(request)


def _share(file: ShareFile) -> EpochShare:
    return EpochShare(
        insurer=file.insurer, epoch=file.epoch, index=file.index, threshold=file.threshold, servers=file.servers,
        share=decode_scalar(file.share), public=Element(decode_element(file.public)),
        not_before=file.not_before, not_after=file.not_after, statement=file.statement,
    )  # fmt: skip


def _batch(file: OpeningKeyFile) -> BatchKeys:
    keys = {ServerSet(dealt.servers): OpeningKey(dealt.key) for dealt in file.keys}
    return BatchKeys(insurer=file.insurer, epoch=file.epoch, batch=file.batch, keys=keys, statement=file.statement)
