"""An append-only Merkle log of RFC 9162 section 2.1: appending and proving (docs/protocol.md section 12).

A log of n leaves is cut into perfect subtrees, one per set bit of n: its frontier. A store of perfect subtrees serves
any proof at any size with O(log n) reads; the nodes of the right edge, which a later leaf changes, are folded anew.

Size 0: the root is SHA-256 of nothing; nothing is included; 0 is consistent with 0 by an empty proof when both roots
are that one, and a proof from 0 to more is refused, since it would say nothing. Who has seen no checkpoint of a log
has nothing to prove against and must not call ``verify_consistency``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from itertools import starmap
from typing import NamedTuple

from paravent.crypto.merkle import EMPTY_ROOT, HASH_BYTES, node_hash, path_positions, root_from_path
from paravent.errors import ProofFailure


class Coordinates(NamedTuple):
    """Where a perfect subtree stands: it covers leaves position·2^level to (position + 1)·2^level - 1."""

    level: int
    position: int


CompletedNode = tuple[Coordinates, bytes]
"""A perfect subtree that a leaf completed, and its hash, which never changes: to be stored."""

ProofNode = tuple[Coordinates, ...]
"""One hash of a proof: the subtrees to fold into it, leftmost first; a single one is the hash itself."""

ReadNode = Callable[[Coordinates], bytes]
"""Gives the hash stored at coordinates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontier:
    """The right edge of a log: its size and the hashes of its perfect subtrees, the largest first."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.hashes) != self.size.bit_count():
            raise ValueError("a frontier has one hash per set bit of its size")
        if any(len(each) != HASH_BYTES for each in self.hashes):
            raise ValueError("a hash is 32 bytes")

    def append(self, leaf: bytes) -> tuple[Frontier, list[CompletedNode]]:
        """Appends a leaf hash; lists the nodes it completes, the leaf first."""
        hashes, node = list(self.hashes), leaf
        completed = [(Coordinates(0, self.size), leaf)]
        while self.size >> len(completed) - 1 & 1:
            node = node_hash(hashes.pop(), node)
            completed.append((Coordinates(len(completed), self.size >> len(completed)), node))
        return Frontier(size=self.size + 1, hashes=(*hashes, node)), completed

    def root(self) -> bytes:
        """Computes the root of the log at this size."""
        return fold(self.hashes) if self.hashes else EMPTY_ROOT


def subtrees(start: int, end: int) -> ProofNode:
    """Cuts leaves start to end - 1 into perfect subtrees, the largest first; ``start`` is where a subtree starts."""
    found = []
    while start < end:
        level = (end - start).bit_length() - 1
        found.append(Coordinates(level, start >> level))
        start += 1 << level
    return tuple(found)


def fold(hashes: Sequence[bytes]) -> bytes:
    """Hashes subtrees of falling size into the node above them all."""
    return reduce(lambda right, left: node_hash(left, right), reversed(hashes))


def read_frontier(size: int, read: ReadNode) -> Frontier:
    """Rebuilds the frontier of a log of ``size`` leaves from its store."""
    return Frontier(size=size, hashes=tuple(read(each) for each in subtrees(0, size)))


def read_proof(nodes: Sequence[ProofNode], read: ReadNode) -> list[bytes]:
    """Reads the hashes of a proof from the store, folding those of the right edge."""
    return [fold([read(each) for each in node]) for node in nodes]


def inclusion_nodes(index: int, size: int) -> list[ProofNode]:
    """Lists the nodes that prove leaf ``index`` in a log of ``size`` leaves (RFC 9162 section 2.1.3.1)."""
    return [_covered(level, position, size) for level, position in _inclusion_positions(index, size)]


def _inclusion_positions(index: int, size: int) -> list[tuple[int, int]]:
    if not 0 <= index < size:
        raise ValueError("a leaf index is inside its log")
    return path_positions(index, size)


def read_inclusions(indices: Iterable[int], size: int, read: ReadNode) -> list[tuple[bytes, ...]]:
    """Reads the paths of leaves in a log of ``size`` leaves; what neighbours share is read and folded once."""
    once = cache(read)

    @cache
    def sibling(level: int, position: int) -> bytes:
        return fold([once(each) for each in _covered(level, position, size)])

    return [tuple(starmap(sibling, _inclusion_positions(index, size))) for index in indices]


def consistency_nodes(old: int, new: int) -> list[ProofNode]:
    """Lists the nodes that prove a log of ``new`` leaves extends its first ``old`` (RFC 9162 section 2.1.4.1)."""
    if not 0 < old <= new:
        raise ValueError("a consistency proof goes from at least one leaf to no fewer")
    if old == new:
        return []
    start, siblings = _climb(old, new)
    # An old log that is one perfect subtree starts the proof with its own root, which the verifier holds.
    first = [] if start.position == 0 else [(start,)]
    return [*first, *(_covered(start.level + above, position, new) for above, position in siblings)]


def _climb(old: int, new: int) -> tuple[Coordinates, list[tuple[int, int]]]:
    """Finds the smallest perfect subtree of the old frontier, and its siblings up to the new root, levels from it."""
    level = (old & -old).bit_length() - 1
    position, width = (old >> level) - 1, -(-new >> level)
    return Coordinates(level, position), path_positions(position, width)


def _covered(level: int, position: int, size: int) -> ProofNode:
    return subtrees(position << level, min((position + 1) << level, size))


def verify_inclusion(leaf: bytes, *, index: int, size: int, root: bytes, path: Sequence[bytes], culprit: str) -> None:
    """Checks that a leaf hash stands at ``index`` (RFC 9162 section 2.1.3.2); raises ProofFailure."""
    try:
        found = root_from_path(index, size, leaf, path)
    except ValueError as error:
        raise ProofFailure("an inclusion proof has another shape", culprit=culprit) from error
    if len(leaf) != HASH_BYTES or found != root:
        raise ProofFailure("an inclusion proof gives another root", culprit=culprit)


def verify_consistency(
    old: int, new: int, *, old_root: bytes, new_root: bytes, proof: Sequence[bytes], culprit: str
) -> None:
    """Checks that the log of ``new`` leaves extends that of ``old`` (RFC 9162 section 2.1.4.2); raises ProofFailure."""
    if old == new and not proof and old_root == new_root and (old > 0 or old_root == EMPTY_ROOT):
        return
    if not 0 < old < new or any(len(each) != HASH_BYTES for each in proof):
        raise ProofFailure("a consistency proof has another shape", culprit=culprit)
    # 1. The proof starts at the smallest subtree of the old frontier: given, or the old root itself.
    start, siblings = _climb(old, new)
    hashes = [old_root, *proof] if start.position == 0 else list(proof)
    if len(hashes) != len(siblings) + 1:
        raise ProofFailure("a consistency proof has another length", culprit=culprit)
    # 2. A sibling on the left belongs to both logs; one on the right to the new log alone.
    old_node = new_node = hashes[0]
    for sibling, (_, position) in zip(hashes[1:], siblings, strict=True):
        left = position & 1 == 0
        old_node = node_hash(sibling, old_node) if left else old_node
        new_node = node_hash(sibling, new_node) if left else node_hash(new_node, sibling)
    # 3. Both roots come out.
    if (old_node, new_node) != (old_root, new_root):
        raise ProofFailure("a consistency proof gives other roots", culprit=culprit)
