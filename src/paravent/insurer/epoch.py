"""Drawing an epoch and its batches, and writing the deals (docs/protocol.md section 3, steps 3.1, 3.2, 3.5).

The insurer computes its own handles alone with the whole key A: there is no bulk evaluation at the
servers, so none to steal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from paravent.crypto import group, hpke, replicated, sharing
from paravent.crypto.group import Rng, Scalar
from paravent.crypto.hpke import BoxPublicKey
from paravent.crypto.labels import Label
from paravent.crypto.replicated import OpeningKey, ServerSet
from paravent.crypto.signing import SigningKey, VerifyKey
from paravent.errors import ProofFailure, StaleData
from paravent.wire.codec import Message, encode
from paravent.wire.deal import BatchDeal, DealBox, DealtKey, EpochDeal
from paravent.wire.statements import (
    BatchFile,
    BoxKeyStatement,
    Closing,
    EpochFile,
    KeyDigest,
    KeyServerEntry,
    Signed,
    open_statement,
    sign_statement,
)

BOX_KEY_AGE_SECONDS_MAX = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealer:
    """Who deals: an insurer and its issuer key."""

    insurer: str
    issuer_key: SigningKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A key server, and the key to which deals for it are sealed now."""

    name: str
    box_key: BoxPublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnEpoch:
    """A fresh look-up key, its shares by server index and its epoch file."""

    file: EpochFile
    signed: Signed
    lookup_key: Scalar
    shares: Mapping[int, Scalar]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnBatch:
    """Fresh opening keys and their batch file; the keys are destroyed once the rows are stored."""

    file: BatchFile
    signed: Signed
    keys: Mapping[ServerSet, OpeningKey]


def draw_epoch(
    dealer: Dealer, epoch: int, servers: Sequence[KeyServerEntry], threshold: int, dates: tuple[int, int], rng: Rng
) -> DrawnEpoch:
    """Draws A, shares it and signs the epoch file; ``dates`` are (not_before, not_after) in Unix seconds."""
    lookup_key = group.random_scalar(rng)
    shares, commitments = sharing.deal(lookup_key, threshold, len(servers), rng)
    file = EpochFile(
        insurer=dealer.insurer, epoch=epoch, not_before=dates[0], not_after=dates[1], threshold=threshold,
        servers=tuple(server.name for server in servers), commitments=commitments,
    )  # fmt: skip
    signed = sign_statement(file, Label.EPOCH, dealer.insurer, dealer.issuer_key)
    return DrawnEpoch(file=file, signed=signed, lookup_key=lookup_key, shares=shares)


def draw_batch(dealer: Dealer, epoch: EpochFile, batch: int, now: int, rng: Rng) -> DrawnBatch:
    """Draws one opening key per set of t-1 servers and signs the batch file that commits to them."""
    keys = replicated.draw_opening_keys(epoch.threshold, len(epoch.servers), rng)
    digests = tuple(
        KeyDigest(servers=members, digest=replicated.key_digest(dealer.insurer, epoch.epoch, batch, members, key))
        for members, key in keys.items()
    )
    file = BatchFile(insurer=dealer.insurer, epoch=epoch.epoch, batch=batch, opened_at=now, key_digests=digests)
    signed = sign_statement(file, Label.BATCH, dealer.insurer, dealer.issuer_key)
    return DrawnBatch(file=file, signed=signed, keys=keys)


def epoch_box(dealer: Dealer, drawn: DrawnEpoch, index: int, server: Recipient) -> DealBox:
    """Seals one server's share to it."""
    deal = EpochDeal(epoch_file=drawn.signed, index=index, share=drawn.shares[index].reveal())
    return _box(dealer, deal, server)


def batch_box(dealer: Dealer, drawn: DrawnBatch, index: int, server: Recipient) -> DealBox:
    """Seals one server's opening keys to it."""
    held = replicated.keys_of_server(index, drawn.keys)
    keys = tuple(DealtKey(servers=members, key=key.reveal()) for members, key in held.items())
    return _box(dealer, BatchDeal(batch_file=drawn.signed, keys=keys), server)


def recipient(signed: Signed, server: KeyServerEntry, now: int) -> Recipient:
    """Verifies the key to which a server says that deals are sealed now; raises ProofFailure or StaleData.

    A former key would open to whoever stole it before it was deleted: the statement is fresh.
    """
    statement = open_statement(signed, BoxKeyStatement, Label.BOX_KEY, server.name, VerifyKey(server.verify_key))
    if statement.server != server.name:
        raise ProofFailure("the box key is of another server", culprit=server.name)
    if abs(now - statement.issued_at) > BOX_KEY_AGE_SECONDS_MAX:
        raise StaleData(f"{server.name} states a box key at another time than now")
    return Recipient(name=server.name, box_key=hpke.require_public_key(statement.box_key))


def closing(dealer: Dealer, epoch: int, batch: int | None, *, ends_at: int, deletes_at: int) -> Signed:
    """Signs the end of a batch, or of an epoch, and of every earlier one."""
    statement = Closing(insurer=dealer.insurer, epoch=epoch, batch=batch, ends_at=ends_at, deletes_at=deletes_at)
    return sign_statement(statement, Label.CLOSING, dealer.insurer, dealer.issuer_key)


def _box(dealer: Dealer, deal: Message, server: Recipient) -> DealBox:
    signed = sign_statement(deal, Label.DEAL, dealer.insurer, dealer.issuer_key)
    box = hpke.seal(server.box_key, encode(signed), Label.DEAL_BOX, dealer.insurer, server.name)
    return DealBox(insurer=dealer.insurer, box=box)
