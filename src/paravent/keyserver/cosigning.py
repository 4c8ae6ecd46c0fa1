"""Believing another server's log, and having one's own believed (docs/protocol.md section 12): pure.

A server cosigns a checkpoint only when it extends the last one that it cosigned; it answers desks only when no
other server remembers more of its log than it has itself.
"""

from __future__ import annotations

from paravent.crypto.checkpoint import (
    Checkpoint,
    cosign,
    log_key,
    open_checkpoint,
    parse_checkpoint,
    sign,
    verify_cosignature,
)
from paravent.crypto.log import verify_consistency
from paravent.crypto.note import Note, NoteKey, SignatureKind, parse_note
from paravent.crypto.signing import VerifyKey
from paravent.errors import LogRolledBack, MalformedMessage, ProofFailure
from paravent.keyserver.log_store import Seen, WitnessLog
from paravent.keyserver.state import ServerIdentity
from paravent.wire.log import CheckpointAnswer, SeenAnswer
from paravent.wire.statements import Directory, KeyServerEntry

COSIGNATURE_AGE_SECONDS_MAX = 3_600


def own_checkpoint(identity: ServerIdentity, log: WitnessLog) -> Note:
    """Signs a checkpoint of the log as it stands."""
    size = log.size()
    checkpoint = Checkpoint(origin=identity.name, size=size, root=log.root(size))
    return checkpoint.signed(sign(checkpoint, identity.signing_key))


def take_checkpoint(answer: CheckpointAnswer, peer: KeyServerEntry, seen: Seen) -> tuple[Checkpoint, Note]:
    """Verifies that a peer's log extends what was seen of it; raises ProofFailure naming the peer.

    1. the peer's signature; 2. no fewer leaves; 3. consistency, when something was seen before.
    """
    # 1. signature
    checkpoint, note = open_checkpoint(answer.note, _log_key(peer), culprit=peer.name)
    # 2. size
    if checkpoint.size < seen.size:
        raise ProofFailure("its log has fewer leaves than before", culprit=peer.name)
    # 3. consistency
    if seen.size > 0:
        verify_consistency(
            seen.size, checkpoint.size, old_root=seen.root, new_root=checkpoint.root, proof=answer.proof,
            culprit=peer.name,
        )  # fmt: skip
    return checkpoint, note


def cosigned(checkpoint: Checkpoint, note: Note, identity: ServerIdentity, now: int) -> Note:
    """Cosigns a peer's checkpoint; only this line goes back, whatever else the peer's note held."""
    return Note(text=note.text, signatures=(cosign(checkpoint, identity.name, identity.signing_key, now=now),))


def take_cosignature(handed: bytes, own: bytes, peer: KeyServerEntry, now: int) -> bytes:
    """Merges a peer's cosignature into one's own note; raises MalformedMessage or ProofFailure."""
    note, mine = parse_note(handed), parse_note(own)
    if note.text != mine.text:
        raise MalformedMessage("the cosignature is of another checkpoint than the newest")
    key = _cosigner_key(peer)
    verify_cosignature(note, key, now=now, age_seconds_max=COSIGNATURE_AGE_SECONDS_MAX, culprit=peer.name)
    verified = (each for each in note.signatures if (each.name, each.key_id) == (key.name, key.key_id))
    return mine.signed_also(*verified).encode()


def cosigners(note: bytes, directory: Directory, now: int) -> tuple[Checkpoint, list[str]]:
    """Lists the key servers whose cosignature stands under a note."""
    parsed = parse_note(note)
    checkpoint = parse_checkpoint(parsed.text)
    found = []
    for peer in directory.keyservers:
        key = _cosigner_key(peer)
        if peer.name != checkpoint.origin and parsed.signature_of(key) is not None:
            verify_cosignature(parsed, key, now=now, age_seconds_max=now, culprit=peer.name)
            found.append(peer.name)
    return checkpoint, found


def require_not_rolled_back(answer: SeenAnswer, peer: str, identity: ServerIdentity, log: WitnessLog) -> None:
    """Checks that this log still holds what a peer cosigned of it; raises LogRolledBack.

    A peer is believed on this server's own signature alone: it shows the checkpoint that it was handed. Raises
    ProofFailure naming the peer when what it shows was never signed here.
    """
    if answer.note is None:
        return
    key = log_key(identity.name, identity.signing_key)
    remembered, _ = open_checkpoint(answer.note, key, culprit=peer)
    if remembered.size > log.size() or log.root(remembered.size) != remembered.root:
        raise LogRolledBack(f"{peer} cosigned {remembered.size} leaves of this log, which no longer holds them")


def _log_key(peer: KeyServerEntry) -> NoteKey:
    return NoteKey(name=peer.name, kind=SignatureKind.ED25519, public=VerifyKey(peer.verify_key))


def _cosigner_key(peer: KeyServerEntry) -> NoteKey:
    return NoteKey(name=peer.name, kind=SignatureKind.COSIGNATURE, public=VerifyKey(peer.verify_key))
