"""The Merkle log: the same roots and proofs as the recursive definitions of RFC 9162, and none that says more."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.crypto.examples import DIGESTS, FEW, flipped
from tests.unit.crypto.mutation import Defect, require_noticed

from paravent.crypto import log
from paravent.crypto.log import Coordinates, Frontier
from paravent.crypto.merkle import EMPTY_ROOT, leaf_hash, node_hash
from paravent.errors import ProofFailure

SIZE_MAX = 34
LEAVES = [leaf_hash(index.to_bytes(2, "big")) for index in range(SIZE_MAX)]
PAIRS = [(old, new) for new in range(1, SIZE_MAX + 1) for old in range(1, new + 1)]


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 9162 section 2.1.1, over leaf hashes."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else hashlib.sha256().digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(tree_hash(leaves[:split]), tree_hash(leaves[split:]))


def inclusion_path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH of section 2.1.3.1."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*inclusion_path(index, leaves[:split]), tree_hash(leaves[split:])]
    return [*inclusion_path(index - split, leaves[split:]), tree_hash(leaves[:split])]


def consistency_proof(old: int, leaves: Sequence[bytes], *, whole: bool = True) -> list[bytes]:
    """SUBPROOF of section 2.1.4.1."""
    if old == len(leaves):
        return [] if whole else [tree_hash(leaves)]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if old <= split:
        return [*consistency_proof(old, leaves[:split], whole=whole), tree_hash(leaves[split:])]
    return [*consistency_proof(old - split, leaves[split:], whole=False), tree_hash(leaves[:split])]


def grown(count: int) -> tuple[Frontier, dict[Coordinates, bytes]]:
    """A log of the first leaves, and the store of its perfect subtrees."""
    frontier, store = Frontier(), dict[Coordinates, bytes]()
    for leaf in LEAVES[:count]:
        frontier, completed = frontier.append(leaf)
        store.update(completed)
    return frontier, store


STORE = grown(SIZE_MAX)[1]
ROOTS = [tree_hash(LEAVES[:size]) for size in range(SIZE_MAX + 1)]


def included(index: int, size: int, path: Sequence[bytes], leaf: bytes, root: bytes) -> None:
    log.verify_inclusion(leaf, index=index, size=size, root=root, path=path, culprit="server-1")


def consistent(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    log.verify_consistency(old, new, old_root=old_root, new_root=new_root, proof=proof, culprit="server-1")


def inclusion_of(index: int, size: int) -> list[bytes]:
    return log.read_proof(log.inclusion_nodes(index, size), STORE.__getitem__)


def consistency_of(old: int, new: int) -> list[bytes]:
    return log.read_proof(log.consistency_nodes(old, new), STORE.__getitem__)


def altered(proof: list[bytes], place: int) -> list[list[bytes]]:
    """Every way in which a proof may be changed, in one place for a bit."""
    paths = [[*proof, bytes(32)], [bytes(32), *proof], [*proof, b""]]
    if proof:
        at = place % len(proof)
        paths += [proof[:-1], proof[1:], [*proof[:at], flipped(proof[at], place), *proof[at + 1 :]]]
        paths += [[*proof[:at], proof[at] + b"\0", *proof[at + 1 :]], [*proof, proof[-1]]]
    return paths if proof == proof[::-1] else [*paths, proof[::-1]]


# --- what holds ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", range(SIZE_MAX + 1))
def test_every_size_has_the_root_of_the_definition(size: int) -> None:
    frontier, store = grown(size)
    assert frontier.root() == ROOTS[size]
    assert log.read_frontier(size, store.__getitem__) == frontier
    # Each perfect subtree is completed once, and no other node is.
    assert set(store) == {(level, at) for level in range(6) for at in range(size >> level)}
    assert all(hashed == tree_hash(LEAVES[at << lvl : at + 1 << lvl]) for (lvl, at), hashed in store.items())


def every_inclusion_is_proved() -> None:
    for size in range(1, SIZE_MAX + 1):
        for index in range(size):
            path = inclusion_of(index, size)
            assert path == inclusion_path(index, LEAVES[:size])
            included(index, size, path, LEAVES[index], ROOTS[size])


def neighbours_are_proved_as_each_alone_is() -> None:
    for size in range(1, SIZE_MAX + 1):
        alone = [tuple(inclusion_of(index, size)) for index in range(size)]
        assert log.read_inclusions(range(size), size, STORE.__getitem__) == alone


def every_extension_is_proved() -> None:
    for old, new in PAIRS:
        proof = consistency_of(old, new)
        assert proof == consistency_proof(old, LEAVES[:new])
        consistent(old, new, proof, ROOTS[old], ROOTS[new])


def a_store_is_read_a_few_times_a_proof() -> None:
    size = 2**40 - 1
    for nodes in (log.inclusion_nodes(0, size), log.inclusion_nodes(size - 1, size), log.consistency_nodes(3, size)):
        assert sum(map(len, nodes)) <= 2 * size.bit_length()


@FEW
@given(st.integers(0, 2**60), st.data())
def test_a_log_of_any_length_is_extended(size: int, data: st.DataObject) -> None:
    hashes = data.draw(st.lists(DIGESTS, min_size=size.bit_count(), max_size=size.bit_count()))
    frontier = old = Frontier(size=size, hashes=tuple(hashes))
    store = dict(zip(log.subtrees(0, size), hashes, strict=True))
    for leaf in data.draw(st.lists(DIGESTS, min_size=1, max_size=9)):
        frontier, completed = frontier.append(leaf)
        store.update(completed)
    path = log.read_proof(log.inclusion_nodes(size, frontier.size), store.__getitem__)
    included(size, frontier.size, path, store[Coordinates(0, size)], frontier.root())
    if size:
        proof = log.read_proof(log.consistency_nodes(size, frontier.size), store.__getitem__)
        consistent(size, frontier.size, proof, old.root(), frontier.root())


# --- what is refused -------------------------------------------------------------------------------


def refused(check: object, *arguments: object) -> None:
    with pytest.raises(ProofFailure) as failure:
        check(*arguments)  # type: ignore[operator]
    assert failure.value.culprit == "server-1"


def no_other_inclusion_is_proved() -> None:
    for size in range(1, 18):
        for index, place in zip(range(size), itertools.count(size), strict=False):
            path, leaf, root = inclusion_of(index, size), LEAVES[index], ROOTS[size]
            for other in altered(path, place):
                refused(included, index, size, other, leaf, root)
            for other_index in {-1, size, 2**64 - 1, index ^ 1, index + 1} - {index}:
                refused(included, other_index, size, path, leaf, root)
            refused(included, index, size, path, flipped(leaf, place), root)
            refused(included, index, size, path, leaf, flipped(root, place))
    for size in (0, 1, 2):
        refused(included, 0, size, [], b"", b"")


def no_other_extension_is_proved() -> None:
    for place, (old, new) in enumerate(pair for pair in PAIRS if pair[1] < 18):
        proof, roots = consistency_of(old, new), (ROOTS[old], ROOTS[new])
        for other in altered(proof, place):
            refused(consistent, old, new, other, *roots)
        for sizes in {(old - 1, new), (old + 1, new), (old, old - 1), (new + 1, new)} - {(old, new)}:
            refused(consistent, *sizes, proof, *roots)
        refused(consistent, old, new, proof, flipped(roots[0], place), roots[1])
        refused(consistent, old, new, proof, roots[0], flipped(roots[1], place))
        if old < new:
            refused(consistent, old, new, proof, *reversed(roots))


def a_log_that_forgot_is_refused() -> None:
    # The same size as before with one leaf replaced: no proof that can be computed joins the two.
    for new in range(2, 12):
        others = [*LEAVES[: new - 2], bytes(32), *LEAVES[new - 1 : new + 1]]
        refused(consistent, new, new + 1, consistency_proof(new, others), ROOTS[new], tree_hash(others))
        refused(consistent, new, new, [], ROOTS[new], tree_hash(others[:new]))


def an_empty_log_proves_nothing() -> None:
    consistent(0, 0, [], EMPTY_ROOT, EMPTY_ROOT)
    refused(consistent, 0, 0, [], bytes(32), bytes(32))
    refused(consistent, 0, 0, [EMPTY_ROOT], EMPTY_ROOT, EMPTY_ROOT)
    refused(consistent, 0, 1, [], EMPTY_ROOT, ROOTS[1])
    refused(consistent, 0, 1, [ROOTS[1]], EMPTY_ROOT, ROOTS[1])
    refused(consistent, 1, 0, [], ROOTS[1], EMPTY_ROOT)
    refused(included, 0, 0, [], LEAVES[0], EMPTY_ROOT)


def test_nothing_is_asked_outside_a_log() -> None:
    for index, size in ((0, 0), (-1, 3), (3, 3)):
        with pytest.raises(ValueError, match="inside"):
            log.inclusion_nodes(index, size)
        with pytest.raises(ValueError, match="inside"):
            log.read_inclusions([index], size, STORE.__getitem__)
    for old, new in ((0, 0), (0, 4), (5, 4), (-1, 4)):
        with pytest.raises(ValueError, match="at least one leaf"):
            log.consistency_nodes(old, new)
    for size, hashes in ((-1, ()), (1, ()), (2, (bytes(32),) * 2), (1, (bytes(31),))):
        with pytest.raises(ValueError, match=r"frontier|32 bytes"):
            Frontier(size=size, hashes=hashes)


# --- each of these fails without its check -----------------------------------------------------------

PROPERTIES = [
    every_inclusion_is_proved,
    neighbours_are_proved_as_each_alone_is,
    every_extension_is_proved,
    a_store_is_read_a_few_times_a_proof,
    no_other_inclusion_is_proved,
    no_other_extension_is_proved,
    a_log_that_forgot_is_refused,
    an_empty_log_proves_nothing,
]

DEFECTS = [
    Defect(
        name="old root not compared", owner=log, attribute="verify_consistency",
        old="(old_node, new_node) != (old_root, new_root)", new="new_node != new_root",
        broken=no_other_extension_is_proved,
    ),
    Defect(
        name="new root not compared", owner=log, attribute="verify_consistency",
        old="(old_node, new_node) != (old_root, new_root)", new="old_node != old_root",
        broken=a_log_that_forgot_is_refused,
    ),
    Defect(
        name="same size, another root", owner=log, attribute="verify_consistency",
        old="and old_root == new_root", new="", broken=a_log_that_forgot_is_refused,
    ),
    Defect(
        name="proof beside equal sizes", owner=log, attribute="verify_consistency",
        old="and not proof", new="", broken=no_other_extension_is_proved,
    ),
    Defect(
        name="any root of an empty log", owner=log, attribute="verify_consistency",
        old="(old > 0 or old_root == EMPTY_ROOT)", new="True", broken=an_empty_log_proves_nothing,
    ),
    Defect(
        name="proof from nothing", owner=log, attribute="verify_consistency",
        old="old == new and not proof and old_root == new_root and (old > 0 or old_root == EMPTY_ROOT)",
        new="old == 0 or (old == new and not proof and old_root == new_root)", broken=an_empty_log_proves_nothing,
    ),
    Defect(
        name="root of a proof not compared", owner=log, attribute="verify_inclusion",
        old="or found != root", new="", broken=no_other_inclusion_is_proved,
    ),
    Defect(
        name="empty leaf hash", owner=log, attribute="verify_inclusion",
        old="len(leaf) != HASH_BYTES or", new="", broken=no_other_inclusion_is_proved,
    ),
    Defect(
        name="the old root is never left out", owner=log, attribute="consistency_nodes",
        old="[] if start.position == 0 else", new="", broken=every_extension_is_proved,
    ),
    Defect(
        name="neighbours share what stands at one position", owner=log, attribute="read_inclusions",
        old="(level, position, size)", new="(level, position & ~2, size)",
        broken=neighbours_are_proved_as_each_alone_is,
    ),
    Defect(
        name="right edge folded from the left", owner=log, attribute="fold",
        old="lambda right, left: node_hash(left, right)", new="lambda right, left: node_hash(right, left)",
        broken=every_inclusion_is_proved,
    ),
    Defect(
        name="right edge read leaf by leaf", owner=log, attribute="subtrees",
        old="(end - start).bit_length() - 1", new="min(30, (end - start).bit_length() - 1)",
        broken=a_store_is_read_a_few_times_a_proof,
    ),
]  # fmt: skip


@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda each: each.__name__)
def test_it_holds(holds: object) -> None:
    holds()  # type: ignore[operator]


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_defect_is_noticed(defect: Defect, monkeypatch: pytest.MonkeyPatch) -> None:
    require_noticed(defect, monkeypatch)
