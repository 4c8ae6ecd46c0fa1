"""The manifest: a Merkle tree sorted by handle, which proves presence and absence (docs/protocol.md section 6).

Leaves hold (handle, H(row)). Absence is shown by two neighbours, or the first leaf, or the last, or
an empty tree; a proof never holds a stranger's row. Verification raises ProofFailure naming the hub.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from paravent.crypto.labels import Label, enc
from paravent.crypto.merkle import EMPTY_ROOT, leaf_hash, root_from_path
from paravent.crypto.sealing import Handle
from paravent.errors import ProofFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class Inclusion:
    """One leaf of a manifest and the path that proves it."""

    index: int
    handle: Handle
    row_digest: bytes
    path: tuple[bytes, ...]


def manifest_leaf(handle: Handle, row_digest: bytes) -> bytes:
    """Computes the leaf hash of one row."""
    return leaf_hash(enc(Label.MANIFEST_LEAF, handle, row_digest))


def verify_inclusion(leaf: Inclusion, *, count: int, root: bytes, culprit: str) -> None:
    """Checks that a leaf stands in the tree of this root."""
    try:
        computed = root_from_path(leaf.index, count, manifest_leaf(leaf.handle, leaf.row_digest), leaf.path)
    except ValueError as error:
        raise ProofFailure("a manifest proof has a wrong form", culprit=culprit) from error
    if computed != root:
        raise ProofFailure("a manifest proof leads to another root", culprit=culprit)


def verify_absence(handle: Handle, neighbours: Sequence[Inclusion], *, count: int, root: bytes, culprit: str) -> None:
    """Checks that no leaf of the tree has this handle.

    ``neighbours`` is the last leaf below and the first above, in order: two of them, or one when the
    handle falls before the first leaf or after the last, or none when the tree is empty.
    """
    if count == 0 and root != EMPTY_ROOT:
        raise ProofFailure("an empty manifest has another root", culprit=culprit)
    for leaf in neighbours:
        verify_inclusion(leaf, count=count, root=root, culprit=culprit)
    below = [leaf for leaf in neighbours if leaf.handle < handle]
    above = [leaf for leaf in neighbours if leaf.handle > handle]
    if [*below, *above] != list(neighbours) or len(below) > 1 or len(above) > 1:
        raise ProofFailure("an absence proof has wrong neighbours", culprit=culprit)
    expected_above = below[0].index + 1 if below else 0
    actual_above = above[0].index if above else count
    if expected_above != actual_above:
        raise ProofFailure("an absence proof leaves a gap", culprit=culprit)
