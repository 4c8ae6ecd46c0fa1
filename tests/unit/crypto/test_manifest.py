"""Trees of every small size: each leaf is proved present, each gap absent, in proofs of bounded length (section 6)."""

from __future__ import annotations

import hashlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.crypto import examples
from tests.unit.crypto.examples import FEW
from tests.unit.crypto.trees import Tree

from paravent.crypto import manifest, merkle
from paravent.crypto.labels import Label, enc
from paravent.crypto.merkle import EMPTY_ROOT, leaf_hash, node_hash
from paravent.crypto.sealing import Handle
from paravent.errors import ProofFailure

SIZES = range(71)


def naive_root(leaves: list[bytes]) -> bytes:
    """The definition of RFC 9162 section 2.1.1, by recursion."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return node_hash(naive_root(leaves[:split]), naive_root(leaves[split:]))


def naive_path(index: int, leaves: list[bytes]) -> list[bytes]:
    """The definition of RFC 9162 section 2.1.3.1, by recursion."""
    if len(leaves) <= 1:
        return []
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    if index < split:
        return [*naive_path(index, leaves[:split]), naive_root(leaves[split:])]
    return [*naive_path(index - split, leaves[split:]), naive_root(leaves[:split])]


@pytest.mark.parametrize("count", SIZES)
def test_the_tree_is_that_of_the_rfc(count: int) -> None:
    leaves = [leaf_hash(bytes([at])) for at in range(count)]
    levels = merkle.build_levels(leaves)
    assert merkle.root_of(levels) == naive_root(leaves)
    for index in range(count):
        path = [levels[level][32 * at : 32 * at + 32] for level, at in merkle.path_positions(index, count)]
        assert path == naive_path(index, leaves)
        assert merkle.root_from_path(index, count, leaves[index], path) == naive_root(leaves)


@pytest.mark.parametrize("count", SIZES)
def test_every_leaf_is_present_and_every_gap_absent(count: int) -> None:
    tree = Tree(count)
    for index in range(count):
        tree.require_included(tree.leaf(index))
    for index in range(count + 1):
        handle, neighbours = tree.gap(index)
        assert handle not in tree.handles
        tree.require_absent(handle, neighbours)
        assert len(neighbours) == (index > 0) + (index < count)


@pytest.mark.parametrize("count", range(1, 10))
def test_no_proof_of_any_shape_hides_a_leaf(count: int) -> None:
    tree = Tree(count)
    leaves = [tree.leaf(index) for index in range(count)]
    for handle in tree.handles:
        for size in range(4):
            for neighbours in itertools.permutations(leaves, size):
                with pytest.raises(ProofFailure):
                    tree.require_absent(handle, list(neighbours))


@pytest.mark.parametrize("count", range(10))
def test_a_gap_has_one_proof(count: int) -> None:
    tree = Tree(count)
    leaves = [tree.leaf(index) for index in range(count)]
    for index in range(count + 1):
        handle, right = tree.gap(index)
        for size in range(4):
            for neighbours in itertools.permutations(leaves, size):
                if list(neighbours) == right:
                    continue
                with pytest.raises(ProofFailure):
                    tree.require_absent(handle, list(neighbours))


@pytest.mark.parametrize("count", SIZES)
def test_no_path_is_longer_than_said_and_one_is_as_long(count: int) -> None:
    lengths = [len(merkle.path_positions(index, count)) for index in range(count)]
    assert max(lengths, default=0) == merkle.path_length_max(count)


@pytest.mark.parametrize(("index", "count"), [(-1, 1), (0, 0), (1, 1), (7, 7), (0, -1)])
def test_an_index_outside_its_tree_has_no_root(index: int, count: int) -> None:
    with pytest.raises(ValueError, match="inside its tree"):
        merkle.root_from_path(index, count, bytes(32), [])


def test_the_empty_tree_has_the_root_of_the_rfc() -> None:
    assert Tree(0).root == EMPTY_ROOT == hashlib.sha256(b"").digest()


def test_an_empty_tree_has_the_empty_root() -> None:
    manifest.verify_absence(Handle(bytes(32)), [], count=0, root=EMPTY_ROOT, culprit="hub")
    with pytest.raises(ProofFailure, match="hub"):
        manifest.verify_absence(Handle(bytes(32)), [], count=0, root=Tree(5).root, culprit="hub")


@pytest.mark.parametrize("neighbours", [0, 1])
def test_silence_proves_nothing_of_a_tree_with_leaves(neighbours: int) -> None:
    tree = Tree(5)
    handle, proof = tree.gap(3)
    with pytest.raises(ProofFailure, match="gap"):
        tree.require_absent(handle, proof[:neighbours])


@FEW
@given(examples.DIGESTS, examples.DIGESTS)
def test_a_leaf_commits_to_handle_and_row(handle: bytes, digest: bytes) -> None:
    leaf = manifest.manifest_leaf(Handle(handle), digest)
    assert leaf == hashlib.sha256(b"\0" + enc(Label.MANIFEST_LEAF, handle, digest)).digest()
    assert leaf != manifest.manifest_leaf(Handle(digest), handle) or handle == digest


@FEW
@given(st.lists(st.binary(max_size=70), max_size=20), st.lists(st.binary(max_size=70), max_size=20))
def test_other_entries_have_another_root(first: list[bytes], second: list[bytes]) -> None:
    roots = [merkle.root_of(merkle.build_levels(leaf_hash(entry) for entry in entries)) for entries in (first, second)]
    assert (roots[0] == roots[1]) is (first == second)


# --- the lines of an absence proof that only their combination exercises -------------------------


def test_a_proof_in_which_handles_are_not_in_order_is_refused() -> None:
    tree = Tree(6)
    handle, (below, above) = tree.gap(3)
    with pytest.raises(ProofFailure, match="wrong neighbours"):
        tree.require_absent(handle, [above, below])
    with pytest.raises(ProofFailure, match="wrong neighbours"):
        tree.require_absent(handle, [tree.leaf(1), below])
    with pytest.raises(ProofFailure, match="wrong neighbours"):
        tree.require_absent(handle, [above, tree.leaf(4)])
    with pytest.raises(ProofFailure, match="wrong neighbours"):
        tree.require_absent(tree.handles[2], [tree.leaf(2)])
    with pytest.raises(ProofFailure, match="gap"):
        tree.require_absent(handle, [tree.leaf(1), above])
