"""The breach desk's own witness log, in memory: roots, proofs, checkpoints (docs/protocol.md sections 12, 16): pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from paravent.crypto.checkpoint import Checkpoint, open_checkpoint, sign, verify_cosignature
from paravent.crypto.log import (
    Coordinates,
    Frontier,
    consistency_nodes,
    inclusion_nodes,
    read_frontier,
    read_proof,
)
from paravent.crypto.merkle import EMPTY_ROOT, leaf_hash
from paravent.crypto.note import NoteKey, NoteSignature, SignatureKind
from paravent.crypto.signing import SigningKey
from paravent.errors import ProofFailure


class Tree:
    """The tree over all leaves; a case has thousands, so that it is built again when it is read."""

    def __init__(self, leaves: Iterable[bytes]) -> None:
        """Builds the tree of these leaves, in order."""
        self._nodes: dict[Coordinates, bytes] = {}
        self._frontier = Frontier()
        for leaf in leaves:
            self.append(leaf)

    def append(self, leaf: bytes) -> None:
        """Adds one leaf."""
        self._frontier, completed = self._frontier.append(leaf_hash(leaf))
        self._nodes.update(completed)

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self._frontier.size

    def root(self, size: int) -> bytes:
        """Computes the root of the first ``size`` leaves."""
        return read_frontier(size, self._nodes.__getitem__).root() if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """Proves a leaf in the log of ``size`` leaves."""
        return tuple(read_proof(inclusion_nodes(index, size), self._nodes.__getitem__))

    def consistency(self, old: int, size: int) -> tuple[bytes, ...]:
        """Proves that the log of ``size`` leaves extends its first ``old``."""
        return tuple(read_proof(consistency_nodes(old, size), self._nodes.__getitem__)) if 0 < old < size else ()

    def checkpoint(self, origin: str, key: SigningKey) -> bytes:
        """Signs the head of the log; returns the note."""
        checkpoint = Checkpoint(origin=origin, size=self.size, root=self.root(self.size))
        return checkpoint.signed(sign(checkpoint, key)).encode()


def with_cosignatures(note: bytes, cosigned: bytes, origin: NoteKey, cosigners: Sequence[NoteKey], now: int) -> bytes:
    """Adds to a note the cosignatures that a copy of it brought back; raises ProofFailure.

    The copy is of the same checkpoint; each cosignature is of a cosigner known beforehand, and verifies.
    """
    checkpoint, kept = open_checkpoint(note, origin, culprit=origin.name)
    other, brought = open_checkpoint(cosigned, origin, culprit=origin.name)
    if other != checkpoint:
        raise ProofFailure("the cosigned note is of another checkpoint", culprit=origin.name)
    added: list[NoteSignature] = []
    for cosigner in cosigners:
        signature = brought.signature_of(cosigner)
        if signature is not None:
            verify_cosignature(brought, cosigner, now=now, age_seconds_max=now, culprit=cosigner.name)
            added.append(NoteSignature(name=cosigner.name, key_id=cosigner.key_id, signature=signature))
    if not added:
        raise ProofFailure("no cosigner of the directory signed this note", culprit=origin.name)
    first = kept.signed_also(*added)
    # One order, so that a note has one text: the log first, then the cosigners by name.
    lines = sorted(first.signatures, key=lambda line: (line.key_id != origin.key_id, line.name))
    return type(first)(text=first.text, signatures=tuple(lines)).encode()


def origin_key(name: str, key: SigningKey) -> NoteKey:
    """Names the key of a breach desk's log."""
    return NoteKey(name=name, kind=SignatureKind.ED25519, public=key.public)
