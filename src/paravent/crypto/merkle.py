"""Merkle trees of RFC 9162 section 2.1: hashing, levels and inclusion (docs/protocol.md sections 6, 12).

A tree is its levels: level 0 the leaf hashes, each next level half as long, an odd last node carried
up unchanged; the last level is the root alone. Levels are byte strings of 32-byte hashes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from itertools import islice

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
LEAF_PREFIX = b"\x00"
NODE_PREFIX = b"\x01"
_GROUP_HEIGHT = 10
_GROUP_LEAVES = 1 << _GROUP_HEIGHT


def leaf_hash(entry: bytes) -> bytes:
    """Computes H(0x00 || entry)."""
    return hashlib.sha256(LEAF_PREFIX + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Computes H(0x01 || left || right)."""
    return hashlib.sha256(NODE_PREFIX + left + right).digest()


def build_levels(leaf_hashes: Iterable[bytes]) -> list[bytes]:
    """Builds every level from the leaf hashes; an empty tree has one empty level."""
    levels = [b"".join(leaf_hashes)]
    while len(levels[-1]) > HASH_BYTES:
        levels.append(_level_above(levels[-1]))
    return levels


def _level_above(level: bytes) -> bytes:
    sha256 = hashlib.sha256
    paired = len(level) - len(level) % (2 * HASH_BYTES)
    above = [sha256(NODE_PREFIX + level[start : start + 64]).digest() for start in range(0, paired, 64)]
    return b"".join(above) + level[paired:]


def root_of(levels: Sequence[bytes]) -> bytes:
    """Returns the root; that of an empty tree is SHA-256 of nothing (RFC 9162 section 2.1.1)."""
    return levels[-1] or EMPTY_ROOT


def root_of_leaves(leaf_hashes: Iterable[bytes]) -> tuple[bytes, int]:
    """Computes a root and counts the leaves, keeping a group of them and one hash for each level only."""
    peaks: list[tuple[int, bytes]] = []
    count, left = 0, iter(leaf_hashes)
    while group := list(islice(left, _GROUP_LEAVES)):
        count += len(group)
        # A whole group is a whole subtree: its levels are computed at once.
        whole = len(group) == _GROUP_LEAVES
        for height, node in [(_GROUP_HEIGHT, build_levels(group)[-1])] if whole else [(0, leaf) for leaf in group]:
            _add_peak(peaks, height, node)
    # An odd last node goes up unchanged until it meets one on its left.
    root = peaks.pop()[1] if peaks else EMPTY_ROOT
    while peaks:
        root = node_hash(peaks.pop()[1], root)
    return root, count


def _add_peak(peaks: list[tuple[int, bytes]], height: int, node: bytes) -> None:
    """Adds a whole subtree to the peaks, joined with those of its height."""
    while peaks and peaks[-1][0] == height:
        node = node_hash(peaks.pop()[1], node)
        height += 1
    peaks.append((height, node))


def path_positions(index: int, size: int) -> list[tuple[int, int]]:
    """Lists (level, position) of the siblings that prove leaf ``index`` in a tree of ``size`` leaves."""
    positions, level = [], 0
    while size > 1:
        sibling = index ^ 1
        if sibling < size:
            positions.append((level, sibling))
        index, size, level = index >> 1, (size + 1) >> 1, level + 1
    return positions


def path_length_max(size: int) -> int:
    """Returns the longest inclusion path of a tree of ``size`` leaves."""
    return max(size - 1, 0).bit_length()


def root_from_path(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes:
    """Recomputes a root from a leaf hash and its path (RFC 9162 section 2.1.3.2).

    Raises ValueError when the index is outside the tree or the path has another length.
    """
    if not 0 <= index < size:
        raise ValueError("a leaf index is inside its tree")
    siblings, node = list(path), leaf
    expected = path_positions(index, size)
    if len(siblings) != len(expected) or any(len(sibling) != HASH_BYTES for sibling in siblings):
        raise ValueError("an inclusion path has a wrong length")
    for sibling, (_, position) in zip(siblings, expected, strict=True):
        node = node_hash(sibling, node) if position & 1 == 0 else node_hash(node, sibling)
    return node
