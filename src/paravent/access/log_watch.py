"""Believing the log of a key server, step by step (docs/protocol.md section 12): pure.

Key servers watch one another, and the hub watches them all. A checkpoint is cosigned only when it extends the last
one that was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from paravent.crypto.checkpoint import Checkpoint, cosign, open_checkpoint
from paravent.crypto.log import verify_consistency
from paravent.crypto.note import Note, NoteKey, SignatureKind
from paravent.crypto.signing import SigningKey, VerifyKey
from paravent.errors import ProofFailure
from paravent.wire.log import CheckpointAnswer
from paravent.wire.statements import BreachDeskEntry, HubEntry, KeyServerEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The last checkpoint of a server that was cosigned here, with the note it signed."""

    size: int
    root: bytes
    note: bytes | None = None


class Cosigner(Protocol):
    """Who cosigns: a key server or the hub."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def signing_key(self) -> SigningKey:
        """Its key."""


def take_checkpoint(
    answer: CheckpointAnswer, server: KeyServerEntry | BreachDeskEntry, seen: Seen
) -> tuple[Checkpoint, Note]:
    """Verifies that a server's log, or the breach desk's, extends what was seen of it; raises ProofFailure naming it.

    1. the server's signature; 2. no fewer leaves; 3. consistency, when something was seen before.
    """
    # 1. signature
    checkpoint, note = open_checkpoint(answer.note, log_key_of(server), culprit=server.name)
    # 2. size
    if checkpoint.size < seen.size:
        raise ProofFailure("its log has fewer leaves than before", culprit=server.name)
    # 3. consistency
    if seen.size > 0:
        verify_consistency(
            seen.size, checkpoint.size, old_root=seen.root, new_root=checkpoint.root, proof=answer.proof,
            culprit=server.name,
        )  # fmt: skip
    return checkpoint, note


def cosigned(checkpoint: Checkpoint, note: Note, cosigner: Cosigner, now: int) -> Note:
    """Cosigns a server's checkpoint; only this line goes back, whatever else the server's note held."""
    return Note(text=note.text, signatures=(cosign(checkpoint, cosigner.name, cosigner.signing_key, now=now),))


def log_key_of(server: KeyServerEntry | BreachDeskEntry) -> NoteKey:
    """Names the key with which a server signs its log."""
    return NoteKey(name=server.name, kind=SignatureKind.ED25519, public=VerifyKey(server.verify_key))


def cosigner_key_of(party: KeyServerEntry | HubEntry) -> NoteKey:
    """Names the key with which a party cosigns logs."""
    return NoteKey(name=party.name, kind=SignatureKind.COSIGNATURE, public=VerifyKey(party.verify_key))
