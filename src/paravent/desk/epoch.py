"""What the desk believes of an insurer's epoch, and why (docs/protocol.md sections 2, 3 and 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from paravent.crypto.group import Element, decode_element
from paravent.crypto.labels import Label
from paravent.crypto.sharing import check_threshold, public_share
from paravent.crypto.signing import VerifyKey
from paravent.errors import EpochNotLive, ProofFailure, StaleData, UnknownInsurer
from paravent.wire.cosignatures import verify_cosignatures
from paravent.wire.receipts import verify_receipts
from paravent.wire.statements import (
    MANIFEST_AGE_SECONDS_MAX,
    BatchFile,
    Directory,
    EpochBundle,
    EpochFile,
    KeyServerEntry,
    ManifestHead,
    Signed,
    open_statement,
)

SKEW_SECONDS_MAX = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedServer:
    """A key server of an epoch with the public share its proofs must match."""

    index: int
    entry: KeyServerEntry
    public: Element


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedEpoch:
    """An epoch whose signatures, receipts and dates were checked; ``batches`` gives who can open each.

    ``head`` is SHA-256 of the manifest head that t servers cosigned: the only one a row is believed under.
    """

    insurer: str
    epoch: int
    threshold: int
    size: int
    issuer: VerifyKey
    servers: Mapping[int, VerifiedServer]
    batches: Mapping[int, tuple[int, ...]]
    head: bytes
    not_after: int


def verify_bundle(
    bundle: EpochBundle, amc: str, directory: Directory, *, now: int, single_operator_allowed: bool
) -> VerifiedEpoch:
    """Verifies a bundle.

    1. epoch file; 2. its dates; 3. receipts of a quorum; 4. independence of the servers;
    5. batches and their receipts; 6. cosignatures of the head; 7. public shares. Raises UnknownInsurer,
    ProofFailure, EpochNotLive or TooFewServers.
    """
    insurer = directory.insurer(amc)
    if insurer is None:
        raise UnknownInsurer("no insurer of the directory has this AMC number")
    issuer = VerifyKey(insurer.issuer_key)
    # 1. epoch file
    epoch = open_statement(bundle.epoch.statement, EpochFile, Label.EPOCH, amc, issuer)
    if epoch.insurer != amc or len(epoch.commitments) != epoch.threshold:
        raise ProofFailure("the epoch file is inconsistent", culprit=amc)
    check_threshold(epoch.threshold, len(epoch.servers))
    # 2. dates
    if not epoch.not_before - SKEW_SECONDS_MAX <= now < epoch.not_after:
        raise EpochNotLive("the insurer's epoch is not of now")
    # 3. receipts
    verify_receipts(bundle.epoch, epoch, None, directory)
    # 4. independence
    entries = [_entry(directory, name, amc) for name in epoch.servers]
    if not single_operator_allowed:
        require_independence(entries, epoch.threshold)
    # 5. batches
    batches = {}
    for announced in bundle.batches:
        batch = open_statement(announced.statement, BatchFile, Label.BATCH, amc, issuer)
        if (batch.insurer, batch.epoch) != (amc, epoch.epoch):
            raise ProofFailure("a batch file is of another epoch", culprit=amc)
        batches[batch.batch] = verify_receipts(announced, epoch, batch.batch, directory)
    # 6. cosignatures of the head; its signature, counter and date are checked with the row
    verify_cosignatures(bundle.head, Label.MANIFEST_HEAD, epoch.servers, directory, epoch.quorum())
    # 7. public shares
    commitments = [decode_element(commitment) for commitment in epoch.commitments]
    servers = {
        index: VerifiedServer(index=index, entry=entry, public=public_share(index, commitments))
        for index, entry in enumerate(entries, start=1)
    }
    return VerifiedEpoch(
        insurer=amc, epoch=epoch.epoch, threshold=epoch.threshold, size=len(entries), issuer=issuer,
        servers=servers, batches=batches, head=bundle.head.digest(), not_after=epoch.not_after,
    )  # fmt: skip


def verify_head(signed: Signed, epoch: VerifiedEpoch, *, now: int, counter_min: int) -> ManifestHead:
    """Verifies a manifest head: signature, epoch, counter never lower than seen, at most 48 hours old, cosigned.

    Raises EpochNotLive when it is not the head that was cosigned for this desk: the epoch is to be read again.
    """
    head = open_statement(signed, ManifestHead, Label.MANIFEST_HEAD, epoch.insurer, epoch.issuer)
    if (head.insurer, head.epoch) != (epoch.insurer, epoch.epoch):
        raise ProofFailure("the manifest is of another epoch", culprit="hub")
    if head.counter < counter_min:
        raise StaleData("the hub shows an older manifest than one already seen")
    if now - head.issued_at > MANIFEST_AGE_SECONDS_MAX:
        raise StaleData("the manifest is more than 48 hours old")
    if signed.digest() != epoch.head:
        raise EpochNotLive("the insurer has published since this desk read its epoch")
    return head


def require_independence(entries: list[KeyServerEntry], threshold: int) -> None:
    """Refuses an epoch in which t servers declare one operator, host or administrator."""
    for role in ("operator", "host", "administrator"):
        declared = [getattr(entry, role) for entry in entries]
        if any(declared.count(name) >= threshold for name in declared):
            raise ProofFailure(f"{threshold} key servers declare the same {role}", culprit="directory")


def _entry(directory: Directory, name: str, amc: str) -> KeyServerEntry:
    entry = directory.keyserver(name)
    if entry is None:
        raise ProofFailure("the epoch names a key server that the directory does not list", culprit=amc)
    return entry
