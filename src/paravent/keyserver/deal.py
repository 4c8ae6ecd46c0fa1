"""Taking a deal, its end, and a manifest head: verify, store, sign (docs/protocol.md sections 3 and 6).

Order of safety: the insurer signed the request, it names itself, and only then is a box opened or a statement
verified. A server refuses a share that does not match the commitments and an opening key that does not match the
batch file, whoever signed them.
"""

from __future__ import annotations

from paravent.access.parties import authenticate_insurer
from paravent.access.requests import HttpRequest
from paravent.crypto.group import decode_element, decode_scalar
from paravent.crypto.hpke import BoxPublicKey
from paravent.crypto.labels import Label
from paravent.crypto.replicated import OpeningKey, ServerSet, key_digest, server_sets
from paravent.crypto.sharing import public_share, verify_share
from paravent.crypto.signing import VerifyKey
from paravent.errors import EpochNotLive, ProofFailure, StaleData, UnknownInsurer
from paravent.keyserver.evaluation import live_share
from paravent.keyserver.state import BatchKeys, EpochShare, KeyServerStore, ServerIdentity
from paravent.wire.codec import decode
from paravent.wire.cosignatures import cosign
from paravent.wire.deal import BatchDeal, DealBox, EpochDeal
from paravent.wire.statements import (
    OPENABLE_SECONDS,
    BatchFile,
    BoxKeyStatement,
    Cosignature,
    Directory,
    EpochFile,
    InsurerEntry,
    ManifestHead,
    Receipt,
    Signed,
    open_closing,
    open_statement,
    sign_statement,
)

EPOCH_SECONDS_MAX = 366 * 86_400
SKEW_SECONDS_MAX = 300


def admit_box(request: HttpRequest, identity: ServerIdentity, directory: Directory, now: int) -> DealBox:
    """Reads a deal that its insurer sent, unopened; raises UnknownInsurer, RequestNotAuthentic or ProofFailure."""
    entry, _ = authenticate_insurer(request, directory, base_url=identity.base_url, now=now)
    box = decode(request.body, DealBox)
    _require_own(box.insurer, entry)
    return box


def admit_statement(request: HttpRequest, identity: ServerIdentity, directory: Directory, now: int) -> Signed:
    """Reads a statement that its insurer sent, not verified yet; raises as ``admit_box``."""
    entry, _ = authenticate_insurer(request, directory, base_url=identity.base_url, now=now)
    signed = decode(request.body, Signed)
    _require_own(signed.signer, entry)
    return signed


def take_epoch(box: DealBox, identity: ServerIdentity, directory: Directory, store: KeyServerStore, now: int) -> Signed:
    """Verifies and keeps a share; returns the signed receipt.

    Raises UnknownInsurer, ProofFailure naming the insurer, MalformedMessage, or EpochNotLive once it has ended.
    """
    issuer = _issuer(directory, box.insurer)
    deal = open_statement(_unbox(box, identity, store), EpochDeal, Label.DEAL, box.insurer, issuer)
    epoch_file = open_statement(deal.epoch_file, EpochFile, Label.EPOCH, box.insurer, issuer)
    _check_epoch(epoch_file, box.insurer, directory, now)
    if epoch_file.servers[deal.index - 1 : deal.index] != (identity.name,):
        raise ProofFailure("the deal is for another server", culprit=box.insurer)
    commitments = [decode_element(commitment) for commitment in epoch_file.commitments]
    share = decode_scalar(deal.share)
    verify_share(deal.index, share, commitments, culprit=box.insurer)
    kept = EpochShare(
        insurer=box.insurer, epoch=epoch_file.epoch, index=deal.index, share=share,
        public=public_share(deal.index, commitments), commitment=commitments[0], threshold=epoch_file.threshold,
        servers=len(epoch_file.servers), not_before=epoch_file.not_before, not_after=epoch_file.not_after,
        statement=deal.epoch_file.digest(), ends_at=epoch_file.not_after,
        deletes_at=epoch_file.not_after + OPENABLE_SECONDS,
    )  # fmt: skip
    store.keep_share(kept)
    return _receipt(identity, box.insurer, epoch_file.epoch, None, deal.epoch_file)


def take_batch(box: DealBox, identity: ServerIdentity, directory: Directory, store: KeyServerStore) -> Signed:
    """Verifies and keeps opening keys; returns the signed receipt. Raises as ``take_epoch``, and EpochNotLive."""
    issuer = _issuer(directory, box.insurer)
    deal = open_statement(_unbox(box, identity, store), BatchDeal, Label.DEAL, box.insurer, issuer)
    batch_file = open_statement(deal.batch_file, BatchFile, Label.BATCH, box.insurer, issuer)
    share = store.share(box.insurer, batch_file.epoch)
    if batch_file.insurer != box.insurer or share is None:
        raise EpochNotLive("no share of this epoch was dealt to this server")
    keys = {ServerSet(dealt.servers): OpeningKey(dealt.key) for dealt in deal.keys}
    expected = [members for members in server_sets(share.threshold, share.servers) if share.index not in members]
    if len(keys) != len(deal.keys) or sorted(keys) != sorted(expected):
        raise ProofFailure("the deal holds other opening keys than this server's", culprit=box.insurer)
    committed = {ServerSet(entry.servers): entry.digest for entry in batch_file.key_digests}
    for members, key in keys.items():
        if committed.get(members) != key_digest(box.insurer, batch_file.epoch, batch_file.batch, members, key):
            raise ProofFailure("an opening key does not match the batch file", culprit=box.insurer)
    kept = BatchKeys(
        insurer=box.insurer, epoch=batch_file.epoch, batch=batch_file.batch, keys=keys,
        statement=deal.batch_file.digest(), deletes_at=share.deletes_at,
    )  # fmt: skip
    store.keep_batch(kept)
    return _receipt(identity, box.insurer, batch_file.epoch, batch_file.batch, deal.batch_file)


def take_closing(signed: Signed, identity: ServerIdentity, directory: Directory, store: KeyServerStore) -> Cosignature:
    """Keeps the end of a batch or an epoch, even of one that this server was not dealt; returns its cosignature.

    Raises UnknownInsurer, ProofFailure or MalformedMessage.
    """
    issuer = _issuer(directory, signed.signer)
    store.keep_closing(open_closing(signed, signed.signer, issuer))
    return cosign(signed, Label.CLOSING, identity.name, identity.signing_key)


def cosign_head(
    signed: Signed, identity: ServerIdentity, directory: Directory, store: KeyServerStore, now: int
) -> Cosignature:
    """Cosigns a manifest head of an epoch that this server was dealt: one head for each counter, none lower.

    It says nothing of what is in the manifest. Raises UnknownInsurer, ProofFailure, StaleData or EpochNotLive.
    """
    issuer = _issuer(directory, signed.signer)
    head = open_statement(signed, ManifestHead, Label.MANIFEST_HEAD, signed.signer, issuer)
    if head.insurer != signed.signer:
        raise ProofFailure("an insurer signs its own manifests only", culprit=signed.signer)
    if head.issued_at > now + SKEW_SECONDS_MAX:
        raise StaleData("the head is dated in the future")
    live_share(store, head.insurer, head.epoch, now)
    store.keep_head(head, signed.digest())
    return cosign(signed, Label.MANIFEST_HEAD, identity.name, identity.signing_key)


def box_key(identity: ServerIdentity, public: BoxPublicKey, now: int) -> Signed:
    """States the key to which deals for this server are to be sealed now."""
    statement = BoxKeyStatement(server=identity.name, box_key=public, issued_at=now)
    return sign_statement(statement, Label.BOX_KEY, identity.name, identity.signing_key)


def _require_own(named: str, entry: InsurerEntry) -> None:
    if named != entry.amc:
        raise ProofFailure("an insurer deals, closes and publishes for itself only", culprit=entry.amc)


def _issuer(directory: Directory, insurer: str) -> VerifyKey:
    entry = directory.insurer(insurer)
    if entry is None:
        raise UnknownInsurer("no insurer of the directory has this AMC number")
    return VerifyKey(entry.issuer_key)


def _unbox(box: DealBox, identity: ServerIdentity, store: KeyServerStore) -> Signed:
    opened = store.box_key.open(box.box, Label.DEAL_BOX, box.insurer, identity.name, culprit=box.insurer)
    return decode(opened, Signed)


def _check_epoch(epoch_file: EpochFile, insurer: str, directory: Directory, now: int) -> None:
    known = all(directory.keyserver(name) is not None for name in epoch_file.servers)
    distinct = len(set(epoch_file.servers)) == len(epoch_file.servers)
    if epoch_file.insurer != insurer or not known or not distinct:
        raise ProofFailure("the epoch file names other parties than the directory", culprit=insurer)
    if len(epoch_file.commitments) != epoch_file.threshold or epoch_file.not_before >= epoch_file.not_after:
        raise ProofFailure("the epoch file is inconsistent", culprit=insurer)
    if epoch_file.not_after > min(epoch_file.not_before, now) + EPOCH_SECONDS_MAX:
        raise ProofFailure("an epoch ends within 366 days", culprit=insurer)
    if epoch_file.not_after <= now:
        raise EpochNotLive("this epoch has ended")
    server_sets(epoch_file.threshold, len(epoch_file.servers))  # raises unless 2 <= t <= n <= 7


def _receipt(identity: ServerIdentity, insurer: str, epoch: int, batch: int | None, statement: Signed) -> Signed:
    receipt = Receipt(
        server=identity.name, insurer=insurer, epoch=epoch, batch=batch,
        statement=statement.digest(),
    )  # fmt: skip
    return sign_statement(receipt, Label.RECEIPT, identity.name, identity.signing_key)
