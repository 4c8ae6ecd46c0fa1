"""Having one's own log believed (docs/protocol.md section 12): pure.

A server answers desks only when no other party remembers more of its log than it has itself.
"""

from __future__ import annotations

from paravent.access.log_watch import cosigner_key_of
from paravent.crypto.checkpoint import (
    Checkpoint,
    log_key,
    open_checkpoint,
    sign,
    verify_cosignature,
)
from paravent.crypto.note import Note, parse_note
from paravent.errors import LogRolledBack, MalformedMessage
from paravent.keyserver.log_store import WitnessLog
from paravent.keyserver.state import ServerIdentity
from paravent.wire.log import SeenAnswer
from paravent.wire.statements import HubEntry, KeyServerEntry

COSIGNATURE_AGE_SECONDS_MAX = 3_600


def own_checkpoint(identity: ServerIdentity, log: WitnessLog) -> Note:
    """Signs a checkpoint of the log as it stands."""
    size = log.size()
    checkpoint = Checkpoint(origin=identity.name, size=size, root=log.root(size))
    return checkpoint.signed(sign(checkpoint, identity.signing_key))


def take_cosignature(handed: bytes, own: bytes, peer: KeyServerEntry | HubEntry, now: int) -> bytes:
    """Merges a peer's cosignature into one's own note; raises MalformedMessage or ProofFailure."""
    note, mine = parse_note(handed), parse_note(own)
    if note.text != mine.text:
        raise MalformedMessage("the cosignature is of another checkpoint than the newest")
    key = cosigner_key_of(peer)
    verify_cosignature(note, key, now=now, age_seconds_max=COSIGNATURE_AGE_SECONDS_MAX, culprit=peer.name)
    verified = (each for each in note.signatures if (each.name, each.key_id) == (key.name, key.key_id))
    return mine.signed_also(*verified).encode()


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
